"""Pictures to browse through: one for each position of a slider, such as samples by their label."""

from __future__ import annotations

import struct
from base64 import b64encode
from collections.abc import Mapping
from html import escape

from gancourse.widgets.drawing import Picture
from gancourse.widgets.widget import Widget

LARGEST = 120_000  # bytes of HTML
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def browse(frames: Mapping[str, bytes], *, control: str, description: str, start: int = 0, scale: int = 2) -> Widget:
    """Browse through pictures with a slider.

    Args:
        frames: PNG files of one size by what is said of each, such as "3"; in this order.
        control: what the slider chooses, such as "digit".
        description: what one sees, for those who don't.
        start: the frame shown at first.
        scale: how many of the figure's pixels one of the pictures' takes, where there is room.

    Raises:
        ValueError: there is no frame, one isn't a PNG file, sizes differ, there are fewer than `start` frames, or the
            figure would be larger than 120 kB.

    >>> from gancourse.widgets import pictures
    >>> browse(pictures("digits-by-label").frames, control="digit", description="Digits by their label").status[6:17]
    '0: 999 of 1'
    """
    if not frames:
        raise ValueError("there are no frames; pass at least one pair of a text and a PNG file's bytes")
    sizes = {label: _size(label, png) for label, png in frames.items()}
    (first, size), *_ = sizes.items()
    for label, other in sizes.items():
        if other != size:
            raise ValueError(
                f"frame {label!r} has {_times(other)} pixels, frame {first!r} {_times(size)}; make them equal"
            )
    if not -len(frames) <= start < len(frames) or scale < 1:
        raise ValueError(f"start {start}, scale {scale}; expected one of {len(frames)} frames and a scale from 1")
    start %= len(frames)
    texts = [b64encode(png).decode() for png in frames.values()]
    labels = [f"{control}\u00a0{label}" for label in frames]
    width, height = (side * scale for side in size)
    content = (
        f'<image data-part="picture" width="{width}" height="{height}" style="image-rendering:pixelated" '
        f'href="data:image/png;base64,{texts[start]}"/>'
    )
    widget = Widget(
        "browse",
        description,
        {"frames": texts, "labels": labels, "picture": description},
        [Picture(width, height, f"{description}; {labels[start]}", content)],
        f'<span class="gw-control gw-wide"><label>{escape(control)} <input type="range" data-part="slider" min="0" '
        f'max="{len(labels) - 1}" step="1" value="{start}" aria-valuetext="{escape(labels[start])}"></label></span>',
        labels[start],
    )
    if (n_bytes := len(widget.html.encode())) > LARGEST:
        raise ValueError(
            f"the figure would take {n_bytes:,} bytes; expected at most {LARGEST:,}: pass fewer or smaller pictures"
        )
    return widget


def _size(label: str, png: bytes) -> tuple[int, int]:
    """Width and height of a PNG file, which stand in its first chunk."""
    if len(png) < 24 or png[:8] != SIGNATURE:
        raise ValueError(f"frame {label!r} is not a PNG file; pass the bytes of one")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def _times(size: tuple[int, int]) -> str:
    return " × ".join(map(str, size))
