"""Recipes for points in the plane."""

from __future__ import annotations

from gancourse.diffusion import RectifiedFlow
from gancourse.models import MLP, AuxiliaryMLP, ConditionalMLP, DenoisingMLP
from gancourse.recipes.plays import (
    Adversarial,
    AuxiliaryClassifying,
    Denoising,
    DenoisingAdversarial,
    DiffusionSampling,
    InformationMaximising,
)
from gancourse.recipes.schema import Data, Recipe, Training
from gancourse.recipes.terms import R1, GradientPenalty

_DENOISING = Training(steps=3000, batch_size=256, learning_rate=2e-3, beta1=0.9, decay="cosine", average_kimg=10.0)

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
    # Ho et al. 2020, sections 3.2 and 4: T = 1000, β from 1e-4 to 0.02, the error of ε without weights, and the larger
    # variance in sampling. Network, rate and steps are ours, for points.
    Recipe(
        "ring-ddpm",
        "the same by diffusion: a network that predicts the noise, and a thousand steps",
        Data("ring"),
        Denoising(DenoisingMLP(), sampling=DiffusionSampling("ddpm", 1000)),
        _DENOISING,
    ),
    # Lipman et al. 2023, eq. 23, and Liu et al. 2023, eq. 1: straight paths, and times uniform in [0, 1).
    Recipe(
        "ring-flow",
        "the same by flow matching: a network that predicts the velocity, and fifty steps of Heun's method",
        Data("ring"),
        Denoising(DenoisingMLP(), RectifiedFlow(), "velocity", sampling=DiffusionSampling("heun", 50)),
        _DENOISING,
    ),
    # Xiao et al. 2022, section 3 and appendix A: four steps of the continuous schedule, the non-saturating loss with
    # R1, and latents beside x_t. Networks, rate and steps are ours, for points.
    Recipe(
        "ring-ddgan",
        "the same by a denoising GAN: four large steps, each the sample of a conditional GAN",
        Data("ring"),
        DenoisingAdversarial(
            ConditionalMLP(latent_size=2, depth=3, discriminator_condition="concatenation"), terms=(R1(0.1),)
        ),
        Training(steps=4000, batch_size=256, learning_rate=1e-3, beta2=0.99, decay="linear", average_kimg=10.0),
    ),
)
