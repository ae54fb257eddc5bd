"""Residual networks with a condition and self-attention, for images of 32 to 256 pixels: what SAGAN and BigGAN share.

The generator has conditional BatchNorm, and a family says which numbers each of its layers is conditioned on. The
discriminator has no normalisation but spectral norm, sums over space and projects the condition on the sums.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from torch import Tensor, nn

from gancourse.models.attention import AttentionForm, SelfAttention
from gancourse.models.blocks import check_shape
from gancourse.models.conditioning import ConditionalBatchNorm, Projection, encoded
from gancourse.models.family import Family, check_square
from gancourse.signature import Condition, Signature

START = 4


class Layout(NamedTuple):
    """Sizes of both networks for images of one size, in multiples of the width.

    Args:
        generator: channels at 4 × 4, 8 × 8, ….
        discriminator: channels after each block.
        halvings: how many of the discriminator's blocks, from the first on, halve height and width.
    """

    generator: tuple[int, ...]
    discriminator: tuple[int, ...]
    halvings: int


LAYOUTS = {
    32: Layout((4, 4, 4, 4), (4, 4, 4, 4), 2),
    64: Layout((16, 16, 8, 4, 2), (1, 2, 4, 8, 16), 4),
    128: Layout((16, 16, 8, 4, 2, 1), (1, 2, 4, 8, 16, 16), 5),
    256: Layout((16, 16, 8, 8, 4, 2, 1), (1, 2, 4, 8, 8, 16, 16), 6),
}
"""By the size of the images.

Source: Brock, Donahue, Simonyan 2019, appendix B, from 128 on; ajbrock/BigGAN-PyTorch for 32 and 64.
"""


def layout_of(fits: Signature, family: Family, attention: AttentionForm, attention_at: int) -> Layout:
    """The sizes of the networks for some data.

    Raises:
        ValueError: the data isn't square images of one of the sizes in `LAYOUTS`, or no features are of the resolution
            that attention is asked for.
    """
    _, size = check_square(fits, family)
    if size not in LAYOUTS:
        sizes = ", ".join(map(str, LAYOUTS))
        raise ValueError(f"{type(family).__name__} makes images of {sizes} pixels, not {fits}; take other data")
    resolutions = [START * 2**i for i in range(1, len(LAYOUTS[size].generator))]
    if attention != "none" and attention_at not in resolutions:
        raise ValueError(
            f"attention_at is {attention_at}, but the blocks' features are of {', '.join(map(str, resolutions))} "
            "pixels; pass one of these, or attention='none'"
        )
    return LAYOUTS[size]


class UpBlock(nn.Module):
    """Doubles height and width: conditional BatchNorm, ReLU, upsampling, convolution, and once more without upsampling.

    Args:
        n_in: channels of the input.
        n_out: channels of the output.
        condition_size: numbers that both BatchNorms are conditioned on.
    """

    def __init__(self, n_in: int, n_out: int, condition_size: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(ConditionalBatchNorm(n, condition_size) for n in (n_in, n_out))
        self.up = nn.Sequential(nn.ReLU(), nn.Upsample(scale_factor=2), nn.Conv2d(n_in, n_out, 3, padding=1))
        self.same = nn.Sequential(nn.ReLU(), nn.Conv2d(n_out, n_out, 3, padding=1))
        # The published code upsamples first; a 1 × 1 convolution gives the same at a quarter of the work before.
        self.shortcut = nn.Sequential(nn.Conv2d(n_in, n_out, 1), nn.Upsample(scale_factor=2))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """[batch, n_out, 2 · height, 2 · width]."""
        h = self.up(self.norms[0](x, condition))
        return self.shortcut(x) + self.same(self.norms[1](h, condition))


class DownBlock(nn.Module):
    """Two convolutions with ReLUs before them, then means over squares of 2 × 2, if it halves height and width.

    Args:
        n_in: channels of the input.
        n_out: channels of the output.
        halves: whether it halves height and width.
        first: whether its input is the image, which no ReLU may cut.
    """

    def __init__(self, n_in: int, n_out: int, halves: bool = True, first: bool = False) -> None:
        super().__init__()
        pool = [nn.AvgPool2d(2)] if halves else []
        self.change = nn.Sequential(
            *([] if first else [nn.ReLU()]),
            nn.Conv2d(n_in, n_out, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(n_out, n_out, 3, padding=1),
            *pool,
        )
        # Means before the 1 × 1 convolution are the same as after it, at a quarter of the work.
        changes_shape = halves or n_in != n_out
        self.shortcut = nn.Sequential(*pool, nn.Conv2d(n_in, n_out, 1)) if changes_shape else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """The sum of the shortcut and the change."""
        return self.shortcut(x) + self.change(x)


class Generator(nn.Module):
    """Maps latents and conditions to images [batch, channels, size, size] in [−1, 1]; base of both families' ones.

    Args:
        latent_size: numbers in a latent.
        widths: channels at 4 × 4, 8 × 8, ….
        channels: of an image.
        first_size: numbers that the first layer sees.
        condition_size: numbers that each BatchNorm but the last is conditioned on.
        condition: what y is.
        attention: form of the self-attention.
        attention_at: resolution of the features that it is applied to.
    """

    conditional = True

    def __init__(
        self,
        latent_size: int,
        widths: Sequence[int],
        channels: int,
        *,
        first_size: int,
        condition_size: int,
        condition: Condition,
        attention: AttentionForm = "released",
        attention_at: int = 64,
    ) -> None:
        super().__init__()
        self.latent_size, self.condition = latent_size, condition
        shape = (widths[0], START, START)
        self.start = nn.Sequential(nn.Linear(first_size, math.prod(shape)), nn.Unflatten(1, shape))
        self.blocks = nn.ModuleList(UpBlock(n_in, n_out, condition_size) for n_in, n_out in pairwise(widths))
        self.attention = nn.ModuleDict(
            {
                str(i): SelfAttention(n, attention)
                for i, n in enumerate(widths[1:])
                if attention != "none" and 2 * START * 2**i == attention_at
            }
        )
        self.end = nn.Sequential(
            nn.BatchNorm2d(widths[-1]), nn.ReLU(), nn.Conv2d(widths[-1], channels, 3, padding=1), nn.Tanh()
        )

    def conditions(self, z: Tensor, y: Tensor | None) -> tuple[Tensor, list[Tensor]]:
        """What the first layer sees, and what each block is conditioned on."""
        raise NotImplementedError

    def images(self, first: Tensor, conditions: list[Tensor]) -> Tensor:
        """Images of what `conditions` returns."""
        h = self.start(first)
        for i, (block, condition) in enumerate(zip(self.blocks, conditions, strict=True)):
            h = block(h, condition)
            if str(i) in self.attention:
                h = self.attention[str(i)](h)
        return self.end(h)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Images [batch, channels, size, size]."""
        check_shape(z, (self.latent_size,), "z")
        return self.images(*self.conditions(z, y))


class Discriminator(nn.Module):
    """Maps images and conditions y to scores [batch] (logits, high = real), by projection.

    Args:
        size: height and width of an image.
        widths: channels after each block; the features are as many numbers as the last.
        channels: of an image.
        halvings: how many blocks, from the first on, halve height and width; the others keep them.
        condition: what y is.
        attention: form of the self-attention.
        attention_at: resolution of the features that it is applied to, after the block that makes them; where there are
            none, the discriminator has no attention.

    Raises:
        ValueError: when called, if y is missing or no such condition.
    """

    conditional = True

    def __init__(
        self,
        size: int,
        widths: Sequence[int],
        channels: int = 3,
        *,
        halvings: int,
        condition: Condition,
        attention: AttentionForm = "released",
        attention_at: int = 64,
    ) -> None:
        super().__init__()
        self.shape, self.condition, self.n_features = (channels, size, size), condition, widths[-1]
        layers: list[nn.Module] = []
        for i, (n_in, n_out) in enumerate(pairwise([channels, *widths])):
            layers.append(DownBlock(n_in, n_out, halves=i < halvings, first=i == 0))
            if i < halvings and size // 2 ** (i + 1) == attention_at and attention != "none":
                layers.append(SelfAttention(n_out, attention))
        self.body = nn.Sequential(*layers, nn.ReLU())
        self.head = Projection(self.n_features, condition.size)

    def features(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Sums over space of the last ReLU, [batch, n_features]; they don't depend on y."""
        check_shape(x, self.shape, "x")
        return self.body(x).sum((2, 3))

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Scores [batch]."""
        features = self.features(x)
        return self.head(features, encoded(self.condition, y, len(x), self).to(features))


def initialise(network: nn.Module, rule: str) -> None:
    """Initialise weights by orthogonal matrices or by Glorot's uniform rule, and biases to zero.

    Args:
        network: of its convolutions and linear layers; conditional BatchNorm's are left out under Glorot's rule: there
            they keep their zeros, so that every class starts with a scale of 1 and a shift of 0.
        rule: "orthogonal" or "glorot".
    """
    by_rule = {"orthogonal": nn.init.orthogonal_, "glorot": nn.init.xavier_uniform_}[rule]
    kept = [layer for norm in network.modules() if isinstance(norm, ConditionalBatchNorm) for layer in norm.children()]
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear) and not (rule == "glorot" and any(module is k for k in kept)):
            by_rule(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
