"""Recipes for photographs at the scale of the papers: for GPUs, and no weights of them lie in the package.

What they cost by calculation is on the book's page "Recipes for GPUs"; `gancourse cost NAME` calculates it.
"""

from __future__ import annotations

from gancourse.models import SAGAN, StyleGAN2
from gancourse.recipes.plays import Adversarial
from gancourse.recipes.schema import Data, Recipe, Training
from gancourse.recipes.terms import R1

RECIPES = (
    # Karras et al. 2020 (adaptive discriminator augmentation), appendix D, their setting for CIFAR-10: 100 million
    # images in batches of 64, Adam(2.5e-3, β₁ = 0, β₂ = 0.99), R1 of weight 0.01 every 16 updates, 512 channels
    # everywhere, a mapping of 2 layers, no style mixing, no path length, groups of 32, averages of 500 thousand images.
    # Departures: no augmentation of what the discriminator sees, which is what their paper is about; the discriminator
    # keeps its residual connections, where theirs has none; the average's half-life doesn't grow over the first 10
    # million images; no labels, of which they report both.
    Recipe(
        "stylegan2-cifar",
        "photographs by StyleGAN2 at its paper's scale, for GPUs",
        Data("cifar10", full=True),
        Adversarial(
            StyleGAN2(latent_size=512, widths=(512, 512, 512, 512), depth=2, mixing=0.0, group=32),
            terms=(R1(0.01, every=16),),
            lazy_adam=True,
        ),
        Training(
            steps=1_562_500,
            batch_size=64,
            learning_rate=2.5e-3,
            beta1=0.0,
            beta2=0.99,
            average_kimg=500.0,
        ),
    ),
    # Brock et al. 2019 didn't train on CIFAR-10; the setting is that of their later code (ajbrock/BigGAN-PyTorch):
    # hinge loss, 64 channels as the unit, no attention, batches of 50, four updates of D for one of G, Adam(2e-4,
    # β₁ = 0, β₂ = 0.999), 500 epochs of 250 steps, averages with a decay of 0.9999 a step. It has neither a shared
    # embedding nor latents in each block: each BatchNorm has a table of its own, as in SAGAN, whose networks these are.
    # Departures: weights start by Glorot's rule, and tables from zero, instead of normal numbers of deviation 0.02 for
    # both; the discriminator's last layer has no bias; averages count from the first step instead of the thousandth;
    # batches are drawn with replacement.
    Recipe(
        "biggan-cifar",
        "photographs of a class by BigGAN's networks at the scale of its code, for GPUs",
        Data("cifar10", full=True),
        Adversarial(SAGAN(latent_size=128, width=64, attention="none", attention_at=16), "hinge", n_critic=4),
        Training(steps=125_000, batch_size=50, learning_rate=2e-4, beta1=0.0, average_kimg=346.6),
    ),
)
