"""The base class of games that change the players of another game."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, count

import torch
from torch import Tensor, nn

from gancourse import processes
from gancourse.batch import Batch
from gancourse.evaluation_mode import evaluating
from gancourse.functional import Weights
from gancourse.games.game import Pair, Player, Samples, TwoNetworks
from gancourse.games.terms import Critic
from gancourse.rng import Noise


class Wrapper:
    """A game with the players of an inner game, some of them changed; wrappers can be nested. This one changes none.

    Its generator, discriminator, objective, samples, critic, latents and input of the discriminator are those of the
    inner game.

    Args:
        game: the inner game, with a player named "generator".

    Raises:
        ValueError: it has no such player.
    """

    def __init__(self, game: TwoNetworks | Wrapper) -> None:
        self.inner = game
        player_of(game.players, "generator")
        self.players: Sequence[Player] = tuple(game.players)

    @property
    def settings(self) -> Mapping[str, bool | int | float | str]:
        """The inner game's settings, for checkpoints."""
        return dict(getattr(self.inner, "settings", {}))

    @property
    def differentiable(self) -> bool:
        """Whether the inner game's terms are functions of all players' weights."""
        return getattr(self.inner, "differentiable", True)

    @property
    def makes_data(self) -> bool:
        """Whether the inner game's samples are like data, rather than like data with noise."""
        return getattr(self.inner, "makes_data", True)

    @property
    def generator(self) -> nn.Module:
        """The inner game's generator."""
        return self.inner.generator

    @property
    def discriminator(self) -> nn.Module:
        """The inner game's discriminator."""
        return self.inner.discriminator

    @property
    def objective(self) -> Pair:
        """The inner game's objective."""
        return self.inner.objective

    def latents(self, noise: Noise) -> Tensor:
        """Latents of one batch, [batch, latent_size]."""
        return self.inner.latents(noise)

    def sample(self, batch: Batch, noise: Noise, z: Tensor | None = None) -> Samples:
        """Samples of the generator at the batch's y; of these latents, or of latents drawn from the noise."""
        return self.inner.sample(batch, noise, z)

    def critic(self, batch: Batch | Samples, function: Critic | None = None) -> Critic:
        """The discriminator, or a function with its arguments, as a function of x at the batch's y."""
        return self.inner.critic(batch, function)

    def seen(self, real: Batch, fake: Batch | Samples, noise: Noise, turn: str) -> tuple[Batch, Batch]:
        """The discriminator's input for real and generated data, after the views, in the turn of the player named."""
        return self.inner.seen(real, fake, noise, turn)


def player_of(players: Iterable[Player], name: str) -> Player:
    """The player of that name.

    Raises:
        ValueError: there is no such player.
    """
    named = {player.name: player for player in players}
    if name not in named:
        raise ValueError(f"the game has no player named {name!r}; its players are {', '.join(named)}")
    return named[name]


def replaced(players: Iterable[Player], new: Player) -> tuple[Player, ...]:
    """The players, with the new one in place of the one of the same name."""
    return tuple(new if player.name == new.name else player for player in players)


def free_name(name: str, taken: Collection[str]) -> str:
    """The name itself if it is free; else with the lowest number from 2 that makes it free.

    >>> free_name("r1", {"r1", "r1 2"}), free_name("r1", {"r2"})
    ('r1 3', 'r1')
    """
    names = chain([name], (f"{name} {i}" for i in count(2)))
    return next(candidate for candidate in names if candidate not in taken)


def merged(terms: dict[str, Tensor], more: dict[str, Tensor]) -> dict[str, Tensor]:
    """Terms of both, in this order; if a wrapper is used twice, the outer one's term gets a number."""
    terms = dict(terms)
    for name, term in more.items():
        terms[free_name(name, terms)] = term
    return terms


def check_differentiable(game: TwoNetworks | Wrapper, what: str) -> None:
    """Check that a game's terms are functions of all players' weights; those of `OneForward` are not.

    Raises:
        ValueError: they are not; the message names the method that needs it.
    """
    if not getattr(game, "differentiable", True):
        raise ValueError(
            f"{what} differentiates every player's terms with respect to all players' weights, but in this game (a "
            f"{type(game).__name__}) some terms don't depend on them, as under OneForward or with a teacher; "
            "pass the game without it"
        )


def total(terms: dict[str, Tensor]) -> Tensor:
    """The loss of a player: the sum of its terms' means, a scalar."""
    return sum(term.mean() for term in terms.values())


def check_weight(weight: float, what: str) -> None:
    """Check that a weight is finite and not negative.

    Raises:
        ValueError: it isn't.
    """
    if not 0 <= weight < math.inf:
        raise ValueError(f"the weight of {what} is {weight}; expected a finite number ≥ 0")


def trainable(network: nn.Module) -> tuple[str, ...]:
    """Names of the parameters that require gradients."""
    return tuple(name for name, weight in network.named_parameters() if weight.requires_grad)


def differentiable_weights(network: nn.Module, names: Iterable[str]) -> Weights:
    """The network's parameters, with copies that require gradients in place of those that the trainer has frozen."""
    own = dict(network.named_parameters())
    return {n: own[n] if own[n].requires_grad else own[n].detach().clone().requires_grad_() for n in names}


def copied_buffers(network: nn.Module) -> Weights:
    """Copies of the buffers, which an evaluation may change instead of the network's own."""
    return {name: buffer.clone() for name, buffer in network.named_buffers()}


def gradients(loss: Tensor, weights: Weights) -> list[Tensor]:
    """Gradients of a scalar with respect to each weight, differentiable; zero where it doesn't depend on one."""
    if not weights:
        return []
    own = torch.autograd.grad(loss, list(weights.values()), create_graph=True, materialize_grads=True)
    return [processes.mean(gradient) for gradient in own]


@contextmanager
def frozen_memories(players: Iterable[Player]) -> Iterator[None]:
    """Inside, the players' memories are in evaluation mode, so that their terms don't change them."""
    with evaluating(*(player.memory for player in players if player.memory is not None)):
        yield
