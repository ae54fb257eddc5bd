"""Sizes of the style-based families, and how their samples may be truncated and mixed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from torch import Tensor, nn

from gancourse.models.family import Family, Sampling, check_square
from gancourse.models.styles import StyleGenerator
from gancourse.signature import Signature
from gancourse.values import Count, Positive, Range, Share

START = 4


class TruncatedStyles(nn.Module):
    """A generator of latents with its styles truncated, and mixed with those of other latents, for samples.

    Args:
        generator: with styles.
        psi: what the styles' distance from their mean is multiplied by.
        crossover: from this layer on, samples have the styles of their second latents; 0 for no mixing.

    Raises:
        ValueError: ψ isn't positive, or the crossover lies beyond the layers.
    """

    def __init__(self, generator: StyleGenerator, psi: float = 1.0, crossover: int = 0) -> None:
        super().__init__()
        self.generator, self.psi, self.crossover = generator, psi, crossover
        self.latent_size, self.latents = generator.latent_size, generator.latents
        nothing = generator.mean_w.new_zeros(1, generator.n_layers, generator.latent_size)
        self._w(nothing, nothing)  # complains before the first sample

    def _w(self, w: Tensor, second: Tensor | None) -> Tensor:
        w = self.generator.truncated(w, self.psi)
        if not self.crossover or second is None:
            return w
        return self.generator.mixed(w, self.generator.truncated(second, self.psi), self.crossover)

    def forward(self, z: Tensor) -> Tensor:
        """Images of rows, or of latents, which aren't mixed."""
        row, of = self.generator.row(z), lambda z: self.generator.repeated(self.generator.mapping(z))
        second = None if row.second is None else of(row.second)
        return self.generator.synthesis(self._w(of(row.z), second), row.noise)


@dataclass(frozen=True)
class Truncation(Sampling):
    """Samples of a style-based generator.

    Args:
        psi: distance of the styles from their mean, as a share of the usual one.
        crossover: from this layer on, samples have the styles of other latents; 0 for no mixing.
    """

    no_truncation: ClassVar[str] = "truncates styles, not latents; pass --psi, such as 0.7"
    psi: Positive = 1.0
    crossover: Annotated[int, Range(0)] = 0

    def of(self, network: nn.Module) -> nn.Module:
        """The generator with these; errors as for `TruncatedStyles`."""
        return network if self == TRUNCATION else TruncatedStyles(network, self.psi, self.crossover)


TRUNCATION = Truncation()


def check_widths(widths: tuple[int, ...], size: int, family: Family) -> None:
    """Complain unless there is a width for each resolution from 4 × 4 to size × size.

    Raises:
        ValueError: the size isn't 4, 8, 16, …, or there are more or less widths.
    """
    name, n = type(family).__name__, (size // START).bit_length()
    if size < START or size & (size - 1):
        raise ValueError(f"images: {size} × {size}; {name} doubles 4 × 4, so pass 4, 8, 16, 32, …")
    if len(widths) != n:
        raise ValueError(
            f"{len(widths)} widths, but images of {size} × {size} have {n} resolutions from 4 × 4 on; pass {n} widths"
        )


@dataclass(frozen=True)
class SquareStyleFamily(Family):
    """Base of the style-based families for square images of 4, 8, 16, … pixels and any number of channels.

    Args:
        latent_size: numbers in a latent and in a style.
        widths: channels of both networks at 4, 8, 16, … pixels: as many numbers as the images have resolutions.
        depth: layers of the mapping from latents to styles; 0 for styles that are normalised latents.
        mixing: share of the generator's training samples that have the styles of two latents.
        group: samples in a group of the discriminator's minibatch standard deviation; divides the batch size.
    """

    abstract: ClassVar[bool] = True
    sampling: ClassVar[Sampling] = TRUNCATION
    latent_size: Count = 128
    widths: tuple[Count, ...] = (128, 96, 64, 48)
    depth: Annotated[int, Range(0)] = 4
    mixing: Share = 0.9
    group: Count = 4

    def _channels(self, fits: Signature) -> int:
        """Channels of the images.

        Raises:
            ValueError: they aren't square images of a power of two, or there aren't as many widths as resolutions.
        """
        channels, size = check_square(fits, self)
        check_widths(self.widths, size, self)
        return channels
