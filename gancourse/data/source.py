"""The protocol of data sources."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch

from gancourse.batch import Batch
from gancourse.rng import Noise
from gancourse.signature import Signature


@runtime_checkable
class Source(Protocol):
    """Data that can be drawn. Calling it with noise returns `noise.n` samples on `noise.device`.

    Its draws share the update's key with the game's, so it must not use the names "z" and "epsilon".
    """

    @property
    def signature(self) -> Signature:
        """Shape of a sample and kind of its condition, which networks must fit."""

    @property
    def n_samples(self) -> int | None:
        """Number of different samples; None if they are unlimited."""

    def __call__(self, noise: Noise) -> Batch:
        """Samples drawn at random."""

    def report(self) -> str:
        """One line about data that was left out when the source was read; empty for sources that read all of it."""

    def first(self, n: int) -> Batch:
        """Always the same n samples, on the CPU.

        Raises:
            ValueError: n is below one, or there are fewer.
        """

    def to(self, device: torch.device) -> Source:
        """The same data on another device, if the source stores its data."""
