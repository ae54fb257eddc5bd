"""Recipes for points in the plane."""

from __future__ import annotations

from gancourse.models import MLP, AuxiliaryMLP, ConditionalMLP
from gancourse.recipes.plays import Adversarial, AuxiliaryClassifying, InformationMaximising
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
    Recipe(
        "projection-two-classes",
        "two overlapping Gaussians by their class, with a projection discriminator",
        Data("two-classes"),
        Adversarial(ConditionalMLP(), terms=(R1(0.5),)),
        Training(steps=3000, batch_size=256, learning_rate=1e-3, beta1=0.0, beta2=0.99, decay="linear"),
    ),
    Recipe(
        "acgan-two-classes",
        "the same with an auxiliary classifier, which makes the classes narrower than they are",
        Data("two-classes"),
        AuxiliaryClassifying(AuxiliaryMLP(), terms=(R1(0.5),)),
        Training(steps=3000, batch_size=256, learning_rate=1e-3, beta1=0.0, beta2=0.99, decay="linear"),
    ),
    Recipe(
        "infogan-ring",
        "eight Gaussians by a code that nobody labelled, which a recogniser reads",
        Data("ring"),
        InformationMaximising(AuxiliaryMLP(), terms=(R1(0.1),), n_categories=8, n_continuous=1),
        Training(steps=3000, batch_size=128, learning_rate=1e-3, decay="linear", average_kimg=10.0),
    ),
)
