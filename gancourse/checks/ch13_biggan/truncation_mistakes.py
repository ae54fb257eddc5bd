"""What numbers look like that were truncated in another way."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


class Mistake(NamedTuple):
    """A mistake that shows in many numbers.

    Args:
        shows: whether numbers, for a threshold, look like it.
        message: what to say.
    """

    shows: Callable[[Tensor, float], bool]
    message: str


def _share_beyond(threshold: float) -> float:
    return math.erfc(threshold / math.sqrt(2))


def _is_near(share: float, expected: float) -> bool:
    return abs(share - expected) < 0.03 + 0.1 * expected


def _at_ends(z: Tensor, threshold: float) -> float:
    return (z.abs() >= threshold * (1 - 1e-6)).double().mean().item()


def _of_normal(factor: Callable[[float], float]) -> Callable[[Tensor, float], bool]:
    """Whether the numbers look like normal ones times a factor."""

    def shows(z: Tensor, threshold: float) -> bool:
        scaled = z.double().flatten() / factor(threshold)
        levels = torch.tensor([0.25, 0.5, 1.0, 1.5], dtype=torch.float64)
        shares = torch.stack([(scaled.abs() > level).double().mean() for level in levels])
        return bool(((shares - torch.erfc(levels / math.sqrt(2))).abs() < 0.03 + 1 / math.sqrt(z.numel())).all())

    return shows


def _zeros(z: Tensor, threshold: float) -> bool:
    return (z == 0).double().mean().item() > 0.5 * _share_beyond(threshold)


def _equal_ones(z: Tensor, threshold: float) -> bool:
    """Whether one value is that of many."""
    return int(z.flatten().unique(return_counts=True)[1].max()) > max(2, 0.3 * _share_beyond(threshold) * z.numel())


def _clamped(z: Tensor, threshold: float) -> bool:
    return _is_near(_at_ends(z, threshold), _share_beyond(threshold)) and _at_ends(z, threshold) > 0


def _drawn_once_more(z: Tensor, threshold: float) -> bool:
    share = (z.abs() > threshold).double().mean().item()
    return z.numel() > 1000 and _share_beyond(threshold) > 0.2 and _is_near(share, _share_beyond(threshold) ** 2)


def _uniform(z: Tensor, threshold: float) -> bool:
    return z.numel() > 1000 and abs(z.abs().mean().item() / threshold - 0.5) < 0.005


MISTAKES = [
    Mistake(
        _clamped,
        "The numbers beyond the threshold are clamped to it: they pile up at ±threshold. Draw them again.",
    ),
    Mistake(_zeros, "The numbers beyond the threshold are set to 0; draw them again."),
    Mistake(
        _equal_ones,
        "Many numbers are equal: one number was drawn for all that are beyond the threshold. Draw one for each.",
    ),
    Mistake(
        _of_normal(lambda threshold: threshold),
        "They are normal numbers times the threshold: scaling makes none of them fit. Draw those beyond it again.",
    ),
    Mistake(
        _of_normal(lambda threshold: 1 / threshold),
        "They are normal numbers divided by the threshold; draw those beyond it again.",
    ),
    Mistake(
        _of_normal(lambda threshold: 1.0),
        "They are normal numbers, none drawn again. (`z[mask].normal_()` changes a copy; assign: z[mask] = …)",
    ),
    Mistake(
        _drawn_once_more,
        "Each number beyond the threshold was drawn once more, and may be beyond it again: repeat until none is.",
    ),
    Mistake(_uniform, "They are uniform on ±threshold; they should be normal numbers that are within it."),
]


def mistake_of(z: Tensor, threshold: float) -> str:
    """Message of the first mistake that the numbers show, or nothing; small samples show none.

    Args:
        z: what was drawn.
        threshold: as it was asked for.
    """
    if z.numel() < 200:
        return ""
    return next((mistake.message for mistake in MISTAKES if mistake.shows(z, threshold)), "")
