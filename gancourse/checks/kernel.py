"""Check of chapter 8's kernel distance: the unbiased estimate of MMD² with a cubic kernel."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.probe import Case, Mistake, examine
from gancourse.checks.registry import exercise

NAME = "kernel_distance"
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


def _biased(real: Tensor, generated: Tensor) -> Tensor:
    return _cubic(real, real).mean() + _cubic(generated, generated).mean() - 2 * _cubic(real, generated).mean()


def _wrong_divisor(real: Tensor, generated: Tensor) -> Tensor:
    def within(k: Tensor) -> Tensor:
        return (k.sum() - k.trace()) / len(k) ** 2

    return within(_cubic(real, real)) + within(_cubic(generated, generated)) - 2 * _cubic(real, generated).mean()


def _kept_diagonal(real: Tensor, generated: Tensor) -> Tensor:
    def within(k: Tensor) -> Tensor:
        return k.sum() / (len(k) * (len(k) - 1))

    return within(_cubic(real, real)) + within(_cubic(generated, generated)) - 2 * _cubic(real, generated).mean()


def _upper(real: Tensor, generated: Tensor) -> Tensor:
    def within(k: Tensor) -> Tensor:
        return k.triu(1).sum() / (len(k) * (len(k) - 1))

    return within(_cubic(real, real)) + within(_cubic(generated, generated)) - 2 * _cubic(real, generated).mean()


def _gaussian(x: Tensor, y: Tensor) -> Tensor:
    return (-(x[:, None] - y[None]).square().sum(2) / (2 * x.shape[1])).exp()


MISTAKES = [
    Mistake(
        _biased,
        "That is the biased estimate: the means within a set contain k(x, x), each point with itself. It is positive "
        "even for two samples of one distribution, and the more so the smaller they are. Leave the diagonals out and "
        "divide by n(n − 1).",
    ),
    Mistake(
        _wrong_divisor,
        "That leaves the diagonals out and still divides by n²: there are n(n − 1) pairs off the diagonal.",
    ),
    Mistake(_kept_diagonal, "That divides by n(n − 1) but keeps the n terms of the diagonal: leave them out."),
    Mistake(
        _upper,
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
    cases = []
    for dtype in (torch.float64, torch.float32):
        draws = torch.Generator().manual_seed(0)

        def features(
            n: int, d: int, shift: float = 0.0, draws: torch.Generator = draws, dtype: torch.dtype = dtype
        ) -> Tensor:
            return (torch.randn(n, d, generator=draws, dtype=torch.float64) + shift).round(decimals=1).to(dtype)

        line = [torch.tensor(v, dtype=dtype)[:, None] for v in ([0.0, 2.0], [1.0, 3.0])]
        cases += [
            Case({"real": line[0], "generated": line[1]}, "one feature, by hand: 1 + 64 − 2 · 93 = −121"),
            Case({"real": features(6, 3), "generated": features(6, 3, 1.0)}, "three features, a shift"),
            Case({"real": features(5, 4), "generated": features(9, 4, 0.5)}, "sets of different sizes"),
            Case({"real": features(12, 2), "generated": features(7, 2)}, "two samples of one distribution"),
        ]
    return cases


@exercise("ex-08-kernel", "08_evaluation", f"{NAME}(real, generated)", points=2)
def check_kernel_distance(function: Callable) -> str:
    """The unbiased kernel distance."""
    examine(NAME, function, _cases(), kernel_distance, MISTAKES)
    return "By hand, shifted, unequal and equal distributions, single and double precision."
