"""Parts of a face, back to front: where each is, and what it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from gancourse.data.faces.geometry import capsule, column, ellipse, overlap, ring, triangles, union
from gancourse.data.faces.pose import Pose, Window, window

FAR = 99.0
WHOLE = window()


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


def parts(factors: Tensor) -> Iterator[Part]:
    """All parts of n faces [n, factors], back to front."""
    pose = Pose(factors)
    area = window(1, 32)
    x, y = pose.body(area)
    yield Part(area, ellipse(x, y + 0.3, 14.2, 14.2), "halo")
    for group in (_back_hair, _body, _head, _cheeks, _mouth, _eyes, _front_hair, _ornaments):
        yield from group(pose)


def _if(condition: Tensor, distance: Tensor) -> Tensor:
    """The distance where the condition is met, else far away."""
    return torch.where(condition, distance, FAR)


def _back_hair(pose: Pose) -> Iterator[Part]:
    depth = -0.9
    if (style := pose.has("hair style", "bob", "long")).any():
        area = window(5, 32)
        u, v = pose.head(area, depth)
        is_long = pose.has("hair style", "long").float()
        bottom = 6.0 + is_long * 4 + pose.between("hair amount", 0, 1) * (4.5 + is_long * 1.5)
        across = (u.abs() - (pose.head_width - 2.1)).clamp_(min=0)
        down = torch.maximum(v - (bottom - 3), (-1 - v) * 0.55).clamp_(min=0)
        fall = across.mul_(across).add_(down.mul_(down)).sqrt_().sub_(4)
        yield Part(area, _if(style, fall), "hair shade", has_outline=True)
    if (style := pose.has("hair style", "curly")).any():
        area = window(1, 27)
        u, v = pose.head(area, depth)
        side, radius = u.abs(), pose.between("hair amount", 3.4, 5.1)
        places = ((0.0, -9.5), (5.6, -8.4), (9.6, -4.2), (10.4, 1.2))
        puffs = union(*(ellipse(side - x if x else u, v - y, radius, radius) for x, y in places))
        yield Part(area, _if(style, puffs), "hair", has_outline=True)
    if (style := pose.has("hair style", "bun")).any():
        area = window(0, 12, 4, 28)
        u, v = pose.head(area, depth)
        radius = pose.between("hair amount", 2.6, 4.4)
        knot = ellipse(u, v + pose.between("hair amount", 11.2, 12.2), radius, radius * 0.9)
        yield Part(area, _if(style, knot), "hair", has_outline=True)
    if (style := pose.has("hair style", "pigtails")).any():
        area = window(9, 31)
        u, v = pose.head(area, depth)
        length = pose.between("hair amount", 2.8, 6.2)
        width = pose.between("hair amount", 2.2, 3.0)
        tails = ellipse(u.abs() - (pose.head_width + 2.6), v - (length - 2.6), width, length)
        yield Part(area, _if(style, tails), "hair", has_outline=True)


def _body(pose: Pose) -> Iterator[Part]:
    area = window(26, 32, 3, 29)
    x, y = pose.body(area)
    shirt = ellipse(x, y - 19.5, 12.0, 9.0)
    yield Part(area, shirt, "shirt", has_outline=True)
    u, v = pose.head(area)
    yield Part(area, overlap(column(u, v, 6.0, 10.6, 4.6), shirt + 0.6), "collar")
    area = window(19, 32, 10, 22)
    u, v = pose.head(area)
    yield Part(area, column(u, v, 7.0, 11.2, 2.9), "skin shade", has_outline=True)


def _head(pose: Pose) -> Iterator[Part]:
    if (style := ~pose.has("hair style", "bob", "long")).any():
        area = window(13, 25)
        u, v = pose.head(area, -1.1)
        side = u.abs() - pose.head_width - 0.2
        yield Part(area, _if(style, ellipse(side, v - 2.0, 2.0, 2.4)), "skin", has_outline=True)
        yield Part(area, _if(style, ellipse(side, v - 2.0, 1.0, 1.3)), "inner ear")
    area = window(5, 28, 2, 30)
    u, v = pose.head(area, 0.5)
    skull = ellipse(u, v + 1.2, pose.head_width, 8.8)
    jaw = ellipse(u, v - 2.4, pose.head_width * 0.93, 7.3)
    yield Part(area, union(skull, jaw), "skin", has_outline=True)


def _cheeks(pose: Pose) -> Iterator[Part]:
    area = window(17, 26, 3, 29)
    u, v = pose.head(area, 1.7)
    side = u.abs()
    yield Part(area, ellipse(side - pose.head_width * 0.66, v - 4.9, 2.1, 1.5), "blush", 0.55)
    if (shown := pose.has("freckles", "yes")).any():
        places = ((0.55, 4.0), (0.74, 4.2), (0.65, 5.7))
        dots = union(*(ellipse(side - pose.head_width * x, v - y, 0.7, 0.7) for x, y in places))
        yield Part(area, _if(shown, dots), "freckle")
    area = window(17, 24, 9, 23)
    u, v = pose.head(area, 2.7)
    size = pose.between("nose", 0.0, 1.0)
    yield Part(area, ellipse(u, v - 3.3, 0.5 + size * 1.5, 0.5 + size * 1.0), "nose")


def _mouth(pose: Pose) -> Iterator[Part]:
    area = window(17, 29, 7, 25)
    u, v = pose.head(area, 1.9)
    smile, opening = pose.between("smile", -0.55, 1.0), pose.between("mouth", 0.0, 1.0)
    half = 3.5 + smile * 0.4
    t = u / half
    arch = 1 - t * t
    upper = v - 5.7 - smile * 2.0 * (arch - 0.6)
    lower = upper - arch * opening * 2.9
    slope = t * smile * 1.15
    norm = 1 / (slope * slope + 1).sqrt_()
    inside = overlap(torch.maximum(-upper, lower) * norm, u.abs() - half + 0.2)
    yield Part(area, inside - 0.7 + opening * 0.25, "lip")
    inside = inside + 0.2 + (0.5 - opening * 2).clamp_(min=0)
    yield Part(area, inside, "mouth")
    yield Part(area, overlap(inside, ellipse(u, v - 7.2 - opening * 2.4, 2.0, 1.6) + (1 - opening)), "tongue")
    yield Part(area, overlap(inside, upper - opening * 1.7), "teeth")


def _eyes(pose: Pose) -> Iterator[Part]:
    area = window(11, 24, 3, 29)
    u, v = pose.head(area, 1.9)
    v = v - 0.7
    width, height = pose.eye_width, pose.eye_height
    from_eye = u.abs() - pose.eye_x
    closing = 1 - pose.between("eyelids", 0, 1)
    lid = v + from_eye * from_eye * 0.12 - height * (closing * closing * 2.0 - 1.15)
    yield Part(area, overlap(ellipse(from_eye, v + 0.3, width + 0.55, height + 0.5), -1.0 - lid), "line")
    white = overlap(ellipse(from_eye, v, width, height), -lid)
    yield Part(area, white, "sclera")
    # Both eyes look the same way, so this is no mirror image.
    radius = width * 0.66
    look = torch.where(u > 0, u - pose.eye_x, u + pose.eye_x) - pose.signed("gaze") * (width - 1.3)
    yield Part(area, overlap(ellipse(look, v - 0.2, radius, radius * 1.15), white), "iris")
    yield Part(area, overlap(ellipse(look, v - 0.2, radius * 0.62, radius * 0.7), white), "pupil")
    yield Part(area, overlap(ellipse(look, v + radius * 0.6, 0.75, 0.75), white), "glint")


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
        spikes: whether top and hairline are jagged, 0 or 1.
    """

    cap: float
    volume: float
    fringe: float
    slope: float
    limit: float
    sides: float
    fall: float = 0.0
    spikes: float = 0.0


HAIR = (
    Hair(0.0, 0.0, -9.0, 0.0, -9.0, -4.0),  # bald: never drawn
    Hair(0.9, 2.6, -7.4, 0.5, -3.2, -0.4),
    Hair(0.6, 0.6, -6.8, 0.25, -4.0, -1.0, spikes=1.0),
    Hair(1.0, 0.0, -6.6, 0.30, -3.8, 0.0),
    Hair(1.5, 0.6, -6.0, 0.22, -4.4, 5.6, 2.0),
    Hair(1.4, 0.5, -7.6, 0.75, 0.0, 6.0, 4.5),
    Hair(0.8, 0.3, -7.6, 0.45, -3.4, -1.4),
    Hair(1.1, 0.3, -6.6, 0.50, -2.6, -0.4),
)


def _front_hair(pose: Pose) -> Iterator[Part]:
    if (style := ~pose.has("hair style", "bald")).any():
        table = torch.tensor(HAIR, dtype=torch.float32)[pose.classes["hair style"][:, 0, 0]]
        hair = Hair(*table.T[:, :, None, None])
        amount = pose.between("hair amount", 0, 1)
        u, v = pose.head(WHOLE, 0.2)
        from_parting = (u - pose.signed("parting") * 5).abs()
        jags = triangles(u, 4.0) * hair.spikes
        line = torch.minimum(from_parting * hair.slope + hair.fringe, hair.limit)
        line = line + jags * 4 - 2 * hair.spikes
        top = 9.0 + hair.cap + amount * hair.volume
        width = pose.head_width + hair.cap
        below = v - line
        # The fringe casts a shadow on the forehead.
        area = window(5, 21, 2, 30)
        a, b = pose.head(area, 0.2)
        skull = ellipse(a, b + 1.2, pose.head_width - 0.3, 8.5)
        yield Part(area, _if(style, overlap(skull, below[:, *area] - 1.1)), "shadow", 0.7)
        lock = column(u.abs() - pose.head_width - 0.1, v, -4.0, hair.sides + hair.fall * amount, 1.5)
        cap = ellipse(u, v + 1.2, width, top + jags * (2.4 + amount * 6.4))
        cap = union(overlap(cap, below * 0.85), lock)
        yield Part(WHOLE, _if(style, cap), "hair", has_outline=True)
        area = window(3, 19, 5, 27)
        a, b = pose.head(area, 0.2)
        shine = ellipse(a, b + 1.2, width - 2.4, top - 2.4).abs_() - 0.5
        shine = overlap(shine, below[:, *area] + 1, (a + pose.turn * 3).abs() - 4)
        yield Part(area, _if(style, shine), "hair shine", 0.8)
    area = window(9, 18, 3, 29)
    u, v = pose.head(area, 1.9)
    lowering = pose.signed("brows")
    inner = u.abs() - (pose.eye_x - 1.9)
    height = pose.eye_height + 0.9 - lowering * 0.8
    yield Part(area, capsule(inner, v + height, 3.8, lowering * -1.4, 0.55), "brow")


def _ornaments(pose: Pose) -> Iterator[Part]:
    if (shown := pose.has("glasses", "yes")).any():
        area = window(10, 25, 1, 31)
        u, v = pose.head(area, 1.9)
        from_eye = u.abs() - pose.eye_x
        radius = pose.eye_x - 0.4
        yield Part(area, _if(shown, ellipse(from_eye, v - 0.8, radius, radius)), "glass", 0.2)
        bars = overlap((v + 0.0).abs() - 0.5, radius - from_eye.abs(), u.abs() - pose.head_width + 0.4)
        yield Part(area, _if(shown, union(ring(from_eye, v - 0.8, radius, 0.5), bars)), "frame")
    if (shown := pose.has("earrings", "yes")).any():
        area = window(17, 28)
        u, v = pose.head(area, -1.1)
        yield Part(area, _if(shown, ring(u.abs() - (pose.head_width + 0.9), v - 5.9, 1.6, 0.5)), "gold")
    if (shown := ~pose.has("bow", "none")).any():
        area = window(3, 16, 2, 30)
        u, v = pose.head(area, 0.2)
        across = (u - (5.4 - pose.has("bow", "left").float() * 10.8)).abs()
        up = v + 8.0
        wings = overlap((up.abs() - across * 0.75 - 0.6) * 0.8, across - 3.2)
        yield Part(area, _if(shown, wings), "bow", has_outline=True)
        yield Part(area, _if(shown, ellipse(across, up, 0.9, 1.1)), "bow shade")
