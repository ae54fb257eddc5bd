"""Data sources: functions of the noise that return a batch."""

from gancourse.data.catalogue import check_full, data_sets, domains, elsewhere, entry, load, packaged
from gancourse.data.cifar import cifar10
from gancourse.data.deferred import Deferred
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
    "Deferred",
    "Faces",
    "Folder",
    "Images",
    "MissingDataError",
    "Mixture",
    "Samples",
    "Source",
    "StackedDigits",
    "Unpaired",
    "check_full",
    "cifar10",
    "data_sets",
    "digits",
    "domains",
    "elsewhere",
    "entry",
    "fashion",
    "few_labels",
    "grid",
    "load",
    "packaged",
    "ring",
    "stacked_digits",
    "two_classes",
]
