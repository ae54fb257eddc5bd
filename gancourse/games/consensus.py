"""Consensus optimisation: every player also minimises the norm of all players' gradients."""

from __future__ import annotations

from torch import Tensor

from gancourse.batch import Batch
from gancourse.functional import Weights, call_at
from gancourse.games.game import Player, TwoNetworks
from gancourse.games.wrapper import (
    Wrapper,
    check_differentiable,
    check_weight,
    copied_buffers,
    differentiable_weights,
    frozen_memories,
    gradients,
    merged,
    total,
    trainable,
)
from gancourse.rng import Noise


class Consensus(Wrapper):
    """Each player minimises its terms plus weight · ½‖v‖², where v holds the gradients of all players.

    v stacks the gradients of each player's own loss with respect to its own weights. At an equilibrium v = 0, so the
    term is zero there; near it, the term turns a rotation into a spiral inwards. v is computed with the batch and noise
    of the turn, and does not change BatchNorm's statistics and memories.

    Args:
        game: the inner game.
        weight: γ of the paper; 0 gives the inner game. The paper uses 0.1 and 10.

    Raises:
        ValueError: the weight is negative or not finite, or the game has no generator or isn't `differentiable`.

    Source: Mescheder, Nowozin, Geiger 2017, section 4.1: L = ½‖v‖², added to both players' losses.

    >>> from gancourse import models, objectives
    >>> from gancourse.games import GAN
    >>> inner = GAN(models.mlp.Generator(), models.mlp.Discriminator(), objectives.minimax)
    >>> [player.name for player in Consensus(inner, weight=0.1).players]
    ['discriminator', 'generator']
    """

    def __init__(self, game: TwoNetworks | Wrapper, weight: float) -> None:
        super().__init__(game)
        check_weight(weight, "consensus")
        if weight:
            check_differentiable(game, "consensus")
        self.weight = weight
        self.names = [trainable(player.network) for player in game.players]
        self.players = tuple(self._with_consensus(player) if weight else player for player in game.players)

    def _with_consensus(self, player: Player) -> Player:
        def terms(batch: Batch, noise: Noise) -> dict[str, Tensor]:
            own = player.terms(batch, noise)
            return merged(own, {"consensus": (self.weight * self.energy(batch, noise)).expand(noise.n)})

        return player._replace(terms=terms)

    def energy(self, batch: Batch, noise: Noise) -> Tensor:
        """½‖v‖² of the inner game at its current weights, a scalar, differentiable with respect to all of them."""
        players = self.inner.players
        weights = [
            differentiable_weights(player.network, names) for player, names in zip(players, self.names, strict=True)
        ]
        at = [w | copied_buffers(player.network) for player, w in zip(players, weights, strict=True)]
        with frozen_memories(players):
            return call_at([player.network for player in players], at, self._energy, weights, batch, noise)

    def _energy(self, weights: list[Weights], batch: Batch, noise: Noise) -> Tensor:
        squares = []
        for player, own_weights in zip(self.inner.players, weights, strict=True):
            loss = total(player.terms(batch, noise))
            squares += [gradient.square().sum() for gradient in gradients(loss, own_weights)]
        return sum(squares) / 2
