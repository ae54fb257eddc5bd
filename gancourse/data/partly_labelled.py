"""Data of which only a few samples have a label, for semi-supervised learning."""

from __future__ import annotations

import torch

from gancourse import rng
from gancourse.data.samples import Samples
from gancourse.data.source import Source
from gancourse.data.unpaired import Unpaired
from gancourse.signature import Classes

POOL = 100  # samples that are drawn for each label, of data without end


def few_labels(source: Source, n: int, draw: int = 0) -> Unpaired:
    """A few labelled samples as x and y, equally many of each class, and unlabelled ones as `other`.

    The unlabelled samples are all of the source's, the labelled ones among them, as in Salimans et al. 2016.

    Args:
        source: with classes as y.
        n: labelled samples, a multiple of the number of classes.
        draw: which ones; results depend on it, so report several draws.

    Raises:
        ValueError: the source has no classes, n is no positive multiple of their number, or a class has too few
            samples.

    >>> from gancourse.data import digits
    >>> batch = few_labels(digits("test"), 100)(rng.Noise((0,), n=3))
    >>> batch.y.shape, batch.other.shape
    (torch.Size([3]), torch.Size([3, 1, 28, 28]))
    """
    condition = source.signature.condition
    if not isinstance(condition, Classes):
        raise ValueError("the data has no classes, of which few labels could be kept; pass data whose y is classes")
    each, rest = divmod(n, condition.size)
    if n < 1 or rest:
        raise ValueError(f"{n} labels for {condition.size} classes; pass a positive multiple of {condition.size}")
    everything = source.first(POOL * n if source.n_samples is None else source.n_samples)
    order = torch.randperm(len(everything.y), generator=rng.generator("few labels", draw))
    rows = []
    for label in range(condition.size):
        of_class = order[everything.y[order] == label]
        if len(of_class) < each:
            raise ValueError(
                f"class {condition.names[label]!r} has {len(of_class)} samples, but {each} labels of each class were "
                "asked for; pass fewer"
            )
        rows.append(of_class[:each])
    index = torch.cat(rows)
    return Unpaired(Samples(everything.x[index], everything.y[index], condition.names), source)
