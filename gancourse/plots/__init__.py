"""The course's few kinds of figure: real = blue dots, generated = orange crosses, critic = viridis; and its tables."""

from gancourse.plots.figures import field, images, points, probability
from gancourse.plots.lines import label_lines, line_with_band
from gancourse.plots.style import GENERATED, GREEN, GREY, INK, PALETTE, PURPLE, REAL, text_colour, use_style
from gancourse.plots.tables import Table, table

__all__ = [
    "GENERATED",
    "GREEN",
    "GREY",
    "INK",
    "PALETTE",
    "PURPLE",
    "REAL",
    "Table",
    "field",
    "images",
    "label_lines",
    "line_with_band",
    "points",
    "probability",
    "table",
    "text_colour",
    "use_style",
]
