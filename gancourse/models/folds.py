"""Layers in a form that processors compute sooner: the same functions of the same parameters, up to rounding.

Each refers to the layers that it stands for, reads their weights once at every use, so that they may be spectrally
normalised, and is made of operations that can be differentiated any number of times. It doesn't call the layers, so
that their hooks don't run. `gancourse.models.folded` finds where they can be used. They take batches of images, and
not under `torch.func.vmap`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from gancourse.models.transposed import biased, is_plain, unbiased


def keeps_size(convolution: nn.Module) -> bool:
    """Whether this is a Conv2d with an odd square kernel, stride 1, and zeros that keep height and width."""
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
    """Something that is made of a convolution which keeps height and width, and owns it."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        if not keeps_size(convolution):
            raise ValueError(
                f"{convolution} can't be folded; pass a Conv2d with an odd square kernel, stride 1, no groups or "
                "dilation, and zeros around the image that keep its size"
            )
        self.convolution = convolution


def _spread(weight: Tensor) -> Tensor:
    """Sum over the 2 × 2 places where a kernel can lie: [out, in, k, k] → [out, in, k + 1, k + 1].

    It is the full convolution with a square of ones, on each axis v[u] = w[u] + w[u − 1].
    """
    tall = functional.pad(weight, (0, 0, 0, 1)) + functional.pad(weight, (0, 0, 1, 0))
    return functional.pad(tall, (0, 1)) + functional.pad(tall, (1, 0))


def _laid_out_as(weight: Tensor, kernel: Tensor) -> Tensor:
    """The kernel with its channels innermost if the weight's are, so that the images it makes are laid out so, too."""
    is_channels_last = not weight.is_contiguous() and weight.is_contiguous(memory_format=torch.channels_last)
    return kernel.contiguous(memory_format=torch.channels_last) if is_channels_last else kernel


class UpsampledConvolution(_SameSize):
    """Upsampling by two (nearest neighbour) and then a convolution, as one transposed convolution.

    Upsampling repeats each number in a 2 × 2 square, so a 3 × 3 convolution behind it multiplies the same number by
    several of its weights. A transposed convolution with stride two and a 4 × 4 kernel that holds the sums of these
    weights takes 4 instead of 9 multiplications a weight and output pixel.

    Args:
        convolution: keeps height and width: odd kernel, stride 1, zeros around the image.

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
        if size == 1:  # the same numbers before as after, and a quarter of them before
            return functional.interpolate(functional.conv2d(x, weight, bias), scale_factor=2, mode="nearest")
        # Backwards, because a transposed convolution reads its kernel backwards.
        kernel = _laid_out_as(weight, _spread(weight.flip(2, 3)).transpose(0, 1))
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
        return functional.conv2d(x, _laid_out_as(weight, _spread(weight) / 4), bias, stride=2, padding=size // 2)


class TransposedConvolution(nn.Module):
    """A transposed convolution, with gradients computed in ways that processors are faster at.

    Args:
        convolution: any ConvTranspose2d.

    Raises:
        ValueError: it is something else.

    >>> convolution = nn.ConvTranspose2d(2, 3, 4, stride=2, padding=1)
    >>> x = torch.randn(1, 2, 5, 5)
    >>> torch.allclose(TransposedConvolution(convolution)(x), convolution(x), atol=1e-6)
    True
    """

    def __init__(self, convolution: nn.ConvTranspose2d) -> None:
        super().__init__()
        if not isinstance(convolution, nn.ConvTranspose2d):
            raise ValueError(f"{convolution} is no ConvTranspose2d; pass one")
        self.convolution = convolution

    def forward(self, x: Tensor) -> Tensor:
        """Images [batch, in, height, width] to [batch, out, …] as the convolution's."""
        _check_images(x)
        return biased(unbiased(self.convolution, x), self.convolution.bias)


class ThinConvolution(nn.Module):
    """A convolution to very few channels, as a matrix product and a sum of overlapping squares.

    The last layer of generators of grey images. Kernels compute many channels at a time and throw most of them away.
    What each pixel adds to each place of its square is a matrix product, too; the sum over pixels that share a place is
    the result.

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
                f"{convolution} can't be taken apart; pass a ConvTranspose2d without groups, dilation or output "
                "padding, or a Conv2d that keeps height and width by zeros around the image"
            )
        self.convolution = convolution

    def forward(self, x: Tensor) -> Tensor:
        """Images [batch, in, height, width] to [batch, out, …] as the convolution's."""
        _check_images(x)
        c = self.convolution
        weight, padding = c.weight, c.padding
        if isinstance(c, nn.Conv2d):  # with stride 1, it is a transposed one with the kernel turned
            weight, padding = weight.transpose(0, 1).flip(2, 3), (c.kernel_size[0] // 2,) * 2
        size = [
            (n - 1) * stride - 2 * p + kernel
            for n, stride, p, kernel in zip(x.shape[2:], c.stride, padding, c.kernel_size, strict=True)
        ]
        # Rows are pixels, as they lie in channels-last memory.
        squares = x.flatten(2).transpose(1, 2) @ weight.flatten(1)
        y = functional.fold(squares.transpose(1, 2), size, c.kernel_size, padding=padding, stride=c.stride)
        return biased(y, c.bias)


class FlattenedLinear(nn.Module):
    """Flattening images and then a linear layer, without bringing images that lie channels last into another order.

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
            raise ValueError(f"{linear} is no Linear; pass one")
        self.linear = linear

    def forward(self, x: Tensor) -> Tensor:
        """Anything [batch, …] to [batch, out]."""
        weight, bias = self.linear.weight, self.linear.bias
        if x.ndim != 4 or not x.is_contiguous(memory_format=torch.channels_last):
            return functional.linear(x.flatten(1), weight, bias)
        weight = weight.unflatten(1, x.shape[1:]).permute(0, 2, 3, 1).flatten(1)
        return functional.linear(x.permute(0, 2, 3, 1).flatten(1), weight, bias)


class ProjectedConvolution(nn.Module):
    """A projection of latents to images and a transposed convolution right behind it, as one projection.

    Both are linear and nothing is between them. The transposed convolution of the projection's columns, as many as a
    latent has numbers and one for the bias, is therefore all that is needed; for larger batches, that is less than the
    transposed convolution of each sample's image.

    Args:
        linear: the projection, latents [batch, latent_size] to [batch, channels · height · width].
        shape: (channels, height, width) of the images that it makes.
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
                f"{linear} and {convolution} don't meet in images of shape {tuple(shape)}; expected "
                f"{channels * height * width} numbers out of the one and {channels} channels into the other"
            )
        self.linear, self.convolution, self.shape = linear, convolution, (channels, height, width)

    def forward(self, z: Tensor) -> Tensor:
        """Latents [batch, latent_size] to images [batch, out, …] as the convolution's."""
        if z.ndim != 2:
            raise ValueError(f"z has shape {tuple(z.shape)}; expected latents [batch, latent_size]")
        weight, bias = self.linear.weight, self.linear.bias
        n_columns = weight.shape[1] + (bias is not None)
        if len(z) <= n_columns:  # nothing to gain
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
