"""Recipes for cartoon faces."""

from __future__ import annotations

from gancourse.models import LAPGAN, SmallRegressor
from gancourse.recipes.plays import Laplacian, Regressing
from gancourse.recipes.schema import Data, Recipe, Training
from gancourse.recipes.terms import R1

RECIPES = (
    Recipe(
        "faces-regressor",
        "the factors of faces, and features that metrics compare",
        Data("faces"),
        Regressing(SmallRegressor()),
        Training(steps=10_000, batch_size=128, learning_rate=1e-3, beta1=0.9, decay="cosine"),
    ),
    # Denton et al. 2015: three levels, independent of each other. Lazy R1 and Adam where the paper has dropout and SGD.
    Recipe(
        "lapgan-faces",
        "cartoon faces from a Laplacian pyramid of three GANs, 8 × 8 to 32 × 32",
        Data("faces"),
        Laplacian(LAPGAN(width=48), terms=(R1(every=4),)),
        Training(steps=10_000, learning_rate=1e-3, beta1=0.0, beta2=0.99, decay="linear", average_kimg=20.0),
    ),
)
