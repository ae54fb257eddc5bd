"""The experiment "batch-width": batch size and width of BigGAN, at equal steps and at equal images.

The paper's table compares batches at equal steps, so that a batch eight times as large saw eight times as many images.
"""

from __future__ import annotations

import copy
from typing import Any

from gancourse import zoo
from gancourse.experiments.table import Experiment
from gancourse.experiments.trials import Measurement, Trial, row_of
from gancourse.recipes import Arithmetic, Built, recipe

BATCHES, WIDTHS = (8, 32, 128), (4, 8)
STEPS, IMAGES = 256, 8_192
"""After so many steps, and after so many images of the generator's updates, each method is measured."""
HALF_LIFE = 10
"""Steps after which the average of weights has forgotten half: equal for all batches, so it favours none of them."""
_BASE = recipe("biggan-faces").changed(decay="constant")


def _trial(batch: int, width: int) -> Trial:
    """Trained until both measurements are made."""
    at_steps = (STEPS, IMAGES // batch)
    averaging = HALF_LIFE * batch / 1000
    own_recipe = _BASE.changed(batch_size=batch, width=width, steps=max(at_steps), average_kimg=averaging)
    return Trial(own_recipe, Arithmetic(fast=True), at_steps=at_steps)


methods = {f"batch {batch}, width {width}": _trial(batch, width) for width in WIDTHS for batch in BATCHES}
"""They differ in batch and width only: rates aren't scaled with the batch, as they weren't in the paper's table."""


def _entry(trial: Trial, measurement: Measurement) -> dict[str, Any]:
    images = measurement.steps * trial.recipe.training.batch_size
    return {"steps": measurement.steps, "images": images, "seconds": measurement.seconds} | measurement.metrics


def play(method: str, trial: Trial, n_samples: int) -> dict[str, Any]:
    """Train one method with one seed, and measure averaged and live weights with standing statistics of BatchNorm.

    Metrics are named by when they were measured, those of live weights begin with "live"; the trace has both times.
    """

    def measure(built: Built) -> dict[str, float]:
        live = copy.deepcopy(built.trainer.players["generator"].network).eval()
        networks = {"": built.result.eval(), "live ": live}
        return {
            prefix + name: value
            for prefix, network in networks.items()
            for name, value in zoo.Trained(built.recipe, network).with_standing_statistics().evaluate(n_samples).items()
        }

    row = row_of(trial, measure, lambda measurement: _entry(trial, measurement))
    if "diverged" in row:
        return row
    when = {"after equal steps": trial.at_steps[0], "after equal images": trial.at_steps[1]}
    by_steps = {entry["steps"]: entry for entry in row["trace"]}
    metrics = {f"{name} {moment}": by_steps[steps][name] for moment, steps in when.items() for name in row["metrics"]}
    return row | {"metrics": metrics}


table = Experiment(
    "batch-width",
    "whether larger batches and wider networks bring BigGAN nearer to the data, at equal steps and at equal images",
    methods,
    seeds=range(3),
    n_samples=2000,
    play=play,
)
