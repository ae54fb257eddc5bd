"""Data sources: functions of the noise that return a batch."""

from gancourse.data.catalogue import data_sets, domains, entry, load
from gancourse.data.faces import Faces
from gancourse.data.folder import Folder
from gancourse.data.images import Images, MissingDataError, digits, fashion
from gancourse.data.mixtures import Mixture, grid, ring, two_classes
from gancourse.data.partly_labelled import few_labels
from gancourse.data.samples import Samples
from gancourse.data.source import Source
from gancourse.data.stacked import StackedDigits, stacked_digits
from gancourse.data.unpaired import Unpaired

__all__ = [
    "Faces",
    "Folder",
    "Images",
    "MissingDataError",
    "Mixture",
    "Samples",
    "Source",
    "StackedDigits",
    "Unpaired",
    "data_sets",
    "digits",
    "domains",
    "entry",
    "fashion",
    "few_labels",
    "grid",
    "load",
    "ring",
    "stacked_digits",
    "two_classes",
]
