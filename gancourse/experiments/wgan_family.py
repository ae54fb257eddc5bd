"""The experiment "wgan-family": ways to bound a critic's gradient, on digits, at equal steps and equal seconds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gancourse.experiments.precision import distance
from gancourse.experiments.table import Experiment
from gancourse.experiments.trials import Measurement, Trial, measurements, row_of
from gancourse.games import WeightClippingRemedy
from gancourse.recipes import recipe
from gancourse.recipes.terms import R1, R2, GradientPenalty

BASE = recipe("dcgan-digits").changed(
    full=False,
    width=16,
    discriminator_norm="none",
    steps=600,
    beta2=0.9,
    decay="constant",
    average_kimg=0.0,
)
"""A small DCGAN without BatchNorm in its discriminator, and the last weights of its generator."""

methods: dict[str, Trial] = {
    name: Trial(BASE.changed(**changes), at_steps=(150, 300, 600), at_seconds=(10.0, 20.0, 40.0))
    for name, changes in {
        "no constraint": {},
        "weight clipping": {"objective": "wasserstein", "remedies": (WeightClippingRemedy(0.01),), "n_critic": 5},
        "WGAN-GP": {"objective": "wasserstein", "terms": (GradientPenalty(10.0),), "n_critic": 5},
        "spectral norm": {"objective": "hinge", "discriminator_norm": "spectral"},
        "R1": {"terms": (R1(10.0),)},
        "lazy R1": {"terms": (R1(10.0, every=16),)},
        "relativistic, R1 + R2": {"objective": "relativistic-pairing", "terms": (R1(10.0), R2(10.0))},
    }.items()
}
# The method "spectral norm" differs from "no constraint" in its objective as well; these differ in one of both.
methods |= {
    name: Trial(BASE.changed(**changes), at_steps=(150, 300, 600))
    for name, changes in {
        "hinge alone": {"objective": "hinge"},
        "spectral norm, non-saturating": {"discriminator_norm": "spectral"},
    }.items()
}


def _entry(measurement: Measurement) -> dict[str, Any]:
    steps, seconds, due, metrics = measurement
    return {"steps": steps, "seconds": seconds, "due": due} | metrics


def live(trial: Trial, n_samples: int) -> Iterator[dict[str, Any]]:
    """The entries of a row's trace, as they are measured.

    Each has the steps made, the seconds of processor time that training has taken (measuring left out), and the
    Fréchet distance between n_samples digits and as many samples.

    Raises:
        NotFiniteError: the training diverged.
    """
    return map(_entry, measurements(trial, lambda built: distance(built, n_samples)))


def play(method: str, trial: Trial, n_samples: int) -> dict[str, Any]:
    """Train one method with one seed; the row's `trace` holds the measurements, its `metrics` the last one."""
    return row_of(trial, lambda built: distance(built, n_samples), _entry)


table = Experiment(
    "wgan-family",
    "what keeps a critic's gradient in check, and what that is worth on digits at equal steps and at equal seconds",
    methods,
    seeds=range(3),
    n_samples=2000,
    play=play,
)
