"""What every data source is."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch

from gancourse.batch import Batch
from gancourse.rng import Noise
from gancourse.signature import Signature


@runtime_checkable
class Source(Protocol):
    """Data that can be drawn. Calling it with noise gives `noise.n` samples on `noise.device`.

    Its draws share the update's key with the game's, so it must leave the names "z" and "epsilon" to the game.
    """

    @property
    def signature(self) -> Signature:
        """What networks must fit."""

    @property
    def n_samples(self) -> int | None:
        """How many different samples there are; None if there is no end to them."""

    def __call__(self, noise: Noise) -> Batch:
        """Samples drawn at random."""

    def report(self) -> str:
        """What was left out when the data was read, in a line; empty if nothing can be."""

    def first(self, n: int) -> Batch:
        """Some n samples, always the same ones, on the CPU.

        Raises:
            ValueError: n is below one, or there are fewer.
        """

    def to(self, device: torch.device) -> Source:
        """The same data held on another device, where it is held at all."""
