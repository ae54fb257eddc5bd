"""The networks of LAPGAN: a pair for each level of a Laplacian pyramid, and the cascade of its generators.

Source: Denton, Chintala, Szlam, Fergus 2015, section 2.3 and appendix A. As there, the coarsest level's networks are
fully connected with two hidden layers, the others convolutional; noise is one more plane of a generator's input, and a
discriminator adds the low-pass image back to the band in front of its first layer. Here it
gets the low-pass image as a second input as well. Sizes are smaller, latents normal, activations LeakyReLU(0.2), and
there is neither dropout nor BatchNorm.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from gancourse.laplacian import sizes, up
from gancourse.models.blocks import Flatten, check_counts, check_shape
from gancourse.models.family import Family, check_square
from gancourse.signature import Signature
from gancourse.values import Count

LEAK = 0.2


def _check_band(x: Tensor, low: Tensor, channels: int, size: int) -> None:
    check_shape(x, (channels, size, size), "the band")
    _check_low(low, channels, size, len(x))


def _check_low(low: Tensor | None, channels: int, size: int, n: int) -> None:
    if low is None:
        raise ValueError("there are no low-pass images; pass u(d(I)) of each image, or what the coarser level made")
    check_shape(low, (channels, size, size), "the low-pass image")
    if len(low) != n:
        raise ValueError(f"there are {len(low)} low-pass images for {n} samples; pass one for each")


class TopGenerator(nn.Module):
    """Maps latents [batch, latent_size] to the coarsest images [batch, channels, size, size] in [−1, 1].

    >>> TopGenerator(16, 32, channels=3, size=8)(torch.zeros(2, 16)).shape
    torch.Size([2, 3, 8, 8])
    """

    def __init__(self, latent_size: int, hidden: int, channels: int, size: int) -> None:
        super().__init__()
        check_counts(latent_size=latent_size, hidden=hidden, channels=channels, size=size)
        self.latent_size, self.size = latent_size, size
        self.layers = nn.Sequential(
            nn.Linear(latent_size, hidden),
            nn.LeakyReLU(LEAK),
            nn.Linear(hidden, hidden),
            nn.LeakyReLU(LEAK),
            nn.Linear(hidden, channels * size * size),
            nn.Tanh(),
            nn.Unflatten(1, (channels, size, size)),
        )

    def forward(self, z: Tensor) -> Tensor:
        """Images [batch, channels, size, size]."""
        check_shape(z, (self.latent_size,), "z")
        return self.layers(z)


class TopDiscriminator(nn.Module):
    """Maps the coarsest images [batch, channels, size, size] to scores [batch] (logits, high = real)."""

    def __init__(self, hidden: int, channels: int, size: int) -> None:
        super().__init__()
        check_counts(hidden=hidden, channels=channels, size=size)
        self.shape = (channels, size, size)
        first, second = nn.Linear(channels * size * size, hidden), nn.Linear(hidden, hidden)
        self.body = nn.Sequential(nn.Flatten(), first, nn.LeakyReLU(LEAK), second, nn.LeakyReLU(LEAK))
        self.head = nn.Sequential(nn.Linear(hidden, 1), Flatten())

    def features(self, x: Tensor) -> Tensor:
        """Input of the last layer, [batch, hidden]."""
        check_shape(x, self.shape, "x")
        return self.body(x)

    def forward(self, x: Tensor) -> Tensor:
        """Scores [batch]."""
        return self.head(self.features(x))


class BandGenerator(nn.Module):
    """Maps noise [batch, size²], a plane, and low-pass images to the bands that sharpen them, [batch, channels, …].

    >>> BandGenerator(8, channels=3, size=16)(torch.zeros(2, 256), torch.zeros(2, 3, 16, 16)).shape
    torch.Size([2, 3, 16, 16])
    """

    conditional = True

    def __init__(self, width: int, channels: int, size: int) -> None:
        super().__init__()
        check_counts(width=width, channels=channels, size=size)
        self.latent_size, self.channels, self.size = size * size, channels, size
        self.layers = nn.Sequential(
            nn.Conv2d(channels + 1, width, 3, padding=1),
            nn.LeakyReLU(LEAK),
            nn.Conv2d(width, width, 3, padding=1),
            nn.LeakyReLU(LEAK),
            nn.Conv2d(width, width, 3, padding=1),
            nn.LeakyReLU(LEAK),
            nn.Conv2d(width, channels, 3, padding=1),
        )

    def forward(self, z: Tensor, low: Tensor) -> Tensor:
        """Bands h = G(z, l), [batch, channels, size, size]."""
        check_shape(z, (self.latent_size,), "z")
        _check_low(low, self.channels, self.size, len(z))
        return self.layers(torch.cat([low, z.view(-1, 1, self.size, self.size)], 1))


class BandDiscriminator(nn.Module):
    """Maps bands and their low-pass images, [batch, channels, size, size] each, to scores [batch].

    It sees the sharpened image h + l, and l beside it as the condition.
    """

    conditional = True

    def __init__(self, width: int, channels: int, size: int) -> None:
        super().__init__()
        check_counts(width=width, channels=channels)
        if size < 4:
            raise ValueError(f"bands of {size} × {size}; the convolutions halve them twice, so pass at least 4 × 4")
        self.channels, self.size = channels, size
        self.body = nn.Sequential(
            nn.Conv2d(2 * channels, width, 4, stride=2, padding=1),
            nn.LeakyReLU(LEAK),
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
            nn.LeakyReLU(LEAK),
        )
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(2 * width * (size // 4) ** 2, 1), Flatten())

    def features(self, x: Tensor, low: Tensor) -> Tensor:
        """Input of the last layer, [batch, 2 · width, size / 4, size / 4]."""
        _check_band(x, low, self.channels, self.size)
        return self.body(torch.cat([x + low, low], 1))

    def forward(self, x: Tensor, low: Tensor) -> Tensor:
        """Scores [batch]."""
        return self.head(self.features(x, low))


class Cascade(nn.Module):
    """A generator of images from the generators of all levels: each sharpens what the ones before it made.

    Args:
        generators: of the levels, the coarsest first; all but the first take low-pass images.

    Raises:
        ValueError: there are none, or they aren't of levels each twice as large as the one before, in this order.

    >>> cascade = Cascade([TopGenerator(16, 32, 3, 4), BandGenerator(8, 3, 8)])
    >>> cascade.latent_size, cascade(torch.zeros(2, 80)).shape
    (80, torch.Size([2, 3, 8, 8]))
    """

    def __init__(self, generators: Iterable[nn.Module]) -> None:
        super().__init__()
        self.generators = nn.ModuleList(generators)
        self._check_order()
        self.latent_sizes = [generator.latent_size for generator in self.generators]
        self.latent_size = sum(self.latent_sizes)

    def _check_order(self) -> None:
        if not len(self.generators):
            raise ValueError("there are no generators; pass one for each level, the coarsest first")
        if getattr(self.generators[0], "conditional", False):
            names = ", ".join(type(generator).__name__ for generator in self.generators)
            raise ValueError(f"the generators are {names}; pass the coarsest level's first, and then those of bands")
        for coarse, fine in pairwise(generator.size for generator in self.generators):
            if fine not in (2 * coarse - 1, 2 * coarse):
                raise ValueError(
                    f"a generator of {fine} × {fine} follows one of {coarse} × {coarse}; pass one of {2 * coarse} × "
                    f"{2 * coarse}, or of one pixel less"
                )

    def forward(self, z: Tensor, coarse: Tensor | None = None) -> Tensor:
        """Images at the finest level, [batch, channels, size, size].

        Args:
            z: latents of all levels side by side, the coarsest first, [batch, latent_size].
            coarse: images of a level to start from instead, such as real ones, made by `gancourse.laplacian.down`;
                latents of their level and of those before it then have no effect.

        Raises:
            ValueError: z has another shape, or no level but the last has the size of the coarse images.
        """
        check_shape(z, (self.latent_size,), "z")
        starts = [generator.size for generator in self.generators][:-1]
        if coarse is not None and (coarse.ndim != 4 or coarse.shape[2] not in starts or len(coarse) != len(z)):
            raise ValueError(
                f"coarse images are {tuple(coarse.shape)}; pass {len(z)} of height {' or '.join(map(str, starts))}"
            )
        image = coarse
        for generator, own_z in zip(self.generators, z.split(self.latent_sizes, 1), strict=True):
            if image is None:
                image = generator(own_z)
            elif image.shape[2] < generator.size:
                low = up(image, (generator.size, generator.size))
                image = low + generator(own_z, low)
        return image


@dataclass(frozen=True)
class LAPGAN(Family):
    """The networks of this file, for square images of any number of channels.

    Args:
        latent_size: numbers in a latent of the coarsest level; further levels have one a pixel.
        width: channels of the convolutional networks.
        hidden: units in the fully connected layers of the coarsest level.

    >>> [generator.size for generator in LAPGAN(width=8).generators(Signature((3, 32, 32)), 3)]
    [8, 16, 32]
    """

    latent_size: Count = 64
    width: Count = 64
    hidden: Count = 512

    def _levels(self, fits: Signature, n_levels: int) -> tuple[int, list[int]]:
        """Number of channels, and the heights of the levels, the coarsest first."""
        channels, size = check_square(fits, self)
        heights = [height for height, _ in sizes((size, size), n_levels)][::-1]
        if n_levels > 1 and heights[1] < 4:
            raise ValueError(
                f"LAPGAN makes bands of 4 × 4 and more, but {n_levels} levels of {size} × {size} images come down "
                f"to {heights[1]} × {heights[1]} first; pass a smaller n_levels"
            )
        return channels, heights

    def generators(self, fits: Signature, n_levels: int) -> list[nn.Module]:
        """A generator for each level, the coarsest first.

        Raises:
            ValueError: the data isn't square images, or they are too small for so many levels.
        """
        channels, (top, *others) = self._levels(fits, n_levels)
        first = TopGenerator(self.latent_size, self.hidden, channels, top)
        return [first, *(BandGenerator(self.width, channels, size) for size in others)]

    def discriminators(self, fits: Signature, n_levels: int) -> list[nn.Module]:
        """A discriminator for each level, the coarsest first; errors as for `generators`."""
        channels, (top, *others) = self._levels(fits, n_levels)
        first = TopDiscriminator(self.hidden, channels, top)
        return [first, *(BandDiscriminator(self.width, channels, size) for size in others)]
