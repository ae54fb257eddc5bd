"""Strided and transposed convolutions, with two gradients computed in ways that processors are faster at.

oneDNN, which torch calls on processors, takes as long for the bias gradient of a transposed convolution as for that of
its weights: here the bias is added apart. And in bfloat16 it takes three times as long for the gradient of weights
between small images as for the convolution itself: here that gradient is a matrix product.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

SMALL = 8
"""Images narrower than this are small. From here on, oneDNN's own gradient is the faster one."""


def _squares(x: Tensor, size: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int]) -> Tensor:
    """What a strided kernel sees at each of its places: [batch, c, …] → [batch · places, height · width · c]."""
    x = functional.pad(x.permute(0, 2, 3, 1), (0, 0, padding[1], padding[1], padding[0], padding[0]))
    return (
        x.unfold(1, size[0], stride[0]).unfold(2, size[1], stride[1]).permute(0, 1, 2, 4, 5, 3).flatten(3).flatten(0, 2)
    )


class _WeightsByProduct(torch.autograd.Function):
    """A convolution, forwards or transposed, whose weight gradient is one matrix product.

    Either way, each pixel of a small image is tied to a square of a big one; the gradient is the sum over pixels and
    samples of their outer products. Made of differentiable operations, so that penalties on slopes may use it.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: Any, padding: Any, is_transposed: bool) -> Tensor:
        """The convolution, without a bias."""
        ctx.save_for_backward(x, weight)
        ctx.settings = stride, padding, is_transposed
        return torch.convolution(x, weight, None, stride, padding, (1, 1), is_transposed, (0, 0), 1)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients in x and the weights."""
        x, weight = ctx.saved_tensors
        stride, padding, is_transposed = ctx.settings
        in_x = in_weight = None
        if ctx.needs_input_grad[0]:
            in_x, *_ = torch.ops.aten.convolution_backward(
                *(slope, x, weight, None, stride, padding, (1, 1), is_transposed, (0, 0), 1, (True, False, False))
            )
        if ctx.needs_input_grad[1]:
            big, small = (slope, x) if is_transposed else (x, slope)
            size = weight.shape[2:]
            pixels = small.permute(0, 2, 3, 1).flatten(0, 2)
            in_weight = pixels.t() @ _squares(big, size, stride, padding)
            in_weight = in_weight.unflatten(1, (*size, -1)).permute(0, 3, 1, 2)
        return in_x, in_weight, None, None, None


def unbiased(layer: nn.Conv2d | nn.ConvTranspose2d, x: Tensor) -> Tensor:
    """What a convolution or transposed convolution makes of images [batch, in, height, width], without its bias.

    >>> layer = nn.ConvTranspose2d(2, 3, 4, stride=2, padding=1, bias=False)
    >>> x = torch.randn(1, 2, 5, 5)
    >>> torch.allclose(unbiased(layer, x), layer(x), atol=1e-6)
    True
    """
    is_transposed = isinstance(layer, nn.ConvTranspose2d)
    if _has_slow_gradient(layer, x):
        x, weight = x.to(torch.bfloat16), layer.weight.to(torch.bfloat16)
        return _WeightsByProduct.apply(x, weight, layer.stride, layer.padding, is_transposed)
    if not is_transposed:
        return functional.conv2d(x, layer.weight, None, layer.stride, layer.padding, layer.dilation, layer.groups)
    settings = layer.stride, layer.padding, layer.output_padding, layer.groups, layer.dilation
    return functional.conv_transpose2d(x, layer.weight, None, *settings)


def _has_slow_gradient(layer: nn.Conv2d | nn.ConvTranspose2d, x: Tensor) -> bool:
    mixes = torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") == torch.bfloat16
    if x.device.type != "cpu" or not (mixes or x.dtype == layer.weight.dtype == torch.bfloat16):
        return False
    small = x.shape[3] if isinstance(layer, nn.ConvTranspose2d) else x.shape[3] // layer.stride[1]
    return small < SMALL and min(layer.stride) > 1 and is_plain(layer)


def is_plain(layer: nn.Conv2d | nn.ConvTranspose2d) -> bool:
    """Whether a layer has zeros around the image, as many as it says, and no groups, dilation or output padding."""
    return (
        (layer.groups, layer.dilation, layer.output_padding) == (1, (1, 1), (0, 0))
        and layer.padding_mode == "zeros"
        and not isinstance(layer.padding, str)
    )


def biased(y: Tensor, bias: Tensor | None) -> Tensor:
    """Images [batch, channels, …] that nobody else holds, plus a number for each channel; in place."""
    return y if bias is None else y.add_(bias.to(y.dtype)[:, None, None])
