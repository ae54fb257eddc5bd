"""Painting faces: two drawing styles, and edges."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from gancourse.data.faces import palettes
from gancourse.data.faces.anatomy import parts
from gancourse.data.faces.description import checked, labels
from gancourse.data.faces.geometry import coverage
from gancourse.data.faces.pose import SIZE, Window
from gancourse.names import lookup

CHUNK = 64  # faces at a time, whose canvas stays in the processor's cache


def _over(canvas: Tensor, area: Window, colour: Tensor, shares: Tensor) -> None:
    """Paint a colour [n or 1, channels] over a window, by the share of each pixel, [n or 1, rows, columns]."""
    window = canvas[:, :, *area]
    window.add_((colour[:, :, None, None] - window).mul_(shares[:, None]))


def _coloured(factors: Tensor) -> Tensor:
    colours = palettes.colours(factors)
    canvas = colours["backdrop"][:, :, None, None].repeat(1, 1, SIZE, SIZE)
    for part in parts(factors):
        shares = coverage(part.distance)
        _over(canvas, part.area, colours[part.role], shares.mul_(part.opacity) if part.opacity < 1 else shares)
    return canvas


def _line(distance: Tensor) -> Tensor:
    """Shares of a line within the boundary, 0.9 pixels wide."""
    return coverage((distance + 0.45).abs_().sub_(0.45))


def _sketched(factors: Tensor) -> Tensor:
    """Coloured pencil on paper: outlined parts get a thin wash inside, small parts are filled."""
    colours = palettes.colours(factors)
    canvas = palettes.PAPER[:, :, None, None].repeat(len(factors), 1, SIZE, SIZE)
    for part in parts(factors):
        if part.role in palettes.FLAT:
            continue
        colour = colours[part.role]
        if part.has_outline:
            _over(canvas, part.area, palettes.wash(colour), coverage(part.distance))
            _over(canvas, part.area, palettes.pencil(colour), _line(part.distance))
        else:
            _over(canvas, part.area, colour, coverage(part.distance))
    return canvas


def _edges(factors: Tensor) -> Tensor:
    """Boundaries of the parts, without any colour: white on black."""
    black, white = torch.tensor([[[0]], [[255]]], dtype=torch.float32)
    canvas = black[:, :, None, None].repeat(len(factors), 1, SIZE, SIZE)
    for part in parts(factors):
        if part.role in palettes.FLAT | palettes.COLOUR_ONLY:
            continue
        if part.has_outline or part.role in palettes.HOLES:
            _over(canvas, part.area, black, coverage(part.distance))
        if part.role not in palettes.HOLES:
            _over(canvas, part.area, white, _line(part.distance) if part.has_outline else coverage(part.distance))
    return canvas


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute with one thread: windows are so small that several threads wait longer than they work."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)


PAINTERS: dict[str, Callable[[Tensor], Tensor]] = {"colour": _coloured, "sketch": _sketched, "edges": _edges}


def draw(factors: Tensor, style: str = "colour") -> Tensor:
    """Faces as bytes, uint8 [n, channels, 32, 32]: the same on every processor, whatever is drawn beside.

    Args:
        factors: one row a face, floats from 0 to 1, [n, factors]; columns as in `FACTORS`.
        style: "colour", "sketch" (pencil and a thin wash on paper) or "edges" (boundaries of the parts, one channel).

    Raises:
        ValueError: the factors are not floats of that shape and range, or there is no such style.

    >>> draw(torch.full((2, 22), 0.5)).shape
    torch.Size([2, 3, 32, 32])
    """
    painter = lookup(PAINTERS, style, "style")
    factors = checked(factors).detach().float().cpu()
    # Similar faces side by side, because parts that no face of a chunk has are skipped.
    order = labels(factors, "hair style").argsort(stable=True)
    result = torch.empty(len(factors), 1 if style == "edges" else 3, SIZE, SIZE, dtype=torch.uint8)
    with _one_thread():
        for rows in order.split(CHUNK):
            result[rows] = painter(factors[rows]).add_(0.5).floor_().to(torch.uint8)
    return result
