"""StyleGAN: a generator whose layers are normalised for each sample, and then scaled and shifted by its style.

Source: Karras, Laine, Aila 2019, sections 2 and 3 and appendix C. Departures: the networks don't grow; the
discriminator is ProGAN's at its full size; images of any power of two, and any width.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from gancourse.models import progan
from gancourse.models.blocks import check_shape
from gancourse.models.equal_rates import equalised_with_gain
from gancourse.models.family import Family, Sampling, check_square
from gancourse.models.resampling import Smoothing
from gancourse.models.styles import LEAK, TRUNCATION, Mapping, StyleGenerator, at_least_single, check_widths
from gancourse.signature import Signature
from gancourse.values import Count, Share

START, EPSILON = 4, 1e-8


def instance_normalised(x: Tensor) -> Tensor:
    """Each sample's channels with mean zero and variance one, over height and width; the variance is the biased one.

    >>> instance_normalised(torch.tensor([[[[1.0, 3.0]]]])).tolist()
    [[[[-1.0, 1.0]]]]
    """
    exact = at_least_single(x)  # bfloat16 would lose the variance of large means
    variance, mean = torch.var_mean(exact, (2, 3), unbiased=False, keepdim=True)
    return ((exact - mean) * (variance + EPSILON).rsqrt()).to(x.dtype)


class AdaIN(nn.Module):
    """Adaptive instance normalisation: y_s (x − μ) / σ + y_b, with y_s and y_b a learned map of the style.

    μ and σ are those of x, for each sample and channel; y_s and y_b are no statistics of anything. At first, y_s is one
    and y_b zero plus what the map's weights make of the style.

    Args:
        n_channels: of x.
        style_size: numbers of w.

    Source: Karras, Laine, Aila 2019, equation 1 and appendix C.

    >>> AdaIN(4, 8)(torch.zeros(2, 4, 5, 5), torch.zeros(2, 8)).shape
    torch.Size([2, 4, 5, 5])
    """

    def __init__(self, n_channels: int, style_size: int) -> None:
        super().__init__()
        self.affine = equalised_with_gain(nn.Linear(style_size, 2 * n_channels), gain=1.0)
        with torch.no_grad():
            self.affine.bias[:n_channels] = 1.0

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Features of the same shape, at styles w [batch, style_size]."""
        scale, shift = self.affine(w).to(x.dtype)[:, :, None, None].chunk(2, 1)
        return torch.addcmul(shift, instance_normalised(x), scale)


class StyledLayer(nn.Module):
    """Features, perhaps convolved, plus noise and bias, through a leaky ReLU, and then normalised and styled.

    Args:
        convolution: maps [batch, in, …] to [batch, n_channels, …].
        n_channels: of the output.
        style_size: numbers of w.

    Source: Karras, Laine, Aila 2019, figure 1b and section 2; each channel scales the noise by a learned number, which
    is zero at first.
    """

    def __init__(self, convolution: nn.Module, n_channels: int, style_size: int) -> None:
        super().__init__()
        self.convolution = convolution
        self.bias = nn.Parameter(torch.zeros(n_channels))
        self.noise_scale = nn.Parameter(torch.zeros(n_channels))
        self.norm = AdaIN(n_channels, style_size)

    def forward(self, x: Tensor, w: Tensor, noise: Tensor | None = None) -> Tensor:
        """Features; w [batch, style_size], noise [batch, 1, height, width] or None for none."""
        x = self.convolution(x)
        bias, scale = (v.to(x.dtype)[:, None, None] for v in (self.bias, self.noise_scale))
        x = x + bias if noise is None else torch.addcmul(x + bias, noise.to(x.dtype), scale)
        return self.norm(functional.leaky_relu(x, LEAK), w)


def _convolution(n_in: int, n_out: int, kernel: int = 3) -> nn.Module:
    return equalised_with_gain(nn.Conv2d(n_in, n_out, kernel, padding=kernel // 2, bias=False))


class Doubling(nn.Module):
    """Images of twice the size, bilinearly, and convolved: a transposed convolution and a filter."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.convolution, self.smoothing = _convolution(n_in, n_out), Smoothing(padding=1, gain=4.0)

    def forward(self, x: Tensor) -> Tensor:
        """Images [batch, n_out, 2 · height, 2 · width]."""
        weight = self.convolution.weight.flip(2, 3).transpose(0, 1)  # a transposed convolution flips its kernel
        return self.smoothing(functional.conv_transpose2d(x, weight, stride=2))


class Generator(StyleGenerator):
    """Maps latents, or rows of random numbers, to images [batch, channels, size, size] without bounds.

    Each resolution has two layers, each with a style of its own: 2 · log2(size) − 2 in all.

    Args:
        latent_size: numbers of z and of w.
        widths: channels at each resolution, from 4 × 4 on.
        channels: of the images.
        depth: layers of the mapping.
        mixing: share of training samples with the styles of two latents.

    >>> generator = Generator(8, (6, 4, 4))
    >>> generator(torch.zeros(2, 8)).shape, generator.n_layers, generator.noise_sizes
    (torch.Size([2, 3, 16, 16]), 6, (4, 4, 8, 8, 16, 16))
    """

    def __init__(
        self, latent_size: int, widths: tuple[int, ...], channels: int = 3, depth: int = 8, mixing: float = 0.0
    ) -> None:
        sizes = [START * 2**i for i in range(len(widths)) for _ in range(2)]
        super().__init__(Mapping(latent_size, depth), 2 * len(widths), sizes, mixing)
        self.constant = nn.Parameter(torch.ones(widths[0], START, START))
        convolutions: list[tuple[nn.Module, int]] = [(nn.Identity(), widths[0])]
        convolutions.append((_convolution(widths[0], widths[0]), widths[0]))
        for n_in, n_out in pairwise(widths):
            convolutions += [(Doubling(n_in, n_out), n_out), (_convolution(n_out, n_out), n_out)]
        self.layers = nn.ModuleList(StyledLayer(layer, n, latent_size) for layer, n in convolutions)
        self.to_image = equalised_with_gain(nn.Conv2d(widths[-1], channels, 1), gain=1.0)

    def synthesis(self, w: Tensor, noise: Tensor | None = None) -> Tensor:
        """Images of styles [batch, n_layers, latent_size] and of all layers' noise [batch, n_noise]; None for none."""
        check_shape(w, (self.n_layers, self.latent_size), "w")
        x = self.constant.expand(len(w), -1, -1, -1)
        for i, (layer, noise_map) in enumerate(zip(self.layers, self.maps(noise), strict=True)):
            x = layer(x, w[:, i], noise_map)
        return self.to_image(x)


@dataclass(frozen=True)
class StyleGAN(Family):
    """The networks of this file, for square images of 4, 8, 16, … pixels and any number of channels.

    Args:
        latent_size: numbers in a latent and in a style.
        widths: channels of both networks at 4, 8, 16, … pixels: as many numbers as the images have resolutions.
        depth: layers of the mapping from latents to styles.
        mixing: share of the generator's training samples that have the styles of two latents.
        group: samples in a group of the discriminator's minibatch standard deviation; divides the batch size.
    """

    sampling: ClassVar[Sampling] = TRUNCATION
    latent_size: Count = 128
    widths: tuple[Count, ...] = (128, 96, 64, 48)
    depth: Count = 4
    mixing: Share = 0.9
    group: Count = 4

    def _channels(self, fits: Signature) -> int:
        """Channels of the images; errors as for `generator`."""
        channels, size = check_square(fits, self)
        check_widths(self.widths, size, self)
        return channels

    def generator(self, fits: Signature) -> Generator:
        """Latents to images.

        Raises:
            ValueError: the data isn't square images of 4, 8, 16, … pixels, or the widths are for another size.
        """
        return Generator(self.latent_size, self.widths, self._channels(fits), self.depth, self.mixing)

    def discriminator(self, fits: Signature) -> progan.Discriminator:
        """Images to scores; errors as for `generator`, and a group is of one sample."""
        return progan.Discriminator(list(self.widths), self._channels(fits), self.group)
