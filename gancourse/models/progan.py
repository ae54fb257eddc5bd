"""The progressively grown GAN: networks with the layers of all resolutions, of which a part is in use.

Source: Karras, Aila, Laine, Lehtinen 2018, section 2 and appendix A.1, whose table 2 lists the layers for 1024 × 1024.
Departures: images of any power of two, and any width; a sample is returned at full size at every level; the generator's
first layer has a bias for each number, not for each feature map.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from gancourse.models.batch_statistics import MinibatchStd
from gancourse.models.blocks import Flatten, check_counts, check_shape
from gancourse.models.equal_rates import PixelNorm, equalised
from gancourse.models.family import Family, check_square
from gancourse.signature import Signature
from gancourse.values import Count

START, LEAK = 4, 0.2


def _convolution(n_in: int, n_out: int, kernel: int = 3) -> nn.Module:
    return equalised(nn.Conv2d(n_in, n_out, kernel, padding=kernel // 2))


def doubled(x: Tensor, times: int = 1) -> Tensor:
    """Images of twice the size, or of 2^times: each pixel is repeated.

    Raises:
        ValueError: times is negative.
    """
    if times < 0:
        raise ValueError(f"images can't be doubled {times} times; pass at least 0, or make them smaller by avg_pool2d")
    return interpolate(x, scale_factor=float(2**times)) if times else x


def _check_widths(widths: list[int]) -> None:
    if not widths or min(widths) < 1:
        raise ValueError(f"widths are {widths}; pass at least 1 channel for each resolution, from 4 × 4 on")


class Place(NamedTuple):
    """The part of a network that is in use.

    Args:
        top: index of the highest resolution, 0 for 4 × 4.
        alpha: its share in the output; the rest comes from the one below. 1 except during a fade.
    """

    top: int
    alpha: float


class _Growing(nn.Module):
    """Base of both networks: they have a level, whose whole part counts doublings of 4 × 4; a fraction fades one in.

    Args:
        n_levels: how many resolutions there are. The level is the highest one's unless something sets it.
    """

    def __init__(self, n_levels: int) -> None:
        super().__init__()
        self.n_levels = n_levels
        # With a number even where the weights have none: shapes and operations are counted on the device "meta".
        self.register_buffer("level", torch.tensor(n_levels - 1.0, device="cpu"))

    @property
    def place(self) -> Place:
        """The part in use.

        Raises:
            ValueError: there is no such level.
        """
        highest = self.n_levels - 1
        level = self.level.item()
        if not 0 <= level <= highest:
            raise ValueError(f"the level is {level}, but the network's go from 0 to {highest}; set one of these")
        top = math.ceil(level)
        return Place(top, 1.0 - (top - level))

    @property
    def resolution(self) -> int:
        """Height and width of the images that the part in use is for."""
        return START * 2**self.place.top

    @property
    def alpha(self) -> float:
        """Share of the highest resolution in use; 1 except during a fade."""
        return self.place.alpha


class Generator(_Growing):
    """Maps latents [batch, latent_size] to images [batch, channels, size, size], at any level, without bounds.

    Only the layers up to the level are computed; their image is enlarged to full size by repeating pixels.

    Args:
        latent_size: numbers in a latent.
        widths: channels at each resolution, from 4 × 4 on.
        channels: of the images.

    Raises:
        ValueError: there are no latents, channels or resolutions.

    >>> generator = Generator(16, [8, 8, 4])
    >>> generator.level.fill_(0.5).item(), generator(torch.zeros(2, 16)).shape
    (0.5, torch.Size([2, 3, 16, 16]))
    """

    def __init__(self, latent_size: int, widths: list[int], channels: int = 3) -> None:
        _check_widths(widths)
        check_counts(latent_size=latent_size, channels=channels)
        super().__init__(len(widths))
        self.latent_size = latent_size
        self.start = nn.Sequential(
            PixelNorm(),
            equalised(nn.Linear(latent_size, widths[0] * START * START)),
            nn.Unflatten(1, (widths[0], START, START)),
            nn.LeakyReLU(LEAK),
            PixelNorm(),
            *self._layer(widths[0], widths[0]),
        )
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Upsample(scale_factor=2), *self._layer(n_in, n_out), *self._layer(n_out, n_out))
            for n_in, n_out in pairwise(widths)
        )
        self.to_image = nn.ModuleList(_convolution(width, channels, 1) for width in widths)

    @staticmethod
    def _layer(n_in: int, n_out: int) -> tuple[nn.Module, ...]:
        return _convolution(n_in, n_out), nn.LeakyReLU(LEAK), PixelNorm()

    def forward(self, z: Tensor) -> Tensor:
        """Images [batch, channels, size, size]."""
        check_shape(z, (self.latent_size,), "z")
        top, alpha = self.place
        below, x = None, self.start(z)
        for block in self.blocks[:top]:
            below, x = x, block(x)
        image = self.to_image[top](x)
        if alpha < 1:
            old = doubled(self.to_image[top - 1](below))
            image = old + alpha * (image - old)
        return doubled(image, self.n_levels - 1 - top)


class Discriminator(_Growing):
    """Maps images to scores [batch] (logits, high = real), at any level.

    Images are [batch, channels, size, size] at full size, of which the mean over squares is taken, or at the resolution
    in use. Only the layers up to the level are computed.

    Args:
        widths: channels at each resolution, from 4 × 4 on.
        channels: of the images.
        group: samples in a group of the minibatch standard deviation.

    Raises:
        ValueError: there are no channels or resolutions, or a group has less than two samples.

    >>> Discriminator([8, 8, 4])(torch.zeros(4, 3, 16, 16)).shape
    torch.Size([4])
    """

    def __init__(self, widths: list[int], channels: int = 3, group: int = 4) -> None:
        _check_widths(widths)
        check_counts(channels=channels)
        super().__init__(len(widths))
        self.channels, self.size = channels, START * 2 ** (len(widths) - 1)
        self.from_image = nn.ModuleList(nn.Sequential(*self._layer(channels, width, 1)) for width in widths)
        self.blocks = nn.ModuleList(
            nn.Sequential(*self._layer(n_in, n_in), *self._layer(n_in, n_out), nn.AvgPool2d(2))
            for n_out, n_in in pairwise(widths)
        )
        self.end = nn.Sequential(
            MinibatchStd(group),
            *self._layer(widths[0] + 1, widths[0]),
            nn.Flatten(),
            equalised(nn.Linear(widths[0] * START * START, widths[0])),
            nn.LeakyReLU(LEAK),
        )
        self.head = nn.Sequential(equalised(nn.Linear(widths[0], 1)), Flatten())

    @staticmethod
    def _layer(n_in: int, n_out: int, kernel: int = 3) -> tuple[nn.Module, ...]:
        return _convolution(n_in, n_out, kernel), nn.LeakyReLU(LEAK)

    def features(self, x: Tensor) -> Tensor:
        """Input of the last layer, [batch, width at 4 × 4]."""
        top, alpha = self.place
        resolution = START * 2**top
        if x.shape[-1] != resolution:
            check_shape(x, (self.channels, self.size, self.size), "x")
            x = avg_pool2d(x, self.size // resolution)
        check_shape(x, (self.channels, resolution, resolution), "x")
        h = self.from_image[top](x)
        for i in range(top, 0, -1):
            h = self.blocks[i - 1](h)
            if i == top and alpha < 1:
                old = self.from_image[top - 1](avg_pool2d(x, 2))
                h = old + alpha * (h - old)
        return self.end(h)

    def forward(self, x: Tensor) -> Tensor:
        """Scores [batch]."""
        return self.head(self.features(x))


@contextmanager
def at_level(network: nn.Module, level: float) -> Iterator[None]:
    """Inside, the network is at that level; afterwards at its own again.

    Raises:
        ValueError: it doesn't grow.

    >>> generator = Generator(16, [8, 8, 4])
    >>> with at_level(generator, 0.0):
    ...     generator.resolution
    4
    """
    if not hasattr(network, "level"):
        raise ValueError(f"{type(network).__name__} has no level; pass a network that grows, such as ProGAN's")
    before = network.level
    network.level = torch.full_like(before, level)
    try:
        yield
    finally:
        network.level = before


@dataclass(frozen=True)
class ProGAN(Family):
    """The networks of this file, for square images of 4, 8, 16, … pixels and any number of channels.

    Args:
        latent_size: numbers in a latent.
        width: channels at 4 × 4.
        wide_to: the highest resolution that has as many channels; each further one has half as many as the one before.
        group: samples in a group of the discriminator's minibatch standard deviation; divides the batch size.

    >>> ProGAN(latent_size=512, width=512).widths(1024)
    [512, 512, 512, 512, 256, 128, 64, 32, 16]
    """

    latent_size: Count = 128
    width: Count = 64
    wide_to: Count = 32
    group: Count = 4

    def widths(self, size: int) -> list[int]:
        """Channels at each resolution from 4 × 4 to size × size.

        Raises:
            ValueError: the size or `wide_to` isn't 4, 8, 16, …, or `wide_to` is larger than the size.
        """
        for what, n in (("images", size), ("wide_to", self.wide_to)):
            if n < START or n & (n - 1):
                raise ValueError(f"{what}: {n} × {n}; ProGAN doubles 4 × 4, so pass 4, 8, 16, 32, …")
        if self.wide_to > size:
            raise ValueError(f"wide_to is {self.wide_to}, but the images are {size} × {size}; pass at most {size}")
        resolutions = [START * 2**i for i in range((size // START).bit_length())]
        return [max(self.width * self.wide_to // max(self.wide_to, r), 1) for r in resolutions]

    def generator(self, fits: Signature) -> Generator:
        """Latents to images.

        Raises:
            ValueError: the data isn't square images of 4, 8, 16, … pixels, or they are smaller than `wide_to`.
        """
        channels, size = check_square(fits, self)
        return Generator(self.latent_size, self.widths(size), channels)

    def discriminator(self, fits: Signature) -> Discriminator:
        """Images to scores; errors as for `generator`, and a group is of one sample."""
        channels, size = check_square(fits, self)
        return Discriminator(self.widths(size), channels, self.group)
