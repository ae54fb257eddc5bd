"""The experiment "minibatch-std": modes of stacked digits with and without the minibatch standard deviation."""

from __future__ import annotations

from gancourse.experiments.stacked_digits import play
from gancourse.experiments.table import Experiment
from gancourse.experiments.trials import Trial
from gancourse.recipes import Arithmetic, recipe
from gancourse.recipes.terms import R1, Drift, GradientPenalty

PAPER = {"WGAN-GP": 857, "WGAN-GP, minibatch std": 881}
"""Modes of 1000 that Karras et al. 2018, table 4, report for a network of low capacity; means of eight trainings."""

STEPS = 3000
_BASE = recipe("stacked-digits").changed(full=False, width=16, steps=STEPS, beta1=0.0)
"""Narrower than the recipe, whose modes are all there already, and with the package's images."""

methods: dict[str, Trial] = {
    f"{name}{', minibatch std' * has_layer}": Trial(
        _BASE.changed(minibatch_std=has_layer, **changes),
        Arithmetic(fast=True),
        at_steps=tuple(range(500, STEPS + 1, 500)),
    )
    for name, changes in {
        "WGAN-GP": {"objective": "wasserstein", "terms": (GradientPenalty(10.0), Drift(0.001))},
        "GAN, R1": {"objective": "non-saturating", "terms": (R1(every=4),)},
    }.items()
    for has_layer in (False, True)
}
"""Two pairs, each of which differs in the layer only."""

table = Experiment(
    "minibatch-std",
    "whether a discriminator that sees the variety of its batch keeps more modes of stacked digits",
    methods,
    seeds=range(3),
    n_samples=26_000,
    play=play,
)
