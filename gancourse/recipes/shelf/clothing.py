"""Recipes for pieces of clothing."""

from __future__ import annotations

from gancourse.models import DCGAN, SmallClassifier
from gancourse.recipes.plays import Adversarial, Classifying
from gancourse.recipes.schema import Data, Recipe, Training
from gancourse.recipes.terms import R1, R2

RECIPES = (
    Recipe(
        "dcgan-fashion",
        "pieces of clothing by the DCGAN guidelines",
        Data("fashion", full=True),
        Adversarial(DCGAN()),
        Training(steps=8_000, decay="linear", average_kimg=20.0),
    ),
    # Huang et al. 2024 (R3GAN) for the loss: relativistic pairing, R1 and R2, and no other remedy; here computed
    # lazily, in dcgan-fashion's networks without BatchNorm in the discriminator.
    Recipe(
        "modern-fashion",
        "the modern baseline: relativistic pairing with R1 and R2, and nothing else",
        Data("fashion", full=True),
        Adversarial(DCGAN(discriminator_norm="none"), "relativistic-pairing", (R1(every=4), R2(every=4))),
        Training(steps=6_000, learning_rate=2e-3, beta2=0.99, decay="linear", average_kimg=10.0),
    ),
    Recipe(
        "fashion-classifier",
        "features for clothing",
        Data("fashion", full=True),
        Classifying(SmallClassifier()),
        Training(steps=3000, batch_size=128, learning_rate=2e-3, beta1=0.9, decay="cosine"),
    ),
)
