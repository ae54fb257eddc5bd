"""Filters of StyleGAN2, which enlarge and halve images bilinearly: 1, 3, 3, 1 along each axis."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def _kernel(taps: tuple[float, ...], gain: float = 1.0) -> Tensor:
    """The outer product of a filter with itself, which sums to the gain, [1, 1, taps, taps]."""
    square = torch.outer(torch.tensor(taps), torch.tensor(taps))
    return (gain * square / square.sum())[None, None]


def _filtered(x: Tensor, kernel: Tensor, padding: int) -> Tensor:
    """Each channel convolved with the same kernel; zeros are outside."""
    n = x.shape[1]
    kernel = kernel.to(x.dtype).expand(n, -1, -1, -1).contiguous()
    return functional.conv2d(x, kernel, padding=padding, groups=n)


class Smoothing(nn.Module):
    """Convolves each channel with the filter 1, 3, 3, 1 along both axes; outside the image there are zeros.

    Args:
        padding: zeros around the image. The filter has an even length, so 1 makes images one pixel smaller, 2 one
            larger.
        gain: what the filter sums to.

    Source: Karras et al. 2020 (StyleGAN2), appendix B: bilinear filtering in all up- and downsampling layers.

    >>> Smoothing(padding=2)(torch.ones(1, 2, 4, 4)).shape
    torch.Size([1, 2, 5, 5])
    """

    kernel: Tensor

    def __init__(self, padding: int, gain: float = 1.0) -> None:
        super().__init__()
        self.padding = padding
        self.register_buffer("kernel", _kernel((1.0, 3.0, 3.0, 1.0), gain), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Images [batch, channels, …]."""
        return _filtered(x, self.kernel, self.padding)


class HalvedBilinearly(nn.Module):
    """Images of half the size: the filter 1, 3, 3, 1 along both axes, at every other pixel; zeros are outside.

    It is bilinear interpolation in which each output averages over all pixels that it covers.

    >>> HalvedBilinearly()(torch.ones(1, 1, 2, 8)).tolist()
    [[[[0.65625, 0.75, 0.75, 0.65625]]]]
    """

    kernel: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("kernel", _kernel((1.0, 2.0, 1.0)), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Images [batch, channels, height / 2, width / 2]."""
        # 1, 2, 1 and then a mean of two: in bfloat16, the backward pass of a filter with stride two is slow.
        return functional.avg_pool2d(_filtered(x, self.kernel, padding=1), 2)


def doubled_bilinearly(x: Tensor) -> Tensor:
    """Images of twice the size by bilinear interpolation, which weights neighbours by 3/4 and 1/4 along each axis."""
    return functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
