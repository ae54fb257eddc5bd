"""Hair behind the head and in front of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from gancourse.data.faces.geometry import capsule, column, ellipse, overlap, spike, triangles, union
from gancourse.data.faces.layers import Part, where
from gancourse.data.faces.pose import Pose, window

WHOLE = window()


def back_hair(pose: Pose) -> Iterator[Part]:
    """What hangs behind the shoulders or stands off the head."""
    depth = -0.9
    amount = pose.between("hair amount", 0, 1)
    if (style := pose.has("hair style", "bob", "long")).any():
        area = window(4, 32)
        u, v = pose.head(area, depth)
        is_long = pose.has("hair style", "long").float()
        bottom = 4.8 + is_long * 6.0 + amount * 3.8
        across = (u.abs() - (pose.head_width - 2.4 + amount * 1.4)).clamp_(min=0)
        down = torch.maximum(v - (bottom - 3), (-1 - v) * 0.55).clamp_(min=0)
        fall = across.mul_(across).add_(down.mul_(down)).sqrt_().sub_(4)
        yield Part(area, where(style, fall), "hair shade", has_outline=True)
    if (style := pose.has("hair style", "curly")).any():
        area = window(0, 28)
        u, v = pose.head(area, depth)
        side, radius = u.abs(), 3.0 + amount * 2.5
        places = ((0.0, -9.7), (5.6, -8.4), (9.4, -4.2), (10.2, 1.2))
        puffs = union(*(ellipse(side - x if x else u, v - y, radius, radius) for x, y in places))
        yield Part(area, where(style, puffs), "hair", has_outline=True)
    if (style := pose.has("hair style", "bun")).any():
        area = window(0, 13, 4, 28)
        u, v = pose.head(area, depth)
        radius = 2.7 + amount * 2.3
        knot = ellipse(u, v + 11.2 + amount * 0.9, radius, radius * 0.9)
        yield Part(area, where(style, knot), "hair", has_outline=True)
    if (style := pose.has("hair style", "pigtails")).any():
        area = window(4, 30)
        u, v = pose.head(area, depth)
        length = 2.9 + amount * 4.6
        tails = ellipse(u.abs() - (pose.head_width + 2.3), v + 7 - length, 1.8 + amount * 1.4, length)
        yield Part(area, where(style, tails), "hair", has_outline=True)


class Hair(NamedTuple):
    """Shape of a style's hair in front of the face.

    Args:
        cap: thickness around the skull.
        volume: what the amount adds to it at the top.
        fringe: height of the hairline at the parting.
        slope: by which it falls on both sides of the parting.
        limit: down to where.
        sides: lower end of the hair beside the face.
        fall: what the amount adds to that.
        jags: depth of the points of the hairline.
    """

    cap: float
    volume: float
    fringe: float
    slope: float
    limit: float
    sides: float
    fall: float = 0.0
    jags: float = 0.0


HAIR = (
    Hair(0.0, 0.0, -9.0, 0.0, -9.0, -4.0),  # bald: never drawn
    Hair(0.6, 3.8, -8.0, 0.60, -4.4, -0.6),
    Hair(0.3, 0.0, -7.6, 0.40, -5.0, -2.8, jags=2.5),
    Hair(1.0, 0.0, -7.4, 0.50, -4.4, 0.0),
    Hair(1.2, 1.6, -7.4, 0.60, -4.2, 4.0, 3.4),
    Hair(1.1, 1.6, -8.6, 0.80, -3.6, 10.0, 4.6),
    Hair(0.7, 0.3, -8.2, 0.50, -5.0, -3.0),
    Hair(1.0, 0.4, -8.2, 0.70, -4.2, -2.6),
)


def front_hair(pose: Pose) -> Iterator[Part]:
    """The cap of hair with its fringe, parting and shine."""
    if not (style := ~pose.has("hair style", "bald")).any():
        return
    table = torch.tensor(HAIR, dtype=torch.float32)[pose.classes["hair style"][:, 0, 0]]
    hair = Hair(*table.T[:, :, None, None])
    amount, parting = pose.between("hair amount", 0, 1), pose.signed("parting") * 5
    u, v = pose.head(WHOLE, 0.2)
    line = torch.minimum((u - parting).abs() * hair.slope + hair.fringe, hair.limit) + triangles(u, 4.0) * hair.jags
    top = 9.0 + hair.cap + amount * hair.volume
    width = pose.head_width + hair.cap
    below = v - line
    # The fringe casts a shadow on the forehead.
    area = window(5, 21, 2, 30)
    a, b = pose.head(area, 0.2)
    skull = ellipse(a, b + 1.2, pose.head_width - 0.3, 8.5)
    yield Part(area, where(style, overlap(skull, below[:, *area] - 1.1)), "shadow", 0.7)
    lock = column(u.abs() - pose.head_width - 0.1, v, -4.0, hair.sides + hair.fall * amount, 1.3 + amount * 0.5)
    cap = union(overlap(ellipse(u, v + 1.2, width, top), below * 0.85), lock)
    if (is_spiky := pose.has("hair style", "spiky")).any():
        cap = union(cap, where(is_spiky, _spikes(u, v, amount, parting)))
    yield Part(WHOLE, where(style, cap), "hair", has_outline=True)
    if (has_tails := pose.has("hair style", "pigtails")).any():
        area = window(5, 20)
        a, b = pose.head(area, -0.4)
        yield Part(area, where(has_tails, ellipse(a.abs() - pose.head_width - 0.2, b + 5, 1.1, 1.4)), "shirt")
    area = window(2, 19, 5, 27)
    a, b = pose.head(area, 0.2)
    shell, below = ellipse(a, b + 1.2, width - 2.4, top - 2.4), below[:, *area]
    shine = overlap(shell.abs() - 0.5, below + 1, (a + pose.turn * 3).abs() - 4)
    yield Part(area, where(style, shine), "hair shine", 0.8)
    groove = overlap(capsule(a - parting, b + 4, parting * -0.4, -7.0, 0.55), shell - 1, below)
    yield Part(area, where(style & ~is_spiky, groove), "parting")


def _spikes(u: Tensor, v: Tensor, amount: Tensor, parting: Tensor) -> Tensor:
    """Five spikes, which lean away from the parting."""
    length = 3.5 + amount * 3.6
    spikes = []
    for x, y, du, dv in ((0.0, -8.6, 0.0, -1.0), (4.6, -7.6, 0.42, -0.9), (8.0, -4.8, 0.52, -0.66)):
        for side in (-1, 1) if x else (1,):
            lean = parting * (-0.05 * side)
            spikes.append(spike(u * side - x, v - y, (du + lean) * (length + 1), dv * (length + 1), 2.1))
    return union(*spikes)
