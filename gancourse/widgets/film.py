"""A recorded training to scrub through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gancourse.errors import NotFiniteError
from gancourse.widgets.drawing import Axes, Picture, crosses, dots, legend, path, polyline, short, ticks
from gancourse.widgets.widget import Widget, button

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
LEVELS = len(ALPHABET) ** 2 - 1  # two letters a coordinate
REACH = 1.5  # points are kept up to so many limits from the origin
LARGEST = 60_000  # bytes of HTML


def scrub(
    frames: Sequence[tuple[int, ArrayLike]],
    real: ArrayLike,
    *,
    curves: Mapping[str, Sequence[float]] | None = None,
    limit: float = 3.0,
    start: int = -1,
    description: str = "Crosses: samples of a generator in training; dots: data",
) -> Widget:
    r"""Scrub through a recorded training with a slider, a play button or the arrow keys.

    Args:
        frames: step and generated points [n, 2] of each frame, by increasing step.
        real: data points, [m, 2].
        curves: by name, one number per frame, drawn beside the plane.
        limit: both axes run from −limit to limit.
        start: the frame shown at first.
        description: what one sees, for those who don't.

    Raises:
        ValueError: there is no frame, shapes disagree, steps don't increase, or the figure would be larger than 60 kB.
        NotFiniteError: a point or a value isn't finite.

    >>> film = scrub([(0, [[0, 0]]), (10, [[1, 2]])], real=[[1, 1]], curves={"modes": [0, 1]})
    >>> film.status
    'step 10: modes\xa01'
    """
    if not len(frames):
        raise ValueError("there are no frames; pass at least one pair (step, points [n, 2])")
    steps = [int(step) for step, _ in frames]
    clouds = [_points(cloud, f"frame {i} (step {step})") for i, (step, cloud) in enumerate(frames)]
    data = _points(real, "real")
    curves = {name: [float(value) for value in values] for name, values in (curves or {}).items()}
    if any(b <= a for a, b in pairwise(steps)):
        raise ValueError(f"the frames' steps are {steps}; expected increasing numbers")
    for name, values in curves.items():
        if len(values) != len(steps):
            raise ValueError(f"curve {name!r} has {len(values)} values for {len(steps)} frames; expected one each")
        if not np.isfinite(values).all():
            raise NotFiniteError(f"curve {name!r} holds numbers that are not finite")
    if not limit > 0 or not -len(steps) <= start < len(steps):
        raise ValueError(f"limit {limit}, start {start}; expected a positive limit and one of {len(steps)} frames")
    start %= len(steps)
    labels = [_label(i, steps, clouds, curves, limit) for i in range(len(steps))]

    cloud = _decode(_encode(clouds[start], limit), limit)  # as the script will draw it
    texts, contents = [description], [_plane(data, cloud, limit)]
    if curves:
        texts.append(f"Curves over the training: {' and '.join(curves)}")
        contents.append(_curves(steps, curves, start))
    state = {"range": [-REACH * limit, REACH * limit], "labels": labels, "pictures": texts}
    widget = Widget(
        "scrub",
        description,
        state | {"frames": [_encode(cloud, limit) for cloud in clouds]},
        [
            Picture(width, 392, f"{text}; {labels[start]}", content)
            for width, text, content in zip((384, 286), texts, contents, strict=False)
        ],
        button("play", "Replay" if start == len(steps) - 1 else "Play")
        + '<span class="gw-control gw-wide"><label>time <input type="range" data-part="slider" min="0" '
        f'max="{len(steps) - 1}" step="1" value="{start}" aria-valuetext="{escape(labels[start])}"></label></span>',
        labels[start],
    )
    if (size := len(widget.html.encode())) > LARGEST:
        raise ValueError(
            f"the figure would take {size:,} bytes; expected at most {LARGEST:,}: pass fewer points or frames"
        )
    return widget


def _plane(data: NDArray[np.float64], cloud: NDArray[np.float64], limit: float) -> str:
    axes = Axes((-limit, limit), (-limit, limit), 34, 28, 338, 338)
    return axes.draw(
        path("real", dots(axes.at(*p) for p in data))
        + path("generated", crosses(axes.at(*p) for p in cloud), part="generated"),
        part="plane",
        over=legend(axes.left, 14),
    )


def _points(values: ArrayLike, name: str) -> NDArray[np.float64]:
    points = np.asarray(values.detach().cpu() if hasattr(values, "detach") else values, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise ValueError(f"{name} has shape {points.shape}; expected [n, 2] with at least one point")
    if not np.isfinite(points).all():
        raise NotFiniteError(f"{name} holds points that are not finite; did the training diverge?")
    return points


def _encode(points: NDArray[np.float64], limit: float) -> str:
    share = (points.clip(-REACH * limit, REACH * limit) / (REACH * limit) + 1) / 2
    levels = np.rint(share * LEVELS).astype(int).ravel()
    return "".join(ALPHABET[level // 64] + ALPHABET[level % 64] for level in levels)


def _decode(text: str, limit: float) -> NDArray[np.float64]:
    levels = [64 * ALPHABET.index(a) + ALPHABET.index(b) for a, b in zip(text[::2], text[1::2], strict=True)]
    return (np.reshape(levels, (-1, 2)) / LEVELS * 2 - 1) * REACH * limit


def _label(
    i: int, steps: list[int], clouds: list[NDArray[np.float64]], curves: Mapping[str, list[float]], limit: float
) -> str:
    """What is said of a frame: its step, its values, and how many points the picture doesn't show."""
    # A no-break space: a name is never on another line than its value.
    values = ", ".join(f"{name}\u00a0{short(values[i], 2)}" for name, values in curves.items())
    outside = int((np.abs(clouds[i]).max(1) > limit).sum())
    unseen = f" ({outside} of {len(clouds[i])} points outside the picture)" if outside else ""
    return f"step {steps[i]}" + (f": {values}" if values else "") + unseen


def _curves(steps: list[int], curves: Mapping[str, list[float]], start: int) -> str:
    """One small panel for each curve, with a mark at the frame shown."""
    height = 392 / len(curves)
    drawn = []
    for i, (name, values) in enumerate(curves.items()):
        low, high = min(0.0, *values), max(values)
        high = ticks(low, high)[-1] if high > low else low + 1
        high = high if high >= max(values) else high + (ticks(low, max(values))[1] - ticks(low, max(values))[0])
        axes = Axes((min(0, steps[0]), steps[-1] or 1), (low, high), 38, i * height + 28, 230, height - 72)
        places = [axes.at(*point) for point in zip(steps, values, strict=True)]
        marks = [[round(x, 1), round(y, 1)] for x, y in places]
        now = (
            f'<circle class="gw-now" r="5" cx="{short(places[start][0])}" cy="{short(places[start][1])}" '
            f'data-marks="{marks}"/>'
        )
        x_ticks = ticks(*axes.x, 3)
        drawn.append(axes.draw(path("line", polyline(places)), x_label="step", y_label=name, x_ticks=x_ticks, over=now))
    return "".join(drawn)
