"""The experiment "orthogonal": regularisers of the generator, from one checkpoint, and what truncation does then."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from gancourse import metrics, zoo
from gancourse.errors import NotFiniteError
from gancourse.experiments.table import Experiment
from gancourse.experiments.trials import Trial
from gancourse.objectives import off_diagonal
from gancourse.recipes import Arithmetic, branch, build, recipe
from gancourse.recipes.terms import OffDiagonal, Orthogonality
from gancourse.training import save_checkpoint

STEPS = 1_200
BRANCHED_AT = 2 / 3
"""The share of the steps that all methods have in common."""
THRESHOLDS = (0.3, 0.5, 0.7, 1.0, 2.0)
RULES = ("resample", "clamp", "scale")
SATURATED = 0.99  # of an image's numbers in [−1, 1], by absolute value

_BASE = recipe("biggan-faces").changed(width=6, batch_size=32, steps=STEPS, average_kimg=2.0)
methods: dict[str, Trial] = {
    name: Trial(_BASE.changed(terms=terms), Arithmetic(fast=True))
    for name, terms in {
        "none": (),
        "full": (Orthogonality(1e-4),),
        "relaxed": (OffDiagonal(1e-4),),
    }.items()
}
"""Equation 2 and equation 3 of BigGAN's paper with its β, and neither."""


@lru_cache(maxsize=1)
def _common(trial: Trial) -> Path:
    """The checkpoint of the part that all methods with a seed have in common; kept until another one is asked for.

    It is the same bits whichever process trains it, so rows don't depend on who has it already; their seconds do.
    """
    folder = Path(tempfile.mkdtemp(prefix="gancourse-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    built = build(trial.recipe, arithmetic=trial.arithmetic)
    for _ in built.trainer.until(int(BRANCHED_AT * trial.recipe.steps)):
        pass
    save_checkpoint(folder / "common.safetensors", built.trainer)
    return folder / "common.safetensors"


def _values(trained: zoo.Trained, n_samples: int) -> dict[str, float]:
    """The Fréchet distance, precision and recall of samples, and the share of their numbers that are saturated."""
    samples, extractor = trained.samples(n_samples), zoo.extractor("faces-regressor")
    if not samples.isfinite().all():
        raise NotFiniteError("samples aren't finite")
    real, fake = (extractor(images) for images in (trained.recipe.real().first(n_samples).x, samples))
    quality = metrics.precision_recall(real, fake, k=3)
    named = {"precision@3": quality.precision, "recall@3": quality.recall}
    named["fid"] = metrics.frechet_distance(real, fake)
    values = {metrics.label(name, extractor.name, n_samples, n_samples): value for name, value in named.items()}
    return values | {f"saturated({n_samples})": (samples.abs() > SATURATED).float().mean().item()}


def play(method: str, trial: Trial, n_samples: int) -> dict[str, Any]:
    """Continue from what the methods of a seed have in common, with one method's regulariser.

    The row's metrics are of samples without truncation, and have the relaxed penalty of the averaged generator; its
    trace has the same for each threshold and rule of truncation, with standing statistics of BatchNorm.
    """
    built = branch(_common(trial.changed(terms=())), trial.recipe, arithmetic=trial.arithmetic)
    for _ in built.trainer.until(trial.recipe.steps):
        pass
    trained = zoo.Trained(trial.recipe, built.result.eval())
    with torch.no_grad():
        row: dict[str, Any] = {
            "steps": built.trainer.step,
            "metrics": {"off-diagonal": off_diagonal(built.result).item()},
        }
    row["metrics"] |= _values(trained.with_standing_statistics(), n_samples)
    row["trace"] = [
        {"threshold": threshold, "rule": rule} | _values(trained.truncated(threshold, rule), n_samples)
        for rule in RULES
        for threshold in THRESHOLDS
    ]
    return row


table = Experiment(
    "orthogonal",
    "whether orthogonal filters make a generator bear truncated latents",
    methods,
    seeds=range(3),
    n_samples=2000,
    play=play,
)
