"""Data sources: each is a function of randomness that returns a batch."""

from gancourse.data.images import Images, MissingDataError, digits, fashion
from gancourse.data.mixtures import Mixture, grid, ring

__all__ = ["Images", "MissingDataError", "Mixture", "digits", "fashion", "grid", "ring"]
