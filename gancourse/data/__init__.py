"""Data sources: each is a function of randomness that returns a batch."""

from gancourse.data.catalogue import data_sets, entry, load
from gancourse.data.images import Images, MissingDataError, digits, fashion
from gancourse.data.mixtures import Mixture, grid, ring
from gancourse.data.source import Source
from gancourse.data.stacked import StackedDigits, stacked_digits

__all__ = [
    "Images",
    "MissingDataError",
    "Mixture",
    "Source",
    "StackedDigits",
    "data_sets",
    "digits",
    "entry",
    "fashion",
    "grid",
    "load",
    "ring",
    "stacked_digits",
]
