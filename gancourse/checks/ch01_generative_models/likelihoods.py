"""Check of the Monte-Carlo log-likelihood of a density network."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gancourse.checks.engine.comparison import PRECISIONS, Mistake, Values
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import OF_EVERY_KIND, drawn, sizes


def log_likelihood(log_p: Tensor) -> Tensor:
    """The right answer of ex-01-log-likelihood, by taking the largest term out of the sum."""
    largest = log_p.max(1, keepdim=True).values
    return largest[:, 0] + (log_p - largest).exp().mean(1).log()


def _cases() -> list[Case]:
    cases = []
    for dtype in PRECISIONS:
        example = torch.tensor([[0.0, 0.0], [-1000.0, -1000.0]], dtype=dtype)
        uneven = torch.tensor([[-1900.0, 850.0], [850.0, -1900.0], [-2000.0, -1800.0]], dtype=dtype)
        plain = torch.tensor([[-1.0, -2.0, -0.5], [-3.0, 0.25, -1.5]], dtype=dtype)
        cases += [
            Case({"log_p": plain}, "two points, three samples each"),
            Case({"log_p": example}, "the task's example: each point needs its own largest term"),
            Case({"log_p": plain[:, :1]}, "a single sample"),
            Case({"log_p": plain.repeat(2, 5) * 3 - 2000}, "log densities near −2000, as images have"),
            Case({"log_p": plain + 900}, "log densities near +900, as a narrow Gaussian has"),
            Case({"log_p": uneven}, "two samples far apart"),
        ]
    return cases


def _swept() -> list[Case]:
    """Up to 12 points with up to 60 samples, anywhere between −2000 and 900, close together or not."""
    cases = []
    for k in range(24):
        n, n_samples = sizes(k, 12, 60)
        centres = -550 + 1450 * torch.linspace(-1, 1, n, dtype=torch.float64)[:, None].roll(k, 0)
        log_p = centres + (0.3, 5.0, 100.0)[k % 3] * drawn(k, n, n_samples)
        about = f"{n} points with {n_samples} samples, with log densities between −2000 and 900"
        cases.append(Case({"log_p": log_p.clamp(-2000, 900).to(PRECISIONS[k % 2])}, about))
    return cases


MISTAKES = [
    Mistake(
        lambda log_p: log_p.logsumexp(1),
        "That is the log of the sum: log S is missing. Divide by the number of samples: subtract its logarithm.",
    ),
    Mistake(
        lambda log_p: log_p.logsumexp(1) + math.log(log_p.shape[1]),
        "That adds log S, as if the sum were multiplied by S; a mean divides: subtract it.",
    ),
    Mistake(
        lambda log_p: log_p.logsumexp(1) / log_p.shape[1],
        "That divides the logarithm by S. The mean is taken before the logarithm: log(sum / S) = log(sum) − log S.",
    ),
    Mistake(
        lambda log_p: log_p.logsumexp(1) - math.log(len(log_p)),
        "That subtracts the log of the number of points, not of the samples: the samples are axis 1.",
    ),
    Mistake(
        lambda log_p: log_p.exp().mean(1).log(),
        "That takes exp first: e^−2000 is 0 and e^900 infinite. torch.logsumexp takes the largest term out before.",
    ),
    Mistake(
        lambda log_p: log_p.exp().sum(1).log(),
        "That takes exp first, which under- and overflows, and forgets to divide by S.",
    ),
    Mistake(
        lambda log_p: log_p.max() + (log_p - log_p.max()).exp().mean(1).log(),
        "That takes the largest term of the whole batch out: a point that lies far below it underflows to −∞. Each row "
        "has a largest term of its own, as in torch.logsumexp.",
    ),
    Mistake(
        lambda log_p: log_p.median(1).values,
        "That is a median of the logarithms; take the logarithm of the mean.",
    ),
    Mistake(
        lambda log_p: log_p.mean(1),
        "That is the mean of the logarithms, which is smaller than the log of the mean (Jensen's inequality).",
    ),
    Mistake(
        lambda log_p: log_p.sum(1), "That adds the logarithms: it multiplies the densities. The integral is their mean."
    ),
    Mistake(
        lambda log_p: log_p.max(1).values,
        "That is the best sample alone: close for spread-out values, but the others count too, and log S is missing.",
    ),
    Mistake(
        lambda log_p: -log_likelihood(log_p),
        "That is minus the log-likelihood: good as a loss, but what is asked for is log p(x).",
    ),
    Mistake(
        lambda log_p: log_likelihood(log_p) / math.log(2),
        "That is in bits; this course measures in nats, with the natural logarithm.",
    ),
    Mistake(
        lambda log_p: log_p.logsumexp(0) - math.log(len(log_p)),
        "That averages over the points (axis 0). Each point has its own samples: reduce axis 1.",
    ),
    Mistake(
        lambda log_p: log_p.flatten().logsumexp(0) - math.log(log_p.numel()),
        "That mixes all points into one number: return one value for each point.",
    ),
    Mistake(
        lambda log_p: log_likelihood(log_p).mean(),
        "That averages over the points at the end: return one value for each point.",
    ),
    Mistake(
        lambda log_p: log_likelihood(log_p).sum(),
        "That adds up the points: return one value for each point.",
    ),
    *[
        Mistake(
            lambda log_p, e=e: (log_p.exp().mean(1) + e).log(),
            f"That takes exp first and adds {e:g} so that the logarithm survives: unlikely points get log({e:g}).",
        )
        for e in (1e-6, 1e-8, 1e-10, 1e-12, 1e-20, 1e-30)
    ],
]


LOG_LIKELIHOOD = Exercise(
    "ex-01-log-likelihood",
    "log_likelihood(log_p)",
    points=1,
    steps=[
        Values(_cases, log_likelihood, MISTAKES),
        Values(_swept, log_likelihood, hint=OF_EVERY_KIND),
        NoSideEffects(_cases, with_gradient=False),
    ],
    description="Log densities from -2011 to 900, one to sixty samples, in single and double precision.",
)
