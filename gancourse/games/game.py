"""Games and their players, and the two-player game called GAN."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from gancourse.batch import Batch
from gancourse.games.terms import Critic, Term, Turn, check_terms, due, values
from gancourse.objectives.penalties import KnowsGradients
from gancourse.rng import Noise

Terms = Callable[[Batch, Noise], dict[str, Tensor]]
PLAYERS = ("discriminator", "generator")


class Player(NamedTuple):
    """A player: it updates a network and minimises a sum of losses.

    Args:
        name: "discriminator", "generator", …
        network: the network that it updates.
        terms: the losses that it minimises, by name, with one value per sample.
        updates: its number of updates per step of the game.
        constraint: projects its network onto the allowed weights, in place, after each update.
        memory: state of its terms between updates, as buffers; saved in checkpoints and moved to the device. Terms
            change it in training mode only.
    """

    name: str
    network: nn.Module
    terms: Terms
    updates: int = 1
    constraint: Callable[[nn.Module], None] | None = None
    memory: nn.Module | None = None


class Game(Protocol):
    """An object with players, which make their updates in this order.

    Two attributes are optional. `settings` maps names to plain values that affect the training, besides the networks
    and the order of turns; a checkpoint holds it, and is resumed in a game with the same settings only.
    `differentiable` is False if a player's terms, or their gradients, are not functions of all players' weights. The
    vector field of such a game, `Consensus` and `Unrolled` would use wrong gradients, so they refuse it.
    """

    players: Sequence[Player]


class Pair(Protocol):
    """The objective of a GAN: `gancourse.objectives.Objective`, or another object with these attributes."""

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[..., Tensor]
    relative: bool


class View(NamedTuple):
    """A change of the discriminator's input: instance noise, packing, swapped labels, augmentation.

    Args:
        function: maps (real, fake, noise) to the batches that the discriminator gets instead of real and fake; terms
            are computed there too. The y of a batch is its condition, or None. The result may have fewer samples, but
            equally many real and fake ones, each with its y.
        turns: names of the players in whose turns it applies.
    """

    function: Callable[[Batch, Batch, Noise], tuple[Batch, Batch]]
    turns: tuple[str, ...] = PLAYERS


class Samples(NamedTuple):
    """Output of a generator.

    Args:
        x: samples, [batch, ...].
        y: their conditions, which are the real batch's y.
        z: their latents, [batch, latent_size].
    """

    x: Tensor
    y: Tensor | None
    z: Tensor


def is_conditional(network: nn.Module) -> bool:
    """Whether a network takes a condition besides its input: its attribute `conditional`."""
    return getattr(network, "conditional", False)


def conditioned(network: nn.Module, y: Tensor | None, function: Critic | None = None) -> Critic:
    """A network as a function of one input: x -> network(x), or network(x, y) if it is `conditional`.

    Args:
        network: takes a condition if its attribute or property `conditional` is true.
        y: the condition.
        function: called instead of the network, with the same arguments; for example one of its methods.

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


def latents_of(generator: nn.Module, noise: Noise) -> Tensor:
    """Latents of one batch, [batch, generator.latent_size], standard normal.

    A generator that asks for more random numbers a sample, such as noise in its layers, has a method `latents` that
    draws rows of all of them from the noise.

    >>> generator = nn.Identity()
    >>> generator.latent_size = 3
    >>> latents_of(generator, Noise((0,), n=2)).shape
    torch.Size([2, 3])
    """
    own = getattr(generator, "latents", None)
    return noise.normal("z", generator.latent_size) if own is None else own(noise)


class ScoredTogether(KnowsGradients):
    """A critic that has scored real and generated data as one batch, and knows these scores and their gradient.

    Args:
        critic: x -> scores [batch], for all other data.
        real: data, [n, ...].
        fake: generated data, [m, ...].
        both: the two as one batch, [n + m, ...].
        scores: of that batch, [n + m].
    """

    def __init__(self, critic: Critic, real: Tensor, fake: Tensor, both: Tensor, scores: Tensor) -> None:
        self._critic, self._halves, self._both, self._all_scores = critic, (real, fake), both, scores
        self._gradients: tuple[Tensor, ...] | None = None
        self.scores = self._split(scores)

    def _split(self, values: Tensor) -> tuple[Tensor, ...]:
        return values.split([len(half) for half in self._halves])

    def __call__(self, x: Tensor) -> Tensor:
        """Scores [batch]."""
        own = [scores for half, scores in zip(self._halves, self.scores, strict=True) if half is x]
        return own[0] if own else self._critic(x)

    def known_gradient(self, x: Tensor) -> Tensor | None:
        """Gradient of the scores in x, of its shape, differentiable; None if x isn't one of the two halves."""
        if not any(half is x for half in self._halves):
            return None
        if self._gradients is None:
            # A sample's score doesn't depend on the other samples, so one backward pass gives all gradients.
            (gradient,) = torch.autograd.grad(self._all_scores.sum(), self._both, create_graph=True)
            self._gradients = self._split(gradient)
        return next(own for half, own in zip(self._halves, self._gradients, strict=True) if half is x)


class TwoNetworks:
    """Base of games of a generator and a discriminator: samples, scores, and the discriminator's input.

    Only `sample` and `critic` depend on whether the networks take a condition; all other code calls these.

    Args:
        generator: maps latents [batch, generator.latent_size] to data; (latents, y) if it is `conditional`.
        discriminator: maps its input to scores [batch]; (input, y) if it is `conditional`.
        views: changes of the discriminator's input, applied in this order.

    Raises:
        ValueError: a view is for an unknown player.
    """

    def __init__(self, generator: nn.Module, discriminator: nn.Module, views: Sequence[View] = ()) -> None:
        self.generator, self.discriminator, self.views = generator, discriminator, tuple(views)
        for view in self.views:
            if unknown := set(view.turns) - set(PLAYERS):
                raise ValueError(
                    f"a view is for the turns of {sorted(unknown)}; the players are discriminator and generator"
                )

    def latents(self, noise: Noise) -> Tensor:
        """Latents of one batch, [batch, latent_size], or rows of all random numbers: see `latents_of`."""
        return latents_of(self.generator, noise)

    def sample(self, batch: Batch, noise: Noise, z: Tensor | None = None) -> Samples:
        """Samples of the generator, as many as the batch has: G(z), or G(z, y) with the batch's y.

        Args:
            batch: its y is the condition.
            noise: to draw latents from.
            z: latents to use instead.

        Raises:
            ValueError: the generator is conditional but the batch has no y.
        """
        z = self.latents(noise) if z is None else z
        return Samples(conditioned(self.generator, batch.y)(z), batch.y, z)

    def critic(self, batch: Batch | Samples, function: Critic | None = None) -> Critic:
        """The discriminator as a function of x alone: D(x), or D(x, y) with the batch's y.

        Args:
            batch: its y is the condition; after the views.
            function: called instead of the discriminator, with its arguments; for example its features.

        Raises:
            ValueError: the discriminator is conditional but the batch has no y.
        """
        return conditioned(self.discriminator, batch.y, function)

    def seen(self, real: Batch, fake: Batch | Samples, noise: Noise, turn: str) -> tuple[Batch, Batch]:
        """The discriminator's input for real and generated data, after the views, in the turn of the player named."""
        fake = Batch(fake.x, fake.y)
        for i, view in enumerate(self.views):
            if turn in view.turns:
                real, fake = view.function(real, fake, noise.fold_in("view", i) if i else noise)
        return real, fake

    def scores(self, real: Batch, fake: Batch, together: bool = False) -> tuple[Tensor, Tensor]:
        """The discriminator's scores of real and of generated data, [batch] each; together scores both as one batch."""
        if together:
            return self._scored_together(real, fake, needs_gradient=False).scores
        return self.critic(real)(real.x), self.critic(fake)(fake.x)

    def _scored_together(self, real: Batch, fake: Batch, needs_gradient: bool) -> ScoredTogether:
        """The discriminator's scores of real and generated data as one batch, and their gradients if needed."""
        both = as_one_batch(real, fake, needs_gradient)
        return ScoredTogether(self.critic(fake), real.x, fake.x, both.x, self.critic(both)(both.x))


def as_one_batch(real: Batch, fake: Batch, needs_gradient: bool = False) -> Batch:
    """Real and generated data as one batch; with a gradient, so that penalties can share its pass, if they need one."""
    y = None if real.y is None or fake.y is None else torch.cat([real.y, fake.y])
    both = Batch(torch.cat([real.x, fake.x]), y)
    if needs_gradient and not both.x.requires_grad:
        both.x.requires_grad_()
    return both


class GAN(TwoNetworks):
    """The game of a generator against a discriminator.

    A network that has `conditional = True`, as an attribute or property, is called with the batch's y as well.

    Args:
        generator: maps latents [batch, generator.latent_size] to data.
        discriminator: maps data to scores [batch] (logits, high = real).
        objective: the losses of both, as functions of scores.
        terms: further losses of either player, e.g. `penalty(r1, weight=10.0, every=16)`.
        n_critic: discriminator updates per generator update.
        views: changes of the discriminator's input, applied in this order.
        constraint: projects the discriminator onto the allowed weights, after each of its updates.

    Raises:
        ValueError: a count is below one, two terms of a player have the same name, or a term or view names an
            unknown player; during training, if a network is conditional but the batch has no y.
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
        memories = {player: joined(*(term.memory for term in own_terms)) for player, own_terms in self.terms.items()}
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

    @property
    def differentiable(self) -> bool:
        """Whether the gradients of all terms are those of functions of the weights."""
        return all(term.differentiable for terms in self.terms.values() for term in terms)

    def discriminator_terms(
        self, batch: Batch, noise: Noise, *, samples: Samples | None = None, together: bool = False
    ) -> dict[str, Tensor]:
        """The adversarial loss and the terms that are due, [batch] each.

        Args:
            batch: real data.
            noise: of this update.
            samples: generated samples to use instead of new ones.
            together: whether to score real and generated data as one batch.
        """
        # Not detached: the trainer freezes the other player, and theory differentiates through it.
        samples = self.sample(batch, noise) if samples is None else samples
        real, fake = self.seen(batch, samples, noise, "discriminator")
        terms, critic = due(self.terms["discriminator"], noise.update), None
        if together:
            critic = self._scored_together(real, fake, needs_gradient=bool(terms))
        adversarial = self.objective.discriminator(*(critic.scores if critic else self.scores(real, fake)))
        return {"adversarial": adversarial} | self._values(terms, batch, noise, samples, real, fake, critic)

    def generator_terms(self, batch: Batch, noise: Noise, *, samples: Samples | None = None) -> dict[str, Tensor]:
        """The adversarial loss and the terms that are due, [batch] each; of these samples, or of new ones."""
        samples = self.sample(batch, noise) if samples is None else samples
        real, fake = self.seen(batch, samples, noise, "generator")
        scores = (self.critic(fake)(fake.x),)
        if self.objective.relative:
            scores += (self.critic(real)(real.x),)
        adversarial = self.objective.generator(*scores)
        return {"adversarial": adversarial} | self._due("generator", batch, noise, samples, real, fake)

    def _due(
        self, player: str, batch: Batch, noise: Noise, samples: Samples, real: Batch, fake: Batch
    ) -> dict[str, Tensor]:
        """Weighted values of a player's terms that are due at this update."""
        return self._values(due(self.terms[player], noise.update), batch, noise, samples, real, fake)

    def _values(
        self,
        terms: Sequence[Term],
        batch: Batch,
        noise: Noise,
        samples: Samples,
        real: Batch,
        fake: Batch,
        critic: Critic | None = None,
    ) -> dict[str, Tensor]:
        """Weighted values of the terms; of the discriminator's, with its critic if it has scored both halves."""
        if not terms:
            return {}
        y, other_y = real.y, fake.y
        if (
            any(term.of == "discriminator" for term in terms)
            and is_conditional(self.discriminator)
            and y is not other_y
            and not y.is_meta
            and (y != other_y).any()
        ):
            raise ValueError(
                "a view gives real and generated samples different conditions, but a term scores both with one critic; "
                "leave out the view or the discriminator's terms"
            )
        critic = critic or self.critic(fake)
        return values(terms, Turn(self.generator, self.discriminator, critic, batch, noise, samples.z, real.x, fake.x))


def joined(*memories: nn.Module | None) -> nn.Module | None:
    """Several memories as one: None, the only one, or a list of them."""
    present = [memory for memory in memories if memory is not None]
    return nn.ModuleList(present) if len(present) > 1 else present[0] if present else None
