"""Line charts as SVG that take the colours of the page around them: for pages that are read in light and dark."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 480, 260, 56, 14, 34, 34
INKS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#56b4e9")
"""A palette that colour-blind readers tell apart (Okabe and Ito), its yellow darkened."""
DASHES = ("", "6 3", "2 3", "8 3 2 3", "1 4", "10 4")


def ticks(low: float, high: float, n: int = 5) -> list[float]:
    """About n round numbers from low to high.

    >>> ticks(0, 10)
    [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
    """
    raw = (high - low) / n
    magnitude = 10.0 ** math.floor(math.log10(raw))
    step = next(m * magnitude for m in (1, 2, 5, 10) if m * magnitude >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [float(f"{k * step:.12g}") for k in range(first, math.floor(high / step + 1e-9) + 1)]


def line_chart(title: str, curves: Mapping[str, Sequence[tuple[float, float]]], x_label: str) -> str:
    """Curves in one SVG, each with its name at its end where there are several; points that are not finite are gaps.

    Args:
        title: written above, and the picture's name for who can't see it.
        curves: points (x, y) by name, sorted by x.
        x_label: below the axis.

    Raises:
        ValueError: no curve has a finite point.

    >>> line_chart("loss", {"G": [(0, 1.0), (1, 2.0)]}, "step")[:4]
    '<svg'
    """
    finite = {name: [p for p in points if all(map(math.isfinite, p))] for name, points in curves.items()}
    xs, ys = ([p[i] for points in finite.values() for p in points] for i in (0, 1))
    if not xs:
        raise ValueError(f"{title}: none of {list(curves)} has a finite point")
    (x0, x1), (y0, y1) = _span(xs), _span(ys)
    right = RIGHT if len(curves) == 1 else 6.6 * max(map(len, curves)) + RIGHT

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - x0) / (x1 - x0) * (WIDTH - LEFT - right)
        return LEFT + across, HEIGHT - BOTTOM - (y - y0) / (y1 - y0) * (HEIGHT - TOP - BOTTOM)

    said = "; ".join(f"{name} from {ps[0][1]:.3g} to {ps[-1][1]:.3g}" for name, ps in finite.items() if ps)
    parts = [f"<text class='title' x='4' y='18'>{html.escape(title)}</text>"]
    parts += [_grid_line(place(x0, y)[1], WIDTH - right, f"{y:g}") for y in ticks(y0, y1)]
    parts += [
        f"<text x='{place(x, y0)[0]:.1f}' y='{HEIGHT - BOTTOM + 16}' text-anchor='middle'>{x:,.6g}</text>"
        for x in ticks(x0, x1, 4)
    ]
    parts.append(f"<text x='{WIDTH - right}' y='{HEIGHT - 3}' text-anchor='end'>{html.escape(x_label)}</text>")
    heights: list[float] = []
    for i, (name, points) in enumerate(finite.items()):
        if not points:
            continue
        ink, dash = INKS[i % len(INKS)], DASHES[i % len(DASHES)]
        at = " ".join(f"{a:.1f},{b:.1f}" for a, b in (place(*p) for p in points))
        parts.append(f"<polyline points='{at}' fill='none' stroke='{ink}' stroke-width='2' stroke-dasharray='{dash}'/>")
        end = place(*points[-1])
        if len(points) == 1:
            parts.append(f"<circle cx='{end[0]:.1f}' cy='{end[1]:.1f}' r='3' fill='{ink}'/>")
        if len(curves) > 1:
            heights.append(_apart(end[1], heights))
            where = f"x='{end[0] + 6:.1f}' y='{heights[-1] + 4:.1f}'"
            parts.append(f"<text {where} style='fill:{ink}'>{html.escape(name)}</text>")
    label = html.escape(f"{title}: {said}", quote=True)
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _span(values: Sequence[float]) -> tuple[float, float]:
    """The range of an axis; of one value, a range around it."""
    low, high = min(values), max(values)
    if low == high:
        room = abs(low) or 1.0
        return low - room / 2, high + room / 2
    return low, high


def _grid_line(y: float, right: float, said: str) -> str:
    line = f"<line class='axis' x1='{LEFT}' x2='{right:.1f}' y1='{y:.1f}' y2='{y:.1f}'/>"
    return line + f"<text x='{LEFT - 6}' y='{y + 4:.1f}' text-anchor='end'>{said}</text>"


def _apart(y: float, taken: Sequence[float]) -> float:
    """The nearest height to y at which a line of text doesn't lie over others."""
    places = [y + sign * step for step in range(0, HEIGHT, 2) for sign in (1, -1)]
    return next(p for p in places if all(abs(p - other) >= 13 for other in taken))
