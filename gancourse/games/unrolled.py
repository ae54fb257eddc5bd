"""Unrolled GAN: the generator is trained against the discriminator after some more steps."""

from __future__ import annotations

import math

from torch import Tensor

from gancourse.batch import Batch
from gancourse.functional import call_at
from gancourse.games.game import TwoNetworks
from gancourse.games.wrapper import (
    Wrapper,
    check_differentiable,
    copied_buffers,
    differentiable_weights,
    frozen_memories,
    gradients,
    player_of,
    replaced,
    total,
    trainable,
)
from gancourse.rng import Noise


class Unrolled(Wrapper):
    """The generator minimises its terms at the weights that its opponents would have after some gradient steps.

    Each unrolled step is plain gradient descent on the opponents' own terms, with the batch and noise of the
    generator's turn. The generator's gradient also goes through these steps, so it includes how the opponents respond.
    The opponents themselves, BatchNorm's statistics and memories don't change; constraints are not applied in unrolled
    steps.

    Args:
        game: the inner game; all its players but the generator are unrolled.
        steps: number of unrolled steps; 0 gives the inner game.
        learning_rate: of the unrolled steps.

    Raises:
        ValueError: steps is negative or the learning rate not positive, or the game has no generator or isn't
            `differentiable`.

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
        self.generator_player = player_of(game.players, "generator")
        self.opponents = tuple(player for player in game.players if player.name != "generator")
        self.names = [trainable(player.network) for player in self.opponents]
        unrolled = self.generator_player._replace(terms=self.generator_terms)
        self.players = replaced(game.players, unrolled) if steps else tuple(game.players)

    def generator_terms(self, batch: Batch, noise: Noise) -> dict[str, Tensor]:
        """The inner game's terms at the opponents' unrolled weights; each of the inner term's shape."""
        networks = [player.network for player in self.opponents]
        weights = [differentiable_weights(network, names) for network, names in zip(networks, self.names, strict=True)]
        with frozen_memories(self.opponents):
            for _ in range(self.steps):
                weights = self._step(weights, batch, noise)
        at = [w | copied_buffers(network) for network, w in zip(networks, weights, strict=True)]
        return call_at(networks, at, self.generator_player.terms, batch, noise)

    def _step(self, weights: list[dict[str, Tensor]], batch: Batch, noise: Noise) -> list[dict[str, Tensor]]:
        """The opponents' weights after one more step of all of them at once."""
        networks = [player.network for player in self.opponents]
        after = []
        for player, own_weights in zip(self.opponents, weights, strict=True):
            # The generator's buffers are copied too: an unrolled step must not change them.
            at = [w | copied_buffers(network) for network, w in zip(networks, weights, strict=True)]
            at.append(copied_buffers(self.generator_player.network))
            loss = total(call_at([*networks, self.generator_player.network], at, player.terms, batch, noise))
            pairs = zip(own_weights.items(), gradients(loss, own_weights), strict=True)
            after.append({name: weight - self.learning_rate * gradient for (name, weight), gradient in pairs})
        return after
