"""Check of the kernel distance: the unbiased estimate of MMD² with a cubic kernel."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.engine.comparison import PRECISIONS, Mistake, Values
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import OF_EVERY_KIND, drawn, sizes

Kernel = Callable[[Tensor, Tensor], Tensor]


def _cubic(x: Tensor, y: Tensor) -> Tensor:
    return (x @ y.T / x.shape[1] + 1) ** 3


def _within(k: Tensor) -> Tensor:
    """Mean of a kernel matrix off its diagonal."""
    return (k.sum() - k.trace()) / (len(k) * (len(k) - 1))


def _estimate(real: Tensor, generated: Tensor, kernel: Kernel = _cubic) -> Tensor:
    cross = kernel(real, generated).mean()
    return _within(kernel(real, real)) + _within(kernel(generated, generated)) - 2 * cross


def kernel_distance(real: Tensor, generated: Tensor) -> Tensor:
    """The right answer of ex-08-kernel."""
    return _estimate(real, generated)


def _with(within: Callable[[Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """An estimate whose means within the two sets are other ones."""
    return lambda r, g: within(_cubic(r, r)) + within(_cubic(g, g)) - 2 * _cubic(r, g).mean()


def _gaussian(x: Tensor, y: Tensor) -> Tensor:
    return (-(x[:, None] - y[None]).square().sum(2) / (2 * x.shape[1])).exp()


MISTAKES = [
    Mistake(
        _with(lambda k: k.mean()),
        "That is the biased estimate: the means within a set contain k(x, x), each point with itself. It is positive "
        "even for two samples of one distribution, and the more so the smaller they are. Leave the diagonals out and "
        "divide by n(n − 1).",
    ),
    Mistake(
        _with(lambda k: (k.sum() - k.trace()) / len(k) ** 2),
        "That leaves the diagonals out and still divides by n²: there are n(n − 1) pairs off the diagonal.",
    ),
    Mistake(
        _with(lambda k: k.sum() / (len(k) * (len(k) - 1))),
        "That divides by n(n − 1) but keeps the n terms of the diagonal: leave them out.",
    ),
    Mistake(
        _with(lambda k: k.triu(1).sum() / (len(k) * (len(k) - 1))),
        "That sums each pair within a set once (triu) and divides by n(n − 1), which counts it in both orders.",
    ),
    Mistake(
        lambda r, g: _within(_cubic(r, r)) + _within(_cubic(g, g)) - _cubic(r, g).mean(),
        "That takes the cross term once; it counts twice, as in ‖a − b‖² = ‖a‖² + ‖b‖² − 2⟨a, b⟩.",
    ),
    Mistake(
        lambda r, g: _estimate(r, g, lambda x, y: (x @ y.T + 1) ** 3),
        "That doesn't divide x·y by the number of features, so the value depends on their number.",
    ),
    Mistake(
        lambda r, g: _estimate(r, g, lambda x, y: (x @ y.T / len(x) + 1) ** 3),
        "That divides x·y by the number of samples; d is the number of features.",
    ),
    Mistake(
        lambda r, g: _estimate(r, g, lambda x, y: (x @ y.T / x.shape[1]) ** 3),
        "That has no + 1 in the kernel: a purely cubic kernel doesn't see means or covariances, only third moments.",
    ),
    Mistake(
        lambda r, g: _estimate(r, g, lambda x, y: (x @ y.T / x.shape[1] + 1) ** 2),
        "That squares; the kernel is cubic, so that it sees means, covariances and third moments.",
    ),
    Mistake(
        lambda r, g: _estimate(r, g, lambda x, y: x @ y.T / x.shape[1] + 1),
        "That is the linear kernel, which compares means only: the third power is missing.",
    ),
    Mistake(
        lambda r, g: _estimate(r, g, lambda x, y: (x @ y.T + 1) ** 3 / x.shape[1]),
        "That divides after the power: it is (x·y / d + 1)³.",
    ),
    Mistake(
        lambda r, g: _estimate(r, g, _gaussian),
        "That is a Gaussian kernel; the exercise asks for the cubic one, (x·y / d + 1)³.",
    ),
    Mistake(
        lambda r, g: _estimate(r, g).clamp(min=0),
        "That cuts negative values off. An unbiased estimate of 0 has to be negative about half of the time; cut off, "
        "its mean is too high.",
    ),
    Mistake(lambda r, g: _estimate(r, g).abs(), "That is the absolute value: an unbiased estimate may be negative."),
    Mistake(
        lambda r, g: _estimate(r, g).clamp(min=0).sqrt(),
        "That is a root, MMD; KID is MMD², which alone has an unbiased estimate.",
    ),
    Mistake(lambda r, g: _estimate(r, g).sqrt(), "That takes a root, which turns a negative estimate into NaN."),
    Mistake(lambda r, g: -_estimate(r, g), "That has the sign flipped: within minus twice across."),
    Mistake(
        lambda r, g: 1000 * _estimate(r, g), "That is in thousandths, as papers print it; return the value itself."
    ),
]


def _cases() -> list[Case]:
    draws = torch.Generator().manual_seed(0)

    def features(n: int, d: int, shift: float = 0.0) -> Tensor:
        return (torch.randn(n, d, generator=draws, dtype=torch.float64) + shift).round(decimals=1)

    line = [torch.tensor(v, dtype=torch.float64)[:, None] for v in ([0.0, 2.0], [1.0, 3.0])]
    sets = [
        (*line, "one feature, by hand: 1 + 64 − 2 · 93 = −121"),
        (features(6, 3), features(6, 3, 1.0), "three features, a shift"),
        (features(5, 4), features(9, 4, 0.5), "sets of different sizes"),
        (features(12, 2), features(7, 2), "two samples of one distribution"),
    ]
    return [
        Case({"real": real.to(dtype), "generated": generated.to(dtype)}, about)
        for dtype in PRECISIONS
        for real, generated, about in sets
    ]


def _swept() -> list[Case]:
    """Two to 40 samples, one to 30 features."""
    cases = []
    for k in range(16):
        n, m, d = (a + b for a, b in zip(sizes(k, 38, 38, 30), (2, 2, 0), strict=True))
        args = {"real": drawn(k, n, d), "generated": 1.5 * drawn(k + 50, m, d) + k / 8}
        about = f"{n} and {m} samples with {d} features"
        cases.append(Case({key: value.to(PRECISIONS[k % 4 == 3]) for key, value in args.items()}, about))
    return cases


KERNEL_DISTANCE = Exercise(
    "ex-08-kernel",
    "kernel_distance(real, generated)",
    points=2,
    steps=[
        Values(_cases, kernel_distance, MISTAKES),
        Values(_swept, kernel_distance, hint=OF_EVERY_KIND),
        NoSideEffects(_cases, with_gradient=False),
    ],
    description="By hand, shifted, unequal and equal distributions, single and double precision.",
)
