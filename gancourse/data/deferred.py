"""Data that is read when the first sample is asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import torch

from gancourse.batch import Batch
from gancourse.data.source import Source
from gancourse.rng import Noise
from gancourse.signature import Signature


class Deferred:
    """A source of which only the signature is known before its first sample is asked for.

    So networks can be built and shown where their data is not.

    Args:
        signature: of the source.
        read: reads the source; its errors are those of whatever asks for samples.

    >>> from gancourse.data.mixtures import ring
    >>> Deferred(ring().signature, ring).first(2).x.shape
    torch.Size([2, 2])
    """

    def __init__(self, signature: Signature, read: Callable[[], Source]) -> None:
        self._signature, self._read = signature, read

    @cached_property
    def _source(self) -> Source:
        source = self._read()
        if source.signature != self._signature:
            raise ValueError(
                f"the data is {source.signature} with condition {source.signature.condition}; expected "
                f"{self._signature} with {self._signature.condition}"
            )
        return source

    @property
    def signature(self) -> Signature:
        """Shape of a sample, and its condition."""
        return self._signature

    @property
    def n_samples(self) -> int | None:
        """Number of different samples; None if they are unlimited."""
        return self._source.n_samples

    def __call__(self, noise: Noise) -> Batch:
        """Samples drawn at random."""
        return self._source(noise)

    def report(self) -> str:
        """One line about data that was left out when the source was read."""
        return self._source.report()

    def first(self, n: int) -> Batch:
        """Always the same n samples, on the CPU."""
        return self._source.first(n)

    def to(self, device: torch.device) -> Deferred:
        """The same data on another device, once it is read."""
        return Deferred(self._signature, lambda: self._source.to(device))
