"""What a data source hands to a game."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from gancourse.rng import Noise


class Batch(NamedTuple):
    """Real data of one update.

    Args:
        x: data, [batch, ...].
        y: what x is conditioned on, where the data says: labels [batch], factors [batch, n], an image, tokens.
        other: an independent sample of a second domain, [batch, ...], for unpaired translation.
    """

    x: Tensor
    y: Tensor | None = None
    other: Tensor | None = None


Batches = Callable[[Noise], Batch]
"""A data source: a function of randomness alone, which returns `noise.n` samples on `noise.device`.

Its draws share the update's key with the game's, so it must leave the names "z" and "epsilon" to the game.
"""
