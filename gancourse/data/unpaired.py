"""Two unpaired sets of data, for translation from one to the other."""

from __future__ import annotations

import dataclasses

import torch

from gancourse.batch import Batch
from gancourse.data.source import Source
from gancourse.rng import Noise
from gancourse.signature import Signature


class Unpaired:
    """Samples of one source, and independent samples of another one as `other`.

    Args:
        first: source of x, and of y if it has one.
        second: source of `other`.

    >>> from gancourse.data import grid, ring
    >>> batch = Unpaired(ring(), grid())(Noise((0,), n=3))
    >>> batch.x.shape, batch.other.shape
    (torch.Size([3, 2]), torch.Size([3, 2]))
    """

    def __init__(self, first: Source, second: Source) -> None:
        self.sources = first, second

    @property
    def signature(self) -> Signature:
        """The first source's signature, with the shape of a sample of the second."""
        first, second = (source.signature for source in self.sources)
        return dataclasses.replace(first, other=second.shape)

    @property
    def n_samples(self) -> int | None:
        """Number of samples of the smaller source."""
        counts = [source.n_samples for source in self.sources if source.n_samples is not None]
        return min(counts, default=None)

    def __call__(self, noise: Noise) -> Batch:
        """Samples of both, drawn independently; those of the first are the same as without the second."""
        first, second = self.sources
        return first(noise)._replace(other=second(noise.fold_in("other")).x)

    def report(self) -> str:
        """The reports of both sources."""
        return "; ".join(filter(None, (source.report() for source in self.sources)))

    def first(self, n: int) -> Batch:
        """Always the same n samples of each; errors as for the sources."""
        first, second = self.sources
        return first.first(n)._replace(other=second.first(n).x)

    def to(self, device: torch.device) -> Unpaired:
        """The same two sets on another device."""
        first, second = self.sources
        return Unpaired(first.to(device), second.to(device))
