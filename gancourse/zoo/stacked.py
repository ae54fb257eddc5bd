"""Counting the modes of stacked digits with the package's classifier."""

from __future__ import annotations

from torch import Tensor

from gancourse import metrics
from gancourse.zoo.extractors import Extractor
from gancourse.zoo.storage import load

N_MODES = 1000
N_JUDGED = 26_000
"""Samples that papers count the modes of."""


def stacked_labels(images: Tensor) -> Tensor:
    """Labels 100 · red + 10 · green + blue that the digits classifier gives to stacked digits, [n].

    Args:
        images: [n, 3, 28, 28] in [−1, 1].

    Raises:
        ValueError: the images have another shape.

    >>> import torch
    >>> stacked_labels(torch.zeros(2, 3, 28, 28)).shape
    torch.Size([2])
    """
    if images.ndim != 4 or tuple(images.shape[1:]) != (3, 28, 28):
        raise ValueError(f"images have shape {tuple(images.shape)}; expected [n, 3, 28, 28]")
    classifier = Extractor("digits-classifier", load("digits-classifier"))
    digits = [classifier(images[:, channel : channel + 1].contiguous()).argmax(1) for channel in range(3)]
    return 100 * digits[0] + 10 * digits[1] + digits[2]


def stacked_coverage(images: Tensor) -> metrics.ClassCoverage:
    """How many of the thousand modes some stacked digits reach, and how unequally; arguments as `stacked_labels`.

    >>> import torch
    >>> stacked_coverage(torch.zeros(2, 3, 28, 28)).modes
    1
    """
    return metrics.class_coverage(stacked_labels(images), N_MODES)
