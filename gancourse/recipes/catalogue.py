"""Every recipe by name."""

from __future__ import annotations

from gancourse.names import lookup
from gancourse.recipes.recipe import ClassifierRecipe, GANRecipe, Recipe, VAERecipe

_ALL: list[Recipe] = [
    GANRecipe(
        "ring",
        "eight Gaussians in the plane, for a first look",
        "ring",
        family="mlp",
        latent_size=8,
        width=64,
        penalty="r1",
        penalty_weight=0.1,
        steps=3000,
        learning_rate=1e-3,
        decay="linear",
        average_kimg=10.0,
        batch_size=128,
    ),
    GANRecipe(
        "ring-wgan-gp",
        "the same with five critic updates a step and a gradient penalty",
        "ring",
        family="mlp",
        latent_size=8,
        width=64,
        objective="wasserstein",
        penalty="gradient-penalty",
        penalty_weight=0.1,
        n_critic=5,
        steps=2000,
        learning_rate=1e-3,
        decay="linear",
        batch_size=128,
    ),
    GANRecipe(
        "dcgan-digits",
        "handwritten digits by the DCGAN guidelines",
        "digits",
        full=True,
        steps=8_000,
        decay="linear",
        average_kimg=20.0,
    ),
    GANRecipe(
        "dcgan-fashion",
        "pieces of clothing by the DCGAN guidelines",
        "fashion",
        full=True,
        steps=8_000,
        decay="linear",
        average_kimg=20.0,
    ),
    GANRecipe(
        "relativistic-digits",
        "handwritten digits in a few minutes, by relativistic pairing with lazy R1 and R2",
        "digits",
        full=True,
        objective="relativistic-pairing",
        penalty="r1-r2",
        penalty_weight=1.0,
        penalty_every=4,
        discriminator_norm="none",
        steps=3_000,
        learning_rate=3e-3,
        beta2=0.99,
        decay="linear",
        average_kimg=5.0,
    ),
    GANRecipe(
        "stacked-digits",
        "three digits as colour channels: a thousand modes, by relativistic pairing, R1 and R2",
        "stacked-digits",
        full=True,
        objective="relativistic-pairing",
        penalty="r1-r2",
        penalty_weight=1.0,
        penalty_every=4,
        discriminator_norm="none",
        steps=20_000,
        learning_rate=1e-3,
        beta2=0.99,
        decay="linear",
        average_kimg=20.0,
    ),
    VAERecipe(
        "vae-digits", "handwritten digits by a VAE whose decoder is dcgan-digits' generator", "digits", full=True
    ),
    ClassifierRecipe("digits-classifier", "features for digits", "digits", full=True, steps=2500),
    ClassifierRecipe("fashion-classifier", "features for clothing", "fashion", full=True, steps=3000),
]

recipes: dict[str, Recipe] = {r.name: r for r in _ALL}


def recipe(name: str) -> Recipe:
    """Recipe of that name.

    Raises:
        ValueError: there is none; the message suggests the nearest.

    >>> recipe("ring").data
    'ring'
    """
    return lookup(recipes, name, "recipe")
