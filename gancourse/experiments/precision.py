"""The experiment "precision": whether networks computed in bfloat16 learn digits as well as in float32."""

from __future__ import annotations

from typing import Any

from gancourse import metrics, zoo
from gancourse.experiments.table import Experiment
from gancourse.experiments.trials import Trial, row_of
from gancourse.recipes import Arithmetic, Built, recipe

RECIPE = recipe("relativistic-digits").changed(full=False)
"""With the package's images, so that it needs nothing else."""

methods: dict[str, Trial] = {
    "float32": Trial(RECIPE, Arithmetic(channels_last=True, fused=True)),
    "bfloat16": Trial(RECIPE, Arithmetic(precision="bf16-mixed", channels_last=True, fused=True)),
}


def distance(built: Built, n_samples: int) -> dict[str, float]:
    """Fréchet distance of samples of the (averaged) generator, itself computed in float32, from as many digits."""
    real = zoo.features("digits", built.source.first(n_samples).x)
    generated = zoo.features("digits", built.samples(n_samples))
    return {metrics.label("fid", "digits-classifier", n_samples, n_samples): metrics.frechet_distance(real, generated)}


def play(method: str, trial: Trial, n_samples: int) -> dict[str, Any]:
    """Train one seed and measure the generator at the end.

    Raises:
        ValueError: the processor has no bfloat16 arithmetic.
    """
    return row_of(trial, lambda built: distance(built, n_samples))


table = Experiment(
    "precision",
    "whether bfloat16 networks change the Fréchet distance by more than another seed does",
    methods,
    seeds=range(5),
    n_samples=10_000,
    play=play,
)
