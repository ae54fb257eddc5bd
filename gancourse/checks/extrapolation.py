"""Check of chapter 8's extrapolation: what a distance would be with infinitely many samples."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.probe import Case, Mistake, examine
from gancourse.checks.registry import exercise

NAME = "extrapolate"


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


@exercise("ex-08-extrapolation", "08_evaluation", f"{NAME}(sizes, distances)", points=1)
def check_extrapolate(function: Callable) -> str:
    """The value at n → ∞ of distances whose bias falls as 1/n."""
    cases = []
    for dtype in (torch.float64, torch.float32):

        def case(sizes: list[float], distances: list[float], about: str, dtype: torch.dtype = dtype) -> Case:
            rows = {"sizes": sizes, "distances": distances}
            return Case({k: torch.tensor(v, dtype=dtype) for k, v in rows.items()}, about)

        cases += [
            case([1.0, 2.0, 4.0], [9.0, 7.0, 6.0], "points on the line 5 + 4/n: the answer is 5"),
            case([100.0, 200.0, 500.0, 1000.0], [7.0, 6.3, 5.2, 5.3], "points near a line"),
            case([1000.0, 50.0, 250.0], [0.1, 3.1, 0.4], "sizes in no order, and a value just below 0"),
            case([2000.0, 4000.0], [3.5, 3.0], "two points"),
        ]
    examine(NAME, function, cases, extrapolate, MISTAKES)
    return "On a line, near one, in no order, a value below 0, single and double precision."
