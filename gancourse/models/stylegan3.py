"""StyleGAN3, configuration T: a generator that carries details with the object, since no layer sees the pixel grid.

Source: Karras, Aittala, Laine, Härkönen, Hellsten, Lehtinen, Aila 2021, sections 2 and 3 and appendices. Departures: a
small number of layers and widths of one's own; convolutions pad with zeros, within the margin that is cropped; the
discriminator is StyleGAN2's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from gancourse import processes
from gancourse.models import stylegan2
from gancourse.models.alias_free import FilteredActivation, cropped
from gancourse.models.blocks import check_shape
from gancourse.models.equal_rates import equalised_with_gain
from gancourse.models.family import Family, Sampling, check_square
from gancourse.models.stylegan2 import ModulatedConvolution, ToImage
from gancourse.models.styles import TRUNCATION, Mapping, StyleGenerator, at_least_single, check_widths
from gancourse.signature import Signature
from gancourse.values import Count

FIRST_CUTOFF, FIRST_STOP, LAST_STOP, DECAY = 2.0, 2**2.1, 2**0.3, 0.999


class Band(NamedTuple):
    """What a layer's features hold, in periods and samples across the image.

    Args:
        cutoff: frequencies below it are kept.
        half_width: from the cutoff to the frequencies that are gone.
        rate: samples across the image.
    """

    cutoff: float
    half_width: float
    rate: int


def bands(n_layers: int, size: int, n_critical: int = 2) -> list[Band]:
    """The bands of the layers' outputs: cutoffs rise geometrically. The first is that of the generator's input too.

    The cutoff goes from 2 to size / 2, which the last `n_critical` layers all have; the stopband from 2^2.1 to
    2^0.3 · size / 2. The rate is the lowest power of two that holds the stopband, and no more than the size. What is
    left up to half the rate widens the transition.

    Args:
        n_layers: of the generator, without its input and without the layer to colours.
        size: of the images.
        n_critical: layers at the end that keep all that the pixels hold.

    Raises:
        ValueError: there are no layers before the critical ones, or images of less than 16 pixels or no power of two.

    Source: Karras et al. 2021, section 3.2 and figure 4c.

    >>> [band.rate for band in bands(6, 32)]
    [16, 16, 32, 32, 32, 32]
    """
    if not 0 <= n_critical < n_layers or size < 16 or size & (size - 1):
        raise ValueError(
            f"{n_layers} layers, {n_critical} of them critical, for images of {size} pixels; expected at least one "
            "layer more than critical ones, and 16, 32, 64, … pixels"
        )
    result = []
    for i in range(n_layers):
        share = min(i / (n_layers - n_critical), 1.0)
        cutoff = FIRST_CUTOFF * (size / 2 / FIRST_CUTOFF) ** share
        stop = FIRST_STOP * (size / 2 * LAST_STOP / FIRST_STOP) ** share
        rate = min(2 ** math.ceil(math.log2(2 * stop)), size)
        result.append(Band(cutoff, max(stop, rate / 2) - cutoff, rate))
    return result


class FourierFeatures(nn.Module):
    """Waves over the plane instead of a learned constant: an input that can be moved by any part of a pixel.

    Each channel is a sine of a fixed frequency below the cutoff and a fixed phase; a learned matrix mixes them. The
    style moves and turns the waves.

    Args:
        n_channels: waves, and channels of the output.
        style_size: numbers of w.
        band: of the output.
        size: height and width of the output, samples.

    Source: Karras et al. 2021, section 3 (configuration B) and appendix F.
    """

    frequencies: Tensor
    phases: Tensor
    shift: Tensor

    def __init__(self, n_channels: int, style_size: int, band: Band, size: int) -> None:
        super().__init__()
        self.size, self.rate = size, band.rate
        # Uniform in a disk, whose radius is the cutoff.
        directions = nn.functional.normalize(torch.randn(n_channels, 2))
        self.register_buffer("frequencies", band.cutoff * directions * torch.rand(n_channels, 1).sqrt())
        self.register_buffer("phases", torch.rand(n_channels))
        self.register_buffer("shift", torch.zeros(2))
        self.affine = equalised_with_gain(nn.Linear(style_size, 4), gain=1.0)
        nn.init.zeros_(self.affine.parametrizations.weight.original)
        with torch.no_grad():
            self.affine.bias[0] = 1.0
        self.weight = nn.Parameter(torch.randn(n_channels, n_channels))

    def forward(self, w: Tensor) -> Tensor:
        """Waves [batch, n_channels, size, size] at styles w [batch, style_size]."""
        turn = at_least_single(self.affine(w))
        cos, sin, right, down = (turn / turn[:, :2].norm(dim=1, keepdim=True)).T[..., None, None]
        centre = (torch.arange(self.size, device=w.device) - (self.size - 1) / 2) / self.rate
        x, y = centre[None, None, :] - right - self.shift[0], centre[None, :, None] - down - self.shift[1]
        x, y = cos * x - sin * y, sin * x + cos * y
        (fx, fy), phases = self.frequencies.T[..., None, None], self.phases[:, None, None]
        waves = torch.sin(2 * math.pi * (fx * x[:, None] + fy * y[:, None] + phases))
        return torch.einsum("oi,nihw->nohw", self.weight / math.sqrt(len(self.weight)), waves)


class AliasFreeLayer(nn.Module):
    """A modulated convolution between samples of continuous images, and a filtered leaky ReLU.

    The input is divided by its running root mean square, which replaces normalisation by each sample.

    Args:
        n_in: input channels.
        n_out: output channels.
        style_size: numbers of w.
        before: band of the input.
        after: band of the output.
        size: height and width of the output, samples, of which the middle is kept.
    """

    square: Tensor

    def __init__(self, n_in: int, n_out: int, style_size: int, before: Band, after: Band, size: int) -> None:
        super().__init__()
        self.convolution = ModulatedConvolution(n_in, n_out, style_size)
        self.bias = nn.Parameter(torch.zeros(n_out))
        # The nonlinearity's input has the band of the layer's input; the filter after it makes that of the output.
        self.activation = FilteredActivation(before.rate, *_below(before), after.rate, *_below(after))
        self.size = size
        self.register_buffer("square", torch.ones(()))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Features [batch, n_out, size, size]; w [batch, style_size]."""
        if self.training:
            with torch.no_grad():
                self.square.lerp_(processes.mean(at_least_single(x).square().mean()).to(self.square), 1 - DECAY)
        x = self.convolution(x * self.square.rsqrt().to(x.dtype), w)
        return cropped(self.activation(x + self.bias.to(x.dtype)[:, None, None]), self.size)


def _below(band: Band) -> tuple[float, float]:
    """Cutoff and half-width of a band."""
    return band.cutoff, band.half_width


class Generator(StyleGenerator):
    """Maps latents to images [batch, channels, size, size] without bounds; no noise, no mixing.

    The input, each layer and the layer to colours have a style of their own.

    Args:
        latent_size: numbers of z and of w.
        widths: channels of each layer; the input has as many as the first.
        size: of the images, 16, 32, 64, …
        channels: of the images.
        depth: layers of the mapping.
        n_critical: layers at the end that keep all that the pixels hold.
        margin: samples beyond each border that layers compute, as what lies outside spreads inwards.

    >>> generator = Generator(8, (6, 6, 4, 4), 16)
    >>> generator(torch.zeros(2, 8)).shape, generator.n_layers
    (torch.Size([2, 3, 16, 16]), 6)
    """

    def __init__(
        self,
        latent_size: int,
        widths: tuple[int, ...],
        size: int,
        channels: int = 3,
        depth: int = 2,
        n_critical: int = 2,
        margin: int = 10,
    ) -> None:
        super().__init__(Mapping(latent_size, depth), len(widths) + 2)
        after = bands(len(widths), size, n_critical)
        before, n_before = [after[0], *after[:-1]], [widths[0], *widths[:-1]]
        sizes = [band.rate + 2 * margin for band in after[:-1]] + [size]
        self.input = FourierFeatures(widths[0], latent_size, after[0], after[0].rate + 2 * margin)
        self.layers = nn.ModuleList(
            AliasFreeLayer(n_in, n_out, latent_size, *both, n)
            for n_in, n_out, *both, n in zip(n_before, widths, before, after, sizes, strict=True)
        )
        self.to_image = ToImage(widths[-1], channels, latent_size)

    def synthesis(self, w: Tensor, noise: Tensor | None = None) -> Tensor:
        """Images of styles [batch, n_layers, latent_size]; there is no noise."""
        check_shape(w, (self.n_layers, self.latent_size), "w")
        x = self.input(w[:, 0])
        for i, layer in enumerate(self.layers, 1):
            x = layer(x, w[:, i])
        return self.to_image(x, w[:, -1])


@dataclass(frozen=True)
class StyleGAN3(Family):
    """The networks of this file, for square images of 16, 32, 64, … pixels and any number of channels.

    Args:
        latent_size: numbers in a latent and in a style.
        layer_widths: channels of each of the generator's layers.
        n_critical: layers at the end that keep all that the pixels hold.
        margin: samples beyond each border that the generator's layers compute.
        depth: layers of the mapping from latents to styles.
        widths: channels of the discriminator at 4, 8, 16, … pixels: as many numbers as the images have resolutions.
        group: samples in a group of the discriminator's minibatch standard deviation; divides the batch size.
    """

    sampling: ClassVar[Sampling] = TRUNCATION
    latent_size: Count = 128
    layer_widths: tuple[Count, ...] = (96, 96, 96, 64, 48, 48)
    n_critical: Count = 2
    margin: Count = 10
    depth: Count = 2
    widths: tuple[Count, ...] = (128, 96, 64, 48)
    group: Count = 4

    def generator(self, fits: Signature) -> Generator:
        """Latents to images.

        Raises:
            ValueError: the data isn't square images of 16, 32, 64, … pixels, or there are too few layers.
        """
        channels, size = check_square(fits, self)
        return Generator(self.latent_size, self.layer_widths, size, channels, self.depth, self.n_critical, self.margin)

    def discriminator(self, fits: Signature) -> stylegan2.Discriminator:
        """Images to scores.

        Raises:
            ValueError: the data isn't square images of 4, 8, 16, … pixels, the widths are for another size, or a group
                is of one sample.
        """
        channels, size = check_square(fits, self)
        check_widths(self.widths, size, self)
        return stylegan2.Discriminator(self.widths, channels, self.group)
