"""Parts of a face, back to front: where each is, and what it is."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from gancourse.data.faces.geometry import capsule, column, ellipse, overlap, ring, union
from gancourse.data.faces.hair import back_hair, front_hair
from gancourse.data.faces.layers import Part, where
from gancourse.data.faces.pose import Pose, window


def parts(factors: Tensor) -> Iterator[Part]:
    """All parts of n faces [n, factors], back to front."""
    pose = Pose(factors)
    area = window(1, 32)
    x, y = pose.body(area)
    yield Part(area, ellipse(x, y + 0.3, 14.2, 14.2), "halo")
    for group in GROUPS:
        yield from group(pose)


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
        yield Part(area, where(style, ellipse(side, v - 2.0, 2.0, 2.4)), "skin", has_outline=True)
        yield Part(area, where(style, ellipse(side, v - 2.0, 1.0, 1.3)), "inner ear")
    area = window(5, 28, 2, 30)
    u, v = pose.head(area, 0.5)
    skull = ellipse(u, v + 1.2, pose.head_width, 8.8)
    jaw = ellipse(u, v - 2.4, pose.head_width * 0.93, 7.3)
    yield Part(area, union(skull, jaw), "skin", has_outline=True)


def _cheeks(pose: Pose) -> Iterator[Part]:
    area = window(17, 28, 3, 29)
    u, v = pose.head(area, 1.5)
    freckled = pose.has("freckles", "yes")
    yield Part(area, where(~freckled, ellipse(u.abs() - pose.head_width * 0.64, v - 5.4, 1.9, 1.3)), "blush", 0.55)
    if freckled.any():
        x, y = pose.body(area)
        dots = []
        for side in (-1, 1):
            centre_x, centre_y = pose.place(pose.turn * 1.1 + pose.head_width * (0.5 * side), 5.6)
            # Dots are whole pixels.
            out, down = x * side - ((centre_x * side).floor() + 0.5), y - centre_y
            dots += [ellipse(out - a, down - b, 0.5, 0.5) for a, b in ((-1, 0), (1, -1), (1, 1))]
        yield Part(area, where(freckled, union(*dots)), "freckle")
    area = window(16, 24, 8, 24)
    u, v = pose.head(area, 3.2)
    size = pose.between("nose", 0.0, 1.0)
    yield Part(area, ellipse(u, v - 3.0, 0.5 + size * 1.75, 0.45 + size * 1.2), "nose")


def _mouth(pose: Pose) -> Iterator[Part]:
    area = window(17, 29, 7, 25)
    u, v = pose.spot(area, 6.2, 2.2)
    # More faces smile than frown, and the frowns are milder.
    smile, opening = pose.between("smile", -0.75, 1.0), pose.between("mouth", 0.0, 1.0)
    sorrow = (-smile).clamp_(min=0)
    # A sad mouth opens round, without teeth: with them it would be a grimace.
    half = 3.1 + smile * 0.4 - sorrow * opening * 1.6
    t = u / half
    arch = 1 - t * t
    # A closed mouth bends; an open one bulges down in a smile, up in sorrow.
    openness = (opening * 2.5).clamp_(max=1)
    bend = smile * (2.4 - openness * 1.8)
    size = opening * (4.7 - opening * 1.8 + smile * 0.3)
    height = (1 - t * t * t * t) * size
    above, under = 0.5 - smile * 0.32, 0.5 + smile * 0.32
    # The upper lip of an open mouth lies between rows of pixels, so that the teeth are white.
    shift = openness * (0.5 + bend * 0.5 - size * above)
    middle = v - bend * (arch - 0.5) + shift
    upper, lower = middle + height * above, middle - height * under
    slope = t * bend * 0.7
    norm = 1 / (slope * slope + 1).sqrt_()
    inside = overlap(torch.maximum(-upper, lower) * norm, u.abs() - half + 0.2)
    corners = ellipse(u.abs() - half, v + bend * 0.5 + shift + smile * 0.5, 0.8, 0.8) + (1.3 - openness * 1.3)
    yield Part(area, union(inside - 0.55 + opening * 0.35, corners), "lip")
    inside = inside + (0.6 - opening * 3).clamp_(min=0)
    yield Part(area, inside, "mouth")
    yield Part(area, overlap(inside, ellipse(u, v - 1.4 - opening * 1.2, 1.8, 1.2) + (1 - opening)), "tongue")
    yield Part(area, overlap(inside, upper - (size * 4 - 4).clamp_(0, 1) + sorrow * 3), "teeth")


def _eyes(pose: Pose) -> Iterator[Part]:
    area = window(11, 24, 2, 30)
    u, v, side = pose.eyes(area)
    # The far eye is narrower.
    width, height = pose.eye_width * (1 - side * pose.turn * 0.13), pose.eye_height
    lowered = 1 - pose.between("eyelids", 0, 1)
    closing = lowered * (lowered * 0.65 + 0.35)  # few eyes are closed
    t = u / width
    cube = closing * closing * closing
    # A closing eye narrows from above and, at the end, from below.
    bend = height * (closing * 0.35 + cube * 1.3 - 1.05).clamp_(max=0.4)
    arch = 1 - t * t * (cube * 0.7 + 0.5)
    lid = v - bend * arch
    white = overlap(ellipse(u, v, width, height), -lid, v - height * (1.15 - cube * closing * 0.78) * arch)
    yield Part(area, white, "sclera")
    radius = width * 0.6
    look = u - pose.signed("gaze") * (width * 0.45 + 0.5)
    yield Part(area, overlap(ellipse(look, v - 0.1, radius, radius * 1.4), white), "iris")
    yield Part(area, overlap(ellipse(look, v - 0.2, radius * 0.43, radius * 0.62), white), "pupil")
    yield Part(area, overlap(ellipse(look, v + radius * 0.7, 0.5, 0.5), white), "glint")
    slope = bend * t * (cube * 1.4 + 1) / width
    lash = overlap(lid.abs() / (slope * slope + 1).sqrt_() - 0.52, u.abs() - width - 0.3)
    yield Part(area, lash, "line")


def _lens_radius(pose: Pose) -> Tensor:
    return pose.eye_x * 0.5 + 1.4


def _lenses(pose: Pose) -> Iterator[Part]:
    if (shown := pose.has("glasses", "yes")).any():
        area = window(10, 25, 1, 31)
        u, v, _ = pose.eyes(area)
        radius = _lens_radius(pose)
        yield Part(area, where(shown, ellipse(u, v - 0.5, radius, radius)), "glass", 0.22)


def _frames(pose: Pose) -> Iterator[Part]:
    if (shown := pose.has("glasses", "yes")).any():
        area = window(10, 25, 1, 31)
        u, v, _ = pose.eyes(area)
        radius = _lens_radius(pose)
        head_u, _ = pose.head(area, 0.5)
        bars = overlap(v.abs() - 0.45, radius - u.abs(), head_u.abs() - pose.head_width + 0.4)
        yield Part(area, where(shown, union(ring(u, v - 0.5, radius, 0.42), bars)), "frame")


def _brows(pose: Pose) -> Iterator[Part]:
    area = window(7, 20, 2, 30)
    u, v, side = pose.eyes(area)
    lowering = pose.signed("brows")
    height = pose.eye_height + 2.0 - lowering
    yield Part(area, capsule(u * side + 1.9, v + height, 3.8, lowering * -2.0 + 0.3, 0.5), "brow")


def _ornaments(pose: Pose) -> Iterator[Part]:
    if (shown := pose.has("earrings", "yes")).any():
        area = window(17, 28)
        u, v = pose.head(area, -1.1)
        yield Part(area, where(shown, ring(u.abs() - (pose.head_width + 0.9), v - 5.9, 1.6, 0.5)), "gold")
    if (shown := ~pose.has("bow", "none")).any():
        area = window(3, 16, 2, 30)
        u, v = pose.head(area, 0.2)
        side = 1 - pose.has("bow", "left").float() * 2
        # A bow on a bald head is smaller.
        size = 1 - pose.has("hair style", "bald").float() * 0.25
        across = (u - side * (pose.head_width * 0.5 + size * 2 - 1.6)).abs()
        up = v + 6.8 + size * 1.2
        wings = overlap((up.abs() - across * 0.75 - 0.6 * size) * 0.8, across - 3.2 * size)
        yield Part(area, where(shown, wings), "bow", has_outline=True)
        yield Part(area, where(shown, ellipse(across, up, 0.9 * size, 1.1 * size)), "bow shade")


GROUPS = (back_hair, _body, _head, _cheeks, _mouth, _lenses, _eyes, front_hair, _frames, _brows, _ornaments)
"""Back to front."""
