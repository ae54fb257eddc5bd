"""Terms that a player of a GAN minimises besides the adversarial loss, as values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from torch import Tensor, nn

from gancourse.batch import Batch
from gancourse.rng import Noise

Critic = Callable[[Tensor], Tensor]
"""Maps [batch, ...] to scores [batch]."""


class Turn(NamedTuple):
    """The arguments of a term: networks, data and noise of one update of one player.

    Args:
        generator: the network.
        discriminator: the network.
        critic: x -> scores [batch]: D(x), or D(x, y) at the condition y of the generated samples.
        batch: real data of this update, before any view.
        noise: of this update; a term that draws from it uses a name of its own.
        z: latents of the generated samples, [batch, latent_size].
        real: data after the views, [batch, ...].
        fake: generated samples after the views, [batch, ...].
    """

    generator: nn.Module
    discriminator: nn.Module
    critic: Critic
    batch: Batch
    noise: Noise
    z: Tensor
    real: Tensor
    fake: Tensor


class Term(NamedTuple):
    """A term added to the loss of one player.

    Args:
        name: of the reported loss.
        of: name of the player, "discriminator" or "generator".
        function: maps a turn to one number, or to one value per sample, [batch]. With several processes, each
            computes it on its part of the batch; a term that compares samples calls `processes.gather` or
            `processes.mean`.
        weight: factor on the value.
        every: the term is computed every `every` updates of its player and then multiplied by `every` too, so that its
            mean over updates doesn't depend on it (lazy regularisation: Karras et al. 2020, appendix B, which rescales
            Adam's rate and decays as well; this doesn't).
        memory: state of the function between updates, as buffers, saved in checkpoints. The function changes it in
            training mode only.
        since: number of updates of its player before which the term isn't computed.
        differentiable: False if the gradient leaves out a part of how the value depends on the weights, as where a
            target is a constant; see `Game`.

    >>> from gancourse.objectives import off_diagonal
    >>> Term("orthogonality", "generator", lambda turn: off_diagonal(turn.generator), weight=1e-4).every
    1
    """

    name: str
    of: str
    function: Callable[[Turn], Tensor]
    weight: float = 1.0
    every: int = 1
    memory: nn.Module | None = None
    since: int = 0
    differentiable: bool = True


def penalty(function: Callable[..., Tensor], weight: float = 1.0, every: int = 1) -> Term:
    """A penalty of `gancourse.objectives` as a term of the discriminator, under the function's name.

    Args:
        function: maps (critic, real, fake, epsilon) to values [batch], where epsilon, [batch], is uniform in [0, 1).
        weight: factor on the penalty.
        every: the penalty is computed every `every` updates, and multiplied by `every` too: see `Term`.

    >>> from gancourse.objectives import r1
    >>> term = penalty(r1, weight=10.0, every=16)
    >>> term.name, term.of, term.weight, term.every
    ('r1', 'discriminator', 10.0, 16)
    """

    def of_turn(turn: Turn) -> Tensor:
        return function(turn.critic, turn.real, turn.fake, turn.noise.uniform("epsilon", rows=len(turn.real)))

    return Term(_name(function), "discriminator", of_turn, weight, every)


def _name(function: Callable[..., Tensor]) -> str:
    """The function's name; for a `functools.partial`, that of its function."""
    function = getattr(function, "func", function)
    return getattr(function, "__name__", type(function).__name__)


def check_terms(terms: Iterable[Term], players: Collection[str]) -> None:
    """Check the terms' players, intervals and names.

    Raises:
        ValueError: a term is of an unknown player, has an interval below one or starts before the first update, or
            would overwrite another one.
    """
    terms = tuple(terms)
    for term in terms:
        if term.of not in players:
            raise ValueError(f"term {term.name!r} is of {term.of!r}; the players are {' and '.join(players)}")
        if term.every < 1:
            raise ValueError(f"term {term.name!r} is due every {term.every} updates; pass at least 1")
        if term.since < 0:
            raise ValueError(f"term {term.name!r} is due since update {term.since}; pass at least 0")
    for player in players:
        names = [term.name for term in terms if term.of == player]
        if len({"adversarial", *names}) <= len(names):
            raise ValueError(
                f"{player}'s terms {names} would overwrite each other or 'adversarial'; give each a name of its own"
            )


def due(terms: Iterable[Term], update: int) -> tuple[Term, ...]:
    """The terms that are computed at this update of their player."""
    return tuple(term for term in terms if update >= term.since and update % term.every == 0)


def values(terms: Iterable[Term], turn: Turn) -> dict[str, Tensor]:
    """Weighted values of terms, [batch] each, by name."""
    weighted = {term.name: term.weight * term.every * term.function(turn) for term in terms}
    return {name: value if value.ndim else value.expand(len(turn.fake)) for name, value in weighted.items()}
