"""What a face is described by: independent factors, each a number from 0 to 1."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from gancourse.names import lookup


class Factor(NamedTuple):
    """One factor of a face.

    Args:
        name: as in `FACTORS` and in signatures.
        about: what it changes, from 0 to 1.
        classes: names of the classes of a categorical factor, which divide 0 … 1 equally; empty for a continuous one.
    """

    name: str
    about: str
    classes: tuple[str, ...] = ()


HAIR_STYLES = ("bald", "short", "spiky", "curly", "bob", "long", "bun", "pigtails")
HAIR_COLOURS = ("black", "brown", "red", "blond", "grey", "blue", "pink", "green")
EYE_COLOURS = ("brown", "green", "blue")
SKINS = ("porcelain", "peach", "honey", "tan", "brown", "deep brown")
BACKDROPS = ("blue", "yellow", "pink", "green", "purple", "teal")

FACTORS = {
    factor.name: factor
    for factor in (
        Factor("turn", "the head turns from the viewer's left to the right"),
        Factor("tilt", "the head leans from the viewer's left to the right"),
        Factor("head width", "narrow to wide"),
        Factor("skin", "tone of the skin, light to dark", SKINS),
        Factor("hair style", "shape of the hair, short to long", HAIR_STYLES),
        Factor("hair colour", "colour of hair and brows", HAIR_COLOURS),
        Factor("hair amount", "little to much: length of long hair, height of short hair; none on a bald head"),
        Factor("parting", "where the fringe divides, from the viewer's left to the right"),
        Factor("eye size", "small to large"),
        Factor("eye spacing", "close to far apart"),
        Factor("eye colour", "colour of the iris", EYE_COLOURS),
        Factor("eyelids", "closed to wide open"),
        Factor("gaze", "the eyes look from the viewer's left to the right"),
        Factor("brows", "inner ends raised (worried) to lowered (determined)"),
        Factor("smile", "corners of the mouth down to up"),
        Factor("mouth", "closed to open"),
        Factor("nose", "small to large"),
        Factor("glasses", "round glasses", ("no", "yes")),
        Factor("freckles", "freckles on the cheeks", ("no", "yes")),
        Factor("earrings", "golden rings below the ears", ("no", "yes")),
        Factor("bow", "a bow in the hair, by the viewer's side", ("none", "left", "right")),
        Factor("backdrop", "colour of the background, and with it of shirt and bow", BACKDROPS),
    )
}
"""All factors by name, in the order of their columns."""

NAMES = tuple(FACTORS)
MIRRORED = ("turn", "tilt", "parting", "gaze")  # what a mirror reverses, besides the side of the bow


def checked(factors: Tensor) -> Tensor:
    """The same factors, after checking them.

    Raises:
        ValueError: they are not floats [n, factors] from 0 to 1.
    """
    if factors.ndim != 2 or factors.shape[1] != len(NAMES) or not factors.is_floating_point():
        raise ValueError(
            f"factors are {factors.dtype} {tuple(factors.shape)}; expected floats [n, {len(NAMES)}], a column for "
            "each name in FACTORS"
        )
    # NaN fails this comparison too.
    if not (is_valid := (factors >= 0) & (factors <= 1)).all():
        row, column = (~is_valid).nonzero()[0].tolist()
        raise ValueError(
            f"factor {NAMES[column]!r} of face {row} is {factors[row, column].item():.4g}; expected 0 to 1"
        )
    return factors


def column(factors: Tensor, name: str) -> Tensor:
    """One factor of each face, [n].

    Raises:
        ValueError: there is no factor of that name.
    """
    return factors[:, NAMES.index(lookup(FACTORS, name, "factor").name)]


def labels(factors: Tensor, name: str) -> Tensor:
    """The class of each face by one categorical factor, int64 [n].

    Raises:
        ValueError: there is no categorical factor of that name.

    >>> labels(torch.full((1, len(NAMES)), 0.99), "hair style"), HAIR_STYLES[7]
    (tensor([7]), 'pigtails')
    """
    values = column(factors, name)
    n_classes = len(FACTORS[name].classes)
    if not n_classes:
        raise ValueError(f"factor {name!r} is continuous and has no classes; use column(factors, {name!r})")
    return (values * n_classes).long().clamp(max=n_classes - 1)


def mirrored(factors: Tensor) -> Tensor:
    """Factors of the mirrored faces."""
    result = factors.clone()
    for name in MIRRORED:
        result[:, NAMES.index(name)] = 1 - column(factors, name)
    bow = labels(factors, "bow")
    # none, left, right → none, right, left, at the middle of each class.
    other = torch.tensor([0, 2, 1], device=bow.device)[bow]
    result[:, NAMES.index("bow")] = torch.where(bow > 0, (other + 0.5) / 3, column(factors, "bow"))
    return result


def drawn(n: int, source: torch.Generator) -> Tensor:
    """Independent, uniform factors [n, factors]; categorical ones are at the middle of their class.

    The same bits on every processor: only uniform numbers and basic arithmetic are used.
    """
    factors = torch.rand(n, len(NAMES), generator=source)
    for index, factor in enumerate(FACTORS.values()):
        if n_classes := len(factor.classes):
            factors[:, index] = (labels(factors, factor.name) + 0.5) / n_classes
    return factors
