"""What games that are built over another game have in common."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain, count

import torch
from torch import Tensor, nn

from gancourse import processes
from gancourse.batch import Batch
from gancourse.functional import Weights
from gancourse.games.game import Pair, Player, Samples, TwoNetworks
from gancourse.games.terms import Critic
from gancourse.rng import Noise


class Wrapper:
    """A game whose players are another game's, some of them changed; wrappers stack. This one changes none.

    It answers for the inner game: generator, discriminator, objective, samples, critic, latents and what the
    discriminator sees.

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
        """What a checkpoint must know of how the inner game is played."""
        return dict(getattr(self.inner, "settings", {}))

    @property
    def differentiable(self) -> bool:
        """Whether the inner game's terms are functions of all players' weights."""
        return getattr(self.inner, "differentiable", True)

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

    def made(self, batch: Batch, noise: Noise, z: Tensor | None = None) -> Samples:
        """The generator's samples, at the batch's y; of these latents, or of the noise's."""
        return self.inner.made(batch, noise, z)

    def critic(self, batch: Batch | Samples, function: Critic | None = None) -> Critic:
        """The discriminator, or a function that is called with its arguments, as a function of x at the batch's y."""
        return self.inner.critic(batch, function)

    def seen(self, real: Batch, fake: Batch | Samples, noise: Noise, turn: str) -> tuple[Batch, Batch]:
        """What the discriminator sees of real and generated data in the turn of the player of that name."""
        return self.inner.seen(real, fake, noise, turn)


def player_of(players: Iterable[Player], name: str) -> Player:
    """The player of that name.

    Raises:
        ValueError: there is none.
    """
    named = {player.name: player for player in players}
    if name not in named:
        raise ValueError(f"the game has no player named {name!r}; its players are {', '.join(named)}")
    return named[name]


def replaced(players: Iterable[Player], new: Player) -> tuple[Player, ...]:
    """The players, with the one of that name exchanged for a new one."""
    return tuple(new if player.name == new.name else player for player in players)


def free_name(name: str, taken: Collection[str]) -> str:
    """The name, with the first number from 2 on that makes it a new one if it is taken.

    >>> free_name("r1", {"r1", "r1 2"}), free_name("r1", {"r2"})
    ('r1 3', 'r1')
    """
    names = chain([name], (f"{name} {i}" for i in count(2)))
    return next(candidate for candidate in names if candidate not in taken)


def merged(terms: dict[str, Tensor], more: dict[str, Tensor]) -> dict[str, Tensor]:
    """Terms of both, in this order; where the same wrapper stands twice, the outer one's term is numbered."""
    terms = dict(terms)
    for name, term in more.items():
        terms[free_name(name, terms)] = term
    return terms


def check_differentiable(game: TwoNetworks | Wrapper, what: str) -> None:
    """Complain about a game whose terms hide other players' weights, as those of `OneForward` do.

    Raises:
        ValueError: names what needs them.
    """
    if not getattr(game, "differentiable", True):
        raise ValueError(
            f"{what} differentiates every player's terms in all players' weights, but in this game (a "
            f"{type(game).__name__}) some terms don't depend on them, as under OneForward; pass the game without it"
        )


def total(terms: dict[str, Tensor]) -> Tensor:
    """What a player minimises: the sum of its terms' means, a scalar."""
    return sum(term.mean() for term in terms.values())


def check_weight(weight: float, what: str) -> None:
    """Complain about a weight that is negative or no number.

    Raises:
        ValueError: names it.
    """
    if not 0 <= weight < math.inf:
        raise ValueError(f"the weight of {what} is {weight}; expected a finite number ≥ 0")


def trained(network: nn.Module) -> tuple[str, ...]:
    """Names of the parameters that may change, as they stand outside of any turn."""
    return tuple(name for name, weight in network.named_parameters() if weight.requires_grad)


def leaves(network: nn.Module, names: Iterable[str]) -> Weights:
    """Parameters that can be differentiated in: the network's own, or copies of those that the trainer has frozen."""
    own = dict(network.named_parameters())
    return {n: own[n] if own[n].requires_grad else own[n].detach().clone().requires_grad_() for n in names}


def spare_buffers(network: nn.Module) -> Weights:
    """Copies of the buffers, to be changed by a trial evaluation in place of the network's own."""
    return {name: buffer.clone() for name, buffer in network.named_buffers()}


def slopes(loss: Tensor, weights: Weights) -> list[Tensor]:
    """Gradient of a scalar in each of the weights, itself differentiable; zero where it doesn't depend on one."""
    if not weights:
        return []
    mine = torch.autograd.grad(loss, list(weights.values()), create_graph=True, materialize_grads=True)
    return [processes.mean(slope) for slope in mine]


@contextmanager
def remembering_nothing(players: Iterable[Player]) -> Iterator[None]:
    """While open, the players' memories are not in training mode: what their terms see then leaves no trace."""
    with ExitStack() as stack:
        for memory in {id(p.memory): p.memory for p in players if p.memory is not None}.values():
            stack.callback(memory.train, memory.training)
            memory.eval()
        yield
