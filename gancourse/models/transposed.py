"""Transposed convolutions with two gradients computed by operations that are faster on CPUs.

oneDNN, which torch calls on CPUs, is slow at two gradients of a transposed convolution. One is the bias gradient, so
the bias is added separately. The other is the weight gradient in bfloat16 for small images, so that gradient is
computed as a matrix product.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

SMALL = 8
"""Inputs narrower than this are small; measured on a CPU with bfloat16 arithmetic, at stride two."""

Pair = tuple[int, int]


def _squares(x: Tensor, size: Pair, stride: Pair, padding: Pair) -> Tensor:
    """Input of a strided kernel at each of its positions: [batch, c, …] → [batch · positions, height · width · c]."""
    x = functional.pad(x.permute(0, 2, 3, 1), (0, 0, padding[1], padding[1], padding[0], padding[0]))
    windows = x.unfold(1, size[0], stride[0]).unfold(2, size[1], stride[1])  # [batch, …, …, c, height, width]
    return windows.permute(0, 1, 2, 4, 5, 3).flatten(3).flatten(0, 2)


class _WeightsByProduct(torch.autograd.Function):
    """A transposed convolution whose weight gradient is one matrix product.

    Each pixel of the input corresponds to a square of the output. The gradient is the sum over pixels and samples of
    the outer products of the two. It is differentiable, so gradient penalties may use it.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: Pair, padding: Pair) -> Tensor:
        """The convolution, without a bias."""
        ctx.save_for_backward(x, weight)
        ctx.settings = stride, padding
        return functional.conv_transpose2d(x, weight, None, stride, padding)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients with respect to x and the weights."""
        x, weight = ctx.saved_tensors
        stride, padding = ctx.settings
        in_x = functional.conv2d(gradient, weight, None, stride, padding) if ctx.needs_input_grad[0] else None
        if not ctx.needs_input_grad[1]:
            return in_x, None, None, None
        pixels = x.permute(0, 2, 3, 1).flatten(0, 2)
        in_weight = pixels.t() @ _squares(gradient, weight.shape[2:], stride, padding)
        return in_x, in_weight.unflatten(1, (*weight.shape[2:], -1)).permute(0, 3, 1, 2), None, None


def unbiased(layer: nn.ConvTranspose2d, x: Tensor) -> Tensor:
    """Output of a transposed convolution without its bias, for images [batch, in, height, width].

    >>> layer = nn.ConvTranspose2d(2, 3, 4, stride=2, padding=1, bias=False)
    >>> x = torch.randn(1, 2, 5, 5)
    >>> torch.allclose(unbiased(layer, x), layer(x), atol=1e-6)
    True
    """
    weight = layer.weight  # read once: each read of a spectrally normalised weight makes a power iteration
    if _has_slow_gradient(layer, x, weight):
        x, weight = x.to(torch.bfloat16), weight.to(torch.bfloat16)
        return _WeightsByProduct.apply(x, weight, layer.stride, layer.padding)
    settings = layer.stride, layer.padding, layer.output_padding, layer.groups, layer.dilation
    return functional.conv_transpose2d(x, weight, None, *settings)


def _has_slow_gradient(layer: nn.ConvTranspose2d, x: Tensor, weight: Tensor) -> bool:
    if x.device.type != "cpu" or torch.float64 in (x.dtype, weight.dtype):
        return False
    is_mixed = torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") == torch.bfloat16
    is_bf16 = is_mixed or x.dtype == weight.dtype == torch.bfloat16
    return is_bf16 and x.shape[3] < SMALL and min(layer.stride) > 1 and is_plain(layer)


def is_plain(layer: nn.ConvTranspose2d) -> bool:
    """Whether a transposed convolution has no groups, dilation or output padding."""
    return (layer.groups, layer.dilation, layer.output_padding) == (1, (1, 1), (0, 0))


def biased(y: Tensor, bias: Tensor | None) -> Tensor:
    """Images [batch, channels, …] plus a number for each channel, in place; no other code may use y."""
    return y if bias is None else y.add_(bias.to(y.dtype)[:, None, None])


def from_pixels(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Output of a transposed convolution without padding for images of one pixel, as a matrix product.

    Each image is a sum of kernels.

    Args:
        x: images [batch, in, 1, 1].
        weight: [in, out, height, width].
        bias: [out]; None for none.

    Returns:
        Images [batch, out, height, width].

    >>> layer = nn.ConvTranspose2d(2, 3, 5)
    >>> x = torch.randn(4, 2, 1, 1)
    >>> torch.allclose(from_pixels(x, layer.weight, layer.bias), layer(x), atol=1e-6)
    True
    """
    is_channels_last = weight.is_contiguous(memory_format=torch.channels_last)
    kernels = weight.permute(0, 2, 3, 1) if is_channels_last else weight
    shape = kernels.shape[1:]
    if bias is None:
        y = x.flatten(1) @ kernels.flatten(1)
    else:  # not added in place: that would copy the product, of which the images are a view
        each = bias if is_channels_last else bias[:, None, None]
        y = torch.addmm(each.expand(shape).flatten(), x.flatten(1), kernels.flatten(1))
    y = y.unflatten(1, shape)
    return y.permute(0, 3, 1, 2) if is_channels_last else y
