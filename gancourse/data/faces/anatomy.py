"""Parts of a face, back to front: where each is, and what colour it has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from gancourse.data.faces.description import column, labels
from gancourse.data.faces.geometry import capsule, ellipse

SIZE = 32
PIVOT = 10.0  # below the centre of the head, about which it tilts
CENTRE = 16.8  # of the head, from the top of the image


class Part(NamedTuple):
    """One shape.

    Args:
        window: rows and columns that it lies in.
        distance: signed distance of each pixel of the window, [n, rows, columns].
        role: what it is, which gives its colour.
        opacity: from 0 to 1.
        outlined: whether styles with lines draw its boundary.
    """

    window: tuple[slice, slice]
    distance: Tensor
    role: str
    opacity: float = 1.0
    outlined: bool = False


# Rows of the styles bald, short, spiky, curly, bob, long, bun and pigtails.
#            cap   sides  fringe  slope  limit
STYLES = (
    (-3.0, -6.0, -9.0, 0.0, -9.0),
    (1.0, -0.6, -5.6, 0.33, -3.0),
    (0.6, -1.2, -6.2, 0.10, -4.2),
    (1.0, 0.0, -5.6, 0.10, -4.2),
    (1.5, 5.6, -4.2, 0.00, -4.2),
    (1.4, 6.0, -7.6, 0.75, 0.0),
    (0.8, -1.6, -7.6, 0.45, -3.4),
    (1.1, -0.6, -6.6, 0.50, -2.6),
)
FALL = (0, 0, 0, 0, 1, 1, 0, 0)  # hair behind the neck
FAR = 99.0


def _choice(values: tuple[float, ...], index: Tensor) -> Tensor:
    return torch.tensor(values)[index][:, None, None]


class Pose:
    """Coordinates and lengths of n faces; scalars are [n, 1, 1]."""

    def __init__(self, factors: Tensor) -> None:
        def signed(name: str) -> Tensor:
            return column(factors, name)[:, None, None] * 2 - 1

        def between(name: str, low: float, high: float) -> Tensor:
            return column(factors, name)[:, None, None] * (high - low) + low

        self.turn = signed("turn")
        half = signed("tilt") * 0.085  # tangent of half of the angle
        norm = half * half + 1
        cos, sin = (1 - half * half) / norm, (half + half) / norm
        across = torch.arange(SIZE)[None, None] - (SIZE - 1) / 2
        down = torch.arange(SIZE)[None, :, None] + (0.5 - CENTRE)
        self.x, self.y = across, down
        arm = down - PIVOT
        self.u = across * cos + arm * sin
        self.v = (arm * cos - across * sin).add_(PIVOT)
        self.rx = between("head width", 8.5, 10.3)
        self.style = labels(factors, "hair style")
        self.hair = self.style[:, None, None]
        self.amount = between("hair amount", 0, 1)
        self.parting = signed("parting")
        self.eye_x = between("eye spacing", 3.6, 4.7)
        self.eye = between("eye size", 0, 1)
        self.open = between("eyelids", 0, 1)
        self.gaze = signed("gaze")
        self.brows = signed("brows")
        self.smile = signed("smile")
        self.mouth = between("mouth", 0, 1)
        self.nose = between("nose", 0, 1)
        self.glasses, self.freckles, self.earrings, self.bow = (
            labels(factors, name)[:, None, None] for name in ("glasses", "freckles", "earrings", "bow")
        )

    def at(self, rows: slice, columns: slice, depth: float = 0.0, fixed: bool = False) -> tuple[Tensor, Tensor]:
        """Coordinates of a window, moved sideways by `depth` pixels as the head turns."""
        if fixed:
            return self.x[:, :, columns], self.y[:, rows]
        u, v = self.u[:, rows, columns], self.v[:, rows, columns]
        return (u - self.turn * depth if depth else u), v


def _window(top: int, bottom: int, left: int = 0, right: int = SIZE) -> tuple[slice, slice]:
    return slice(top, bottom), slice(left, right)


ALL = _window(0, SIZE)


def parts(factors: Tensor) -> Iterator[Part]:
    """All parts of n faces, back to front."""
    pose = Pose(factors)
    for group in (_back, _body, _head, _features, _eyes, _front, _ornaments):
        yield from group(pose)


def _where(condition: Tensor, distance: Tensor) -> Tensor:
    """The distance where the condition is met, else far away."""
    return torch.where(condition, distance, FAR)


def _back(pose: Pose) -> Iterator[Part]:
    u, v = pose.at(*ALL, fixed=True)
    yield Part(ALL, ellipse(u, v + 0.5, torch.tensor(14.0), 14.0), "halo")
    u, v = pose.at(*ALL, depth=-0.9)
    side = u.abs()
    # bob and long
    width = pose.rx + _choice((0, 0, 0, 0, 1.9, 1.6, 0, 0), pose.style)
    end = _choice((0, 0, 0, 0, 6.0, 10.0, 0, 0), pose.style) + pose.amount * _choice(
        (0, 0, 0, 0, 4.5, 6.0, 0, 0), pose.style
    )
    a = (side - width + 4).clamp_(min=0)
    b = (v - end + 3).clamp_(min=0)
    c = (-v - 1).clamp_(min=0)
    b = b + c * 0.55
    fall = (a * a + b * b).sqrt_() - 4
    yield Part(ALL, _where((pose.hair == 4) | (pose.hair == 5), fall), "hair shade", outlined=True)
    # curly
    radius = 3.4 + pose.amount * 1.7
    puffs = ellipse(u, v + 9.5, radius, radius)
    for x, y in ((5.6, -8.4), (9.6, -4.2), (10.4, 1.2)):
        puffs = torch.minimum(puffs, ellipse(side - x, v - y, radius, radius))
    yield Part(ALL, _where(pose.hair == 3, puffs), "hair", outlined=True)
    # bun
    radius = 2.6 + pose.amount * 1.8
    yield Part(
        _window(0, 14),
        _where(pose.hair == 6, ellipse(u[:, :14], v[:, :14] + 11.2 + pose.amount, radius, radius * 0.9)),
        "hair",
        outlined=True,
    )
    # pigtails
    length = 2.8 + pose.amount * 3.4
    tail = ellipse(side - (pose.rx + 2.6), v - (length - 2.6), 2.2 + pose.amount * 0.8, length)
    yield Part(ALL, _where(pose.hair == 7, tail), "hair", outlined=True)


def _body(pose: Pose) -> Iterator[Part]:
    window = _window(22, SIZE)
    x, y = pose.at(*window, fixed=True)
    yield Part(window, ellipse(x, y - 19.5, torch.tensor(12.0), 9.0), "shirt", outlined=True)
    u, v = pose.at(*window)
    yield Part(window, capsule(u, v - 4, 0.0, 7.6, 2.9), "skin shade", outlined=True)


def _head(pose: Pose) -> Iterator[Part]:
    u, v = pose.at(*ALL, depth=-1.1)
    side = u.abs()
    bare = (pose.hair != 4) & (pose.hair != 5)
    yield Part(ALL, _where(bare, ellipse(side - pose.rx - 0.2, v - 1.6, torch.tensor(2.0), 2.4)), "skin", outlined=True)
    yield Part(ALL, _where(bare, ellipse(side - pose.rx - 0.2, v - 1.6, torch.tensor(1.0), 1.3)), "skin shade")
    u, v = pose.at(*ALL, depth=0.5)
    skull = ellipse(u, v + 1.2, pose.rx, 8.8)
    jaw = ellipse(u, v - 2.4, pose.rx * 0.93, 7.2)
    yield Part(ALL, torch.minimum(skull, jaw), "skin", outlined=True)


def _features(pose: Pose) -> Iterator[Part]:
    w = _window(12, 29)
    u, v = pose.at(*w, depth=1.4)
    side = u.abs()
    yield Part(w, ellipse(side - pose.rx * 0.64, v - 4.4, torch.tensor(2.1), 1.5), "blush", 0.55)
    dots = torch.minimum(capsule(side - 5.2, v - 3.6, 0.0, 0.01, 0.45), capsule(side - 7.0, v - 3.2, 0.0, 0.01, 0.45))
    dots = torch.minimum(dots, capsule(side - 6.1, v - 5.2, 0.0, 0.01, 0.45))
    dots = torch.minimum(dots, capsule(side - 3.3, v - 4.3, 0.0, 0.01, 0.45))
    yield Part(w, _where(pose.freckles == 1, dots), "freckle", 0.8)
    # nose
    u, v = pose.at(*w, depth=2.0)
    yield Part(w, ellipse(u, v - 3.2, 0.7 + pose.nose * 0.9, 0.6 + pose.nose * 0.7), "skin shade")
    # mouth
    u, v = pose.at(*w, depth=1.5)
    half = 3.1 + pose.smile * 0.5
    t = u / half
    arch = 1 - t * t
    upper = v - 5.9 - arch * pose.smile * 1.1 + pose.smile * 0.5
    lower = upper - arch * pose.mouth * 2.9
    slope = t * pose.smile * (2.2 / 3.1)
    norm = (slope * slope + 1).sqrt_()
    end = (t.abs() - 1) * half
    inside = torch.maximum(torch.maximum(-upper, lower) / norm, end)
    yield Part(w, inside - 0.55, "line")
    yield Part(w, torch.maximum(inside + 0.25, torch.zeros(())), "mouth")
    yield Part(w, torch.maximum(inside + 0.3, (upper - 1.15) / norm), "white")


def _eyes(pose: Pose) -> Iterator[Part]:
    w = _window(8, 26)
    u, v = pose.at(*w, depth=1.5)
    e = u.abs() - pose.eye_x
    v = v - 0.2
    rx, ry = 2.0 + pose.eye * 0.8, 2.5 + pose.eye * 1.1
    lid = ry * (0.85 - 2.0 * pose.open) - e * e * 0.12 + 0.0
    yield Part(w, torch.maximum(ellipse(e, v + 0.3, rx + 0.55, ry + 0.5), lid - 1.0 - v), "line")
    white = torch.maximum(ellipse(e, v, rx, ry), lid - v)
    yield Part(w, white, "white")
    q = torch.where(u > 0, u - pose.eye_x, u + pose.eye_x) - pose.gaze * (rx - 1.35)
    r = 1.35 + pose.eye * 0.5
    yield Part(w, torch.maximum(ellipse(q, v - 0.2, r, r * 1.15), white), "iris")
    yield Part(w, torch.maximum(ellipse(q, v - 0.2, r * 0.62, r * 0.7), white), "pupil")
    yield Part(w, torch.maximum(ellipse(q, v + r * 0.62, torch.tensor(0.7), 0.7), white), "white")


def _front(pose: Pose) -> Iterator[Part]:
    cap, sides, fringe, slope, limit = (_choice(column_, pose.style) for column_ in zip(*STYLES, strict=True))
    u, v = pose.at(*ALL, depth=0.2)
    # locks
    side = u.abs()
    lock_end = sides + _choice((0, 0, 0, 0, 2.0, 4.5, 0, 0), pose.style) * pose.amount
    lock = capsule(side - pose.rx - 0.1, v + 4, 0.0, lock_end + 4, 1.5)
    yield Part(ALL, _where(sides > -5, lock), "hair", outlined=True)
    # cap
    top = 9.0 + cap + pose.amount * _choice((0, 1.8, 0.6, 0, 0.6, 0.5, 0.3, 0.3), pose.style)
    wave = u * 0.25
    wave = ((wave + 0.5).floor() - wave).abs()
    spike = _choice((0, 0, 1, 0, 0, 0, 0, 0), pose.style)
    outer = ellipse(u, v + 1.2, pose.rx + cap, top + spike * (1.2 + pose.amount * 3.2) * (1 - wave * 2))
    part = u - pose.parting * 5.0
    line = torch.minimum(part.abs() * slope + fringe, limit) - spike * (0.5 - wave) * 4
    front = torch.maximum(outer, (v - line) * 0.85)
    yield Part(ALL, _where(cap > 0, front), "hair", outlined=True)
    shine = ellipse(u, v + 1.2, pose.rx - 1.2, top - 2.2).abs_() - 0.5
    shine = torch.maximum(torch.maximum(shine, v - line + 1), (u + pose.turn * 3).abs() - 4)
    yield Part(ALL, _where(cap > 0, shine), "hair shine", 0.8)
    # brows
    w = _window(4, 22)
    u, v = pose.at(*w, depth=1.5)
    e = u.abs() - pose.eye_x
    ry = 2.5 + pose.eye * 1.1
    yield Part(w, capsule(e + 1.9, v + ry + 1.4 - pose.brows * 0.9, torch.tensor(3.8), -pose.brows * 1.5, 0.55), "brow")


def _ornaments(pose: Pose) -> Iterator[Part]:
    w = _window(8, 27)
    u, v = pose.at(*w, depth=1.5)
    e = u.abs() - pose.eye_x
    size = pose.eye_x - 0.4
    ring = ellipse(e, v - 0.3, size, size)
    yield Part(w, _where(pose.glasses == 1, ring.clone()), "glass", 0.22)
    ring = ring.abs_() - 0.5
    outside = torch.maximum((v + 0.3).abs() - 0.5, size - e.abs())
    outside = torch.maximum(outside, u.abs() - pose.rx + 0.5)
    yield Part(w, _where(pose.glasses == 1, torch.minimum(ring, outside)), "frame")
    w2 = _window(14, 31)
    u, v = pose.at(*w2, depth=-1.1)
    hoop = ellipse(u.abs() - pose.rx - 0.9, v - 5.4, torch.tensor(1.5), 1.7).abs_() - 0.45
    yield Part(w2, _where(pose.earrings == 1, hoop), "gold")
    side = torch.where(pose.bow == 1, -1.0, 1.0)
    w = _window(0, 20)
    u, v = pose.at(*w, depth=0.2)
    p, q = u - side * 6.2, v + 8.2
    a = p.abs()
    wing = torch.maximum((q.abs() - a * 0.75 - 0.6) * 0.8, a - 3.2)
    wing = torch.maximum(wing, -a - 1)
    yield Part(w, _where(pose.bow > 0, wing), "bow", outlined=True)
    yield Part(w, _where(pose.bow > 0, ellipse(p, q, torch.tensor(0.9), 1.1)), "bow shade")
