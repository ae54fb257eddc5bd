"""Signed distances of simple shapes, in pixels: negative inside."""

from __future__ import annotations

import torch
from torch import Tensor


def ellipse(u: Tensor, v: Tensor, width: Tensor | float, height: Tensor | float) -> Tensor:
    """Distance to an ellipse about 0, exact for circles: (|p / r| − 1) · min r.

    Args:
        u: horizontal coordinate of each pixel.
        v: vertical coordinate of each pixel.
        width: half of the horizontal axis.
        height: half of the vertical axis.
    """
    a, b = u / width, v / height
    scale = torch.minimum(width, height) if isinstance(width, Tensor) and isinstance(height, Tensor) else None
    if scale is None:
        scale = torch.as_tensor(width).clamp(max=height) if isinstance(height, float | int) else height.clamp(max=width)
    return (a * a + b * b).sqrt_().sub_(1).mul_(scale)


def capsule(u: Tensor, v: Tensor, du: Tensor | float, dv: Tensor | float, radius: Tensor | float) -> Tensor:
    """Distance to a line from 0 to (du, dv), with round ends of that radius."""
    along = ((u * du + v * dv) / (du * du + dv * dv)).clamp_(0, 1)
    a, b = u - along * du, v - along * dv
    return (a * a + b * b).sqrt_().sub_(radius)


def coverage(distance: Tensor) -> Tensor:
    """Share of each pixel that is covered: clamp(½ − d)."""
    return (0.5 - distance).clamp_(0, 1)
