"""The game of a classifier: one player."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from gancourse.batch import Batch
from gancourse.games.game import Player
from gancourse.rng import Noise


class Classification:
    """A game of one player: a classifier that minimises the cross-entropy of the labels.

    Args:
        network: maps data to logits [batch, classes].

    Raises:
        ValueError: during training, if the data has no labels or one is out of range.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.players = (Player("classifier", network, self.terms),)

    def terms(self, batch: Batch, noise: Noise) -> dict[str, Tensor]:
        """The cross-entropy, [batch]."""
        if batch.y is None:
            raise ValueError("the data has no labels; a classifier needs them")
        logits = self.network(batch.x)
        if int(batch.y.min()) < 0 or int(batch.y.max()) >= logits.shape[1]:
            raise ValueError(
                f"labels run from {int(batch.y.min())} to {int(batch.y.max())} but the classifier knows "
                f"{logits.shape[1]} classes; pass n_classes={int(batch.y.max()) + 1} or drop them"
            )
        return {"cross_entropy": cross_entropy(logits, batch.y, reduction="none")}
