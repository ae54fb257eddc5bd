"""The game of a network that reads the factors of an image: one player."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from gancourse.batch import Batch
from gancourse.games.game import Player
from gancourse.rng import Noise


class ReadsFactors(Protocol):
    """A network that reads factors: what `gancourse.models.FactorRegressor` is."""

    n_classes: Sequence[int]

    def readings(self, x: Tensor) -> list[Tensor]:
        """Of each factor, logits [batch, classes] if it is categorical, else its value [batch]."""


def class_of(values: Tensor, n_classes: int) -> Tensor:
    """The class, int64 [n], of values in [0, 1] that n_classes equal parts divide.

    >>> class_of(torch.tensor([0.1, 0.5, 1.0]), 2)
    tensor([0, 1, 1])
    """
    return (values * n_classes).long().clamp(0, n_classes - 1)


class FactorRegression:
    """A game of one player: a network that reads factors from data.

    It minimises the sum of cross-entropies of categorical factors, and of the squared errors of continuous ones over
    twice the squared tolerance: the negative log-likelihood, up to a constant, where errors are normal with that
    standard deviation.

    Args:
        network: has `n_classes` and `readings`, as `gancourse.models.FactorRegressor`.
        tolerance: standard deviation of the continuous factors' errors, as a share of their range.

    Raises:
        ValueError: tolerance isn't positive; during training, if y isn't [batch, factors].
    """

    def __init__(self, network: nn.Module, tolerance: float = 0.2) -> None:
        if not tolerance > 0:
            raise ValueError(f"tolerance is {tolerance}; pass a positive share of the range, such as 0.1")
        self.network, self.tolerance = network, tolerance
        self.players = (Player("regressor", network, self.terms),)

    def terms(self, batch: Batch, noise: Noise) -> dict[str, Tensor]:
        """Cross-entropies and scaled squared errors, each summed over its factors, [batch]; without any, left out."""
        n_classes = self.network.n_classes
        if batch.y is None or batch.y.ndim != 2 or batch.y.shape[1] != len(n_classes):
            shape = None if batch.y is None else tuple(batch.y.shape)
            raise ValueError(f"y is {shape}; expected {len(n_classes)} factors for each of {len(batch.x)} samples")
        values: dict[str, list[Tensor]] = {"cross_entropy": [], "squared_error": []}
        for reading, truth, n in zip(self.network.readings(batch.x), batch.y.unbind(1), n_classes, strict=True):
            if n:
                values["cross_entropy"].append(cross_entropy(reading, class_of(truth, n), reduction="none"))
            else:
                error = mse_loss(reading, truth.to(reading.dtype), reduction="none")
                values["squared_error"].append(error / (2 * self.tolerance**2))
        return {name: torch.stack(each).sum(0) for name, each in values.items() if each}
