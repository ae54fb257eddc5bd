"""Recipes for points in the plane."""

from __future__ import annotations

from gancourse.models import MLP
from gancourse.recipes.plays import Adversarial
from gancourse.recipes.schema import Data, Recipe, Training
from gancourse.recipes.terms import R1, GradientPenalty

RECIPES = (
    Recipe(
        "ring",
        "eight Gaussians in the plane, for a first look",
        Data("ring"),
        Adversarial(MLP(latent_size=8, width=64), terms=(R1(0.1),)),
        Training(steps=3000, batch_size=128, learning_rate=1e-3, decay="linear", average_kimg=10.0),
    ),
    Recipe(
        "ring-wgan-gp",
        "the same with five critic updates a step and a gradient penalty",
        Data("ring"),
        Adversarial(MLP(latent_size=8, width=64), "wasserstein", (GradientPenalty(0.1),), n_critic=5),
        Training(steps=2000, batch_size=128, learning_rate=1e-3, decay="linear"),
    ),
)
