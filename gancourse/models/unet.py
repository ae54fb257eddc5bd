"""A U-Net that predicts from an image with noise what the noise, or the image, is.

Source: Ho, Jain, Abbeel 2020, section 4 and appendix B: residual blocks with group normalisation, the time added in
each, self-attention at a low resolution, and connections from the way down to the way up (Ronneberger et al. 2015).
Here are three resolutions instead of four, fewer and narrower blocks, and attention at the lowest one only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, scaled_dot_product_attention, silu

from gancourse.models.blocks import check_counts, check_shape
from gancourse.models.conditioning import check_classes
from gancourse.models.family import Family, check_square
from gancourse.models.time_embedding import TimeEmbedding
from gancourse.signature import Signature
from gancourse.values import Count

MULTIPLES = (1, 2, 4)
"""Channels at each resolution, as multiples of the width."""
N_GROUPS = 8
SMALLEST = 2 ** (len(MULTIPLES) - 1)


def group_norm(n_channels: int) -> nn.GroupNorm:
    """Group normalisation in 8 groups, or in as many as divide the channels."""
    return nn.GroupNorm(math.gcd(N_GROUPS, n_channels), n_channels)


class ResidualBlock(nn.Module):
    """Two convolutions beside a skip connection; the time is added between them.

    The second convolution starts at zero, so that the block starts as its skip connection.

    Args:
        n_in: channels of the input.
        n_out: channels of the output.
        n_time: numbers in the embedding of the time.
    """

    def __init__(self, n_in: int, n_out: int, n_time: int) -> None:
        super().__init__()
        self.first_norm, self.second_norm = group_norm(n_in), group_norm(n_out)
        self.first, self.second = nn.Conv2d(n_in, n_out, 3, padding=1), zeroed(nn.Conv2d(n_out, n_out, 3, padding=1))
        self.of_time = nn.Linear(n_time, n_out)
        self.skip = nn.Identity() if n_in == n_out else nn.Conv2d(n_in, n_out, 1)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """Features [batch, n_out, height, width] of such features and of embeddings [batch, n_time]."""
        hidden = self.first(silu(self.first_norm(x))) + self.of_time(silu(time))[:, :, None, None]
        return self.skip(x) + self.second(silu(self.second_norm(hidden)))


class PlaceAttention(nn.Module):
    """Self-attention of one head between all places of a map, beside a skip connection; starts as the identity.

    Unlike `SelfAttention`, it normalises its input, and divides products by the root of their length.

    Args:
        n_channels: of input and output, and of queries, keys and values.
    """

    def __init__(self, n_channels: int) -> None:
        super().__init__()
        self.norm = group_norm(n_channels)
        self.projections = nn.Conv2d(n_channels, 3 * n_channels, 1)
        self.out = zeroed(nn.Conv2d(n_channels, n_channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Features of the shape of x."""
        places = self.projections(self.norm(x)).flatten(2).transpose(1, 2)
        means = scaled_dot_product_attention(*places.chunk(3, dim=2))
        return x + self.out(means.transpose(1, 2).reshape(x.shape))


def zeroed(layer: nn.Conv2d | nn.Linear) -> nn.Conv2d | nn.Linear:
    """The layer, its weights and biases set to zero."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


class Denoiser(nn.Module):
    """Maps images with noise [batch, channels, height, width], times [batch] and labels to predictions of their shape.

    The last layer starts at zero, so that the first predictions are zero.

    Args:
        channels: of the images.
        width: channels at the full resolution; twice as many at a half of it, four times at a quarter.
        depth: residual blocks at each resolution, on the way down and on the way up.
        attention: whether there is self-attention at a quarter of the resolution.
        n_classes: of the labels; 0 for no labels. The label n_classes means "no class".

    Raises:
        ValueError: a count is below one; when called, if height or width isn't divisible by four, or as for
            `TimeEmbedding`.

    >>> Denoiser(width=8)(torch.zeros(2, 1, 28, 28), torch.tensor([0.0, 999.0])).shape
    torch.Size([2, 1, 28, 28])
    """

    def __init__(
        self, channels: int = 1, width: int = 16, depth: int = 1, attention: bool = True, n_classes: int = 0
    ) -> None:
        super().__init__()
        check_counts(channels=channels, width=width, depth=depth)
        self.channels, self.n_classes, n_time = channels, n_classes, 4 * width
        self.embedding = TimeEmbedding(n_time, n_classes)
        self.first = nn.Conv2d(channels, width, 3, padding=1)
        self.down, self.smaller, self.up, self.larger = (nn.ModuleList() for _ in range(4))
        n_here, widths = width, [multiple * width for multiple in MULTIPLES]
        for level, n in enumerate(widths):
            self.smaller.append(nn.Conv2d(n_here, n_here, 3, stride=2, padding=1) if level else nn.Identity())
            for _ in range(depth):
                self.down.append(ResidualBlock(n_here, n, n_time))
                n_here = n
        self.middle = nn.ModuleList([ResidualBlock(n_here, n_here, n_time) for _ in range(2)])
        self.attention = PlaceAttention(n_here) if attention else nn.Identity()
        for level, n in reversed(list(enumerate(widths))):
            for _ in range(depth):
                self.up.append(ResidualBlock(n_here + n, n, n_time))
                n_here = n
            self.larger.append(nn.Conv2d(n_here, n_here, 3, padding=1) if level else nn.Identity())
        self.last_norm, self.last = group_norm(n_here), zeroed(nn.Conv2d(n_here, channels, 3, padding=1))

    @property
    def conditional(self) -> bool:
        """Whether it takes labels."""
        return self.n_classes > 0

    def forward(self, x: Tensor, time: Tensor, y: Tensor | None = None) -> Tensor:
        """Predictions of the shape of x; times are from 0 to 1000."""
        check_shape(x, (self.channels, *x.shape[2:]), "x")
        if x.shape[2] % SMALLEST or x.shape[3] % SMALLEST:
            raise ValueError(f"x has shape {tuple(x.shape)}; height and width are halved twice, so pass multiples of 4")
        embedding, hidden, kept = self.embedding(time, y), self.first(x), []
        depth = len(self.down) // len(MULTIPLES)
        for level, smaller in enumerate(self.smaller):
            hidden = smaller(hidden)
            for block in self.down[level * depth : (level + 1) * depth]:
                hidden = block(hidden, embedding)
                kept.append(hidden)
        before, after = self.middle
        hidden = after(self.attention(before(hidden, embedding)), embedding)
        for level, larger in enumerate(self.larger):
            for block in self.up[level * depth : (level + 1) * depth]:
                hidden = block(torch.cat([hidden, kept.pop()], 1), embedding)
            if level < len(MULTIPLES) - 1:
                hidden = larger(interpolate(hidden, scale_factor=2.0))
        return self.last(silu(self.last_norm(hidden)))


@dataclass(frozen=True)
class UNet(Family):
    """The network of this file, for square images whose size is a multiple of four.

    Args:
        width: channels at the full resolution; twice as many at a half of it, four times at a quarter.
        depth: residual blocks at each resolution, on the way down and on the way up.
        attention: whether there is self-attention at a quarter of the resolution.
        classes: whether the network sees the data's classes; it can be asked without one too.
    """

    width: Count = 16
    depth: Count = 1
    attention: bool = True
    classes: bool = False

    def denoiser(self, fits: Signature) -> Denoiser:
        """Images with noise, and times, to predictions.

        Raises:
            ValueError: the data isn't square images of a multiple of four pixels, or it has no classes to see.
        """
        channels, size = check_square(fits, self)
        if size % SMALLEST:
            raise ValueError(f"UNet makes images of 4, 8, 12, … pixels, not {fits}; take another recipe or other data")
        n_classes = check_classes(fits, self) if self.classes else 0
        return Denoiser(channels, self.width, self.depth, self.attention, n_classes)
