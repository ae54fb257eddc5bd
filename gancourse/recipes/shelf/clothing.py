"""Recipes for pieces of clothing."""

from __future__ import annotations

from gancourse.models import DCGAN, SmallClassifier
from gancourse.recipes.plays import Adversarial, Classifying
from gancourse.recipes.schema import Data, Recipe, Training

RECIPES = (
    Recipe(
        "dcgan-fashion",
        "pieces of clothing by the DCGAN guidelines",
        Data("fashion", full=True),
        Adversarial(DCGAN()),
        Training(steps=8_000, decay="linear", average_kimg=20.0),
    ),
    Recipe(
        "fashion-classifier",
        "features for clothing",
        Data("fashion", full=True),
        Classifying(SmallClassifier()),
        Training(steps=3000, batch_size=128, learning_rate=2e-3, beta1=0.9, decay="cosine"),
    ),
)
