"""Filters of StyleGAN2, which enlarge and halve images bilinearly: 1, 3, 3, 1 along each axis."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

TAPS = (1.0, 3.0, 3.0, 1.0)


class Smoothing(nn.Module):
    """Convolves each channel with the filter 1, 3, 3, 1 along both axes; outside the image there are zeros.

    At stride two it halves images as bilinear interpolation does if each output averages all pixels that it covers.

    Args:
        padding: zeros around the image. The filter has an even length, so 1 makes images one pixel smaller, 2 one
            larger.
        gain: what the filter sums to.
        stride: 2 leaves out every other pixel.

    Source: Karras et al. 2020 (StyleGAN2), appendix B: bilinear filtering in all up- and downsampling layers.

    >>> Smoothing(padding=1, stride=2)(torch.ones(1, 2, 4, 4)).shape
    torch.Size([1, 2, 2, 2])
    """

    kernel: Tensor

    def __init__(self, padding: int, gain: float = 1.0, stride: int = 1) -> None:
        super().__init__()
        taps = torch.tensor(TAPS)
        square = torch.outer(taps, taps)
        self.padding, self.stride = padding, stride
        self.register_buffer("kernel", (gain * square / square.sum())[None, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Images [batch, channels, …]."""
        n = x.shape[1]
        kernel = self.kernel.to(x.dtype).expand(n, -1, -1, -1).contiguous()
        return functional.conv2d(x, kernel, stride=self.stride, padding=self.padding, groups=n)


def doubled_bilinearly(x: Tensor) -> Tensor:
    """Images of twice the size by bilinear interpolation, which weights neighbours by 3/4 and 1/4 along each axis."""
    return functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
