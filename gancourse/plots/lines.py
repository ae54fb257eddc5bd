"""Lines with their names beside them, and a band in the place of a tangle of seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import FillBetweenPolyCollection
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from gancourse.plots.style import text_colour

LINE_HEIGHT = 1.2
"""Of a label, in font sizes."""


def line_with_band(
    ax: Axes,
    x: ArrayLike,
    runs: ArrayLike,
    band: Literal["range", "standard error"] = "range",
    label: str | None = None,
    **line: Any,
) -> tuple[Line2D, FillBetweenPolyCollection]:
    """Several runs of one thing, such as seeds, as one line and a band around it.

    Args:
        ax: where to draw.
        x: positions, [n_points].
        runs: a row for each run, [n_runs, n_points].
        band: "range" draws the median and all that lies between the least and the greatest run; "standard error"
            draws the mean and its standard error on both sides. The caption says which.
        label: the line's name, for `label_lines` or a legend.
        **line: passed to `Axes.plot`.

    Returns:
        The line and the band.

    Raises:
        ValueError: shapes don't fit, a value isn't finite, there is one run and a standard error is asked for, or the
            band has another name.
    """
    x = np.asarray(x, dtype=float)
    runs = np.asarray(runs, dtype=float)
    if x.ndim != 1 or runs.ndim != 2 or runs.shape[1] != len(x) or not len(runs):
        raise ValueError(f"x {x.shape} and runs {runs.shape}; expected [n_points] and [n_runs, n_points]")
    if not np.isfinite(runs).all():
        run, point = np.argwhere(~np.isfinite(runs))[0]
        raise ValueError(f"run {run} is {runs[run, point]} at point {point}; leave the run out and say so, or cut it")
    if band == "range":
        middle, low, high = np.median(runs, 0), runs.min(0), runs.max(0)
    elif band == "standard error":
        if len(runs) < 2:
            raise ValueError("a standard error needs two runs or more; got 1")
        middle, error = runs.mean(0), runs.std(0, ddof=1) / np.sqrt(len(runs))
        low, high = middle - error, middle + error
    else:
        raise ValueError(f"band is {band!r}; expected 'range' or 'standard error'")
    (drawn,) = ax.plot(x, middle, label=label, **line)
    return drawn, ax.fill_between(x, low, high, color=drawn.get_color(), alpha=0.2, linewidth=0)


def label_lines(ax: Axes, fontsize: float = 10.0, **names: str) -> None:
    """Write each labelled line's name at its right end, in its colour, none over another; instead of a legend.

    Call it last: it reads the axes' limits. A line's name is its label; lines without one stay without.

    Args:
        ax: axes with lines.
        fontsize: in points.
        **names: passed to `Axes.annotate`, such as `fontweight`.

    Raises:
        ValueError: no line has a label.
    """
    lines = [line for line in ax.get_lines() if not str(line.get_label()).startswith("_") and len(line.get_xdata())]
    if not lines:
        raise ValueError("no line has a label; plot with label=... first")
    figure = ax.figure
    figure.draw_without_rendering()  # lay out, so that data coordinates have their place in points
    points_per_pixel = 72 / figure.dpi
    ends = [_end(line) for line in lines]
    heights = [ax.transData.transform(end)[1] for end in ends]
    box = ax.get_window_extent()
    heights = [min(max(y, box.y0), box.y1) * points_per_pixel for y in heights]
    places = spread(heights, LINE_HEIGHT * fontsize)
    for line, height, place in zip(lines, heights, places, strict=True):
        ax.annotate(
            str(line.get_label()),
            xy=(1, (height / points_per_pixel - box.y0) / box.height),
            xycoords="axes fraction",
            xytext=(6, place - height),
            textcoords="offset points",
            va="center",
            fontsize=fontsize,
            color=text_colour(to_hex(line.get_color())),
            **names,
        )


def _end(line: Line2D) -> tuple[float, float]:
    """The line's last point that is finite."""
    x, y = (np.asarray(values, dtype=float) for values in line.get_data())
    last = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    if not len(last):
        raise ValueError(f"line {line.get_label()!r} has no finite point to be labelled at")
    return float(x[last[-1]]), float(y[last[-1]])


def spread(places: Sequence[float], distance: float) -> list[float]:
    """The nearest places, in least squares, that keep their order and a distance from each other.

    Source: isotonic regression by pooling adjacent violators; Barlow, Bartholomew, Bremner, Brunk 1972.

    >>> spread([0.0, 0.0, 10.0], 4.0)
    [-2.0, 2.0, 10.0]
    """
    order = sorted(range(len(places)), key=lambda i: places[i])
    groups: list[list[float]] = []
    for rank, i in enumerate(order):
        groups.append([places[i] - rank * distance])
        while len(groups) > 1 and np.mean(groups[-2]) > np.mean(groups[-1]):
            groups[-2].extend(groups.pop())
    levels = [float(np.mean(group)) for group in groups for _ in group]
    spread_out = [0.0] * len(places)
    for rank, i in enumerate(order):
        spread_out[i] = levels[rank] + rank * distance
    return spread_out
