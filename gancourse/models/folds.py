"""Equivalent forms of layers that CPUs compute faster: the same functions of the same parameters, up to rounding.

Each form refers to the layers that it replaces. It reads their weights once per call, so they may be spectrally
normalised, and it is differentiable any number of times. It doesn't call the layers, so their hooks don't run.
`gancourse.models.folded` finds where forms can be used. They take batches of images, and don't work under
`torch.func.vmap`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from gancourse.models.thin import from_thin, has_simple_kernel, to_thin
from gancourse.models.transposed import biased, from_pixels, is_plain, unbiased


def keeps_size(convolution: nn.Module) -> bool:
    """Whether this is a Conv2d with an odd square kernel, stride 1, and zero padding that keeps height and width."""
    if not isinstance(convolution, nn.Conv2d):
        return False
    size = convolution.kernel_size[0]
    return (
        convolution.kernel_size == (size, size)
        and size % 2 == 1
        and (convolution.stride, convolution.dilation, convolution.groups) == ((1, 1), (1, 1), 1)
        and (convolution.padding == "same" or convolution.padding == (size // 2, size // 2))
        and convolution.padding_mode == "zeros"
    )


def _check_images(x: Tensor) -> None:
    if x.ndim != 4:
        raise ValueError(f"x has shape {tuple(x.shape)}; expected images [batch, channels, height, width]")


class _SameSize(nn.Module):
    """Base of the forms of a convolution that keeps height and width."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        if not keeps_size(convolution):
            raise ValueError(
                f"{convolution} can't be folded; pass a Conv2d with an odd square kernel, stride 1, no groups or "
                "dilation, and zero padding that keeps the image's size"
            )
        self.convolution = convolution


def _sum_of_shifts(weight: Tensor) -> Tensor:
    """Sum of the 2 × 2 shifts of a kernel: [out, in, k, k] → [out, in, k + 1, k + 1].

    It is the full convolution with a 2 × 2 square of ones: v[u] = w[u] + w[u − 1] along each axis.
    """
    tall = functional.pad(weight, (0, 0, 0, 1)) + functional.pad(weight, (0, 0, 1, 0))
    return functional.pad(tall, (0, 1)) + functional.pad(tall, (1, 0))


def _in_memory_format_of(weight: Tensor, kernel: Tensor) -> Tensor:
    """The kernel in channels-last format if the weight is, so that the output images are channels last too."""
    is_channels_last = not weight.is_contiguous() and weight.is_contiguous(memory_format=torch.channels_last)
    return kernel.contiguous(memory_format=torch.channels_last) if is_channels_last else kernel


class UpsampledConvolution(_SameSize):
    """Upsampling by two (nearest neighbour) and then a convolution, as one transposed convolution.

    Upsampling repeats each number in a 2 × 2 square, so the 3 × 3 convolution after it multiplies the same number by
    several of its weights. A transposed convolution with stride two and a 4 × 4 kernel of the sums of these weights
    takes 4 instead of 9 multiplications per pair of channels and output pixel.

    Args:
        convolution: keeps height and width: odd kernel, stride 1, zero padding.

    Raises:
        ValueError: the convolution is of another kind.

    >>> convolution = nn.Conv2d(2, 3, 3, padding=1)
    >>> x = torch.randn(1, 2, 5, 5)
    >>> slow = convolution(functional.interpolate(x, scale_factor=2, mode="nearest"))
    >>> torch.allclose(UpsampledConvolution(convolution)(x), slow, atol=1e-6)
    True
    """

    def forward(self, x: Tensor) -> Tensor:
        """Images [batch, in, height, width] to [batch, out, 2 · height, 2 · width]."""
        _check_images(x)
        weight, bias, size = self.convolution.weight, self.convolution.bias, self.convolution.kernel_size[0]
        if size == 1:  # it commutes with upsampling, and before it there are a quarter of the pixels
            return functional.interpolate(functional.conv2d(x, weight, bias), scale_factor=2, mode="nearest")
        # Flipped, because a transposed convolution flips its kernel.
        kernel = _in_memory_format_of(weight, _sum_of_shifts(weight.flip(2, 3)).transpose(0, 1))
        return biased(functional.conv_transpose2d(x, kernel, stride=2, padding=size // 2), bias)


class PooledConvolution(_SameSize):
    """A convolution and then the mean over 2 × 2 squares, as one convolution with stride two and a 4 × 4 kernel.

    For a kernel of size 3, this takes 16 instead of 36 multiplications.

    Args:
        convolution: as for `UpsampledConvolution`.

    Raises:
        ValueError: the convolution is of another kind.

    >>> convolution = nn.Conv2d(2, 3, 3, padding=1)
    >>> x = torch.randn(1, 2, 6, 6)
    >>> slow = functional.avg_pool2d(convolution(x), 2)
    >>> torch.allclose(PooledConvolution(convolution)(x), slow, atol=1e-6)
    True
    """

    def forward(self, x: Tensor) -> Tensor:
        """Images [batch, in, height, width] to [batch, out, height / 2, width / 2], rounded down."""
        _check_images(x)
        weight, bias, size = self.convolution.weight, self.convolution.bias, self.convolution.kernel_size[0]
        if size == 1:
            return functional.conv2d(functional.avg_pool2d(x, 2), weight, bias)
        return functional.conv2d(
            x, _in_memory_format_of(weight, _sum_of_shifts(weight) / 4), bias, stride=2, padding=size // 2
        )


class TransposedConvolution(nn.Module):
    """A transposed convolution whose gradients are computed by operations that are faster on CPUs.

    Args:
        convolution: any ConvTranspose2d.

    Raises:
        ValueError: it is another layer.

    >>> convolution = nn.ConvTranspose2d(2, 3, 4, stride=2, padding=1)
    >>> x = torch.randn(1, 2, 5, 5)
    >>> torch.allclose(TransposedConvolution(convolution)(x), convolution(x), atol=1e-6)
    True
    """

    def __init__(self, convolution: nn.ConvTranspose2d) -> None:
        super().__init__()
        if not isinstance(convolution, nn.ConvTranspose2d):
            raise ValueError(f"convolution is {convolution}; expected a ConvTranspose2d")
        self.convolution = convolution

    def forward(self, x: Tensor) -> Tensor:
        """Images [batch, in, height, width] to [batch, out, …] as the convolution's."""
        _check_images(x)
        c = self.convolution
        if tuple(x.shape[2:]) == (1, 1) and not any(c.padding) and is_plain(c):
            return from_pixels(x, c.weight, c.bias)
        return biased(unbiased(c, x), c.bias)


class ThinConvolution(nn.Module):
    """A convolution to very few channels, as a matrix product and a sum of overlapping squares.

    For the last layer of generators of grey images. Convolution kernels compute many channels at a time, so most of
    their work is wasted here. A matrix product gives what each pixel adds to each position of its square; summing over
    the pixels whose squares overlap gives the result.

    Args:
        convolution: a ConvTranspose2d without groups, dilation or output padding, or a Conv2d that keeps height and
            width.

    Raises:
        ValueError: the convolution is of another kind.

    >>> convolution = nn.ConvTranspose2d(8, 1, 4, stride=2, padding=1)
    >>> x = torch.randn(2, 8, 7, 7)
    >>> torch.allclose(ThinConvolution(convolution)(x), convolution(x), atol=1e-6)
    True
    """

    def __init__(self, convolution: nn.Conv2d | nn.ConvTranspose2d) -> None:
        super().__init__()
        is_transposed = isinstance(convolution, nn.ConvTranspose2d) and is_plain(convolution)
        if not is_transposed and not keeps_size(convolution):
            raise ValueError(
                f"{convolution} has no thin form; pass a ConvTranspose2d without groups, dilation or output "
                "padding, or a Conv2d that keeps height and width by zero padding"
            )
        self.convolution = convolution

    def forward(self, x: Tensor) -> Tensor:
        """Images [batch, in, height, width] to [batch, out, …] as the convolution's."""
        _check_images(x)
        c = self.convolution
        weight, padding = c.weight, c.padding
        if isinstance(c, nn.Conv2d):  # with stride 1, it is a transposed convolution with the kernel flipped
            weight, padding = weight.transpose(0, 1).flip(2, 3), (c.kernel_size[0] // 2,) * 2
        return biased(to_thin(x, weight, c.stride, padding), c.bias)


class ThinInputConvolution(nn.Module):
    """A convolution of images with one channel, whose gradient in the images is computed as in `ThinConvolution`.

    For the first layer of discriminators of grey images. The generator's update and penalties on gradients need that
    gradient; a discriminator's own update doesn't.

    Args:
        convolution: a Conv2d without groups or dilation, with zero padding.

    Raises:
        ValueError: the convolution is of another kind.

    >>> convolution = nn.Conv2d(1, 8, 4, stride=2, padding=1)
    >>> x = torch.randn(2, 1, 14, 14)
    >>> torch.allclose(ThinInputConvolution(convolution)(x), convolution(x), atol=1e-6)
    True
    """

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        if not (isinstance(convolution, nn.Conv2d) and has_simple_kernel(convolution)):
            raise ValueError(
                f"{convolution} has no form for thin inputs; pass a Conv2d without groups or dilation, and with "
                "zero padding"
            )
        self.convolution = convolution

    def forward(self, x: Tensor) -> Tensor:
        """Images [batch, in, height, width] to [batch, out, …] as the convolution's."""
        _check_images(x)
        c = self.convolution
        return from_thin(x, c.weight, c.bias, c.stride, c.padding)


class _ChannelsFirst(torch.autograd.Function):
    """A copy of channels-last images in the usual memory format, whose gradient is channels last again."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """The images."""
        return x.contiguous()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """The gradient."""
        return gradient.contiguous(memory_format=torch.channels_last)


def _linear_of_pixels(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """A linear layer as a convolution of one image whose pixels are the samples: oneDNN's matrix product.

    On the processors measured it takes about two thirds of the time of the product that torch calls.
    """
    pixels = x[None, :, None].permute(0, 3, 1, 2)  # [1, in, batch, 1], channels last
    kernels = weight[:, None, None].permute(0, 3, 1, 2)  # [out, in, 1, 1]
    return functional.conv2d(pixels, kernels, bias).permute(0, 2, 3, 1).flatten(0, 2)


class FlattenedLinear(nn.Module):
    """Flattening images and then a linear layer, without copying channels-last images to another memory format.

    Args:
        linear: its inputs are numbered channel by channel, as `nn.Flatten` does.

    Raises:
        ValueError: it is no linear layer.

    >>> linear = nn.Linear(4 * 3 * 3, 1)
    >>> x = torch.randn(2, 4, 3, 3)
    >>> torch.allclose(FlattenedLinear(linear)(x), linear(x.flatten(1)), atol=1e-6)
    True
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        if not isinstance(linear, nn.Linear):
            raise ValueError(f"linear is {linear}; expected a Linear")
        self.linear = linear

    def forward(self, x: Tensor) -> Tensor:
        """Tensors [batch, …] to [batch, out]."""
        weight, bias = self.linear.weight, self.linear.bias
        is_channels_last = x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last)
        if not is_channels_last:
            return functional.linear(x.flatten(1), weight, bias)
        if len(x) < len(weight):  # there are fewer numbers in the images than in the weights, which are copied below
            return _linear_of_pixels(_ChannelsFirst.apply(x).flatten(1), weight, bias)
        weight = weight.unflatten(1, x.shape[1:]).permute(0, 2, 3, 1).flatten(1)
        return functional.linear(x.permute(0, 2, 3, 1).flatten(1), weight, bias)


class ProjectedConvolution(nn.Module):
    """A projection of latents to images and the transposed convolution after it, as one projection.

    Both are linear, so the transposed convolution is applied to the projection's columns only: one for each number of
    a latent, and one for the bias. For larger batches, these are fewer than the samples' images.

    Args:
        linear: the projection, latents [batch, latent_size] to [batch, channels · height · width].
        shape: (channels, height, width) of its images.
        convolution: any ConvTranspose2d.

    Raises:
        ValueError: the projection doesn't make images of this shape, or the convolution doesn't take them.

    >>> linear, convolution = nn.Linear(4, 3 * 5 * 5), nn.ConvTranspose2d(3, 2, 4, stride=2, padding=1)
    >>> z = torch.randn(16, 4)
    >>> slow = convolution(linear(z).view(-1, 3, 5, 5))
    >>> torch.allclose(ProjectedConvolution(linear, (3, 5, 5), convolution)(z), slow, atol=1e-6)
    True
    """

    def __init__(self, linear: nn.Linear, shape: tuple[int, int, int], convolution: nn.ConvTranspose2d) -> None:
        super().__init__()
        if len(shape) != 3:
            raise ValueError(f"shape is {tuple(shape)}; expected (channels, height, width)")
        channels, height, width = shape
        if linear.out_features != channels * height * width or convolution.in_channels != channels:
            raise ValueError(
                f"{linear} and {convolution} don't fit images of shape {tuple(shape)}; expected "
                f"{channels * height * width} outputs of the linear layer and {channels} input channels"
            )
        self.linear, self.convolution, self.shape = linear, convolution, (channels, height, width)

    def forward(self, z: Tensor) -> Tensor:
        """Latents [batch, latent_size] to images [batch, out, …] as the convolution's."""
        if z.ndim != 2:
            raise ValueError(f"z has shape {tuple(z.shape)}; expected latents [batch, latent_size]")
        weight, bias = self.linear.weight, self.linear.bias
        n_columns = weight.shape[1] + (bias is not None)
        if len(z) <= n_columns:  # no more samples than columns
            images = functional.linear(z, weight, bias).unflatten(1, self.shape)
            return biased(unbiased(self.convolution, images), self.convolution.bias)
        columns = weight.t() if bias is None else torch.cat([weight.t(), bias[None]])
        z = z if bias is None else functional.pad(z, (0, 1), value=1.0)
        images = unbiased(self.convolution, columns.unflatten(1, self.shape))
        is_channels_last = images.is_contiguous(memory_format=torch.channels_last)
        images = images.permute(0, 2, 3, 1) if is_channels_last else images
        flat, bias = images.flatten(1), self.convolution.bias
        if bias is None:
            y = z @ flat
        else:
            each = bias if is_channels_last else bias[:, None, None]
            y = torch.addmm(each.expand(images.shape[1:]).flatten(), z, flat)
        y = y.unflatten(1, images.shape[1:])
        return y.permute(0, 3, 1, 2) if is_channels_last else y
