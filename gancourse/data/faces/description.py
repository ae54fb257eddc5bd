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
        classes: of a categorical factor, which divide 0 … 1 into equal parts; empty for a continuous one.
    """

    name: str
    about: str
    classes: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """What its numbers are: "categorical" or "continuous"."""
        return "categorical" if self.classes else "continuous"


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
        Factor("backdrop", "colour of the background, and with it of shirt, bow and hair ties", BACKDROPS),
    )
}
"""All factors by name, in the order of their columns."""

NAMES = tuple(FACTORS)
REVERSED_BY_MIRRORS = ("turn", "tilt", "parting", "gaze")  # besides the side of the bow


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
    is_valid = (factors >= 0) & (factors <= 1)
    if not is_valid.all():
        row, column = (~is_valid).nonzero()[0].tolist()
        raise ValueError(
            f"factor {NAMES[column]!r} of face {row} is {factors[row, column].item():.4g}; expected 0 to 1: clamp or "
            "scale the factors"
        )
    return factors


def values(factors: Tensor, name: str) -> Tensor:
    """One factor of each face, [n].

    Raises:
        ValueError: there is no factor of that name.
    """
    return factors[:, NAMES.index(lookup(FACTORS, name, "factor").name)]


def labels(factors: Tensor, name: str) -> Tensor:
    """The class of each face by one categorical factor, int64 [n].

    Raises:
        ValueError: there is no factor of that name, or it is continuous.

    >>> labels(changed(neutral(), hair_style="bob"), "hair style"), HAIR_STYLES[4]
    (tensor([4]), 'bob')
    """
    numbers = values(factors, name)
    n_classes = len(FACTORS[name].classes)
    if not n_classes:
        raise ValueError(f"factor {name!r} is continuous and has no classes; use values(factors, {name!r})")
    return (numbers * n_classes).long().clamp(max=n_classes - 1)


def neutral(n: int = 1) -> Tensor:
    """Factors of n equal faces, [n, factors]: continuous ones are ½, categorical ones their first class."""
    row = [0.5 / len(factor.classes) if factor.classes else 0.5 for factor in FACTORS.values()]
    return torch.tensor(row, dtype=torch.float32).repeat(n, 1)


def changed(factors: Tensor, **settings: float | str | Tensor) -> Tensor:
    """The same faces with some factors set.

    Args:
        factors: [n, factors].
        settings: by the factor's name with `_` for a space: a number, numbers [n], or the name of a class.

    Raises:
        ValueError: there is no such factor or class, or a number is outside 0 … 1.

    >>> sad, happy = (changed(neutral(), glasses="yes", smile=smile) for smile in (0.0, 1.0))
    >>> bool((sad != happy).sum() == 1)
    True
    """
    result = factors.clone()
    for key, setting in settings.items():
        factor = lookup(FACTORS, key.replace("_", " "), "factor")
        if isinstance(setting, str):
            known = {name: index for index, name in enumerate(factor.classes)}
            if not known:
                raise ValueError(f"factor {factor.name!r} is continuous; pass a number from 0 to 1, not {setting!r}")
            setting = (lookup(known, setting, f"class of {factor.name}") + 0.5) / len(known)
        result[:, NAMES.index(factor.name)] = setting
    return checked(result)


def mirrored(factors: Tensor) -> Tensor:
    """Factors of the mirrored faces: `draw(mirrored(factors))` is `draw(factors).flip(3)`, bit by bit.

    That holds for factors that are multiples of 2⁻²⁴, as all random ones are.
    """
    result = factors.clone()
    for name in REVERSED_BY_MIRRORS:
        result[:, NAMES.index(name)] = 1 - values(factors, name)
    # The classes none, left and right have the middles 1/6, 1/2 and 5/6.
    bow = labels(factors, "bow")
    other_side = torch.tensor([0.5, 2.5, 1.5], dtype=torch.float32, device=bow.device)[bow] / 3
    result[:, NAMES.index("bow")] = other_side.to(factors.dtype)
    return result


def random_factors(n: int, generator: torch.Generator) -> Tensor:
    """Independent, uniform factors of n faces, [n, factors]; categorical ones are the middle of their class.

    They have the same bits on every processor, which normal numbers don't.
    """
    factors = torch.rand(n, len(NAMES), generator=generator, dtype=torch.float32)
    for column, factor in enumerate(FACTORS.values()):
        if factor.classes:
            factors[:, column] = (labels(factors, factor.name) + 0.5) / len(factor.classes)
    return factors
