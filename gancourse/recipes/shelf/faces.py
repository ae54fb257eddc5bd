"""Recipes for cartoon faces."""

from __future__ import annotations

from gancourse.models import SmallRegressor
from gancourse.recipes.plays import Regressing
from gancourse.recipes.schema import Data, Recipe, Training

RECIPES = (
    Recipe(
        "faces-regressor",
        "the factors of faces, and features that metrics compare",
        Data("faces"),
        Regressing(SmallRegressor()),
        Training(steps=10_000, batch_size=128, learning_rate=1e-3, beta1=0.9, decay="cosine"),
    ),
)
