"""Modes reached, share of good samples, reverse KL: the right numbers, and those that people get by mistake."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


def nearest_mode(samples: Tensor, means: Tensor) -> tuple[Tensor, Tensor]:
    """Euclidean distance of each sample to each mode, and which one is nearest."""
    distances = (samples.double()[:, None] - means.double()[None]).square().sum(2).sqrt()
    return distances, distances.argmin(1)


def _kl(counts: Tensor) -> float:
    shares = counts.double() / counts.sum()
    return torch.special.xlogy(shares, shares * len(shares)).sum().item()


def mode_coverage(samples: Tensor, means: Tensor, std: float) -> tuple[float, float, float]:
    """The right answer of ex-05-mode-coverage."""
    distances, nearest = nearest_mode(samples, means)
    good = distances.min(1).values <= 3 * std
    reached = nearest[good].unique()
    return len(reached), good.double().mean().item(), _kl(nearest.bincount(minlength=len(means)))


class PartMistake(NamedTuple):
    """A mistake in one of the three numbers: which one, what it would be, and what to tell people."""

    part: int
    answer: Callable[[Tensor, Tensor, float], float]
    message: str


def _share(reach: Callable[[Tensor, Tensor, float], Tensor]) -> Callable[[Tensor, Tensor, float], float]:
    """Share of good samples, by another idea of who is within reach of which mode, [samples, modes]."""

    def share(samples: Tensor, means: Tensor, std: float) -> float:
        nearest = nearest_mode(samples, means)[1]
        return reach(samples, means, std)[torch.arange(len(samples)), nearest].double().mean().item()

    return share


def _counts(samples: Tensor, means: Tensor, std: float) -> Tensor:
    """Good samples at their nearest mode, [modes]."""
    distances, nearest = nearest_mode(samples, means)
    return nearest[distances.min(1).values <= 3 * std].bincount(minlength=len(means))


def _nearest_shares(samples: Tensor, means: Tensor, std: float) -> Tensor:
    return nearest_mode(samples, means)[1].bincount(minlength=len(means)).double() / len(samples)


def _within(samples: Tensor, means: Tensor, std: float) -> Tensor:
    """Samples within reach of each mode, whether or not it is the nearest, [modes]."""
    return (nearest_mode(samples, means)[0] <= 3 * std).sum(0)


REACHES = [
    (
        lambda x, m, s: (x.double()[:, None] - m.double()[None]).abs().max(2).values <= 3 * s,
        "compares each axis with 3 std: a square of side 6 std, not a circle. The distance is Euclidean: square the "
        "differences, sum them, take the root",
    ),
    (
        lambda x, m, s: (x.double()[:, None] - m.double()[None]).abs().sum(2) <= 3 * s,
        "sums absolute differences; the distance is Euclidean: square the differences, sum them, take the root",
    ),
    (
        lambda x, m, s: nearest_mode(x, m)[0].square() <= 3 * s,
        "compares the *squared* distance with 3 std: take the root, or square both sides, (3 std)²",
    ),
    (
        lambda x, m, s: nearest_mode(x, m)[0].square() <= 3 * s**2,
        "compares the squared distance with 3 std², which is a radius of 1.7 std: the 3 must be squared too, 9 std²",
    ),
    (
        lambda x, m, s: nearest_mode(x, m)[0] <= 3 * s**2,
        "takes the variance for the standard deviation: it compares a distance with 3 std²",
    ),
    (
        lambda x, m, s: nearest_mode(x, m)[0] <= 3 * math.sqrt(s),
        "takes `std` for a variance: it compares with 3 √std",
    ),
    (lambda x, m, s: nearest_mode(x, m)[0] <= s, "has a radius of one std; it is three"),
    (lambda x, m, s: nearest_mode(x, m)[0] <= 2 * s, "has a radius of two std; it is three"),
    (lambda x, m, s: nearest_mode(x, m)[0] <= 3, "leaves std out: the radius is 3 std"),
]


def _forward(shares: Tensor) -> float:
    return -(shares * len(shares)).log().mean().item()


MISTAKES = [
    *[PartMistake(1, _share(reach), f"That {message}.") for reach, message in REACHES],
    PartMistake(1, lambda *a: int(_counts(*a).sum()), "That is the number of good samples; divide by all samples."),
    PartMistake(1, lambda *a: 1 - mode_coverage(*a)[1], "That is the share of bad samples."),
    PartMistake(1, lambda *a: 100 * mode_coverage(*a)[1], "That is in per cent; a share lies between 0 and 1."),
    PartMistake(
        1,
        lambda *a: (_within(*a).sum() / len(a[0])).item(),
        "That counts a sample once for each mode within reach: where modes overlap, the share can exceed 1. Judge each "
        "sample at its nearest mode, once.",
    ),
    PartMistake(
        1,
        lambda *a: mode_coverage(*a)[1] / max(1, mode_coverage(*a)[0]),
        "That is the mean share of the modes that were found: with one mode it would be the best of all. Divide the "
        "number of good samples by the number of samples, no more.",
    ),
    PartMistake(
        1,
        lambda *a: mode_coverage(*a)[1] / len(a[1]),
        "That is the mean share of a mode; divide by the number of samples only.",
    ),
    PartMistake(
        1,
        lambda *a: mode_coverage(*a)[0] / len(a[1]),
        "That is the share of *modes* that were found; it is the share of *samples* that is wanted.",
    ),
    PartMistake(
        0,
        lambda *a: int((_within(*a) > 0).sum()),
        "That counts a sample at every mode within reach: where modes overlap, one sample between two of them finds "
        "both. A sample counts at its nearest mode only.",
    ),
    PartMistake(
        0,
        lambda *a: int((_nearest_shares(*a) > 0).sum()),
        "That counts modes that are nearest to *some* sample, however far away; only samples within 3 std find a mode.",
    ),
    PartMistake(0, lambda *a: mode_coverage(*a)[0] / len(a[1]), "That is the share of the modes, not their number."),
    PartMistake(0, lambda *a: len(a[1]) - mode_coverage(*a)[0], "That is the number of modes that were missed."),
    PartMistake(0, lambda *a: int(_counts(*a).sum()), "That is the number of good samples, not of modes."),
    PartMistake(0, lambda *a: len(a[1]), "That is how many modes there are, found or not."),
    PartMistake(
        2,
        lambda *a: _kl(_counts(*a)),
        "That counts good samples only. Samples that miss have to count too, at their nearest mode: otherwise three "
        "lucky samples among a thousand decide.",
    ),
    PartMistake(
        2,
        lambda *a: torch.special.xlogy(c := _counts(*a).double() / len(a[0]), c * len(c)).sum().item(),
        "That counts good samples only, and divides by all: those shares don't sum to 1. Each sample counts, at its "
        "nearest mode.",
    ),
    PartMistake(
        2,
        lambda *a: _kl(_within(*a)),
        "That counts samples at every mode within reach, and none that miss. Each sample counts once, at its nearest.",
    ),
    PartMistake(
        2,
        lambda *a: _forward(_nearest_shares(*a)),
        "That is the other direction, KL(uniform ‖ samples), which is infinite as soon as one mode is missing. Reverse "
        "KL has the samples' shares in front: Σ p_k log(p_k K).",
    ),
    PartMistake(
        2,
        lambda *a: -mode_coverage(*a)[2],
        "That has the sign flipped: a KL divergence is never negative.",
    ),
    PartMistake(
        2, lambda *a: mode_coverage(*a)[2] / math.log(2), "That is in bits (log2); take the natural logarithm."
    ),
    PartMistake(
        2, lambda *a: mode_coverage(*a)[2] / math.log(10), "That is in decimal digits (log10); take torch.log."
    ),
    PartMistake(
        2,
        lambda *a: math.log(len(a[1])) - mode_coverage(*a)[2],
        "That is the entropy of the shares, −Σ p log p. The divergence from equal shares is log K minus that.",
    ),
    PartMistake(
        2,
        lambda *a: mode_coverage(*a)[2] - math.log(len(a[1])),
        "That is Σ p log p, without the equal shares 1/K that p is compared with.",
    ),
    PartMistake(
        2,
        lambda *a: mode_coverage(*a)[2] / len(a[1]),
        "That is the mean over the modes; a KL divergence is a sum (kl_div's default reduction divides, too).",
    ),
    PartMistake(
        2,
        lambda *a: _kl((p := _nearest_shares(*a))[p > 0]),
        "That compares with equal shares of the modes that were *found*: a generator that makes one mode perfectly "
        "would get 0. Compare with 1/K, where K counts all modes.",
    ),
    PartMistake(
        2,
        lambda *a: ((p := _nearest_shares(*a)) * (p * len(p)).log()).sum().item(),
        "That is 0 · log 0 = NaN at modes without a sample; their term is 0 (torch.special.xlogy, or leave them out).",
    ),
]
