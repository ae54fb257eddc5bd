"""The residual networks for 32 × 32 images from the paper on spectral normalisation, at any width.

Source: Miyato, Kataoka, Koyama, Yoshida 2018, appendix B.4, table 4. The paper's widths are 256 for the generator and
128 for the discriminator. `gancourse.models.folded` makes both faster, `spectral.spectral_normalised` gives the paper's
discriminator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from gancourse.models.blocks import Flatten, check_shape
from gancourse.models.family import Family, check_images
from gancourse.models.spectral import spectral_normalised
from gancourse.signature import Signature
from gancourse.values import Count

SIZE = 32


class Residual(nn.Module):
    """The sum of a shortcut and a residual branch.

    Args:
        shortcut: maps [batch, in, …] to the shape of the branch's output.
        change: the branch; maps [batch, in, …] to [batch, out, …].
    """

    def __init__(self, shortcut: nn.Module, change: nn.Module) -> None:
        super().__init__()
        self.shortcut, self.change = shortcut, change

    def forward(self, x: Tensor) -> Tensor:
        """The sum."""
        return self.shortcut(x) + self.change(x)


def up_block(n_in: int, n_out: int) -> Residual:
    """Doubles height and width: BatchNorm, ReLU, upsampling, convolution, and once more without upsampling."""
    return Residual(
        nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(n_in, n_out, 1)),
        nn.Sequential(
            nn.BatchNorm2d(n_in),
            nn.ReLU(),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(n_in, n_out, 3, padding=1),
            nn.BatchNorm2d(n_out),
            nn.ReLU(),
            nn.Conv2d(n_out, n_out, 3, padding=1),
        ),
    )


def down_block(n_in: int, n_out: int, first: bool = False) -> Residual:
    """Halves height and width by means over squares; the first block has no ReLU at its start."""
    return Residual(
        nn.Sequential(nn.Conv2d(n_in, n_out, 1), nn.AvgPool2d(2)),
        nn.Sequential(
            *([] if first else [nn.ReLU()]),
            nn.Conv2d(n_in, n_out, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(n_out, n_out, 3, padding=1),
            nn.AvgPool2d(2),
        ),
    )


def same_block(n: int) -> Residual:
    """Keeps the shape."""
    return Residual(
        nn.Identity(),
        nn.Sequential(nn.ReLU(), nn.Conv2d(n, n, 3, padding=1), nn.ReLU(), nn.Conv2d(n, n, 3, padding=1)),
    )


def _initialise(network: nn.Module) -> None:
    """Initialise weights by Glorot's uniform rule, and biases to zero."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)


class Generator(nn.Module):
    """Maps latents [batch, latent_size] to images [batch, channels, 32, 32] in [−1, 1].

    >>> import torch
    >>> Generator(latent_size=16, width=8)(torch.zeros(2, 16)).shape
    torch.Size([2, 3, 32, 32])
    """

    def __init__(self, latent_size: int = 128, width: int = 256, channels: int = 3) -> None:
        super().__init__()
        self.latent_size = latent_size
        self.layers = nn.Sequential(
            nn.Linear(latent_size, width * 4 * 4),
            nn.Unflatten(1, (width, 4, 4)),
            *(up_block(width, width) for _ in range(3)),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, channels, 3, padding=1),
            nn.Tanh(),
        )
        _initialise(self)

    def forward(self, z: Tensor) -> Tensor:
        """Images [batch, channels, 32, 32]."""
        check_shape(z, (self.latent_size,), "z")
        return self.layers(z)


class Sum(nn.Module):
    """Sums images [batch, channels, height, width] over height and width, [batch, channels]."""

    def forward(self, x: Tensor) -> Tensor:
        """The sums."""
        return x.sum((2, 3))


class Discriminator(nn.Module):
    """Maps images [batch, channels, 32, 32] to scores [batch] (logits, high = real); without any normalisation.

    >>> import torch
    >>> Discriminator(width=8)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2])
    """

    def __init__(self, width: int = 128, channels: int = 3) -> None:
        super().__init__()
        self.channels = channels
        self.body = nn.Sequential(
            down_block(channels, width, first=True),
            down_block(width, width),
            same_block(width),
            same_block(width),
            nn.ReLU(),
            Sum(),
        )
        self.head = nn.Sequential(nn.Linear(width, 1), Flatten())
        _initialise(self)

    def features(self, x: Tensor) -> Tensor:
        """Input of the last layer, [batch, width]."""
        check_shape(x, (self.channels, SIZE, SIZE), "x")
        return self.body(x)

    def forward(self, x: Tensor) -> Tensor:
        """Scores [batch]."""
        return self.head(self.features(x))


@dataclass(frozen=True)
class ResNet(Family):
    """The networks of this file, for 32 × 32 images of any number of channels.

    Args:
        latent_size: numbers in a latent.
        width: channels of both networks; in the paper 256 for the generator and 128 for the discriminator.
        spectral_norm: whether every layer of the discriminator is spectrally normalised.
    """

    image_size: ClassVar[int | None] = SIZE
    latent_size: Count = 128
    width: Count = 64
    spectral_norm: bool = True

    def generator(self, fits: Signature) -> Generator:
        """Latents to images.

        Raises:
            ValueError: the data isn't 32 × 32 images.
        """
        return Generator(self.latent_size, self.width, check_images(fits, self))

    def discriminator(self, fits: Signature) -> Discriminator:
        """Images to scores; errors as for `generator`."""
        discriminator = Discriminator(self.width, check_images(fits, self))
        return spectral_normalised(discriminator) if self.spectral_norm else discriminator
