"""Points, critics and images, drawn the same way in every chapter."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap
from torch import Tensor

REAL, GENERATED = "C0", "C1"
VERDICTS = LinearSegmentedColormap.from_list("verdicts", ["#f8cfa6", "#ffffff", "#a9d3ee"])
"""Pale colours of a probability to be real, in those of the samples: orange 0, white ½, blue 1."""

# Figures of the chapters fill slides of 1280 × 720: matplotlib's 100 dots an inch look blurred there.
plt.rcParams["figure.dpi"] = 160


def _square(ax: Axes | None, limit: float | None) -> Axes:
    ax = plt.gca() if ax is None else ax
    ax.set_aspect("equal")
    if limit is not None:
        ax.set(xlim=(-limit, limit), ylim=(-limit, limit))
    return ax


def points(real: Tensor | None, generated: Tensor | None, ax: Axes | None = None, limit: float | None = None) -> Axes:
    """Points of the plane: real as blue dots, generated as orange crosses.

    Args:
        real: [n, 2], or nothing.
        generated: [n, 2], or nothing.
        ax: where to draw; the current axes if left out.
        limit: both axes run from −limit to limit.
    """
    ax = _square(ax, limit)
    for samples, colour, marker, name in ((real, REAL, ".", "real"), (generated, GENERATED, "x", "generated")):
        if samples is not None:
            x = samples.detach().cpu().numpy()  # matplotlib's own conversion of tensors warns
            if x.ndim != 2 or x.shape[1] != 2:
                raise ValueError(f"{name} has shape {tuple(x.shape)}; expected [n, 2]")
            ax.scatter(x[:, 0], x[:, 1], s=12, alpha=0.6, linewidths=1, color=colour, marker=marker, label=name)
    return ax


def field(
    function: Callable[[Tensor], Tensor],
    limit: float = 3.0,
    ax: Axes | None = None,
    n: int = 100,
    span: tuple[float, float] | None = None,
    colours: str | Colormap = "viridis",
) -> Axes:
    """A function of the plane as a background, with a colour bar.

    Args:
        function: maps points [m, 2] to values [m], e.g. a discriminator.
        limit: both axes run from −limit to limit.
        ax: where to draw; the current axes if left out.
        n: grid points along each axis.
        span: values of the first and the last colour, e.g. (0, 1) for probabilities; the values' own if left out.
        colours: a colour map or its name.
    """
    ax = _square(ax, limit)
    line = torch.linspace(-limit, limit, n)
    with torch.no_grad():
        values = function(torch.cartesian_prod(line, line)).reshape(n, n).T
    at = line.numpy()
    low, high = span or (None, None)
    mesh = ax.pcolormesh(at, at, values.cpu().numpy(), vmin=low, vmax=high, cmap=colours, shading="nearest")
    mesh.set_rasterized(True)
    ax.figure.colorbar(mesh, ax=ax, fraction=0.046, pad=0.04)
    return ax


def probability(
    logit: Callable[[Tensor], Tensor], limit: float = 3.0, ax: Axes | None = None, bar: bool = True
) -> Axes:
    """The probability D(x) that a point is real as a pale background on which both kinds of samples stand out.

    Args:
        logit: the discriminator in code: maps points [m, 2] to scores [m].
        limit: both axes run from −limit to limit.
        ax: where to draw; the current axes if left out.
        bar: whether there is a colour bar.
    """
    ax = field(lambda x: logit(x).sigmoid(), limit, ax, span=(0, 1), colours=VERDICTS)
    colour_bar = ax.collections[-1].colorbar
    if bar:
        colour_bar.set_label("D(x)")
        colour_bar.set_ticks([0, 0.5, 1], labels=["0", "½", "1"])
    else:
        colour_bar.remove()
    return ax


def images(x: Tensor, n_columns: int = 10, ax: Axes | None = None, title: str | None = None) -> Axes:
    """Images side by side in rows.

    Args:
        x: floats in [−1, 1], [n, 1 or 3, height, width].
        n_columns: images in a row; the last row is filled up with blanks.
        ax: where to draw; the current axes if left out.
        title: written above.
    """
    if x.ndim != 4 or x.shape[1] not in (1, 3) or not len(x):
        raise ValueError(f"images have shape {tuple(x.shape)}; expected [n, 1 or 3, height, width]")
    if n_columns < 1:
        raise ValueError(f"n_columns is {n_columns}; pass at least 1")
    ax = plt.gca() if ax is None else ax
    x = x.detach().cpu().clamp(-1, 1)
    blank = -x.new_ones(-len(x) % n_columns, *x.shape[1:])
    sheet = torch.nn.functional.pad(torch.cat([x, blank]), (1, 1, 1, 1), value=-1.0)
    rows, (channels, height, width) = len(sheet) // n_columns, sheet.shape[1:]
    sheet = sheet.reshape(rows, n_columns, channels, height, width).permute(0, 3, 1, 4, 2)
    sheet = (sheet.reshape(rows * height, n_columns * width, channels) + 1) / 2
    ax.imshow(sheet.squeeze(-1).numpy(), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    ax.set_axis_off()
    if title:
        ax.set_title(title)
    return ax
