"""Recipes for cartoon faces."""

from __future__ import annotations

from gancourse.models import DCGAN, SmallRegressor
from gancourse.recipes.plays import Adversarial, Regressing
from gancourse.recipes.schema import Data, Recipe, Training

RECIPES = (
    Recipe(
        "dcgan-faces",
        "cartoon faces by the DCGAN guidelines, with spectral normalisation in the discriminator",
        Data("faces"),
        Adversarial(DCGAN(width=48, discriminator_norm="spectral")),
        Training(steps=20_000, decay="linear", average_kimg=20.0),
    ),
    Recipe(
        "faces-regressor",
        "the factors of faces, and features that metrics compare",
        Data("faces"),
        Regressing(SmallRegressor()),
        Training(steps=8_000, batch_size=128, learning_rate=1e-3, beta1=0.9, decay="cosine"),
    ),
)
