"""Check of extrapolation: what a distance would be with infinitely many samples."""

from __future__ import annotations

import torch
from torch import Tensor

from gancourse.checks.engine.comparison import PRECISIONS, Mistake, Values
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import OF_EVERY_KIND, drawn


def _line(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Slope, and value at 0, of the least-squares line."""
    gap = x - x.mean()
    slope = (gap * (y - y.mean())).sum() / gap.square().sum()
    return slope, y.mean() - slope * x.mean()


def extrapolate(sizes: Tensor, distances: Tensor) -> Tensor:
    """The right answer of ex-08-extrapolation."""
    return _line(1 / sizes, distances)[1]


MISTAKES = [
    Mistake(
        lambda n, y: _line(n, y)[1],
        "That fits a line in n and reads it at n = 0: it extrapolates to *no* samples. The bias falls as 1/n, so the "
        "line is in 1/n, and infinitely many samples lie at 1/n = 0.",
    ),
    Mistake(
        lambda n, y: _line(1 / n, y)[0],
        "That is the slope, how fast the bias falls; the value at n → ∞ is the line's value at 1/n = 0.",
    ),
    Mistake(lambda n, y: _line(1 / n.sqrt(), y)[1], "That fits a line in 1/√n; noise falls so, but the bias as 1/n."),
    Mistake(lambda n, y: _line(1 / n.square(), y)[1], "That fits a line in 1/n²; the bias falls as 1/n."),
    Mistake(lambda n, y: _line(n.log(), y)[1], "That fits a line in log n, which has no value at n → ∞."),
    Mistake(lambda n, y: _line(y, 1 / n)[1], "That has the axes exchanged: the distance is a function of 1/n."),
    Mistake(
        lambda n, y: (y - (y / n).sum() / (1 / n.square()).sum() / n).mean(),
        "That fits a line through the origin, as if the true distance were 0, and averages what is left: fit slope and "
        "intercept together.",
    ),
    Mistake(
        lambda n, y: y[-1] - (y[0] - y[-1]) / (1 / n[0] - 1 / n[-1]) / n[-1],
        "That draws the line through the first and the last point; fit it to all points, by least squares.",
    ),
    Mistake(lambda n, y: y[n.argmax()], "That is the distance at the largest n: biased still."),
    Mistake(lambda n, y: y.mean(), "That is the mean of the distances, all of which are biased."),
    Mistake(lambda n, y: y.min(), "That is the smallest distance: biased still."),
    Mistake(
        lambda n, y: (y * n).sum() / n.sum(),
        "That is a mean of the distances, weighted by n: a mean of biased values is biased.",
    ),
    Mistake(
        lambda n, y: (y * n).mean(),
        "That multiplies each distance by its n: right for the slope of a distance whose limit is 0, no use here.",
    ),
    Mistake(
        lambda n, y: _line(1 / n, y)[1].clamp(min=0),
        "That cuts negative values off: near 0 the estimate has to fall on both sides.",
    ),
]


def _case(dtype: torch.dtype, about: str, sizes: list[float], distances: list[float]) -> Case:
    args = {"sizes": sizes, "distances": distances}
    return Case({name: torch.tensor(values, dtype=dtype) for name, values in args.items()}, about)


def _cases() -> list[Case]:
    rows = [
        ("points on the line 5 + 4/n: the answer is 5", [1.0, 2.0, 4.0], [9.0, 7.0, 6.0]),
        ("points near a line", [100.0, 200.0, 500.0, 1000.0], [7.0, 6.3, 5.2, 5.3]),
        ("sizes in no order, and a value just below 0", [1000.0, 50.0, 250.0], [0.1, 3.1, 0.4]),
        ("two points", [2000.0, 4000.0], [3.5, 3.0]),
    ]
    return [_case(dtype, *row) for dtype in PRECISIONS for row in rows]


def _swept() -> list[Case]:
    """Two to 20 points, distances of every size, limits of both signs."""
    cases = []
    for k in range(16):
        n_points = 2 + k
        n = 10 * 2 ** (8 * drawn(k, n_points).sigmoid())
        distances = 10 ** (k % 4 - 1) * (3 - k % 5 + 40 / n + 0.1 * drawn(k + 50, n_points))
        args = {"sizes": n.to(PRECISIONS[k % 4 == 3]), "distances": distances.to(PRECISIONS[k % 4 == 3])}
        cases.append(Case(args, f"{n_points} points"))
    return cases


EXTRAPOLATION = Exercise(
    "ex-08-extrapolation",
    "extrapolate(sizes, distances)",
    points=1,
    steps=[
        Values(_cases, extrapolate, MISTAKES),
        Values(_swept, extrapolate, hint=OF_EVERY_KIND),
        NoSideEffects(_cases, with_gradient=False),
    ],
    description="On a line, near one, in no order, a value below 0, single and double precision.",
)
