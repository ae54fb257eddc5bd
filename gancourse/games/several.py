"""Several discriminators for one generator."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from gancourse import processes
from gancourse.batch import Batch
from gancourse.games.game import Player, TwoNetworks, joined
from gancourse.games.wrapper import Wrapper, free_name, player_of, total
from gancourse.rng import Noise


class Several(Wrapper):
    """Games that share one generator, which minimises the weighted mean of its losses in all of them.

    The weights are softmax(temper · losses): 0 gives the plain mean; with a large temper, only the highest loss counts.
    The gradient is that of the smooth maximum (1/temper) · log mean exp(temper · loss): the weights are constants in
    it, and functions of the losses in its derivatives.

    The first game's players keep their names; those of the second are named "discriminator 2", and so on. Other
    wrappers use the first game's discriminator, objective and views.

    Args:
        games: one for each discriminator; each may have its own objective, terms and views.
        temper: λ of the paper, how much more the generator weighs discriminators with a higher loss.

    Raises:
        ValueError: there is no game, the games have different generators, two games share another network, or temper
            is negative or not finite.

    Source: Durugkar, Gemp, Mahadevan 2017 (GMAN), section 4.1 (softmax-weighted arithmetic mean, there of the values).

    >>> from gancourse import models, objectives
    >>> from gancourse.games import GAN
    >>> generator = models.mlp.Generator()
    >>> games = [GAN(generator, models.mlp.Discriminator(), objectives.non_saturating) for _ in range(3)]
    >>> [player.name for player in Several(games).players]
    ['discriminator', 'discriminator 2', 'discriminator 3', 'generator']
    """

    def __init__(self, games: Sequence[TwoNetworks | Wrapper], temper: float = 0.0) -> None:
        if not games:
            raise ValueError("the list of games is empty; pass one game for each discriminator")
        super().__init__(games[0])
        if not 0 <= temper < math.inf:
            raise ValueError(f"temper is {temper}; expected a finite number ≥ 0")
        self.games, self.temper = tuple(games), temper
        self.generator_players = [player_of(game.players, "generator") for game in games]
        if any(player.network is not self.generator_players[0].network for player in self.generator_players):
            raise ValueError("the games have different generators; pass games with the same generator")
        others: dict[str, Player] = {}
        for i, game in enumerate(games, 1):
            for player in game.players:
                if player.name != "generator":
                    name = free_name(_numbered(player.name, i), others)
                    others[name] = player._replace(name=name)
        if len({id(player.network) for player in others.values()}) < len(others):
            raise ValueError("two games share a discriminator; pass a discriminator of its own to each game")
        memory = joined(*(player.memory for player in self.generator_players))
        generator: Player = self.generator_players[0]._replace(terms=self.generator_terms, memory=memory)
        self.players = (*others.values(), generator)

    @property
    def settings(self) -> Mapping[str, bool | int | float | str]:
        """The settings of all games; those of the second with its number in their names."""
        of_games = (getattr(game, "settings", {}) for game in self.games)
        return {_numbered(name, i): value for i, own in enumerate(of_games, 1) for name, value in own.items()}

    @property
    def differentiable(self) -> bool:
        """Whether all games are differentiable."""
        return all(getattr(game, "differentiable", True) for game in self.games)

    def generator_terms(self, batch: Batch, noise: Noise) -> dict[str, Tensor]:
        """The weighted terms of each game, those of the second under the names "adversarial 2", and so on."""
        terms = [player.terms(batch, noise) for player in self.generator_players]
        losses = torch.stack([total(own_terms) for own_terms in terms])
        weights = (self.temper * processes.mean(losses if self.temper else losses.detach())).softmax(0)
        weighted: dict[str, Tensor] = {}
        for i, (own_terms, weight) in enumerate(zip(terms, weights, strict=True), 1):
            for name, term in own_terms.items():
                weighted[free_name(_numbered(name, i), weighted)] = _Weighted.apply(term, weight)
        return weighted


class _Weighted(torch.autograd.Function):
    """A weight times a term; the weight is a constant in the gradient, but not in the second derivative."""

    @staticmethod
    def forward(ctx: Any, term: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(weight)
        return weight * term

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (weight,) = ctx.saved_tensors
        return weight * gradient, None


def _numbered(name: str, i: int) -> str:
    """A name of the i-th game, with its number; unchanged for the first game."""
    return f"{name} {i}" if i > 1 else name
