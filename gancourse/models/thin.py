"""Convolutions to and from images of very few channels, with gradients that are faster on CPUs.

Convolution kernels compute many channels at a time, so for one channel most of their work is wasted. From few channels
to many, oneDNN is fast; from many to few, a matrix product and a sum of overlapping squares are faster. Each is the
other's gradient, so both directions take the faster way in every pass. Gradients are differentiable, as penalties on
gradients need.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.grad import conv2d_weight

Pair = tuple[int, int]


def has_simple_kernel(layer: nn.Conv2d) -> bool:
    """Whether a convolution has no groups and no dilation, and numbers of zeros as padding."""
    is_padded = layer.padding_mode == "zeros" and not isinstance(layer.padding, str)
    return is_padded and (layer.groups, layer.dilation) == (1, (1, 1))


class _ToThin(torch.autograd.Function):
    """A transposed convolution as a matrix product and a sum of squares; its gradients are those of a convolution."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, size: Pair, stride: Pair, padding: Pair) -> Tensor:
        """The transposed convolution, without a bias."""
        ctx.save_for_backward(x, weight)
        ctx.settings = stride, padding
        # Rows are pixels, in the order of channels-last memory.
        squares = x.flatten(2).transpose(1, 2) @ weight.flatten(1)
        return functional.fold(squares.transpose(1, 2), size, weight.shape[2:], padding=padding, stride=stride)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients with respect to x and the weights."""
        x, weight = ctx.saved_tensors
        stride, padding = ctx.settings
        in_x = from_thin(gradient, weight, None, stride, padding) if ctx.needs_input_grad[0] else None
        in_weight = conv2d_weight(gradient, weight.shape, x, stride, padding) if ctx.needs_input_grad[1] else None
        return in_x, in_weight, None, None, None


class _FromThin(torch.autograd.Function):
    """A convolution whose gradient with respect to its input is a matrix product and a sum of squares."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: Pair, padding: Pair) -> Tensor:
        """The convolution, without a bias."""
        ctx.save_for_backward(x, weight)
        ctx.settings = stride, padding
        return functional.conv2d(x, weight, None, stride, padding)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients with respect to x and the weights."""
        x, weight = ctx.saved_tensors
        stride, padding = ctx.settings
        in_x = in_weight = None
        if ctx.needs_input_grad[0]:
            in_x = _ToThin.apply(gradient, weight, x.shape[2:], stride, padding)
        if ctx.needs_input_grad[1]:
            in_weight = conv2d_weight(x, weight.shape, gradient, stride, padding)
        return in_x, in_weight, None, None


def _in_one_type(x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Both in the type in which autocast computes products, which doesn't reach into the functions above."""
    if not torch.is_autocast_enabled(x.device.type) or x.dtype == torch.float64:
        return x, weight
    kind = torch.get_autocast_dtype(x.device.type)
    return x.to(kind), weight.to(kind)


def to_thin(x: Tensor, weight: Tensor, stride: Pair, padding: Pair) -> Tensor:
    """A transposed convolution to few channels, [batch, in, height, width] → [batch, out, …], without a bias.

    Args:
        x: images.
        weight: [in, out, height, width], as of `torch.nn.ConvTranspose2d`.
        stride: rows and columns between the squares of neighbouring pixels.
        padding: rows and columns that are cut off at each edge.

    >>> x, weight = torch.randn(2, 8, 7, 7), torch.randn(8, 1, 4, 4)
    >>> reference = functional.conv_transpose2d(x, weight, stride=2, padding=1)
    >>> torch.allclose(to_thin(x, weight, (2, 2), (1, 1)), reference, atol=1e-5)
    True
    """
    kernel = weight.shape[2:]
    size = tuple((x.shape[2 + i] - 1) * stride[i] - 2 * padding[i] + kernel[i] for i in (0, 1))
    return _ToThin.apply(*_in_one_type(x, weight), size, stride, padding)


def from_thin(x: Tensor, weight: Tensor, bias: Tensor | None, stride: Pair, padding: Pair) -> Tensor:
    """A convolution of images of few channels, [batch, in, height, width] → [batch, out, …].

    Args:
        x: images.
        weight: [out, in, height, width], as of `torch.nn.Conv2d`.
        bias: [out]; None for none.
        stride: rows and columns between positions of the kernel.
        padding: rows and columns of zeros at each edge.
    """
    if not (torch.is_grad_enabled() and x.requires_grad):  # torch's own gradient of the weights is as fast
        return functional.conv2d(x, weight, bias, stride, padding)
    y = _FromThin.apply(*_in_one_type(x, weight), stride, padding)
    return y if bias is None else y.add_(bias.to(y.dtype)[:, None, None])
