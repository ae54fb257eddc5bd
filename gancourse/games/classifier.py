"""The game of a classifier: one player."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from gancourse.batch import Batch
from gancourse.games.game import Player
from gancourse.rng import Noise


def class_losses(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of each sample's label, −log softmax(logits)[label], [batch].

    The logits must not have passed a softmax already: of probabilities of ten classes, the softmax gives at most
    e/(e + 9) to the right one, so that the loss couldn't fall below 1.461.

    Args:
        logits: [batch, classes].
        labels: integers [batch].

    Raises:
        ValueError: there isn't one integer label a sample, or one has no class.

    >>> import torch
    >>> class_losses(torch.zeros(1, 10), torch.tensor([3]))
    tensor([2.3026])
    """
    if labels.is_floating_point() or labels.shape != logits.shape[:1]:
        raise ValueError(
            f"labels are {labels.dtype} {tuple(labels.shape)} for logits {tuple(logits.shape)}; expected one integer a "
            "sample: pass data whose y is a class, without packing"
        )
    if int(labels.min()) < 0 or int(labels.max()) >= logits.shape[1]:
        raise ValueError(
            f"labels run from {int(labels.min())} to {int(labels.max())} but the classifier knows "
            f"{logits.shape[1]} classes; pass n_classes={int(labels.max()) + 1} or drop them"
        )
    return cross_entropy(logits, labels, reduction="none")


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
        return {"cross_entropy": class_losses(self.network(batch.x), batch.y)}
