"""What each guideline of the DCGAN is worth on digits."""

from __future__ import annotations

import dataclasses
from typing import Any

from gancourse import zoo
from gancourse.experiments.table import Experiment
from gancourse.models.dcgan import Guidelines
from gancourse.recipes import GANRecipe, Recipe, build


def play(method: str, recipe: Recipe, n_samples: int) -> dict[str, Any]:
    """Train a recipe to its end and measure the result as the zoo does.

    Raises:
        NotFiniteError: a loss, a gradient or a sample isn't finite.
    """
    built = build(recipe)
    for _ in built.trainer.steps(recipe.steps):
        pass
    return {"steps": recipe.steps, "metrics": zoo.evaluate(built.result.eval(), recipe, n_samples)}


_DCGAN = GANRecipe("guidelines", "", "digits", width=16, steps=800, decay="linear", average_kimg=5.0)


def _broken(**guidelines: Any) -> GANRecipe:
    return dataclasses.replace(_DCGAN, guidelines=Guidelines(**guidelines))


guidelines = Experiment(
    "dcgan-guidelines",
    "what each guideline of the DCGAN is worth on digits, at equal steps",
    {
        "all guidelines": _DCGAN,
        "pooling and upsampling": _broken(strided=False),
        "no BatchNorm": _broken(batch_norm="nowhere"),
        "BatchNorm everywhere": _broken(batch_norm="everywhere"),
        "hidden dense layers": _broken(convolutional=False),
        "tanh activations": _broken(activations=False),
        "Adam with β₁ = 0.9": dataclasses.replace(_DCGAN, beta1=0.9),
    },
    seeds=range(5),
    n_samples=5000,
    play=play,
)
