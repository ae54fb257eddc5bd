"""Check of Wasserstein-1 on the line, by sorting."""

from __future__ import annotations

import torch
from torch import Tensor

from gancourse.checks.engine.comparison import PRECISIONS, Mistake, Values
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import OF_EVERY_KIND, drawn, sizes


def wasserstein_line(x: Tensor, y: Tensor) -> Tensor:
    """The right answer of ex-06-line, from the distribution functions: ∫ |F − G|, without pairing anything."""
    levels = torch.cat([x, y]).sort().values
    cdf_x, cdf_y = ((t[:, None] <= levels).to(t.dtype).mean(0) for t in (x, y))
    return ((cdf_x - cdf_y).abs()[:-1] * levels.diff()).sum()


def _cases() -> list[Case]:
    cases = []
    for dtype in PRECISIONS:
        rows = {
            "two points that lie crosswise": ([0.0, 10.0], [11.0, 1.0]),
            "equal means, different spread": ([-1.0, 0.0, 1.0], [3.0, -3.0, 0.0]),
            "the same points in another order": ([2.0, -1.0, 0.5], [0.5, 2.0, -1.0]),
            "one point each": ([1.5], [-2.0]),
            "points that repeat": ([1.0, 1.0, 0.0, 4.0], [0.0, 0.0, 5.0, 1.0]),
        }
        for about, (x, y) in rows.items():
            cases.append(Case({"x": torch.tensor(x, dtype=dtype), "y": torch.tensor(y, dtype=dtype)}, about))
        noise = torch.Generator().manual_seed(0)
        x, y = torch.randn(2, 50, generator=noise, dtype=torch.float64)
        cases.append(Case({"x": x.to(dtype), "y": (2 * y + 1).to(dtype)}, "50 random points each"))
    return cases


def _swept() -> list[Case]:
    """Up to 200 points on each side, near zero and far away, some of them equal."""
    cases = []
    for k in range(20):
        (n,) = sizes(k, 200)
        x, y = 10 ** (k % 4) * drawn(k, 2, n)
        x[: n // 4] = x[0]
        args = {"x": x.to(PRECISIONS[k % 2]), "y": (y + 10 ** (k % 5 - 1)).to(PRECISIONS[k % 2])}
        cases.append(Case(args, f"{n} points on each side"))
    return cases


def _sorted(x: Tensor) -> Tensor:
    return x.sort().values


MISTAKES = [
    Mistake(
        lambda x, y: (x - y).abs().mean(),
        "That pairs the points in the order they came in: one plan, but seldom the cheapest. Sort both sides first.",
    ),
    Mistake(
        lambda x, y: (_sorted(x) - y).abs().mean(),
        "That sorts x only: the smallest x then meets whatever y came first. Sort y too.",
    ),
    Mistake(
        lambda x, y: (x - _sorted(y)).abs().mean(),
        "That sorts y only: the smallest y then meets whatever x came first. Sort x too.",
    ),
    Mistake(
        lambda x, y: (x.mean() - y.mean()).abs(),
        "That is the distance between the means: W1 is the mean of the absolute differences, not the absolute value "
        "of the mean difference, and it sees a change of spread as well.",
    ),
    Mistake(
        lambda x, y: (_sorted(x) - _sorted(y)).mean(),
        "That is the mean difference with its sign: carrying left costs as much as carrying right. Take |x − y| first.",
    ),
    Mistake(
        lambda x, y: (_sorted(x) - _sorted(y)).abs().sum(),
        "That is the sum over the points: each of n points carries the mass 1/n, so the cost is the mean.",
    ),
    Mistake(
        lambda x, y: (_sorted(x) - _sorted(y)).square().mean(),
        "That squares the distances: the cost of W2, which isn't even a distance before its root is taken.",
    ),
    Mistake(
        lambda x, y: (_sorted(x) - _sorted(y)).square().mean().sqrt(),
        "That is W2, the root of the mean squared distance. W1 charges |x − y| itself.",
    ),
    Mistake(
        lambda x, y: (_sorted(x) - _sorted(y)).abs().median(),
        "That is the median of the path lengths; the cost is their mean.",
    ),
    Mistake(
        lambda x, y: (_sorted(x) - _sorted(y)).abs().max(),
        "That is the longest path, W∞. W1 is the mean over the paths.",
    ),
    Mistake(
        lambda x, y: (_sorted(x) - _sorted(y).flip(0)).abs().mean(),
        "That sorts y downwards: the smallest x meets the largest y, the most expensive plan of all.",
    ),
    Mistake(
        lambda x, y: (x[:, None] - y).abs().mean(),
        "That is the mean over all pairs, the cost of spreading each x over all y. It isn't even zero for x = y.",
    ),
    Mistake(
        lambda x, y: (x[:, None] - y).abs().min(1).values.mean(),
        "That sends each x to its nearest y, so that some y get too much mass and others none: no transport plan.",
    ),
    Mistake(lambda x, y: (_sorted(x) - _sorted(y)).abs(), "That is the list of path lengths; return their mean."),
]


WASSERSTEIN_LINE = Exercise(
    "ex-06-line",
    "wasserstein_line(x, y)",
    points=1,
    steps=[
        Values(_cases, wasserstein_line, MISTAKES),
        Values(_swept, wasserstein_line, hint=OF_EVERY_KIND),
        NoSideEffects(_cases, with_gradient=False),
    ],
    description="Crossing pairs, equal means, repeated points and up to 200 random ones, in both precisions.",
)
