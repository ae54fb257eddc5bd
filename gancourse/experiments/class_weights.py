"""The experiment "class-weights": what an AC-GAN draws on two overlapping classes, by the weight of its class term."""

from __future__ import annotations

from typing import Any

import torch

from gancourse import metrics
from gancourse.data import two_classes
from gancourse.experiments.table import Experiment
from gancourse.experiments.trials import Measurement, Trial, row_of
from gancourse.recipes import Built, recipe
from gancourse.rng import Noise

WEIGHTS = (1.0, 0.1, 0.03, 0.01, 0.005, 0.0025, 0.001, 0.0)
BASE = recipe("acgan-two-classes")

methods: dict[str, Trial] = {
    f"λ = {weight:g}": Trial(BASE.changed(generator_class_weight=weight), at_steps=(750, BASE.steps))
    for weight in WEIGHTS
}
"""The same game with another weight in the generator's loss; the discriminator's loss is the same in all."""


@torch.no_grad()
def measure(built: Built, n_samples: int) -> dict[str, float]:
    """How samples agree with their labels, how wide their classes are, and how far from the data's.

    Returns:
        The agreement under the true posterior, the standard deviation of the first coordinate within the classes (the
        data's is 1), and the Fréchet distances of all samples and, on average, within the classes.
    """
    noise, data = Noise((0, "class-weights"), n_samples), two_classes()
    y = noise.integers("y", 2)
    generator = built.result
    x, real = generator(noise.normal("z", generator.latent_size), y), data(noise.fold_in("real"))
    inside = metrics.intra_class_frechet(real.x, real.y, x, y)
    values = {
        "agreement": metrics.label_agreement(data.posterior(x).argmax(1), y, 2).share,
        "class sd": sum(x[y == c, 0].std().item() for c in (0, 1)) / 2,
        "fid": metrics.frechet_distance(real.x, x),
        "fid within classes": sum(inside.values()) / 2,
    }
    return {metrics.label(name, "two-classes", n_samples): round(value, 6) for name, value in values.items()}


def _entry(measurement: Measurement) -> dict[str, Any]:
    return {"steps": measurement.steps, "due": measurement.due} | measurement.metrics


def play(method: str, trial: Trial, n_samples: int) -> dict[str, Any]:
    """Train one weight with one seed; the row's `trace` holds both measurements, its `metrics` the last one."""
    return row_of(trial, lambda built: measure(built, n_samples), _entry)


table = Experiment(
    "class-weights",
    "how small the weight of an AC-GAN's class term may be, and whether one of them gives the data's classes",
    methods,
    seeds=range(3),
    n_samples=20_000,
    play=play,
)
