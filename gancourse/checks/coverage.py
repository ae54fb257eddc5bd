"""Check of chapter 5's mode coverage: how many modes samples reach, how many samples are good, and reverse KL."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from gancourse.checks.probe import Case, call, given
from gancourse.checks.registry import exercise
from gancourse.checks.verdict import Wrong, same, show

NAME = "mode_coverage"
PARTS = ("the number of modes", "the share of good samples", "the reverse KL")
Triple = tuple[float, float, float]


def _look(samples: Tensor, means: Tensor) -> tuple[Tensor, Tensor]:
    """Euclidean distance of each sample to each mode, and which one is nearest."""
    distances = (samples.double()[:, None] - means.double()[None]).square().sum(2).sqrt()
    return distances, distances.argmin(1)


def _kl(counts: Tensor) -> float:
    shares = counts.double() / counts.sum()
    return torch.special.xlogy(shares, shares * len(shares)).sum().item()


def mode_coverage(samples: Tensor, means: Tensor, std: float) -> Triple:
    """The right answer of ex-05-mode-coverage."""
    distances, nearest = _look(samples, means)
    good = distances.min(1).values <= 3 * std
    reached = nearest[good].unique()
    return len(reached), good.double().mean().item(), _kl(nearest.bincount(minlength=len(means)))


class _Slip(NamedTuple):
    """A mistake in one of the three numbers: which one, what it would be, and what to tell."""

    part: int
    answer: Callable[[Tensor, Tensor, float], float]
    message: str


def _share(reach: Callable[[Tensor, Tensor, float], Tensor]) -> Callable[[Tensor, Tensor, float], float]:
    """Share of good samples, by another idea of who is within reach of which mode, [samples, modes]."""

    def share(samples: Tensor, means: Tensor, std: float) -> float:
        nearest = _look(samples, means)[1]
        return reach(samples, means, std)[torch.arange(len(samples)), nearest].double().mean().item()

    return share


def _counts(samples: Tensor, means: Tensor, std: float) -> Tensor:
    """Good samples at their nearest mode, [modes]."""
    distances, nearest = _look(samples, means)
    return nearest[distances.min(1).values <= 3 * std].bincount(minlength=len(means))


def _nearest_shares(samples: Tensor, means: Tensor, std: float) -> Tensor:
    return _look(samples, means)[1].bincount(minlength=len(means)).double() / len(samples)


def _within(samples: Tensor, means: Tensor, std: float) -> Tensor:
    """Samples within reach of each mode, whether or not it is the nearest, [modes]."""
    return (_look(samples, means)[0] <= 3 * std).sum(0)


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
        lambda x, m, s: _look(x, m)[0].square() <= 3 * s,
        "compares the *squared* distance with 3 std: take the root, or square both sides, (3 std)²",
    ),
    (
        lambda x, m, s: _look(x, m)[0].square() <= 3 * s**2,
        "compares the squared distance with 3 std², which is a radius of 1.7 std: the 3 must be squared too, 9 std²",
    ),
    (
        lambda x, m, s: _look(x, m)[0] <= 3 * s**2,
        "takes the variance for the standard deviation: it compares a distance with 3 std²",
    ),
    (
        lambda x, m, s: _look(x, m)[0] <= 3 * math.sqrt(s),
        "takes `std` for a variance: it compares with 3 √std",
    ),
    (lambda x, m, s: _look(x, m)[0] <= s, "has a radius of one std; it is three"),
    (lambda x, m, s: _look(x, m)[0] <= 2 * s, "has a radius of two std; it is three"),
    (lambda x, m, s: _look(x, m)[0] <= 3, "leaves std out: the radius is 3 std"),
]


def _forward(shares: Tensor) -> float:
    return -(shares * len(shares)).log().mean().item()


SLIPS = [
    *[_Slip(1, _share(reach), f"That {message}.") for reach, message in REACHES],
    _Slip(1, lambda *a: int(_counts(*a).sum()), "That is the number of good samples; divide by all samples."),
    _Slip(1, lambda *a: 1 - mode_coverage(*a)[1], "That is the share of bad samples."),
    _Slip(1, lambda *a: 100 * mode_coverage(*a)[1], "That is in per cent; a share lies between 0 and 1."),
    _Slip(
        1,
        lambda *a: (_within(*a).sum() / len(a[0])).item(),
        "That counts a sample once for each mode within reach: where modes overlap, the share can exceed 1. Judge each "
        "sample at its nearest mode, once.",
    ),
    _Slip(
        1,
        lambda *a: mode_coverage(*a)[1] / max(1, mode_coverage(*a)[0]),
        "That is the mean share of the modes that were found: with one mode it would be the best of all. Divide the "
        "number of good samples by the number of samples, no more.",
    ),
    _Slip(
        1,
        lambda *a: mode_coverage(*a)[1] / len(a[1]),
        "That is the mean share of a mode; divide by the number of samples only.",
    ),
    _Slip(
        1,
        lambda *a: mode_coverage(*a)[0] / len(a[1]),
        "That is the share of *modes* that were found; it is the share of *samples* that is wanted.",
    ),
    _Slip(
        0,
        lambda *a: int((_within(*a) > 0).sum()),
        "That counts a sample at every mode within reach: where modes overlap, one sample between two of them finds "
        "both. A sample counts at its nearest mode only.",
    ),
    _Slip(
        0,
        lambda *a: int((_nearest_shares(*a) > 0).sum()),
        "That counts modes that are nearest to *some* sample, however far away; only samples within 3 std find a mode.",
    ),
    _Slip(0, lambda *a: mode_coverage(*a)[0] / len(a[1]), "That is the share of the modes, not their number."),
    _Slip(0, lambda *a: len(a[1]) - mode_coverage(*a)[0], "That is the number of modes that were missed."),
    _Slip(0, lambda *a: int(_counts(*a).sum()), "That is the number of good samples, not of modes."),
    _Slip(0, lambda *a: len(a[1]), "That is how many modes there are, found or not."),
    _Slip(
        2,
        lambda *a: _kl(_counts(*a)),
        "That counts good samples only. Samples that miss have to count too, at their nearest mode: otherwise three "
        "lucky samples among a thousand decide.",
    ),
    _Slip(
        2,
        lambda *a: torch.special.xlogy(c := _counts(*a).double() / len(a[0]), c * len(c)).sum().item(),
        "That counts good samples only, and divides by all: those shares don't sum to 1. Each sample counts, at its "
        "nearest mode.",
    ),
    _Slip(
        2,
        lambda *a: _kl(_within(*a)),
        "That counts samples at every mode within reach, and none that miss. Each sample counts once, at its nearest.",
    ),
    _Slip(
        2,
        lambda *a: _forward(_nearest_shares(*a)),
        "That is the other direction, KL(uniform ‖ samples), which is infinite as soon as one mode is missing. Reverse "
        "KL has the samples' shares in front: Σ p_k log(p_k K).",
    ),
    _Slip(
        2,
        lambda *a: -mode_coverage(*a)[2],
        "That has the sign flipped: a KL divergence is never negative.",
    ),
    _Slip(2, lambda *a: mode_coverage(*a)[2] / math.log(2), "That is in bits (log2); take the natural logarithm."),
    _Slip(2, lambda *a: mode_coverage(*a)[2] / math.log(10), "That is in decimal digits (log10); take torch.log."),
    _Slip(
        2,
        lambda *a: math.log(len(a[1])) - mode_coverage(*a)[2],
        "That is the entropy of the shares, −Σ p log p. The divergence from equal shares is log K minus that.",
    ),
    _Slip(
        2,
        lambda *a: mode_coverage(*a)[2] - math.log(len(a[1])),
        "That is Σ p log p, without the equal shares 1/K that p is compared with.",
    ),
    _Slip(
        2,
        lambda *a: mode_coverage(*a)[2] / len(a[1]),
        "That is the mean over the modes; a KL divergence is a sum (kl_div's default reduction divides, too).",
    ),
    _Slip(
        2,
        lambda *a: _kl((p := _nearest_shares(*a))[p > 0]),
        "That compares with equal shares of the modes that were *found*: a generator that makes one mode perfectly "
        "would get 0. Compare with 1/K, where K counts all modes.",
    ),
    _Slip(
        2,
        lambda *a: ((p := _nearest_shares(*a)) * (p * len(p)).log()).sum().item(),
        "That is 0 · log 0 = NaN at modes without a sample; their term is 0 (torch.special.xlogy, or leave them out).",
    ),
]


def _clear(samples: Tensor, means: Tensor, std: float) -> Tensor:
    """Samples whose verdict doesn't hang on rounding: well within or beyond the radius, and surely nearest to one."""
    distances, _ = _look(samples, means)
    first = distances.sort(1).values
    margin = ((first[:, 0] / (3 * std) - 1).abs() > 0.02) & ((first[:, 1] - first[:, 0]) > 0.02 * std)
    return samples[margin]


def _cases() -> list[Case]:
    def scatter(means: Tensor, std: float, shares: list[float], seed: int) -> Tensor:
        draws = torch.Generator().manual_seed(seed)
        at = torch.multinomial(torch.tensor(shares), 60, replacement=True, generator=draws)
        spread = 1.6 * std * torch.randn(60, means.shape[1], generator=draws, dtype=torch.float64)
        return _clear(means[at] + spread, means, std)

    def table(rows: list[list[float]]) -> Tensor:
        return torch.tensor(rows, dtype=torch.float64)

    angle = torch.arange(8, dtype=torch.float64) * math.pi / 4
    ring = 2 * torch.stack([angle.cos(), angle.sin()], 1)
    close = table([[0.0, 0.0], [2.0, 0.0], [1.0, 1.8]])
    cube = table([[x, y, z] for x in (-5.0, 5.0) for y in (-5.0, 5.0) for z in (-5.0, 5.0)])
    line = table([[-40.0], [1.0], [40.0]])
    three = table([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]])
    plain = table([[0.0, 0.05], [0.25, 0.0], [1.9, 0.05], [5.0, 4.0]])
    cases = [
        (plain, three, 0.1, "two modes found, one sample that misses"),
        (table([[0.25, 0.25], [2.0, 0.05]]), three, 0.1, "a sample in the corner between circle and square"),
        (table([[0.0, 0.75], [2.0, 0.75]]), three, 0.1, "samples that all miss, though something is nearest to each"),
        (plain[:2], three, 0.1, "a single mode found: the KL is log K"),
        (scatter(ring, 0.02, [4.0, 1, 1, 1, 0, 2, 1, 1], 0), ring, 0.02, "a ring of narrow modes, one of them missing"),
        (scatter(ring, 0.02, [1.0] * 8, 1), ring, 0.02, "a ring of narrow modes"),
        (scatter(close, 0.8, [1.0, 1, 2], 2), close, 0.8, "wide modes that overlap"),
        (table([[0.7, 0.0], [0.1, 0.2]]), close, 0.8, "samples within reach of several modes"),
        (scatter(cube, 1.5, [1.0, 2, 1, 1, 0, 0, 1, 3], 3), cube, 1.5, "wide modes in three dimensions"),
        (scatter(line, 2.0, [1.0, 3, 2], 4), line, 2.0, "a line"),
    ]
    return [
        Case({"samples": x.to(dtype), "means": m.to(dtype), "std": s}, about)
        for dtype in (torch.float64, torch.float32)
        for x, m, s, about in cases
    ]


def _three(value: object, case: Case) -> Tensor:
    """The three numbers that a student's function returned.

    Raises:
        Wrong: it returned something else.
    """
    text = given(NAME, case)
    if not isinstance(value, tuple | list):
        raise Wrong(f"{text} returned {show(value)}, a {type(value).__name__}; expected a tuple of three numbers")
    if len(value) != 3:
        raise Wrong(f"{text} returned {len(value)} values; expected three: {', '.join(PARTS)}")
    numbers = []
    for part, number in zip(PARTS, value, strict=True):
        if isinstance(number, Tensor) and number.numel() != 1:
            raise Wrong(f"{text}: {part} has shape {list(number.shape)}; expected one number")
        try:
            numbers.append(float(number))
        except (TypeError, ValueError):
            raise Wrong(f"{text}: {part} is {show(number)}, a {type(number).__name__}; expected a number") from None
    return torch.tensor(numbers)


def _why(part: int, cases: list[Case], values: list[Tensor]) -> str:
    for slip in (s for s in SLIPS if s.part == part):
        guesses = (torch.tensor(float(slip.answer(*case.args.values()))) for case in cases)
        if all(same(value[part], guess) for value, guess in zip(values, guesses, strict=True)):
            return slip.message
    return "Work this case out by hand, sample by sample, and compare."


@exercise("ex-05-mode-coverage", "05_training_problems", f"{NAME}(samples, means, std)", points=3)
def check_mode_coverage(function: Callable) -> str:
    """Modes found, share of good samples and reverse KL."""
    cases = _cases()
    values = [_three(call(NAME, function, case), case) for case in cases]
    wants = [torch.tensor([float(v) for v in mode_coverage(*case.args.values())]) for case in cases]
    if all(same(value[[1, 0, 2]], want) for value, want in zip(values, wants, strict=True)):
        raise Wrong(f"{NAME} returns share and number in the wrong order; expected {', '.join(PARTS)}")
    for part in (1, 0, 2):  # a wrong distance shows in the share first
        for case, value, want in zip(cases, values, wants, strict=True):
            if not same(value[part], want[part]):
                raise Wrong(
                    f"{given(NAME, case)}: {PARTS[part]} came out as {show(value[part])}; expected "
                    f"{show(want[part])}. This case tries {case.about}. {_why(part, cases, values)}"
                )
    return "Rings, overlapping modes, one and three dimensions, samples that miss, in single and double precision."
