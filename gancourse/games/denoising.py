"""Training of a diffusion or flow model: a game of one player, who predicts from noisy data what was mixed."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gancourse.batch import Batch
from gancourse.diffusion import Process, mixed, target
from gancourse.games.game import Player, conditioned, is_conditional
from gancourse.rng import Noise


def without_labels(y: Tensor, share: float, n_classes: int, noise: Noise) -> Tensor:
    """Labels of which a share, drawn at random, is replaced by "no class", the number after the last class.

    Args:
        y: labels [batch].
        share: probability that a label is replaced.
        n_classes: number of classes.
        noise: of this update.

    Source: Ho and Salimans 2022, algorithm 1.

    >>> without_labels(torch.tensor([0, 2, 1]), 1.0, 3, Noise((0,), 3))
    tensor([3, 3, 3])
    """
    is_dropped = noise.uniform("label dropout") < share
    if is_dropped.is_meta:  # costs are calculated without numbers
        return y
    return torch.where(is_dropped, torch.full_like(y, n_classes), y)


class Diffusion:
    """One player, "denoiser", which minimises the squared error of its prediction from x_t = α_t x₀ + σ_t ε.

    Time and ε are drawn anew for each sample. The error is a mean over the numbers of a sample, without a weight that
    depends on the time: of ε, this is DDPM's simple loss.

    Args:
        denoiser: maps noisy data [batch, ...] and scaled times [batch] in 0 … 1000 to predictions of the data's shape;
            if it is `conditional`, also labels [batch], of which `n_classes` is "no class".
        process: mixes data and noise.
        predicts: name of the target: "noise", "data", "v" or "velocity".
        label_dropout: share of the labels that are replaced by "no class", which classifier-free guidance needs.

    Raises:
        ValueError: there is no such target, the share is outside [0, 1], or labels are dropped of a network without;
            during training, if the denoiser returns another shape, or is conditional but the batch has no y.

    Source: Ho, Jain, Abbeel 2020, eq. 14 and algorithm 1; Lipman et al. 2023, eq. 23, for the velocity.

    >>> from gancourse import models
    >>> from gancourse.diffusion import RectifiedFlow
    >>> game = Diffusion(models.denoising_mlp.Denoiser(), RectifiedFlow(), "velocity")
    >>> [player.name for player in game.players]
    ['denoiser']
    """

    def __init__(
        self, denoiser: nn.Module, process: Process, predicts: str = "noise", label_dropout: float = 0.0
    ) -> None:
        if not 0 <= label_dropout <= 1:
            raise ValueError(f"label_dropout is {label_dropout}; expected a share from 0 to 1")
        if label_dropout and not is_conditional(denoiser):
            raise ValueError(
                f"label_dropout is {label_dropout}, but {type(denoiser).__name__} sees no labels; pass a network of "
                "classes, or leave the dropout out"
            )
        self.denoiser, self.process, self.target = denoiser, process, target(predicts)
        self.label_dropout = label_dropout
        self.players = (Player("denoiser", denoiser, self.terms),)

    def labels(self, batch: Batch, noise: Noise) -> Tensor | None:
        """The labels that the denoiser sees: some of the batch's are replaced by "no class"."""
        if not self.label_dropout or batch.y is None:
            return batch.y
        return without_labels(batch.y, self.label_dropout, self.denoiser.n_classes, noise)

    def terms(self, batch: Batch, noise: Noise) -> dict[str, Tensor]:
        """The mean squared error of each sample's prediction, [batch]."""
        t = self.process.random_times(noise)
        epsilon, level = noise.normal("epsilon", *batch.x.shape[1:]), self.process.level(t)
        time = self.process.scaled_time(t).to(batch.x.dtype)
        predict = conditioned(
            self.denoiser, self.labels(batch, noise), lambda x, *labels: self.denoiser(x, time, *labels)
        )
        prediction = predict(mixed(batch.x, epsilon, level))
        wanted = self.target.of(batch.x, epsilon, level)
        if prediction.shape != wanted.shape:
            raise ValueError(
                f"the denoiser returns {tuple(prediction.shape)} but x is {tuple(wanted.shape)}; they must agree: pass "
                "a denoiser for this data"
            )
        return {"squared_error": (prediction - wanted).square().flatten(1).mean(1)}
