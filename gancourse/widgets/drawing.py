"""Axes, points and lines as SVG text: the picture that stands where no script runs, and that scripts then change."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import NamedTuple
from urllib.parse import quote

Place = tuple[float, float]
REACH = 18  # radius in which a handle is grasped: over 24 px across even where a picture is drawn at two thirds
UNQUOTED = "/:=;,()!+"  # in an image's address


def short(value: float, digits: int = 1) -> str:
    """A number with few digits, so that the last bits of a computation don't show.

    >>> short(2.0), short(-0.04), short(3.14159, 3)
    ('2', '0', '3.142')
    """
    text = f"{value:.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def ticks(low: float, high: float, n: int = 5) -> list[float]:
    """Round numbers between two limits, about so many.

    >>> ticks(0, 1), ticks(-3, 3)
    ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [-2.0, 0.0, 2.0])
    """
    rough = (high - low) / n
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 10) for i in range(first, last + 1)]


class Axes(NamedTuple):
    """A rectangle of an SVG picture with a scale on both sides.

    Args:
        x: limits of the horizontal axis.
        y: limits of the vertical axis.
        left: left end of the rectangle, in units of the picture, as are the next three.
        top: its upper end.
        width: its width.
        height: its height.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    left: float
    top: float
    width: float
    height: float

    def at(self, x: float, y: float) -> Place:
        """Where a point lies in the picture."""
        (x0, x1), (y0, y1) = self.x, self.y
        return self.left + (x - x0) / (x1 - x0) * self.width, self.top + (y1 - y) / (y1 - y0) * self.height

    def draw(
        self,
        content: str = "",
        *,
        part: str = "",
        x_label: str = "",
        y_label: str = "",
        y_side: str = "",
        x_ticks: Sequence[float] | None = None,
        y_ticks: Sequence[float] | None = None,
        y_names: Sequence[str] | None = None,
        over: str = "",
    ) -> str:
        """Grid, frame, numbers and labels, with some content cut off at the frame.

        Args:
            content: SVG in the picture's units; what lies outside the frame isn't seen.
            part: name under which scripts find the axes.
            x_label: written below.
            y_label: written at the upper left.
            y_side: written upwards, beside the numbers.
            x_ticks: numbers along the horizontal axis; round ones if left out.
            y_ticks: numbers along the vertical axis; round ones if left out.
            y_names: what to write at them instead.
            over: SVG that may reach over the frame, such as a handle.
        """
        x_ticks = ticks(*self.x) if x_ticks is None else x_ticks
        y_ticks = ticks(*self.y) if y_ticks is None else y_ticks
        left, top, right, bottom = self.left, self.top, self.left + self.width, self.top + self.height
        grid, words = [], []
        for x in x_ticks:
            place = short(self.at(x, 0)[0])
            grid.append(f"M{place} {short(top)}V{short(bottom)}")
            words.append(f'<text x="{place}" y="{short(bottom + 16)}" text-anchor="middle">{_number(x)}</text>')
        for y, name in zip(y_ticks, y_names or map(_number, y_ticks), strict=True):
            place = self.at(0, y)[1]
            grid.append(f"M{short(left)} {short(place)}H{short(right)}")
            words.append(f'<text x="{short(left - 6)}" y="{short(place + 4)}" text-anchor="end">{escape(name)}</text>')
        if x_label:
            middle = short(left + self.width / 2)
            words.append(f'<text x="{middle}" y="{short(bottom + 33)}" text-anchor="middle">{escape(x_label)}</text>')
        if y_label:
            words.append(f'<text x="{short(left)}" y="{short(top - 8)}">{escape(y_label)}</text>')
        if y_side:
            at = f"translate({short(left - 38)} {short(top + self.height / 2)}) rotate(-90)"
            words.append(f'<text transform="{at}" text-anchor="middle">{escape(y_side)}</text>')
        box = f'x="{short(left)}" y="{short(top)}" width="{short(self.width)}" height="{short(self.height)}"'
        view = f'viewBox="{short(left)} {short(top)} {short(self.width)} {short(self.height)}"'
        numbers = [*self.x, *self.y, left, top, self.width, self.height]
        named = f' data-part="{part}" data-axes="{json.dumps([round(v, 6) for v in numbers])}"' if part else ""
        return (
            f'<g{named}><path class="gw-grid" d="{"".join(grid)}"/>{"".join(words)}'
            f'<svg {box} {view} overflow="hidden">{content}</svg><rect class="gw-frame" {box}/>{over}</g>'
        )


def _number(value: float) -> str:
    return short(value, 4).replace("-", "−")


@dataclass(frozen=True)
class Picture:
    """An SVG picture that is never wider than drawn, and smaller where there is less room.

    Args:
        width: in its own units, of which one is at most a pixel.
        height: in the same units.
        description: what one sees, for those who don't.
        content: SVG.
    """

    width: int
    height: int
    description: str
    content: str

    @property
    def svg(self) -> str:
        """The picture as an element of a page."""
        # To a screen reader an "img" has no parts: a handle in it could not be reached.
        role = "group" if "tabindex" in self.content else "img"
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" width="{self.width}" '
            f'{self._size} role="{role}" aria-label="{escape(self.description)}">{self.content}</svg>'
        )

    def image(self, style: str) -> str:
        """The picture as an image with its own style sheet, which survives where SVG and styles are removed."""
        svg = self.svg.replace(">", f"><style>{style}</style>", 1)
        return (
            f'<img width="{self.width}" {self._size} alt="{escape(self.description)}" '
            f'src="data:image/svg+xml,{quote(svg, safe=UNQUOTED)}">'
        )

    @property
    def _size(self) -> str:
        return f'style="max-width:{self.width}px;vertical-align:top;--gw-share:{self.width}"'


def handle(part: str, place: Place, label: str, limit: float, value: float, text: str) -> str:
    """A ring that can be dragged or moved by keys, large enough for a finger.

    Args:
        part: name under which scripts find it.
        place: of its middle, in the picture's units.
        label: what it moves.
        limit: it moves between −limit and limit.
        value: where it is, along the horizontal axis.
        text: where it is, in words.
    """
    return (
        f'<g class="gw-handle" data-part="{part}" tabindex="0" role="slider" '
        f'transform="translate({short(place[0])} {short(place[1])})" aria-label="{escape(label)}" '
        f'aria-valuemin="{-limit:g}" aria-valuemax="{limit:g}" aria-valuenow="{value:.2f}" '
        f'aria-valuetext="{escape(text)}"><circle class="gw-reach" r="{REACH}"/><circle class="gw-ring" r="8"/></g>'
    )


def dots(places: Iterable[Place]) -> str:
    """A path that a round, thick line turns into dots."""
    return "".join(f"M{short(x)} {short(y)}h0" for x, y in places)


def crosses(places: Iterable[Place]) -> str:
    """A path of small crosses."""
    return "".join(f"M{short(x - 3)} {short(y - 3)}l6 6m0-6l-6 6" for x, y in places)


def saltire(place: Place) -> str:
    """A path of one larger cross."""
    return f"M{short(place[0] - 6)} {short(place[1] - 6)}l12 12m0-12l-12 12"


def polyline(places: Iterable[Place]) -> str:
    """A path through all places."""
    return "".join(f"{'L' if i else 'M'}{short(x)} {short(y)}" for i, (x, y) in enumerate(places))


def segments(pairs: Iterable[tuple[Place, Place]]) -> str:
    """A path of straight lines, each from one place to another."""
    return "".join(f"M{short(a)} {short(b)}L{short(c)} {short(d)}" for (a, b), (c, d) in pairs)


def path(kind: str, d: str, part: str = "") -> str:
    """A path of one of the style sheet's kinds: real, generated, line, faint and so on."""
    named = f' data-part="{part}"' if part else ""
    return f'<path class="gw-{kind}"{named} d="{d}"/>'


def legend(left: float, top: float, real: str = "real", generated: str = "generated") -> str:
    """The two markers with their names, side by side."""
    second = left + 30 + 7.5 * len(real)
    return (
        path("real", dots([(left + 4, top)]))
        + f'<text x="{short(left + 13)}" y="{short(top + 4)}">{escape(real)}</text>'
        + path("generated", crosses([(second + 4, top)]))
        + f'<text x="{short(second + 13)}" y="{short(top + 4)}">{escape(generated)}</text>'
    )
