"""The experiment "stacked-digits": which of relativistic pairing and R2 keeps a thousand modes."""

from __future__ import annotations

from typing import Any

from gancourse import metrics, zoo
from gancourse.experiments.table import Experiment
from gancourse.experiments.trials import Measurement, Trial, row_of
from gancourse.recipes import Arithmetic, Built, recipe
from gancourse.recipes.terms import R1

PAPER = {
    "relativistic, R1 + R2": (1000, 0.078),
    "GAN, R1 + R2": (693, 0.927),
    "relativistic, R1": None,
    "GAN, R1": None,
}
"""Modes and reverse KL that Huang et al. 2024 (R3GAN), table 1, report; None where they say that training diverges."""

STEPS, AT = 3000, 500

_complete = recipe("stacked-digits").changed(steps=STEPS)
_only_r1 = {"terms": (R1(every=4),)}
methods: dict[str, Trial] = {
    name: Trial(
        _complete.changed(**changes),
        Arithmetic(channels_last=True, fused=True),
        at_steps=tuple(range(AT, STEPS + 1, AT)),
    )
    for name, changes in {
        "relativistic, R1 + R2": {},
        "GAN, R1 + R2": {"objective": "non-saturating"},
        "relativistic, R1": _only_r1,
        "GAN, R1": _only_r1 | {"objective": "non-saturating"},
    }.items()
}
"""The recipe's networks, optimiser and penalty weight in every cell; shorter than the recipe."""


def coverage(built: Built, n_samples: int) -> dict[str, float]:
    """Modes and reverse KL of the generator's samples."""
    counts = zoo.stacked_coverage(built.samples(n_samples))
    values = {"modes": counts.modes, "reverse KL": counts.reverse_kl}
    return {metrics.label(what, "digits-classifier", n_samples): value for what, value in values.items()}


def _entry(measurement: Measurement) -> dict[str, float]:
    modes, reverse_kl = measurement.metrics.values()
    return {"steps": measurement.steps, "modes": modes, "reverse_kl": round(reverse_kl, 4)}


def play(method: str, trial: Trial, n_samples: int) -> dict[str, Any]:
    """Train one cell with one seed; the row's `trace` holds the modes and reverse KL on the way, `metrics` the last."""
    return row_of(trial, lambda built: coverage(built, n_samples), _entry)


table = Experiment(
    "stacked-digits",
    "whether relativistic pairing, R2 or both keep the thousand modes of stacked digits",
    methods,
    seeds=range(3),
    n_samples=26_000,
    play=play,
)
