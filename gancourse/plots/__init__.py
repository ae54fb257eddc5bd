"""The course's few kinds of figure: real = blue dots, generated = orange crosses, critic = viridis."""

from gancourse.plots.figures import field, images, points

__all__ = ["field", "images", "points"]
