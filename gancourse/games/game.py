"""The course's one noun: players, and the two-player game called GAN."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from gancourse.batch import Batch
from gancourse.games.terms import Critic, Term, Turn, check_terms, due
from gancourse.rng import Noise

Terms = Callable[[Batch, Noise], dict[str, Tensor]]
PLAYERS = ("discriminator", "generator")


class Player(NamedTuple):
    """Someone who may change a network and minimises the sum of some losses.

    Args:
        name: "discriminator", "generator", …
        network: what it may change.
        terms: what it minimises: named losses, one value per sample each.
        updates: how many updates it makes in one step of the game.
        constraint: puts its network back among those it may choose, after each update, in place.
        memory: what its terms remember from update to update, as buffers: saved in checkpoints and moved to the
            device. Terms change it only while it is in training mode.
    """

    name: str
    network: nn.Module
    terms: Terms
    updates: int = 1
    constraint: Callable[[nn.Module], None] | None = None
    memory: nn.Module | None = None


class Game(Protocol):
    """Anything with players; they move in this order.

    Two attributes are optional. `settings`, names and plain values, says what decides the course of a training besides
    the networks and the order of turns: a checkpoint holds it and goes on in a game of the same settings only.
    `differentiable` is False where a player's terms are no function of all players' weights, so that the game's vector
    field, `Consensus` and `Unrolled` would take wrong gradients of them; they refuse it.
    """

    players: Sequence[Player]


class Pair(Protocol):
    """What a GAN needs of its objective: `gancourse.objectives.Objective`, or anything shaped like it."""

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[..., Tensor]
    relative: bool


class View(NamedTuple):
    """What stands between the data and the discriminator: instance noise, packing, swapped labels, augmentation.

    Args:
        function: maps (real, fake, noise) to what the discriminator sees instead of the batches real and fake, whose
            y is what each is conditioned on, if anything; terms are taken there too. It may make fewer samples of
            them, but as many real as fake ones, and each with its y.
        turns: in whose turns it stands there.
    """

    function: Callable[[Batch, Batch, Noise], tuple[Batch, Batch]]
    turns: tuple[str, ...] = PLAYERS


class Samples(NamedTuple):
    """What a generator makes.

    Args:
        x: samples, [batch, ...].
        y: what they are conditioned on; the real batch's y.
        z: latents behind them, [batch, latent_size].
    """

    x: Tensor
    y: Tensor | None
    z: Tensor


def is_conditional(network: nn.Module) -> bool:
    """Whether a network takes a condition besides its input, as it says itself."""
    return getattr(network, "conditional", False)


def conditioned(network: nn.Module, y: Tensor | None, function: Critic | None = None) -> Critic:
    """A network as a function of one input: x -> network(x), or network(x, y) if it says that it is `conditional`.

    Args:
        network: takes a condition if its attribute or property `conditional` is true.
        y: the condition.
        function: what to call instead of the network, with the same arguments; one of its methods, for example.

    Raises:
        ValueError: the network is conditional but there is no y.

    >>> conditioned(nn.Identity(), None)(torch.zeros(2))
    tensor([0., 0.])
    """
    function = network if function is None else function
    if not is_conditional(network):
        return function
    if y is None:
        raise ValueError(
            f"{type(network).__name__} is conditional, but the batch has no y; pass data with labels or other "
            "conditions, or a network that takes none"
        )
    return lambda x: function(x, y)


class TwoNetworks:
    """What games of one generator and one discriminator share: samples, scores, and what the discriminator sees.

    `made` and `critic` alone know whether the networks take a condition; everything else calls them.

    Args:
        generator: maps latents [batch, generator.latent_size] to data; (latents, y) if it is `conditional`.
        discriminator: maps what it sees to scores [batch]; (what it sees, y) if it is `conditional`.
        views: what the discriminator sees instead of the data, each applied to what the one before it made.

    Raises:
        ValueError: a view stands in the turns of an unknown player.
    """

    def __init__(self, generator: nn.Module, discriminator: nn.Module, views: Sequence[View] = ()) -> None:
        self.generator, self.discriminator, self.views = generator, discriminator, tuple(views)
        for view in self.views:
            if strange := set(view.turns) - set(PLAYERS):
                raise ValueError(
                    f"a view stands in the turns of {sorted(strange)}; the players are discriminator and generator"
                )

    def latents(self, noise: Noise) -> Tensor:
        """Latents of one batch, [batch, latent_size], standard normal."""
        return noise.normal("z", self.generator.latent_size)

    def made(self, batch: Batch, noise: Noise, z: Tensor | None = None) -> Samples:
        """The generator's samples, as many as the batch has: G(z), or G(z, y) with the batch's y.

        Args:
            batch: whose y they are conditioned on.
            noise: what latents are drawn from.
            z: latents to take instead.

        Raises:
            ValueError: the generator is conditional but the batch has no y.
        """
        z = self.latents(noise) if z is None else z
        return Samples(conditioned(self.generator, batch.y)(z), batch.y, z)

    def critic(self, batch: Batch | Samples, function: Critic | None = None) -> Critic:
        """The discriminator as a function of x alone: D(x), or D(x, y) with the batch's y.

        Args:
            batch: whose y; as the discriminator sees it, after the views.
            function: another function that is called with the discriminator's arguments, e.g. its features.

        Raises:
            ValueError: the discriminator is conditional but the batch has no y.
        """
        return conditioned(self.discriminator, batch.y, function)

    def seen(self, real: Batch, fake: Batch | Samples, noise: Noise, turn: str) -> tuple[Batch, Batch]:
        """What the discriminator sees of real and generated data in the turn of the player of that name."""
        fake = Batch(fake.x, fake.y)
        for i, view in enumerate(self.views):
            if turn in view.turns:
                real, fake = view.function(real, fake, noise.within("view", i) if i else noise)
        return real, fake

    def scores(self, real: Batch, fake: Batch, together: bool = False) -> tuple[Tensor, Tensor]:
        """The discriminator's scores of real and of generated data, [batch] each; of both as one batch, if together."""
        if not together:
            return self.critic(real)(real.x), self.critic(fake)(fake.x)
        y = None if real.y is None or fake.y is None else torch.cat([real.y, fake.y])
        both = Batch(torch.cat([real.x, fake.x]), y)
        of_real, of_fake = self.critic(both)(both.x).split([len(real.x), len(fake.x)])
        return of_real, of_fake


class GAN(TwoNetworks):
    """A generator and a discriminator that play against each other.

    A network that has `conditional = True`, as an attribute or property, is called with the batch's y as well.

    Args:
        generator: maps latents [batch, generator.latent_size] to data.
        discriminator: maps data to scores [batch] (logits, high = real).
        objective: what each minimises, as functions of scores.
        terms: what either minimises besides, e.g. `penalty(r1, weight=10.0, every=16)`.
        n_critic: discriminator updates per generator update.
        views: what the discriminator sees instead of the data, each applied to what the one before it made.
        constraint: puts the discriminator back among those it may choose, after each of its updates.

    Raises:
        ValueError: a count is below one, two terms of a player have the same name, or a term or view names no player;
            when playing, if a network is conditional but the batch has no y.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        objective: Pair,
        terms: Sequence[Term] = (),
        n_critic: int = 1,
        views: Sequence[View] = (),
        constraint: Callable[[nn.Module], None] | None = None,
    ) -> None:
        if n_critic < 1:
            raise ValueError(f"n_critic is {n_critic}; it counts the discriminator's updates, so pass at least 1")
        check_terms(terms, PLAYERS)
        super().__init__(generator, discriminator, views)
        self.objective = objective
        self.terms = {player: tuple(term for term in terms if term.of == player) for player in PLAYERS}
        memories = {player: joined(*(term.memory for term in mine)) for player, mine in self.terms.items()}
        self.players = (
            Player(
                "discriminator",
                discriminator,
                self.discriminator_terms,
                n_critic,
                constraint,
                memories["discriminator"],
            ),
            Player("generator", generator, self.generator_terms, memory=memories["generator"]),
        )

    def discriminator_terms(
        self, batch: Batch, noise: Noise, *, samples: Samples | None = None, together: bool = False
    ) -> dict[str, Tensor]:
        """The adversarial loss and the terms that are due, [batch] each.

        Args:
            batch: real data.
            noise: randomness.
            samples: generated samples to take instead of new ones.
            together: whether to score real and generated data as one batch.
        """
        # Not detached: whoever plays the game freezes the other player; theory differentiates through it.
        samples = self.made(batch, noise) if samples is None else samples
        real, fake = self.seen(batch, samples, noise, "discriminator")
        adversarial = self.objective.discriminator(*self.scores(real, fake, together))
        return {"adversarial": adversarial} | self._due("discriminator", batch, noise, samples, real, fake)

    def generator_terms(self, batch: Batch, noise: Noise, *, samples: Samples | None = None) -> dict[str, Tensor]:
        """The adversarial loss and the terms that are due, [batch] each; of these samples, or of new ones."""
        samples = self.made(batch, noise) if samples is None else samples
        real, fake = self.seen(batch, samples, noise, "generator")
        scores = (self.critic(fake)(fake.x),)
        if self.objective.relative:
            scores += (self.critic(real)(real.x),)
        adversarial = self.objective.generator(*scores)
        return {"adversarial": adversarial} | self._due("generator", batch, noise, samples, real, fake)

    def _due(
        self, player: str, batch: Batch, noise: Noise, samples: Samples, real: Batch, fake: Batch
    ) -> dict[str, Tensor]:
        if not self.terms[player]:
            return {}
        y, other_y = real.y, fake.y
        if (
            player == "discriminator"
            and is_conditional(self.discriminator)
            and y is not other_y
            and (y != other_y).any()
        ):
            raise ValueError(
                "a view gives real and generated samples different conditions, but a term scores both with one critic; "
                "leave the view or the discriminator's terms away"
            )
        turn = Turn(self.generator, self.discriminator, self.critic(fake), batch, noise, samples.z, real.x, fake.x)
        return due(self.terms[player], turn)


def joined(*memories: nn.Module | None) -> nn.Module | None:
    """One memory that holds several: none, the only one, or a list of them."""
    kept = [memory for memory in memories if memory is not None]
    return nn.ModuleList(kept) if len(kept) > 1 else kept[0] if kept else None
