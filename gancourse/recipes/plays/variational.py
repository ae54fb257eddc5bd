"""A variational autoencoder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from gancourse.data import Source
from gancourse.games import VAE
from gancourse.models import Family
from gancourse.recipes.plays.play import Play, generated
from gancourse.signature import Signature
from gancourse.values import NonNegative, Positive


@dataclass(frozen=True)
class Variational(Play):
    """A VAE, of which the decoder is kept.

    Args:
        family: the networks: anything with a decoder and an encoder.
        std: standard deviation of the decoder's density, where pixels go from −1 to 1; at 1 the reconstruction term is
            half the squared error, up to a constant.
        beta: what the KL term is multiplied by.
    """

    averaged: ClassVar[tuple[str, ...]] = ("vae",)
    family: Family
    std: Positive = 1.0
    beta: NonNegative = 1.0

    def game(self, fits: Signature) -> VAE:
        """The VAE."""
        decoder = self.family.decoder(fits)
        return VAE(self.family.encoder(fits), decoder, self.std, self.beta)

    def kept(self, networks: Mapping[str, nn.Module]) -> nn.Module:
        """The decoder."""
        return networks["vae"]["decoder"]

    def sample(self, network: nn.Module, source: Source, n: int, seed: int = 0, y: Tensor | None = None) -> Tensor:
        """What the decoder makes of n latents: the mean of its density."""
        return generated(network, n, seed, y)
