"""The experiment "precision": whether networks computed in bfloat16 learn digits as well as in float32."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from gancourse import data, metrics, zoo
from gancourse.experiments.table import Experiment
from gancourse.recipes import Arithmetic, GANRecipe, build, recipe

RECIPE = dataclasses.replace(recipe("relativistic-digits"), full=False)
"""With the package's images, so that it needs nothing else."""


@dataclass(frozen=True)
class Settings:
    """One way to compute one training.

    Args:
        arithmetic: how.
        recipe: what to train; its seed is replaced.
        seed: all randomness is derived from it.
    """

    arithmetic: Arithmetic
    recipe: GANRecipe = field(default=RECIPE)
    seed: int = 0


methods: dict[str, Settings] = {
    "float32": Settings(Arithmetic(channels_last=True, fused=True)),
    "bfloat16": Settings(Arithmetic("bf16-mixed", channels_last=True, fused=True)),
}


def play(method: str, settings: Settings, n_samples: int) -> dict[str, Any]:
    """Train one seed and measure the averaged generator, itself computed in float32, at the end.

    Raises:
        ValueError: the processor has no bfloat16 arithmetic.
        NotFiniteError: the training diverged.
    """
    built = build(dataclasses.replace(settings.recipe, seed=settings.seed), arithmetic=settings.arithmetic)
    for _ in built.trainer.steps(built.recipe.steps):
        pass
    real = zoo.features("digits", data.digits().first(n_samples).x)
    distance = metrics.frechet_distance(real, zoo.features("digits", zoo.samples(built.result, n_samples)))
    name = metrics.label("fid", "digits-classifier", n_samples, n_samples)
    return {"steps": built.recipe.steps, "metrics": {name: distance}}


table = Experiment(
    "precision",
    "whether bfloat16 networks change the Fréchet distance by more than another seed does",
    methods,
    seeds=range(5),
    n_samples=10_000,
    play=play,
)
