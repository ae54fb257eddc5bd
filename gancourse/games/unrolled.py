"""Unrolled GAN: the generator looks at the discriminator that it will face after some more steps."""

from __future__ import annotations

import math

from torch import Tensor

from gancourse.batch import Batch
from gancourse.functional import call_at
from gancourse.games.game import TwoNetworks
from gancourse.games.wrapper import (
    Wrapper,
    check_differentiable,
    leaves,
    player_of,
    remembering_nothing,
    replaced,
    slopes,
    spare_buffers,
    total,
    trained,
)
from gancourse.rng import Noise


class Unrolled(Wrapper):
    """The generator minimises its terms at the weights that its opponents would have after some gradient steps.

    Each imagined step is plain gradient descent on the opponents' own terms, with the batch and noise of the
    generator's turn. The gradient also goes through these steps: the generator learns how they answer it. The opponents
    themselves, BatchNorm's statistics and memories are left as they are; constraints are not applied on the way.

    Args:
        game: the inner game; all its players but the generator are unrolled.
        steps: imagined steps; 0 gives the inner game.
        learning_rate: of the imagined steps.

    Raises:
        ValueError: a negative number of steps or a learning rate that is not positive; the game lacks a generator, or
            isn't `differentiable`.

    Source: Metz et al. 2017, section 2.2: θ_D^(k+1) = θ_D^k + η ∂f/∂θ_D, and G minimises f(θ_G, θ_D^K(θ_G)). The paper
    trains with K from 1 to 20.

    >>> from gancourse import models, objectives
    >>> from gancourse.games import GAN
    >>> inner = GAN(models.mlp.Generator(), models.mlp.Discriminator(), objectives.non_saturating)
    >>> [player.name for player in Unrolled(inner, steps=5, learning_rate=0.01).players]
    ['discriminator', 'generator']
    """

    def __init__(self, game: TwoNetworks | Wrapper, steps: int, learning_rate: float) -> None:
        super().__init__(game)
        if steps < 0 or not 0 < learning_rate < math.inf:
            raise ValueError(
                f"{steps} unrolled steps at learning rate {learning_rate}; pass steps ≥ 0 and a positive rate"
            )
        if steps:
            check_differentiable(game, "unrolling")
        self.steps, self.learning_rate = steps, learning_rate
        self.mover = player_of(game.players, "generator")
        self.others = tuple(player for player in game.players if player.name != "generator")
        self.names = [trained(player.network) for player in self.others]
        unrolled = self.mover._replace(terms=self.generator_terms)
        self.players = replaced(game.players, unrolled) if steps else tuple(game.players)

    def generator_terms(self, batch: Batch, noise: Noise) -> dict[str, Tensor]:
        """The inner game's terms at the opponents' future weights; each of the inner term's shape."""
        networks = [player.network for player in self.others]
        weights = [leaves(network, names) for network, names in zip(networks, self.names, strict=True)]
        with remembering_nothing(self.others):
            for _ in range(self.steps):
                weights = self._step(weights, batch, noise)
        at = [w | spare_buffers(network) for network, w in zip(networks, weights, strict=True)]
        return call_at(networks, at, self.mover.terms, batch, noise)

    def _step(self, weights: list[dict[str, Tensor]], batch: Batch, noise: Noise) -> list[dict[str, Tensor]]:
        """The opponents' weights after one more step of all of them at once."""
        networks = [player.network for player in self.others]
        after = []
        for player, mine in zip(self.others, weights, strict=True):
            # The generator's buffers are copied too: it is only imagined that it is evaluated here.
            at = [w | spare_buffers(network) for network, w in zip(networks, weights, strict=True)]
            at.append(spare_buffers(self.mover.network))
            loss = total(call_at([*networks, self.mover.network], at, player.terms, batch, noise))
            moves = zip(mine.items(), slopes(loss, mine), strict=True)
            after.append({name: weight - self.learning_rate * slope for (name, weight), slope in moves})
        return after
