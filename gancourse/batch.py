"""The batch of data that a data source returns and a game consumes."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from gancourse.rng import Noise


class Batch(NamedTuple):
    """Real data of one update.

    Args:
        x: data, [batch, ...].
        y: condition of each sample, if the data has one: labels [batch], factors [batch, n], an image, tokens.
        other: an independent sample of a second domain, [batch, ...], for unpaired translation.
    """

    x: Tensor
    y: Tensor | None = None
    other: Tensor | None = None


Batches = Callable[[Noise], Batch]
"""A data source: a function of the noise alone, which returns `noise.n` samples on `noise.device`.

Its draws share the update's key with the game's, so it must not use the names "z" and "epsilon".
"""
