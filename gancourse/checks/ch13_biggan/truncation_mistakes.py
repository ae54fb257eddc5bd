"""What numbers look like that were truncated in another way."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from gancourse.checks.ch13_biggan.distributions import (
    ks_bound,
    ks_distance,
    normal_cdf,
    truncated_cdf,
    uniform_cdf,
)

Shows = Callable[[Tensor, float], bool]
"""Whether numbers, for a threshold, look like a mistake."""


class Mistake(NamedTuple):
    """A mistake that shows in many numbers, and what to say of it."""

    shows: Shows
    message: str


def _distributed_as(cdf: Callable[[Tensor, float], Tensor]) -> Shows:
    """Whether the numbers have a distribution function, which depends on the threshold."""
    return lambda z, threshold: ks_distance(z, lambda x: cdf(x, threshold)) < ks_bound(z.numel(), 1e-4)


def _beyond(threshold: float) -> float:
    """Share of normal numbers beyond a threshold."""
    return math.erfc(threshold / math.sqrt(2))


def _share(mask: Tensor, expected: float) -> bool:
    """Whether the share is the expected one, up to five standard errors, and not 0."""
    error = math.sqrt(expected * (1 - expected) / mask.numel())
    return bool(mask.any()) and abs(mask.double().mean().item() - expected) < 5 * error


def _clamped(z: Tensor, threshold: float) -> bool:
    return _share((z.abs() - threshold).abs() < 1e-6 * threshold, _beyond(threshold))


def _clamped_after_a_round(z: Tensor, threshold: float) -> bool:
    return _share((z.abs() - threshold).abs() < 1e-6 * threshold, _beyond(threshold) ** 2)


def _zeros(z: Tensor, threshold: float) -> bool:
    return _share(z == 0, _beyond(threshold))


def _equal_ones(z: Tensor, threshold: float) -> bool:
    """Whether one value is that of many."""
    return int(z.flatten().unique(return_counts=True)[1].max()) > max(2, 0.05 * z.numel())


def _one_side(z: Tensor, threshold: float, sign: int) -> bool:
    """Whether numbers beyond the threshold have one sign only."""
    beyond = z[z.abs() > threshold] * sign
    return len(beyond) > 100 and bool((beyond > 0).all())


def _by_largest(z: Tensor, threshold: float) -> bool:
    largest = z.abs().max()
    return bool((largest - threshold).abs() < 1e-6 * threshold) and int((z.abs() == largest).sum()) == 1


MISTAKES = [
    Mistake(_zeros, "The numbers beyond the threshold are set to 0; draw them again."),
    Mistake(
        _clamped, "The numbers beyond the threshold are clamped to it: they pile up at ±threshold. Draw them again."
    ),
    Mistake(
        _clamped_after_a_round,
        "Each number beyond the threshold was drawn once more, and clamped then: repeat until none is beyond it.",
    ),
    Mistake(
        _equal_ones,
        "Many numbers are equal: one number was drawn for all that are beyond the threshold. Draw one for each.",
    ),
    Mistake(
        _distributed_as(lambda x, threshold: normal_cdf(x)),
        "They are normal numbers, none drawn again. (`z[mask].normal_()` changes a copy; assign: z[mask] = …)",
    ),
    Mistake(
        _distributed_as(lambda x, threshold: normal_cdf(x / threshold)),
        "They are normal numbers times the threshold: scaling makes none of them fit. Draw those beyond it again.",
    ),
    Mistake(
        _distributed_as(lambda x, threshold: normal_cdf(x * threshold)),
        "They are normal numbers divided by the threshold; draw those beyond it again.",
    ),
    Mistake(
        lambda z, threshold: _share(z.abs() > threshold, _beyond(threshold) ** 2),
        "Each number beyond the threshold was drawn once more, and may be beyond it again: repeat until none is.",
    ),
    Mistake(
        partial(_one_side, sign=-1), "Numbers below −threshold are left: compare the absolute value with the threshold."
    ),
    Mistake(
        partial(_one_side, sign=1),
        "Numbers above the threshold are left: compare the absolute value with the threshold.",
    ),
    Mistake(
        _distributed_as(lambda x, threshold: truncated_cdf(2 * x / threshold, 2.0)),
        "They are threshold/2 times normal numbers that are truncated at 2, as in the public demonstration of BigGAN: "
        "other numbers than those of the exercise, which have the threshold itself.",
    ),
    Mistake(
        _distributed_as(lambda x, threshold: truncated_cdf(x / threshold, 1.0)),
        "They are normal numbers that are truncated at 1, times the threshold; truncate at the threshold itself.",
    ),
    Mistake(
        _distributed_as(lambda x, threshold: (2 * truncated_cdf(x, threshold) - 1).clamp(min=0)),
        "No number is negative; normal numbers have both signs.",
    ),
    Mistake(
        _distributed_as(lambda x, threshold: uniform_cdf(x, threshold)),
        "They are uniform on ±threshold, or nearly so, as remainders are; they should be normal numbers within it.",
    ),
    Mistake(
        _distributed_as(lambda x, t: (1 - _beyond(t)) * truncated_cdf(x, t) + _beyond(t) * uniform_cdf(x, t)),
        "Those beyond the threshold are replaced by uniform numbers; draw them again from the normal distribution.",
    ),
    Mistake(
        _distributed_as(lambda x, t: normal_cdf(t * torch.atanh((x.double() / t).clamp(-1 + 1e-15, 1 - 1e-15)))),
        "The numbers pass a tanh, threshold · tanh(z / threshold); draw those beyond the threshold again.",
    ),
    Mistake(
        _by_largest,
        "All numbers are scaled so that the largest lies at the threshold; draw again those beyond it, and no others.",
    ),
]


def mistake_of(samples: Mapping[float, Tensor]) -> str:
    """Message of the first mistake that the numbers of every threshold show, or nothing.

    Args:
        samples: many numbers for each threshold.
    """
    for mistake in MISTAKES:
        if all(mistake.shows(z, threshold) for threshold, z in samples.items()):
            return mistake.message
    return ""
