"""Transposed convolutions with two gradients computed in ways that processors are faster at.

oneDNN, which torch calls on processors, is slow at two things: at the bias gradient of a transposed convolution, so the
bias is added apart; and, in bfloat16, at the gradient of its weights where images are small, so that gradient is a
matrix product.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

SMALL = 8
"""Inputs narrower than this are small; found on a processor with bfloat16 arithmetic, at strides of two."""

Pair = tuple[int, int]


def _squares(x: Tensor, size: Pair, stride: Pair, padding: Pair) -> Tensor:
    """What a strided kernel sees at each of its places: [batch, c, …] → [batch · places, height · width · c]."""
    x = functional.pad(x.permute(0, 2, 3, 1), (0, 0, padding[1], padding[1], padding[0], padding[0]))
    seen = x.unfold(1, size[0], stride[0]).unfold(2, size[1], stride[1])  # [batch, …, …, c, height, width]
    return seen.permute(0, 1, 2, 4, 5, 3).flatten(3).flatten(0, 2)


class _WeightsByProduct(torch.autograd.Function):
    """A transposed convolution whose weight gradient is one matrix product.

    Each pixel of the input is tied to a square of the output; the gradient is the sum over pixels and samples of their
    outer products. Made of differentiable operations, so that penalties on slopes may use it.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: Pair, padding: Pair) -> Tensor:
        """The convolution, without a bias."""
        ctx.save_for_backward(x, weight)
        ctx.settings = stride, padding
        return functional.conv_transpose2d(x, weight, None, stride, padding)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients in x and the weights."""
        x, weight = ctx.saved_tensors
        stride, padding = ctx.settings
        in_x = functional.conv2d(slope, weight, None, stride, padding) if ctx.needs_input_grad[0] else None
        if not ctx.needs_input_grad[1]:
            return in_x, None, None, None
        pixels = x.permute(0, 2, 3, 1).flatten(0, 2)
        in_weight = pixels.t() @ _squares(slope, weight.shape[2:], stride, padding)
        return in_x, in_weight.unflatten(1, (*weight.shape[2:], -1)).permute(0, 3, 1, 2), None, None


def unbiased(layer: nn.ConvTranspose2d, x: Tensor) -> Tensor:
    """What a transposed convolution makes of images [batch, in, height, width], without its bias.

    >>> layer = nn.ConvTranspose2d(2, 3, 4, stride=2, padding=1, bias=False)
    >>> x = torch.randn(1, 2, 5, 5)
    >>> torch.allclose(unbiased(layer, x), layer(x), atol=1e-6)
    True
    """
    weight = layer.weight  # once: a spectrally normalised one makes a power iteration at each use
    if _has_slow_gradient(layer, x, weight):
        x, weight = x.to(torch.bfloat16), weight.to(torch.bfloat16)
        return _WeightsByProduct.apply(x, weight, layer.stride, layer.padding)
    settings = layer.stride, layer.padding, layer.output_padding, layer.groups, layer.dilation
    return functional.conv_transpose2d(x, weight, None, *settings)


def _has_slow_gradient(layer: nn.ConvTranspose2d, x: Tensor, weight: Tensor) -> bool:
    if x.device.type != "cpu" or torch.float64 in (x.dtype, weight.dtype):
        return False
    mixes = torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") == torch.bfloat16
    is_bf16 = mixes or x.dtype == weight.dtype == torch.bfloat16
    return is_bf16 and x.shape[3] < SMALL and min(layer.stride) > 1 and is_plain(layer)


def is_plain(layer: nn.ConvTranspose2d) -> bool:
    """Whether a transposed convolution has no groups, dilation or output padding."""
    return (layer.groups, layer.dilation, layer.output_padding) == (1, (1, 1), (0, 0))


def biased(y: Tensor, bias: Tensor | None) -> Tensor:
    """Images [batch, channels, …] that nobody else holds, plus a number for each channel; in place."""
    return y if bias is None else y.add_(bias.to(y.dtype)[:, None, None])
