"""The course's one look for matplotlib: type face, colours, no box, two pixels for each one of the page."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.colors import to_hex, to_rgb

REAL, GENERATED = "#0072b2", "#d55e00"
GREEN, PURPLE, GREY, INK = "#005a32", "#5b1a5e", "#8a8f98", "#1b1f24"
PALETTE = (REAL, GENERATED, GREEN, PURPLE, GREY, INK)
"""Colours that readers with any kind of colour blindness tell apart on white; C0 to C5 of the style."""

FACE = "Source Sans Pro"
FACE_PACKAGE = "font_source_sans_pro"
PAGE_DPI = 96
"""Dots an inch of the page: a figure 7 inches wide takes 672 pixels of it, and has twice as many."""
TEXT_CONTRAST = 4.5


def use_style() -> None:
    """Set matplotlib to the course's style, in notebooks with two pixels for each one of the page.

    Call it once, after imports. Figures use matplotlib's constrained layout; the page's column is 7 inches wide. Where
    the type face isn't installed (`pip install font-source-sans-pro`), matplotlib's own takes its place.

    >>> use_style()
    >>> mpl.rcParams["axes.spines.top"], mpl.rcParams["figure.dpi"]
    (False, 96.0)
    """
    mpl.rcParams.update(settings())
    _double_pixels()


def settings() -> dict[str, object]:
    """What the style changes, by the names of `matplotlib.rcParams`."""
    # A face of the list that lacks a letter leaves it to the next one; a name that isn't installed would warn.
    faces = [FACE, "DejaVu Sans"] if _add_face() else ["DejaVu Sans"]
    return {
        "font.family": faces,
        "font.size": 11.0,
        "mathtext.fontset": "custom",
        "mathtext.rm": faces[0],
        "mathtext.it": f"{faces[0]}:italic",
        "mathtext.bf": f"{faces[0]}:bold",
        "mathtext.bfit": f"{faces[0]}:italic:bold",
        "mathtext.sf": faces[0],
        "mathtext.cal": "STIXGeneral:italic",
        "mathtext.tt": "DejaVu Sans Mono",
        "mathtext.fallback": "stixsans",
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.edgecolor": "#57606a",
        "axes.linewidth": 0.8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.titlesize": 12.0,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.labelsize": 11.0,
        "axes.prop_cycle": mpl.cycler(color=PALETTE),
        "axes.unicode_minus": True,
        "grid.color": "#d8dde3",
        "grid.linewidth": 0.6,
        "lines.linewidth": 1.8,
        "lines.markersize": 5.0,
        "xtick.color": "#57606a",
        "ytick.color": "#57606a",
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "xtick.labelsize": 10.0,
        "ytick.labelsize": 10.0,
        "legend.frameon": False,
        "legend.fontsize": 10.0,
        "figure.constrained_layout.use": True,
        "figure.figsize": (7.0, 2.8),
        "figure.dpi": PAGE_DPI,
        "figure.facecolor": "white",
        "savefig.dpi": 2 * PAGE_DPI,
        "savefig.facecolor": "white",
        "savefig.pad_inches": 0.03,
        "image.cmap": "viridis",
    }


def _add_face() -> bool:
    """Let matplotlib know the type face; False where the package that carries it is missing."""
    spec = find_spec(FACE_PACKAGE)
    if spec is None or spec.origin is None:
        return False
    files = Path(spec.origin).parent / "files"
    known = {Path(entry.fname) for entry in font_manager.fontManager.ttflist}
    for weight in ("Regular", "It", "Bold", "BoldIt"):
        file = files / f"SourceSansPro-{weight}.ttf"
        if not file.is_file():
            return False
        if file not in known:
            font_manager.fontManager.addfont(file)
    return True


def _double_pixels() -> None:
    """In a notebook, store pictures with twice the pixels and say how large they are meant to be."""
    if "IPython" not in sys.modules:
        return
    from IPython import get_ipython

    if get_ipython() is not None:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("retina")


def luminance(colour: str) -> float:
    """Relative luminance of a colour, 0 to 1.

    Source: WCAG 2.2, definition of relative luminance.

    >>> luminance("white"), luminance("black")
    (1.0, 0.0)
    """
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return round(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2], 12)


def contrast(one: str, other: str = "white") -> float:
    """Contrast ratio of two colours, 1 to 21. Text needs 4.5, lines need 3.

    >>> contrast("black")
    21.0
    """
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def text_colour(colour: str) -> str:
    """The colour, darkened until words in it can be read on white.

    >>> text_colour(REAL) == REAL, contrast(text_colour(GENERATED)) >= TEXT_CONTRAST
    (True, True)
    """
    rgb = to_rgb(colour)
    while contrast(to_hex(rgb)) < TEXT_CONTRAST:
        rgb = tuple(0.96 * c for c in rgb)
    return to_hex(rgb)
