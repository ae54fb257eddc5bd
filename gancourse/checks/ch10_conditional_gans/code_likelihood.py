"""Check of the information that a normal recogniser has of codes that are uniform in [−1, 1]."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Normal

from gancourse.checks.engine.comparison import PRECISIONS, Gradients, Mistake, Values, reductions
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise

LOG_2PI = math.log(2 * math.pi)
NO_FLOOR = "The exponential of log_variance is positive by itself, so nothing has to be added or cut off."
SURE = "log variances of ±20: no ε and no clamp; the exponential of log_variance is positive by itself"


def code_information(mean: Tensor, log_variance: Tensor, codes: Tensor) -> Tensor:
    """The right answer, by torch's own normal distribution."""
    return (Normal(mean, (log_variance / 2).exp()).log_prob(codes) + math.log(2)).sum(1)


def _likelihood(mean: Tensor, log_variance: Tensor, codes: Tensor) -> Tensor:
    return -((codes - mean) ** 2 * (-log_variance).exp() + log_variance + LOG_2PI) / 2


def _summed(each: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda mean, log_variance, codes: (each(mean, log_variance, codes) + math.log(2)).sum(1)


def _with_floor(floor: Callable[[Tensor], Tensor], message: str) -> Mistake:
    """The right likelihood of a variance that can't become small."""
    return Mistake(_summed(lambda m, v, c: _likelihood(m, floor(v.exp()).log(), c)), message)


def _rounded(log_2pi: float, log_2: float, message: str) -> Mistake:
    """The right formula with a rounded constant."""
    return Mistake(
        lambda m, v, c: (-((c - m) ** 2 * (-v).exp() + v + log_2pi) / 2 + log_2).sum(1),
        f"The formula is right, but {message}",
    )


MISTAKES = [
    *reductions(code_information),
    Mistake(
        lambda *args: code_information(*args) / args[0].shape[1],
        "That is the mean over the codes: independent codes' informations add up; sum them.",
    ),
    Mistake(
        lambda *args: -code_information(*args),
        "The sign is turned: that is a loss. The exercise asks for the information, which one maximises.",
    ),
    Mistake(
        lambda *args: _likelihood(*args).sum(1),
        "The entropy H(c) is missing: log 2 for each code, since the density of a code in [−1, 1] is ½.",
    ),
    Mistake(
        lambda *args: (_likelihood(*args) + math.log(0.5)).sum(1),
        "H(c) has the wrong sign: the density is ½, so H(c) = −log ½ = log 2, which is added.",
    ),
    Mistake(
        lambda *args: _likelihood(*args).sum(1) + math.log(2),
        "H(c) is added once; each code has the entropy log 2.",
    ),
    Mistake(
        _summed(lambda m, v, c: -((c - m) ** 2) / 2),
        "That is a squared error: the variance isn't used. With it Q could say how sure it is.",
    ),
    Mistake(
        _summed(lambda m, v, c: -((c - m) ** 2 * (-v).exp() + LOG_2PI) / 2),
        "The term with the log-variance alone, −½ log σ², is missing: without it an infinite variance costs nothing.",
    ),
    Mistake(
        _summed(lambda m, v, c: -((c - m) ** 2 * (-v).exp() + v) / 2),
        "The constant −½ log 2π is missing; then the value isn't an information in nats.",
    ),
    Mistake(
        _summed(lambda m, v, c: -((c - m) ** 2 * (-2 * v).exp() + 2 * v + LOG_2PI) / 2),
        "log_variance is taken for the logarithm of the standard deviation: σ² = exp(log_variance).",
    ),
    Mistake(
        _summed(lambda m, v, c: -((c - m) ** 2 / v + v.log() + LOG_2PI) / 2),
        "log_variance is taken for the variance itself, which isn't even positive everywhere: exponentiate it.",
    ),
    Mistake(
        _summed(lambda m, v, c: -((c - m) ** 2 * v.exp() + v + LOG_2PI) / 2),
        "The square is multiplied by the variance; it is divided by it.",
    ),
    Mistake(
        _summed(lambda m, v, c: _likelihood(m.sigmoid(), v, c)),
        "The mean goes through a sigmoid: it then lies in [0, 1], and codes in [−1, 1].",
    ),
    Mistake(
        _summed(lambda m, v, c: _likelihood(m.tanh(), v, c)),
        "The mean goes through a tanh; take it as it is.",
    ),
    Mistake(
        _summed(lambda m, v, c: -((c - m) ** 2 * (-v).exp() + (v + LOG_2PI) / 2)),
        "The square lacks its ½: log N has −½ (c − μ)² / σ².",
    ),
    Mistake(
        lambda m, v, c: (_likelihood(m, v, c) + (v + LOG_2PI + 1) / 2).sum(1),
        "The entropy of Q is added; H(c) is the entropy of the codes themselves, log 2 each.",
    ),
    *(
        _with_floor(lambda s2, eps=eps: s2 + eps, f"{eps:g} is added to the variance. {NO_FLOOR}")
        for eps in (1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-10, 1e-12)
    ),
    *(
        _with_floor(lambda s2, eps=eps: (s2.sqrt() + eps) ** 2, f"{eps:g} is added to σ. {NO_FLOOR}")
        for eps in (1e-5, 1e-6, 1e-7, 1e-8)
    ),
    _with_floor(
        lambda s2: s2.clamp(min=1e-6),
        f"The variance is cut off at 1e-6, which gaussian_nll_loss does unless it is told eps=0. {NO_FLOOR}",
    ),
    *(_rounded(math.log(2 * pi), math.log(2), "π is rounded; use math.pi.") for pi in (3.14, 3.142, 3.1416, 3.14159)),
    *(_rounded(LOG_2PI, log_2, "log 2 is rounded; use math.log(2).") for log_2 in (0.69, 0.693, 0.6931, 0.69315)),
    *(
        _rounded(number, math.log(2), "log 2π is rounded; use math.log(2 * math.pi).")
        for number in (1.84, 1.838, 1.8379, 1.83788)
    ),
]


def _cases() -> list[Case]:
    """One to three codes, a batch of one, sure and unsure recognisers, in both precisions; the task's example first."""
    cases = []
    for dtype in PRECISIONS:
        example = ([[0.5]], [[0.0]], [[0.5]])
        names = ("mean", "log_variance", "codes")
        tensors = (torch.tensor(values, dtype=dtype) for values in example)
        cases.append(Case(dict(zip(names, tensors, strict=True)), "the task's example"))
        for k, (n, n_codes, size, about) in enumerate(
            (
                (4, 2, 1.0, "two codes"),
                (1, 1, 1.0, "a batch of one"),
                (5, 3, 0.3, "three codes"),
                (3, 2, 4.0, "log variances of about ±4: a recogniser that is very sure, or not at all"),
            )
        ):
            generator = torch.Generator().manual_seed(k)
            mean, noise = (torch.randn(n, n_codes, generator=generator, dtype=torch.float64) for _ in range(2))
            codes = 2 * torch.rand(n, n_codes, generator=generator, dtype=torch.float64) - 1
            values = (mean.to(dtype), (size * noise).to(dtype), codes.to(dtype))
            cases.append(Case(dict(zip(names, values, strict=True)), about))
        cases.append(Case(dict(zip(names, _sure(dtype), strict=True)), SURE))
    return cases


def _sure(dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Mean, log variance and codes of recognisers that are as sure, and as unsure, as may be."""
    log_variance = torch.tensor([[-20.0, 20.0], [-24.0, -11.0]], dtype=dtype)
    codes = torch.tensor([[0.25, -0.5], [0.75, 1.0]], dtype=dtype)
    # Single precision can't hold a distance of a few σ from the code here, so the mean is the code itself.
    off = 1.0 if dtype == torch.float64 else 0.0
    return codes + off * (log_variance.clamp(max=0) / 2).exp(), log_variance, codes


CODE_INFORMATION = Exercise(
    "ex-10-code-information",
    "code_information(mean, log_variance, codes)",
    points=2,
    steps=[
        Values(_cases, code_information, MISTAKES),
        Gradients(_cases, code_information, free=["codes"], hint="Q learns both, its mean and its log variance"),
    ],
    description="One to three codes, sure and unsure recognisers, gradients, in single and double precision.",
)
