"""Painting faces: colours and lines of the two drawing styles, and edges."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.data.faces import palettes
from gancourse.data.faces.anatomy import SIZE, Part, parts
from gancourse.data.faces.description import checked, labels
from gancourse.data.faces.geometry import coverage
from gancourse.names import lookup

CHUNK = 64  # faces at a time, whose canvas stays in the cache


def _roles(factors: Tensor) -> dict[str, Tensor]:
    """Colour of each role, [n, 3]."""
    skin, hair, eyes, back = (labels(factors, name) for name in ("skin", "hair colour", "eye colour", "backdrop"))

    def every(colour: str) -> Tensor:
        return torch.tensor(list(bytes.fromhex(colour))).float().expand(len(factors), 3)

    return {
        "backdrop": palettes.BACKDROP[back],
        "halo": palettes.HALO[back],
        "shirt": palettes.SHIRT[back],
        "bow": palettes.BOW[back],
        "bow shade": palettes.BOW[back] * 0.75,
        "skin": palettes.SKIN[skin],
        "skin shade": palettes.SKIN_SHADE[skin],
        "blush": palettes.BLUSH[skin],
        "freckle": palettes.SKIN_SHADE[skin] * 0.8,
        "hair": palettes.HAIR[hair],
        "hair shade": palettes.HAIR_SHADE[hair],
        "hair shine": palettes.HAIR_SHINE[hair],
        "brow": palettes.HAIR_SHADE[hair],
        "iris": palettes.IRIS[eyes],
        "line": every("3a2430"),
        "pupil": every("1c1420"),
        "white": every("ffffff"),
        "mouth": every("a83242"),
        "frame": every("2c2a3a"),
        "gold": every("f2b632"),
        "glass": every("dff2ff"),
    }


def _over(canvas: Tensor, part: Part, colour: Tensor, shares: Tensor) -> None:
    """Paint a colour [n, 3] over the part's window, by the share of each pixel."""
    window = canvas[:, :, part.window[0], part.window[1]]
    step = colour[:, :, None, None] - window
    window.add_(step.mul_(shares[:, None]))


def _coloured(factors: Tensor) -> Tensor:
    roles = _roles(factors)
    canvas = roles["backdrop"][:, :, None, None].repeat(1, 1, SIZE, SIZE)
    for part in parts(factors):
        shares = coverage(part.distance)
        _over(canvas, part, roles[part.role], shares.mul_(part.opacity) if part.opacity < 1 else shares)
    return canvas


PAINTERS: dict[str, Callable[[Tensor], Tensor]] = {"colour": _coloured}


def draw(factors: Tensor, style: str = "colour") -> Tensor:
    """Faces as bytes, uint8 [n, 3, 32, 32].

    Args:
        factors: one row a face, from 0 to 1, [n, factors]; columns as in `FACTORS`.
        style: name of a drawing style.

    Raises:
        ValueError: the factors are not floats of that shape and range, or there is no such style.
    """
    painter = lookup(PAINTERS, style, "style")
    factors = checked(factors).float().cpu()
    chunks = [painter(chunk).add_(0.5).floor_().to(torch.uint8) for chunk in factors.split(CHUNK)]
    return torch.cat(chunks)
