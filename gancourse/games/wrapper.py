"""What games that are built over another game have in common."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn

from gancourse import processes
from gancourse.functional import Weights
from gancourse.games.game import GAN, Pair, Player
from gancourse.rng import Noise


class Wrapper:
    """A game whose players are another game's, some of them changed; wrappers stack.

    It answers for the inner game: generator, discriminator, objective, latents and what the discriminator sees.

    Args:
        game: the inner game, with a player named "generator".

    Raises:
        ValueError: it has no such player.
    """

    players: Sequence[Player]

    def __init__(self, game: GAN | Wrapper) -> None:
        self.inner = game
        player_of(game.players, "generator")

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

    def seen(self, real: Tensor, fake: Tensor, noise: Noise, turn: str) -> tuple[Tensor, Tensor]:
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


def joined(*memories: nn.Module | None) -> nn.Module | None:
    """One memory that holds several: none, the only one, or a list of them."""
    kept = [memory for memory in memories if memory is not None]
    return nn.ModuleList(kept) if len(kept) > 1 else kept[0] if kept else None


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
