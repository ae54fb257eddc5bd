"""Recipes for handwritten digits."""

from __future__ import annotations

from gancourse.diffusion import RectifiedFlow
from gancourse.games import FeatureMatchingRemedy
from gancourse.models import (
    DCGAN,
    AuxiliaryDCGAN,
    ConditionalDCGAN,
    ConvolutionalVAE,
    NoisyDCGAN,
    ResNet,
    SmallClassifier,
    UNet,
)
from gancourse.recipes.plays import (
    Adversarial,
    AuxiliaryClassifying,
    Classifying,
    Denoising,
    DiffusionSampling,
    InformationMaximising,
    SemiSupervising,
    Variational,
)
from gancourse.recipes.schema import Data, Recipe, Training
from gancourse.recipes.terms import R1, R2

RELATIVISTIC = {"objective": "relativistic-pairing", "terms": (R1(every=4), R2(every=4))}
SHORT = Training(steps=3_000, learning_rate=3e-3, beta2=0.99, decay="linear", average_kimg=5.0)
"""With this objective, digits take a few minutes."""
DENOISING = Training(steps=4_000, learning_rate=1e-3, beta1=0.9, decay="cosine", average_kimg=10.0)
"""Twenty minutes of one core, at four milliseconds an image."""

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
        Adversarial(DCGAN(discriminator_norm="none"), **RELATIVISTIC),
        SHORT,
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
    # Miyato and Koyama 2018 for the networks; their objective, the hinge loss, and spectral normalisation are options.
    Recipe(
        "projection-digits",
        "handwritten digits by their label: conditional BatchNorm, and a projection discriminator",
        Data("digits", full=True),
        Adversarial(ConditionalDCGAN(), **RELATIVISTIC),
        SHORT.changed(steps=5_000),
    ),
    # Odena et al. 2017, section 4, weighs the source and the classes equally, as here.
    Recipe(
        "acgan-digits",
        "handwritten digits by their label, which the discriminator names instead of seeing it",
        Data("digits", full=True),
        AuxiliaryClassifying(AuxiliaryDCGAN(), **RELATIVISTIC),
        SHORT,
    ),
    # Chen et al. 2016, section 7.2, for the codes; section 6 for λ, 1 for a category and less for numbers: 0.1 is ours.
    Recipe(
        "infogan-digits",
        "handwritten digits by a category and two numbers that nobody labelled",
        Data("digits", full=True),
        InformationMaximising(AuxiliaryDCGAN(), **RELATIVISTIC),
        SHORT,
    ),
    # Salimans et al. 2016, section 5.1, and its code for labels, loss, noise and Adam; convolutions and steps are ours.
    Recipe(
        "semi-supervised-digits",
        "a classifier of handwritten digits from 100 labels, whose generator matches features",
        Data("few-labels:digits,100", full=True),
        SemiSupervising(NoisyDCGAN(), remedies=(FeatureMatchingRemedy(),)),
        Training(steps=6_000, batch_size=100, learning_rate=3e-3, decay="linear", average_kimg=10.0),
    ),
    Recipe(
        "vae-digits",
        "handwritten digits by a VAE whose decoder is dcgan-digits' generator",
        Data("digits", full=True),
        Variational(ConvolutionalVAE()),
        Training(steps=700, learning_rate=1e-3, beta1=0.9, decay="cosine"),
    ),
    # Ho et al. 2020, section 4, for T, β, the loss and Adam's decays; network and training are much smaller. They
    # sample in 1000 steps (`gancourse sample --sampler ddpm --sampling-steps 1000`); 25 steps of DDIM cost less.
    Recipe(
        "ddpm-digits",
        "handwritten digits by diffusion: a U-Net that predicts the noise",
        Data("digits", full=True),
        Denoising(UNet(), sampling=DiffusionSampling("ddim", 25)),
        DENOISING,
    ),
    # Lipman et al. 2023, eq. 23, for path and loss; Ho and Salimans 2022, section 4, for the share of dropped labels.
    Recipe(
        "flow-digits",
        "handwritten digits by flow matching, of a label or of none",
        Data("digits", full=True),
        Denoising(UNet(classes=True), RectifiedFlow(), "velocity", 0.1, DiffusionSampling("heun", 10)),
        DENOISING,
    ),
    Recipe(
        "digits-classifier",
        "features for digits",
        Data("digits", full=True),
        Classifying(SmallClassifier()),
        Training(steps=2500, batch_size=128, learning_rate=2e-3, beta1=0.9, decay="cosine"),
    ),
)
