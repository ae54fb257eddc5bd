"""What a drawing is made of: shapes that lie over each other."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from gancourse.data.faces.pose import Window

FAR = 99.0


class Part(NamedTuple):
    """One shape.

    Args:
        area: window that it lies in.
        distance: signed distance of each pixel of the window, [n, rows, columns].
        role: what it is, which gives its colour.
        opacity: from 0 to 1.
        has_outline: whether styles with lines draw its boundary.
    """

    area: Window
    distance: Tensor
    role: str
    opacity: float = 1.0
    has_outline: bool = False


def where(condition: Tensor, distance: Tensor) -> Tensor:
    """The distance where the condition is met, else far away."""
    return torch.where(condition, distance, FAR)
