"""The experiment "conditionings": ways to tell both networks a digit's label, at equal steps and equal size."""

from __future__ import annotations

from typing import Any

from gancourse import zoo
from gancourse.experiments.table import Experiment
from gancourse.experiments.trials import Trial, row_of
from gancourse.recipes import Arithmetic, recipe

SETTINGS = {"full": False, "width": 16, "steps": 3_000, "generator_condition": "concatenation"}
"""Narrower than the recipes; how the generator sees the label is the same, but where a method changes it."""

_shown, _named, _codes = (
    recipe(name).changed(**SETTINGS) for name in ("projection-digits", "acgan-digits", "infogan-digits")
)
methods: dict[str, Trial] = {
    name: Trial(own_recipe, Arithmetic(fast=True))
    for name, own_recipe in {
        "D doesn't see the label": _shown.changed(discriminator_condition="none"),
        "concatenation": _shown.changed(discriminator_condition="concatenation"),
        "label channels": _shown.changed(discriminator_condition="label-channels"),
        "AC-GAN": _named,
        "conditional BatchNorm in G": _shown.changed(
            discriminator_condition="concatenation", generator_condition="batch-norm"
        ),
        "projection": _shown,
        "projection, conditional BatchNorm in G": _shown.changed(generator_condition="batch-norm"),
        "InfoGAN, without labels": _codes,
    }.items()
}
"""Six conditionings, their best pair, and a discriminator that doesn't see the label: what chance gives."""


def play(method: str, trial: Trial, n_samples: int) -> dict[str, Any]:
    """Train one method with one seed, and measure its samples as the zoo does.

    The row's metrics have the agreement (for InfoGAN the purity of its codes), the Fréchet distance and the recall
    within classes, and those of all samples.
    """
    return row_of(trial, lambda built: zoo.evaluate(built.result.eval(), built.recipe, n_samples))


table = Experiment(
    "conditionings",
    "which way to condition on a digit's label gives the right digits, and all of their variety",
    methods,
    seeds=range(3),
    n_samples=10_000,
    play=play,
)
