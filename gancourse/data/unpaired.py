"""Two sets of data without pairs: what translation from one to the other learns from."""

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
        first: what x, and y if there is one, are drawn from.
        second: what `other` is drawn from.

    >>> from gancourse.data import grid, ring
    >>> batch = Unpaired(ring(), grid())(Noise((0,), n=3))
    >>> batch.x.shape, batch.other.shape
    (torch.Size([3, 2]), torch.Size([3, 2]))
    """

    def __init__(self, first: Source, second: Source) -> None:
        self.sources = first, second

    @property
    def signature(self) -> Signature:
        """The first source's, with the shape of a sample of the second."""
        first, second = (source.signature for source in self.sources)
        return dataclasses.replace(first, other=second.shape)

    @property
    def n_samples(self) -> int | None:
        """As many as the smaller source has."""
        counts = [source.n_samples for source in self.sources if source.n_samples is not None]
        return min(counts, default=None)

    def __call__(self, noise: Noise) -> Batch:
        """Samples of both, drawn independently: those of the first are what it would give alone."""
        first, second = self.sources
        return first(noise)._replace(other=second(noise.within("other")).x)

    def report(self) -> str:
        """What was left out of either."""
        return "; ".join(filter(None, (source.report() for source in self.sources)))

    def first(self, n: int) -> Batch:
        """Some n samples of each, always the same ones; errors as for the sources."""
        first, second = self.sources
        return first.first(n)._replace(other=second.first(n).x)

    def to(self, device: torch.device) -> Unpaired:
        """The same two sets, held on another device."""
        first, second = self.sources
        return Unpaired(first.to(device), second.to(device))
