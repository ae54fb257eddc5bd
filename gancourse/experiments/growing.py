"""The experiment "growing": networks that grow against the same ones at full size from the start, in equal seconds."""

from __future__ import annotations

from typing import Any

from gancourse import laplacian, metrics, zoo
from gancourse.experiments.table import Experiment
from gancourse.experiments.trials import Measurement, Trial, row_of
from gancourse.games import GrowingRemedy
from gancourse.recipes import Arithmetic, Built, recipe
from gancourse.zoo.judges import PIXELS

AT_SECONDS = (60.0, 120.0, 240.0, 480.0)
"""Processor time of training after which both sides of the comparison are measured."""
PHASES = GrowingRemedy(fade_kimg=5.0, stable_kimg=5.0)
"""Half as long as the recipe's, so that the last resolution has most of the time."""
N_LEVELS = 3

methods: dict[str, Trial] = {
    name: Trial(
        # One step is the fewest that a recipe has: the seconds say when a training ends.
        recipe("progan-faces").changed(steps=1, average_kimg=5.0, **changes),
        Arithmetic(fast=True),
        at_seconds=AT_SECONDS,
    )
    for name, changes in {
        "grown": {"remedies": (PHASES,)},
        "whole": {"remedies": ()},
    }.items()
}
"""A pair that differs in growing only."""


def distances(built: Built, n_samples: int) -> dict[str, float]:
    """How far samples are from as many faces.

    Returns:
        The Fréchet distances of the faces' regressor's features, and of means over an 8 × 8 grid, for layout and
        colours; and the sliced Wasserstein distance of 7 × 7 patches at each level of a pyramid: at 32 × 32 it is one
        of details.
    """
    real, samples = built.source.first(n_samples).x, built.samples(n_samples)
    values = {
        metrics.label("fid", extractor.name, n_samples, n_samples): metrics.frechet_distance(
            extractor(real), extractor(samples)
        )
        for extractor in (zoo.extractor("faces-regressor"), PIXELS)
    }
    heights = [height for height, _ in laplacian.sizes(tuple(real.shape[-2:]), N_LEVELS)]
    for height, distance in zip(heights, metrics.pyramid_distances(real, samples, N_LEVELS), strict=True):
        values[metrics.label("sliced W2", f"patches-7x7-at-{height}", n_samples, n_samples)] = round(distance, 5)
    return values


def _entry(measurement: Measurement) -> dict[str, Any]:
    steps, seconds, due, values = measurement
    return {"steps": steps, "seconds": seconds, "due": due} | values


def play(method: str, trial: Trial, n_samples: int) -> dict[str, Any]:
    """Train one method with one seed; the row's `trace` holds the measurements, its `metrics` the last one."""
    return row_of(trial, lambda built: distances(built, n_samples), _entry)


table = Experiment(
    "growing",
    "whether growing brings networks for faces nearer to the data in the same seconds",
    methods,
    seeds=range(3),
    n_samples=2000,
    play=play,
)
