"""Signed distances of simple shapes, in pixels, negative inside; and the share of a pixel that a shape covers.

Only + − × ÷, square roots, minima, maxima and floors of separate operations: the bits are the same on every processor.
"""

from __future__ import annotations

import torch
from torch import Tensor

Length = Tensor | float


def _smaller(a: Length, b: Length) -> Length:
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return torch.minimum(a, b)
    if isinstance(a, Tensor):
        return a.clamp(max=b)
    return b.clamp(max=a) if isinstance(b, Tensor) else min(a, b)


def ellipse(u: Tensor, v: Tensor, width: Length, height: Length) -> Tensor:
    """Distance to an ellipse about 0, (‖p / r‖ − 1) · min r: exact for circles, cheap for others.

    Args:
        u: horizontal coordinate of each pixel.
        v: vertical coordinate of each pixel, downwards.
        width: half of the horizontal axis.
        height: half of the vertical axis.

    >>> ellipse(torch.tensor([0.0, 3.0]), torch.tensor([0.0, 4.0]), 2.0, 2.0)
    tensor([-2.,  3.])
    """
    a, b = u * (1 / width), v * (1 / height)
    return a.mul_(a).add(b.mul_(b)).sqrt_().sub_(1).mul_(_smaller(width, height))


def ring(u: Tensor, v: Tensor, radius: Length, half: float) -> Tensor:
    """Distance to a circle drawn with a line of width 2 · half."""
    return ellipse(u, v, radius, radius).abs_().sub_(half)


def capsule(u: Tensor, v: Tensor, du: Length, dv: Length, radius: Length) -> Tensor:
    """Distance to a line from 0 to (du, dv) with round ends; at least one of these numbers is not 0."""
    scale = 1 / (du * du + dv * dv)
    along = (u * (du * scale) + v * (dv * scale)).clamp_(0, 1)
    a, b = u - along * du, v - along * dv
    return a.mul_(a).add_(b.mul_(b)).sqrt_().sub_(radius)


def column(u: Tensor, v: Tensor, top: Length, bottom: Length, radius: Length) -> Tensor:
    """Distance to an upright line from (0, top) to (0, bottom) with round ends."""
    b = torch.maximum(top - v, v - bottom).clamp_(min=0)
    return (u * u).add(b.mul_(b)).sqrt_().sub_(radius)


def spike(u: Tensor, v: Tensor, du: Length, dv: Length, half: float) -> Tensor:
    """Distance to the lines through the sides of a triangle: tip at (du, dv), base of width 2 · half about 0."""
    square = du * du + dv * dv
    length = square**0.5
    across = (u * (dv / length) - v * (du / length)).abs_()
    along = u * (du / length) + v * (dv / length)
    sides = (across + along * (half / length) - half) * (length / (square + half * half) ** 0.5)
    return torch.maximum(sides, -along)


def overlap(*distances: Tensor) -> Tensor:
    """Distance to what lies in all of the shapes."""
    result = distances[0]
    for distance in distances[1:]:
        result = torch.maximum(result, distance)
    return result


def union(*distances: Tensor) -> Tensor:
    """Distance to what lies in any of the shapes."""
    result = distances[0]
    for distance in distances[1:]:
        result = torch.minimum(result, distance)
    return result


def triangles(u: Tensor, period: float) -> Tensor:
    """Triangular wave of u, from ½ at multiples of the period down to 0 between them."""
    wave = u * (1 / period)
    return 0.5 - ((wave + 0.5).floor_() - wave).abs_()


def coverage(distance: Tensor) -> Tensor:
    """Share of each pixel that a shape covers, if its boundary is straight and upright: clamp(½ − distance)."""
    return (0.5 - distance).clamp_(0, 1)
