"""Distribution functions of normal numbers that are cut off, rightly or not, and how far samples are from them."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

Cdf = Callable[[Tensor], Tensor]
"""A distribution function."""


def normal_cdf(x: Tensor) -> Tensor:
    """Of the normal distribution."""
    return torch.erfc(-x.double() / math.sqrt(2)) / 2


def truncated_cdf(x: Tensor, threshold: float) -> Tensor:
    """Of a normal number that is within ±threshold."""
    ends = normal_cdf(torch.tensor([-threshold, threshold], dtype=torch.float64))
    return ((normal_cdf(x) - ends[0]) / (ends[1] - ends[0])).clamp(0, 1)


def uniform_cdf(x: Tensor, threshold: float) -> Tensor:
    """Of a uniform number within ±threshold."""
    return (x.double() / threshold + 1).div(2).clamp(0, 1)


def ks_distance(z: Tensor, cdf: Cdf) -> float:
    """Largest distance of samples' distribution function from another one, as Kolmogorov and Smirnov have it."""
    values = cdf(z.flatten().sort().values)
    steps = torch.arange(len(values) + 1, dtype=torch.float64) / len(values)
    return torch.maximum(steps[1:] - values, values - steps[:-1]).max().item()


def ks_bound(n: int, false_alarm: float) -> float:
    """Distance that n independent samples exceed with at most this probability.

    Source: Massart 1990, the constant of the inequality by Dvoretzky, Kiefer and Wolfowitz.
    """
    return math.sqrt(math.log(2 / false_alarm) / (2 * n))


def truncated_deviation(threshold: float) -> float:
    """Standard deviation of a normal number that is within ±threshold."""
    density = math.exp(-(threshold**2) / 2) / math.sqrt(2 * math.pi)
    return math.sqrt(1 - 2 * threshold * density / math.erf(threshold / math.sqrt(2)))
