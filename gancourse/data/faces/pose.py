"""Coordinates of the body and of the tilted, turned head; lengths of each face."""

from __future__ import annotations

import torch
from torch import Tensor

from gancourse.data.faces.description import FACTORS, labels, values

SIZE = 32
CENTRE = 16.8  # of the head, below the top of the image
PIVOT = 10.0  # of the tilt, below the centre of the head
TILT = 0.085  # tangent of half of the largest angle, 9.7°
EYE_V = 0.7  # of the eyes, below the centre of the head
EYE_DEPTH = 2.3  # shift of the eyes at full turn

Window = tuple[slice, slice]


def window(top: int = 0, bottom: int = SIZE, left: int = 0, right: int = SIZE) -> Window:
    """Rows and columns."""
    return slice(top, bottom), slice(left, right)


class Pose:
    """What the parts of n faces are measured by; numbers are [n, 1, 1], lengths in pixels.

    u and v are coordinates in the head, from its centre to the viewer's right and down; x and y those of the body, from
    the same point.

    Args:
        factors: from 0 to 1, [n, factors].
    """

    def __init__(self, factors: Tensor) -> None:
        self._factors = factors
        self.turn = self.signed("turn")
        self.classes = {name: labels(factors, name)[:, None, None] for name in FACTORS if FACTORS[name].classes}
        self.head_width = self.between("head width", 8.2, 10.4)
        self.eye_x = self.between("eye spacing", 3.4, 4.8)
        self.eye_width = self.between("eye size", 1.6, 2.85)
        self.eye_height = self.between("eye size", 1.7, 3.15)
        self.x = torch.arange(SIZE)[None, None].float() - (SIZE - 1) / 2
        self.y = torch.arange(SIZE)[None, :, None].float() + (0.5 - CENTRE)
        # A rotation by rational functions: sines differ between processors.
        half = self.signed("tilt") * TILT
        norm = 1 / (half * half + 1)
        self._cos, self._sin = cos, sin = (1 - half * half) * norm, (half + half) * norm
        arm = self.y - PIVOT
        self._u, self._v = self.x * cos + arm * sin, (arm * cos - self.x * sin).add_(PIVOT)
        self._shifted: dict[float, Tensor] = {}

    def between(self, name: str, low: float, high: float) -> Tensor:
        """A factor mapped from 0 … 1 to low … high."""
        return values(self._factors, name)[:, None, None] * (high - low) + low

    def signed(self, name: str) -> Tensor:
        """A factor mapped from 0 … 1 to −1 … 1, so exactly that a mirrored face has the mirrored bits."""
        return values(self._factors, name)[:, None, None] * 2 - 1

    def has(self, name: str, *classes: str) -> Tensor:
        """Whether a categorical factor is one of these classes."""
        return torch.isin(self.classes[name], torch.tensor([FACTORS[name].classes.index(label) for label in classes]))

    def head(self, area: Window, depth: float = 0.0) -> tuple[Tensor, Tensor]:
        """Coordinates u and v in a window; at full turn, u is from a centre `depth` pixels to the side."""
        if depth not in self._shifted:
            self._shifted[depth] = self._u - self.turn * depth
        return self._shifted[depth][:, *area], self._v[:, *area]

    def body(self, area: Window) -> tuple[Tensor, Tensor]:
        """Coordinates x and y in a window."""
        return self.x[:, :, area[1]], self.y[:, area[0]]

    def place(self, u: Tensor, v: float) -> tuple[Tensor, Tensor]:
        """Coordinates x and y of a point in the head; y is that of the nearest row of pixels, for sharp features."""
        x = u * self._cos - self._sin * (v - PIVOT)
        y = u * self._sin + self._cos * (v - PIVOT) + (PIVOT + CENTRE)
        return x, y.floor() + (0.5 - CENTRE)

    def eyes(self, area: Window) -> tuple[Tensor, Tensor, Tensor]:
        """Upright coordinates from the centre of the nearer eye in a window, and its side: −1 left, 1 right."""
        x, y = self.body(area)
        shift = self.turn * EYE_DEPTH
        middle, _ = self.place(shift, EYE_V)
        (left_x, left_y), (right_x, right_y) = (self.place(shift + side, EYE_V) for side in (-self.eye_x, self.eye_x))
        is_right = x > middle
        u, v = x - torch.where(is_right, right_x, left_x), y - torch.where(is_right, right_y, left_y)
        return u, v, is_right.float() * 2 - 1

    def spot(self, area: Window, v: float, depth: float) -> tuple[Tensor, Tensor]:
        """Upright coordinates in a window from a point on the middle line of the head."""
        x, y = self.body(area)
        centre_x, centre_y = self.place(self.turn * depth, v)
        return x - centre_x, y - centre_y
