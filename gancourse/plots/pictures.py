"""Pictures of samples as bytes, made in milliseconds: what a training keeps of its looks."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

PAPER, REAL_INK, GENERATED_INK = (255, 255, 255), (120, 160, 200), (221, 110, 30)
SIDE = 320
"""Pixels of a picture's longer side, at least."""


def sheet(x: Tensor, n_columns: int = 8, side: int = SIDE) -> np.ndarray:
    """Images side by side in rows, as bytes [height, width, 3], small ones enlarged by a whole number.

    Args:
        x: floats in [−1, 1], [n, channels, height, width]; of more than three channels, or two, the first is shown.
            What is no number is black.
        n_columns: images in a row.
        side: pixels of the longer side, at least; 0 enlarges nothing.

    Raises:
        ValueError: there are no images, or x has another number of axes.

    >>> sheet(torch.zeros(4, 1, 8, 8), n_columns=2).shape
    (320, 320, 3)
    """
    if x.ndim != 4 or not len(x):
        raise ValueError(f"images have shape {tuple(x.shape)}; expected [n, channels, height, width]")
    x = (x if x.shape[1] in (1, 3) else x[:, :1]).detach().cpu().float().nan_to_num(nan=-1.0).clamp(-1, 1)
    x = torch.nn.functional.pad(x, (1, 1, 1, 1), value=-1.0).expand(-1, 3, -1, -1)
    x = torch.cat([x, -x.new_ones(-len(x) % n_columns, *x.shape[1:])])
    _, channels, height, width = x.shape
    rows = len(x) // n_columns
    grid = x.reshape(rows, n_columns, channels, height, width).permute(0, 3, 1, 4, 2)
    pixels = ((grid.reshape(rows * height, n_columns * width, channels) + 1) * 127.5).round().to(torch.uint8).numpy()
    times = max(1, -(-side // max(pixels.shape[:2])))
    return pixels.repeat(times, 0).repeat(times, 1)


def small_png(pixels: np.ndarray, n_colours: int | None = None) -> bytes:
    """A picture of bytes [height, width, 3] as a small PNG file, which keeps one channel if it has no colours.

    Args:
        pixels: the picture.
        n_colours: at most so many different ones are kept, 256 at most; None for all.

    >>> len(small_png(np.zeros((8, 8, 3), dtype=np.uint8))) < 8 * 8 * 3
    True
    """
    has_colours = (pixels != pixels[..., :1]).any()
    file = io.BytesIO()
    image = Image.fromarray(pixels if has_colours else pixels[..., 0])
    if has_colours and n_colours is not None:
        image = image.quantize(n_colours, dither=Image.Dither.NONE)
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


def scatter(real: Tensor, generated: Tensor, side: int = SIDE) -> np.ndarray:
    """Points of the plane as dots, real ones pale and blue under generated ones in orange, bytes [side, side, 3].

    The picture shows the real points and a quarter of their extent around them. Of points with more coordinates the
    first two are shown; those with one stand at different heights.

    Args:
        real: [n, d].
        generated: [m, d].
        side: height and width in pixels.

    Raises:
        ValueError: an argument has another number of axes, or there are no real points.
    """
    if real.ndim != 2 or generated.ndim != 2 or not len(real):
        raise ValueError(f"real {tuple(real.shape)}, generated {tuple(generated.shape)}; expected points [n, d]")
    clouds = [_plane(x.detach().cpu().float()) for x in (real, generated)]
    low, high = clouds[0].amin(0), clouds[0].amax(0)
    middle, reach = (low + high) / 2, 1.25 * (high - low).amax().clamp(min=1e-6) / 2
    picture = np.full((side, side, 3), PAPER, dtype=np.uint8)
    for cloud, ink in zip(clouds, (REAL_INK, GENERATED_INK), strict=True):
        at = ((cloud - middle) / reach + 1) / 2 * (side - 1)
        at = at[torch.isfinite(at).all(1)].round().long()
        for right, down in ((0, 0), (0, 1), (1, 0), (1, 1)):
            x, y = at[:, 0] + right, side - 1 - at[:, 1] - down
            inside = (x >= 0) & (x < side) & (y >= 0) & (y < side)
            picture[y[inside].numpy(), x[inside].numpy()] = ink
    return picture


def _plane(x: Tensor) -> Tensor:
    """The first two coordinates; for points on a line, their place in the list as the second."""
    return (
        x[:, :2] if x.shape[1] > 1 else torch.cat([x, torch.linspace(0, 1, len(x))[:, None] * x.std(correction=0)], 1)
    )


def write_png(path: Path, pixels: np.ndarray) -> None:
    """Write bytes [height, width, 3] as a PNG file.

    Raises:
        OSError: the file can't be written.
    """
    Image.fromarray(pixels).save(path, "PNG", compress_level=4)
