"""A GAN in each of few steps from noise to data: the denoising diffusion GAN."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from gancourse.diffusion import VariancePreserving
from gancourse.games import DenoisingGAN, Remedy  # noqa: F401
from gancourse.games.denoising_gan import StepByStep
from gancourse.models import Family  # noqa: F401
from gancourse.recipes.plays.adversarial import Adversarial
from gancourse.recipes.plays.auxiliary import check_single
from gancourse.recipes.terms import Term  # noqa: F401
from gancourse.signature import Signature, States
from gancourse.values import Count, Positive  # noqa: F401

# The names that aren't used are in hints of inherited fields, which the package reference looks up in this module.

FOUR_STEPS = VariancePreserving("continuous", 4)


@dataclass(frozen=True)
class DenoisingAdversarial(Adversarial):
    """A denoising diffusion GAN, which uses no labels.

    Args:
        family: the networks: anything with a generator and a discriminator of a condition.
        process: how data and noise are mixed, in as many steps as samples take.
        random_latents: whether the generator gets random latents besides x_t; otherwise they are zero.
    """

    process: VariancePreserving = FOUR_STEPS
    random_latents: bool = True

    def networks(self, fits: Signature, seen: Signature) -> tuple[nn.Module, ...]:
        """A generator and a discriminator of noisy samples and their steps.

        Raises:
            ValueError: the networks don't fit the data, or the discriminator sees packs.
        """
        check_single(fits, seen, "a denoising GAN")
        fits = dataclasses.replace(fits, condition=States(fits.shape, self.process.n_times))
        return self.family.pair(fits, fits)

    def innermost(self, networks: tuple[nn.Module, ...], **settings: Any) -> DenoisingGAN:
        """The denoising GAN."""
        generator, discriminator = networks
        return DenoisingGAN(generator, discriminator, self.process, **settings, random_latents=self.random_latents)

    def kept(self, networks: Mapping[str, nn.Module]) -> StepByStep:
        """The generator with its steps: a generator of latents like others."""
        return StepByStep(networks["generator"], self.process, self.random_latents)
