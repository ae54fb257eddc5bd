"""The experiment "stacked-digits": which of relativistic pairing and R2 keeps a thousand modes."""

from __future__ import annotations

import dataclasses
from typing import Any

from gancourse import metrics, zoo
from gancourse.errors import NotFiniteError
from gancourse.experiments.table import Experiment
from gancourse.recipes import Arithmetic, GANRecipe, build, recipe

PAPER = {
    "relativistic, R1 + R2": (1000, 0.078),
    "GAN, R1 + R2": (693, 0.927),
    "relativistic, R1": None,
    "GAN, R1": None,
}
"""Modes and reverse KL that Huang et al. 2024 (R3GAN), table 1, report; None where they say that training diverges."""

STEPS, AT = 3000, 500

_complete = dataclasses.replace(recipe("stacked-digits"), steps=STEPS)
methods: dict[str, GANRecipe] = {
    "relativistic, R1 + R2": _complete,
    "GAN, R1 + R2": dataclasses.replace(_complete, objective="non-saturating"),
    "relativistic, R1": dataclasses.replace(_complete, penalty="r1"),
    "GAN, R1": dataclasses.replace(_complete, objective="non-saturating", penalty="r1"),
}
"""The recipe's networks, optimiser and penalty weight in every cell; shorter than the recipe."""


def play(method: str, settings: GANRecipe, n_samples: int) -> dict[str, Any]:
    """Train one cell with one seed; the row's `trace` holds the modes and reverse KL on the way, `metrics` the last.

    A loss that is not finite ends the training and is told in the row, which keeps what was measured before.
    """
    row: dict[str, Any] = {"steps": settings.steps, "trace": [], "metrics": {}}
    built = build(settings, arithmetic=Arithmetic(channels_last=True, fused=True))
    names = [metrics.label(what, "digits-classifier", n_samples) for what in ("modes", "reverse KL")]
    try:
        for step in built.trainer.steps(settings.steps):
            done = step.index + 1
            if done % AT == 0 or done == settings.steps:
                found = zoo.stacked_coverage(zoo.samples(built.result, n_samples))
                row["metrics"] = dict(zip(names, (found.modes, found.reverse_kl), strict=True))
                row["trace"].append({"steps": done, "modes": found.modes, "reverse_kl": round(found.reverse_kl, 4)})
    except NotFiniteError as error:
        row |= {"metrics": {}, "diverged": str(error)}
    return row


table = Experiment(
    "stacked-digits",
    "whether relativistic pairing, R2 or both keep the thousand modes of stacked digits",
    methods,
    seeds=range(3),
    n_samples=26_000,
    play=play,
)
