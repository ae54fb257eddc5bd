"""StyleGAN2: a skip generator of modulated convolutions and a residual discriminator, for any widths.

Source: Karras, Laittinen, Aittala, Hellsten, Lehtinen, Aila 2020, sections 2 and 4, and appendix B. Departures: images
of any power of two and widths of one's own; the generator's image is enlarged by bilinear interpolation that repeats
the border, where the paper's filter sees zeros outside.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from gancourse.models.batch_statistics import MinibatchStd
from gancourse.models.blocks import Flatten, check_shape
from gancourse.models.equal_rates import equalised_with_gain
from gancourse.models.family import Family, Sampling, check_square
from gancourse.models.resampling import HalvedBilinearly, Smoothing, doubled_bilinearly
from gancourse.models.styles import LEAK, TRUNCATION, Mapping, StyleGenerator, affine, at_least_single, check_widths
from gancourse.signature import Signature
from gancourse.values import Count, Range, Share

START, GAIN, EPSILON = 4, math.sqrt(2), 1e-8


class ModulatedConvolution(nn.Module):
    """A convolution whose weights each sample's style scales, channel by channel.

    The scaled weights s_i w_oik are not made, which would be others for each sample: the input's channels are scaled
    instead, which gives the same sums. Demodulation divides an output channel by √(Σ_ik (s_i w_oik)² + 1e-8), a number
    for each sample and channel.

    Args:
        n_in: input channels.
        n_out: output channels.
        style_size: numbers of w.
        kernel: its height and width.
        up: whether images are doubled, by a transposed convolution and a bilinear filter.
        demodulate: whether output channels are divided.
        gain: what the output is multiplied by.

    Source: Karras et al. 2020, equations 1 to 3; eq. 3 sums over input channels and the kernel.

    >>> ModulatedConvolution(4, 6, 5, up=True)(torch.zeros(2, 4, 8, 8), torch.zeros(2, 5)).shape
    torch.Size([2, 6, 16, 16])
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        style_size: int,
        kernel: int = 3,
        up: bool = False,
        demodulate: bool = True,
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        self.demodulate, self.gain = demodulate, gain
        self.weight = nn.Parameter(torch.randn(n_out, n_in, kernel, kernel))
        self.factor = 1 / math.sqrt(n_in * kernel * kernel)
        self.affine = affine(style_size, n_in)
        self.smoothing = Smoothing(padding=1, gain=4.0) if up else None

    def scales(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """Factors on the channels of the input and of the output, [batch, n_in] and [batch or 1, n_out]."""
        s = at_least_single(self.affine(w))  # squares of bfloat16 numbers would have two digits
        if not self.demodulate:
            return s, s.new_full((1, len(self.weight)), self.gain)
        squares = (self.factor * self.weight).square().sum((2, 3))
        return s, self.gain * (functional.linear(s.square(), squares) + EPSILON).rsqrt()

    def convolved(self, x: Tensor) -> Tensor:
        """The convolution alone."""
        weight = self.factor * self.weight
        if self.smoothing is None:
            return functional.conv2d(x, weight, padding=weight.shape[-1] // 2)
        # Flipped, because a transposed convolution flips its kernel; its images have 2n + 1 pixels.
        return self.smoothing(functional.conv_transpose2d(x, weight.flip(2, 3).transpose(0, 1), stride=2))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Images of features at styles w [batch, style_size]."""
        before, after = self.scales(w)
        return self.convolved(x * _maps(before, x)) * _maps(after, x)


def _maps(scales: Tensor, x: Tensor) -> Tensor:
    """Numbers [batch, channels] as images of one pixel, of the type of other images."""
    return scales.to(x.dtype)[:, :, None, None]


class StyledLayer(nn.Module):
    """A modulated convolution, noise, bias, and a leaky ReLU times √2.

    Args:
        n_in: input channels.
        n_out: output channels.
        style_size: numbers of w.
        up: whether images are doubled.

    Source: Karras et al. 2020, section 2.2 and figure 2d; appendix B: one scale of the noise for all channels.
    """

    def __init__(self, n_in: int, n_out: int, style_size: int, up: bool = False) -> None:
        super().__init__()
        self.convolution = ModulatedConvolution(n_in, n_out, style_size, up=up, gain=GAIN)
        self.bias = nn.Parameter(torch.zeros(n_out))
        self.noise_scale = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor, w: Tensor, noise: Tensor | None = None) -> Tensor:
        """Images of features; w [batch, style_size], noise [batch, 1, height, width] or None for none."""
        before, after = self.convolution.scales(w)
        x = x * _maps(before, x)
        y = self.convolution.convolved(x)
        # √2 is in all three, as a leaky ReLU commutes with positive factors; one pass for scale and bias.
        y = torch.addcmul(_maps(GAIN * self.bias[None], y), y, _maps(after, y))
        if noise is not None:
            y = y + (GAIN * self.noise_scale * noise).to(y.dtype)
        return functional.leaky_relu(y, LEAK)


class ToImage(nn.Module):
    """Features to colours: a modulated convolution of one pixel without demodulation, and a bias.

    Args:
        n_in: input channels.
        channels: of the image.
        style_size: numbers of w.
    """

    def __init__(self, n_in: int, channels: int, style_size: int) -> None:
        super().__init__()
        self.convolution = ModulatedConvolution(n_in, channels, style_size, kernel=1, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Images [batch, channels, height, width]."""
        before, _ = self.convolution.scales(w)
        y = self.convolution.convolved(x * _maps(before, x))
        return y + _maps(self.bias[None], y)


class Generator(StyleGenerator):
    """Maps latents, or rows of random numbers, to images [batch, channels, size, size] without bounds.

    The image is the sum of those of all resolutions, each enlarged bilinearly. Of the 2 · log2(size) − 2 styles, the
    first is the 4 × 4 layer's, two are each further resolution's, and an image has that of the layer after it; the last
    one is the last image's alone.

    Args:
        latent_size: numbers of z and of w.
        widths: channels at each resolution, from 4 × 4 on.
        channels: of the images.
        depth: layers of the mapping.
        mixing: share of training samples with the styles of two latents.

    >>> generator = Generator(8, (6, 4, 4))
    >>> generator(torch.zeros(2, 8)).shape, generator.n_layers, generator.noise_sizes
    (torch.Size([2, 3, 16, 16]), 6, (4, 8, 8, 16, 16))
    """

    def __init__(
        self, latent_size: int, widths: tuple[int, ...], channels: int = 3, depth: int = 8, mixing: float = 0.0
    ) -> None:
        sizes = [START * 2 ** (i // 2) for i in range(1, 2 * len(widths))]
        super().__init__(Mapping(latent_size, depth), 2 * len(widths), sizes, mixing)
        self.constant = nn.Parameter(torch.randn(widths[0], START, START))
        self.layers = nn.ModuleList([StyledLayer(widths[0], widths[0], latent_size)])
        for n_in, n_out in pairwise(widths):
            self.layers += [StyledLayer(n_in, n_out, latent_size, up=True), StyledLayer(n_out, n_out, latent_size)]
        self.to_image = nn.ModuleList(ToImage(width, channels, latent_size) for width in widths)

    def synthesis(self, w: Tensor, noise: Tensor | None = None) -> Tensor:
        """Images of styles [batch, n_layers, latent_size] and of all layers' noise [batch, n_noise]; None for none."""
        check_shape(w, (self.n_layers, self.latent_size), "w")
        x, image = self.constant.expand(len(w), -1, -1, -1), None
        for i, (layer, noise_map) in enumerate(zip(self.layers, self.maps(noise), strict=True)):
            x = layer(x, w[:, i], noise_map)
            if i % 2 == 0:  # the last layer of its resolution
                own = self.to_image[i // 2](x, w[:, i + 1])
                image = own if image is None else doubled_bilinearly(image) + own
        return image


def _layer(n_in: int, n_out: int, kernel: int = 3, gain: float = GAIN) -> list[nn.Module]:
    """A convolution with a gain, and a leaky ReLU."""
    convolution = nn.Conv2d(n_in, n_out, kernel, padding=kernel // 2)
    return [equalised_with_gain(convolution, gain), nn.LeakyReLU(LEAK)]


class Halving(nn.Module):
    """Halves images of features: the sum of a shortcut and of two convolutions, divided by √2.

    Args:
        n_in: input channels.
        n_out: output channels.
    """

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        # The division by √2 is in the gains of the last convolution and of the shortcut.
        last = nn.Conv2d(n_in, n_out, 3, stride=2)
        self.branch = nn.Sequential(
            *_layer(n_in, n_in), Smoothing(padding=2), equalised_with_gain(last, gain=1.0), nn.LeakyReLU(LEAK)
        )
        shortcut = nn.Conv2d(n_in, n_out, 1, bias=False)
        self.shortcut = nn.Sequential(HalvedBilinearly(), equalised_with_gain(shortcut, 1 / GAIN))

    def forward(self, x: Tensor) -> Tensor:
        """Images of half the size."""
        return self.shortcut(x) + self.branch(x)


class Discriminator(nn.Module):
    """Maps images [batch, channels, size, size] to scores [batch] (logits, high = real).

    Args:
        widths: channels at each resolution, from 4 × 4 on.
        channels: of the images.
        group: samples in a group of the minibatch standard deviation.

    >>> Discriminator((8, 8, 4))(torch.zeros(4, 3, 16, 16)).shape
    torch.Size([4])
    """

    def __init__(self, widths: tuple[int, ...], channels: int = 3, group: int = 4) -> None:
        super().__init__()
        self.channels, self.size = channels, START * 2 ** (len(widths) - 1)
        self.body = nn.Sequential(
            *_layer(channels, widths[-1], 1),
            *(Halving(n_in, n_out) for n_in, n_out in pairwise(reversed(widths))),
            MinibatchStd(group),
            *_layer(widths[0] + 1, widths[0]),
            nn.Flatten(),
            equalised_with_gain(nn.Linear(widths[0] * START * START, widths[0])),
            nn.LeakyReLU(LEAK),
        )
        self.head = nn.Sequential(equalised_with_gain(nn.Linear(widths[0], 1), gain=1.0), Flatten())

    def features(self, x: Tensor) -> Tensor:
        """Input of the last layer, [batch, width at 4 × 4]."""
        check_shape(x, (self.channels, self.size, self.size), "x")
        return self.body(x)

    def forward(self, x: Tensor) -> Tensor:
        """Scores [batch]."""
        return self.head(self.features(x))


@dataclass(frozen=True)
class StyleGAN2(Family):
    """The networks of this file, for square images of 4, 8, 16, … pixels and any number of channels.

    Args:
        latent_size: numbers in a latent and in a style.
        widths: channels of both networks at 4, 8, 16, … pixels: as many numbers as the images have resolutions.
        depth: layers of the mapping from latents to styles; 0 for styles that are normalised latents.
        mixing: share of the generator's training samples that have the styles of two latents.
        group: samples in a group of the discriminator's minibatch standard deviation; divides the batch size.
    """

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

    def generator(self, fits: Signature) -> Generator:
        """Latents to images.

        Raises:
            ValueError: the data isn't square images of 4, 8, 16, … pixels, or the widths are for another size.
        """
        return Generator(self.latent_size, self.widths, self._channels(fits), self.depth, self.mixing)

    def discriminator(self, fits: Signature) -> Discriminator:
        """Images to scores; errors as for `generator`, and a group is of one sample."""
        return Discriminator(self.widths, self._channels(fits), self.group)
