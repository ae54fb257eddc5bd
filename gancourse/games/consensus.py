"""Consensus optimisation: every player also shortens the whole game's gradient."""

from __future__ import annotations

from torch import Tensor

from gancourse.batch import Batch
from gancourse.functional import Weights, call_at
from gancourse.games.game import Player, TwoNetworks
from gancourse.games.wrapper import (
    Wrapper,
    check_differentiable,
    check_weight,
    leaves,
    merged,
    remembering_nothing,
    slopes,
    spare_buffers,
    total,
    trained,
)
from gancourse.rng import Noise


class Consensus(Wrapper):
    """Each player minimises its terms plus weight · ½‖v‖², where v holds the gradients of all players.

    v stacks each player's gradient of its own loss in its own weights. At an equilibrium v = 0, so the term asks
    nothing there; around it, it turns a rotation into a spiral inwards. v is computed with the batch and noise of the
    turn; BatchNorm's statistics and memories don't notice.

    Args:
        game: the inner game.
        weight: γ of the paper; 0 gives the inner game. The paper uses 0.1 and 10.

    Raises:
        ValueError: the weight is negative or no number, the game lacks a generator, or isn't `differentiable`.

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
        self.names = [trained(player.network) for player in game.players]
        self.players = tuple(self._persuaded(player) if weight else player for player in game.players)

    def _persuaded(self, player: Player) -> Player:
        def terms(batch: Batch, noise: Noise) -> dict[str, Tensor]:
            own = player.terms(batch, noise)
            return merged(own, {"consensus": (self.weight * self.energy(batch, noise)).expand(noise.n)})

        return player._replace(terms=terms)

    def energy(self, batch: Batch, noise: Noise) -> Tensor:
        """½‖v‖² of the inner game at its present weights, a scalar that can be differentiated in all of them."""
        players = self.inner.players
        weights = [leaves(player.network, names) for player, names in zip(players, self.names, strict=True)]
        at = [w | spare_buffers(player.network) for player, w in zip(players, weights, strict=True)]
        with remembering_nothing(players):
            return call_at([player.network for player in players], at, self._energy, weights, batch, noise)

    def _energy(self, weights: list[Weights], batch: Batch, noise: Noise) -> Tensor:
        squares = []
        for player, mine in zip(self.inner.players, weights, strict=True):
            loss = total(player.terms(batch, noise))
            squares += [slope.square().sum() for slope in slopes(loss, mine)]
        return sum(squares) / 2
