"""Recipes for handwritten digits."""

from __future__ import annotations

from gancourse.models import DCGAN, ConvolutionalVAE, ResNet, SmallClassifier
from gancourse.recipes.plays import Adversarial, Classifying, Variational
from gancourse.recipes.schema import Data, Recipe, Training
from gancourse.recipes.terms import R1, R2

RECIPES = (
    Recipe(
        "dcgan-digits",
        "handwritten digits by the DCGAN guidelines",
        Data("digits", full=True),
        Adversarial(DCGAN()),
        Training(steps=8_000, decay="linear", average_kimg=20.0),
    ),
    Recipe(
        "relativistic-digits",
        "handwritten digits in a few minutes, by relativistic pairing with lazy R1 and R2",
        Data("digits", full=True),
        Adversarial(DCGAN(discriminator_norm="none"), "relativistic-pairing", (R1(every=4), R2(every=4))),
        Training(steps=3_000, learning_rate=3e-3, beta2=0.99, decay="linear", average_kimg=5.0),
    ),
    Recipe(
        "stacked-digits",
        "three digits as colour channels: a thousand modes, by relativistic pairing, R1 and R2",
        Data("stacked-digits", full=True),
        Adversarial(DCGAN(discriminator_norm="none"), "relativistic-pairing", (R1(every=4), R2(every=4))),
        Training(steps=20_000, learning_rate=1e-3, beta2=0.99, decay="linear", average_kimg=20.0),
    ),
    # Miyato et al. 2018, appendix B: hinge loss, five critic updates, Adam(2e-4, 0, 0.9). Narrower, shorter, and with
    # averaged weights, so that a laptop finishes it.
    Recipe(
        "resnet-digits",
        "handwritten digits at 32 × 32 by residual networks, spectral normalisation and the hinge loss",
        Data("digits-32", full=True),
        Adversarial(ResNet(width=32), "hinge", n_critic=5),
        Training(steps=1_000, beta1=0.0, beta2=0.9, decay="linear", average_kimg=5.0),
    ),
    Recipe(
        "vae-digits",
        "handwritten digits by a VAE whose decoder is dcgan-digits' generator",
        Data("digits", full=True),
        Variational(ConvolutionalVAE()),
        Training(steps=700, learning_rate=1e-3, beta1=0.9, decay="cosine"),
    ),
    Recipe(
        "digits-classifier",
        "features for digits",
        Data("digits", full=True),
        Classifying(SmallClassifier()),
        Training(steps=2500, batch_size=128, learning_rate=2e-3, beta1=0.9, decay="cosine"),
    ),
)
