"""Recipes for cartoon faces."""

from __future__ import annotations

from gancourse.diffusion import VariancePreserving
from gancourse.games import GrowingRemedy
from gancourse.models import DCGAN, LAPGAN, BigGAN, ProGAN, SmallRegressor, StyleGAN2, UNet
from gancourse.recipes.plays import Adversarial, Denoising, DiffusionSampling, Laplacian, Regressing
from gancourse.recipes.schema import Data, Recipe, Training
from gancourse.recipes.terms import R1, R2, Drift, GradientPenalty

# Karras et al. 2018, appendix A.1: WGAN-GP with a drift term of 0.001, Adam(β₁ = 0, β₂ = 0.99), batches of 16.
# Departures, for trainings of 45 minutes: narrower networks, phases of 10 thousand images (800), a rate of 3e-3 (1e-3).
_PROGAN = Adversarial(ProGAN(wide_to=16), "wasserstein", (GradientPenalty(10.0), Drift(0.001)))
_PROGAN_TRAINING = Training(steps=12_000, batch_size=16, learning_rate=3e-3, beta1=0.0, beta2=0.99, average_kimg=10.0)

_READING = (
    Regressing(SmallRegressor()),
    Training(steps=8_000, batch_size=128, learning_rate=1e-3, beta1=0.9, decay="cosine"),
)

RECIPES = (
    Recipe(
        "dcgan-faces",
        "cartoon faces by the DCGAN guidelines, with spectral normalisation in the discriminator",
        Data("faces"),
        Adversarial(DCGAN(width=48, discriminator_norm="spectral")),
        Training(steps=20_000, decay="linear", average_kimg=20.0),
    ),
    # As modern-fashion, at 32 × 32; Adam's β₁ = 0 as in R3GAN (Huang et al. 2024).
    Recipe(
        "modern-faces",
        "cartoon faces by the modern baseline: relativistic pairing with R1 and R2, and nothing else",
        Data("faces"),
        Adversarial(
            DCGAN(width=48, discriminator_norm="none"), "relativistic-pairing", (R1(0.5, every=4), R2(0.5, every=4))
        ),
        Training(steps=20_000, learning_rate=1e-3, beta1=0.0, beta2=0.99, decay="linear", average_kimg=20.0),
    ),
    # Brock et al. 2019, appendix C: hinge, two updates of D for one of G, Adam(β₁ = 0, β₂ = 0.999), rates of 2e-4 for D
    # and 5e-5 for G at batches of 2048. Departures, for trainings of half an hour: narrower networks (64 channels) with
    # attention at 16 × 16, batches of 64, twice D's rate and four times G's; averages with a half-life in images.
    # It stops early, as the paper's trainings do, which collapse later. In one training of 10,000 steps, the Fréchet
    # distance of 1,000 samples was 176, 119, 101, 112, 121, 125, 135, 170 and 195 after each thousand.
    Recipe(
        "biggan-faces",
        "cartoon faces of a hair style by BigGAN",
        Data("faces-by-hair"),
        Adversarial(
            BigGAN(latent_size=64, width=16, embedding_size=32, attention_at=16),
            "hinge",
            n_critic=2,
            generator_rate=0.5,
        ),
        Training(steps=3_000, learning_rate=4e-4, beta1=0.0, decay="linear", average_kimg=20.0),
    ),
    # As ddpm-digits, with a wider network and a cosine schedule (Nichol and Dhariwal 2021, eq. 17). Two hours of one
    # core, at nine milliseconds an image.
    Recipe(
        "ddpm-faces",
        "cartoon faces by diffusion: a U-Net that predicts v",
        Data("faces"),
        Denoising(UNet(width=24), VariancePreserving("cosine"), "v", sampling=DiffusionSampling("ddim", 25)),
        Training(steps=12_000, learning_rate=1e-3, beta1=0.9, decay="cosine", average_kimg=20.0),
    ),
    Recipe("faces-regressor", "the factors of faces, and features that metrics compare", Data("faces"), *_READING),
    Recipe("faces-sketch-regressor", "the same of faces in coloured pencil", Data("faces-sketch"), *_READING),
    # Denton et al. 2015: three levels, independent of each other. Lazy R1 and Adam where the paper has dropout and SGD.
    Recipe(
        "lapgan-faces",
        "cartoon faces from a Laplacian pyramid of three GANs, 8 × 8 to 32 × 32",
        Data("faces"),
        Laplacian(LAPGAN(width=48), terms=(R1(every=4),)),
        Training(steps=6_000, learning_rate=1e-3, beta1=0.0, beta2=0.99, decay="linear", average_kimg=20.0),
    ),
    Recipe(
        "progan-faces",
        "cartoon faces by networks that grow from 4 × 4 to 32 × 32",
        Data("faces"),
        _PROGAN.changed(remedies=(GrowingRemedy(fade_kimg=10.0, stable_kimg=10.0),)),
        _PROGAN_TRAINING,
    ),
    Recipe(
        "progan-faces-whole",
        "the control of progan-faces: the same networks at 32 × 32 from the start",
        Data("faces"),
        _PROGAN,
        _PROGAN_TRAINING.changed(steps=9_700),  # what takes the other one's processor seconds
    ),
    # Karras et al. 2020, appendix B: Adam(2e-3, β₁ = 0, β₂ = 0.99), batches of 32. The objective and its penalties are
    # R3GAN's (Huang et al. 2024), computed lazily; the paper has the non-saturating loss and R1.
    Recipe(
        "stylegan2-faces",
        "cartoon faces by a style-based generator without growing",
        Data("faces"),
        Adversarial(StyleGAN2(), "relativistic-pairing", (R1(0.5, every=8), R2(0.5, every=8)), generator_rate=0.75),
        Training(
            steps=16_000,
            batch_size=32,
            learning_rate=2e-3,
            beta1=0.0,
            beta2=0.99,
            decay="linear",
            average_kimg=10.0,
        ),
    ),
)
