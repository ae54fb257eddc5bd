"""A generator and a discriminator, trained against each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from gancourse.data import Source
from gancourse.games import GAN, Game, OneBatch, OneForward, Remedy
from gancourse.models import Family
from gancourse.objectives import objective
from gancourse.recipes.plays.play import Play, generated
from gancourse.recipes.terms import Term
from gancourse.signature import Signature
from gancourse.values import Count, Positive


@dataclass(frozen=True)
class Adversarial(Play):
    """A GAN.

    Args:
        family: the networks: anything with a generator and a discriminator.
        objective: name of the pair of losses.
        terms: what is added to the players' losses, such as r1:weight=0.1,every=4.
        remedies: what else is changed in the game, such as unrolled:steps=3; in this order.
        n_critic: discriminator updates per step.
        generator_rate: what the generator's learning rate is multiplied by.
        lazy_adam: whether Adam's rate and decays are those for updates of their own that terms which aren't computed at
            every update would take, as in StyleGAN2; here they share the updates of the other losses.

    Raises:
        ValueError: there is no such objective, or Adam is for lazy terms and there are none.
    """

    averaged: ClassVar[tuple[str, ...]] = ("generator",)
    asks_for: ClassVar[tuple[str, ...]] = ("generator", "discriminator")
    family: Family
    objective: str = "non-saturating"
    terms: tuple[Term, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    n_critic: Count = 1
    generator_rate: Positive = 1.0
    lazy_adam: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        objective(self.objective)
        if self.lazy_adam and not self._intervals():
            raise ValueError(
                "lazy_adam is for terms that aren't computed at every update, and there are none; pass one"
            )

    def game(self, fits: Signature) -> Game:
        """The GAN with its remedies.

        Raises:
            ValueError: the networks don't fit the data, or the remedies each other.
        """
        seen = fits
        for remedy in self.remedies:
            seen = remedy.seen(seen)
        constraints = [c for remedy in self.remedies if (c := remedy.constraint()) is not None]
        if len(constraints) > 1:
            raise ValueError("two remedies constrain the discriminator; one is enough")
        networks = self.networks(fits, seen)
        _, discriminator, *_ = networks
        game: Game = self.innermost(
            networks,
            objective=objective(self.objective),
            terms=[term.of_game() for term in self.terms],
            n_critic=self.n_critic,
            views=[view for remedy in self.remedies for view in remedy.views_of(discriminator)],
            constraint=constraints[0] if constraints else None,
        )
        for remedy in self.remedies:
            game = remedy.applied(game, self.family, fits)
        return game

    def networks(self, fits: Signature, seen: Signature) -> tuple[nn.Module, ...]:
        """The networks of `innermost`: a generator, a discriminator, and others.

        Args:
            fits: signature of the generator's output.
            seen: signature of the discriminator's input.

        Raises:
            ValueError: the networks don't fit the data.
        """
        return self.family.pair(fits, seen)

    def innermost(self, networks: tuple[nn.Module, ...], **settings: Any) -> GAN:
        """The game without the remedies that wrap it.

        Args:
            networks: what `networks` returned.
            settings: of a GAN: objective, terms, n_critic, views and constraint.
        """
        return GAN(*networks, **settings)

    def kept(self, networks: Mapping[str, nn.Module]) -> nn.Module:
        """The generator."""
        return networks["generator"]

    def rates(self) -> Mapping[str, float]:
        """The generator's, and those of players with lazy terms."""
        rates = {"generator": self.generator_rate}
        return rates | {player: rates.get(player, 1.0) * c for player, c in self.powers().items()}

    def powers(self) -> Mapping[str, float]:
        """Those of players with lazy terms: c = k / (k + 1), for k the smallest interval of theirs."""
        intervals = self._intervals() if self.lazy_adam else {}
        return {player: k / (k + 1) for player, k in intervals.items()}

    def begun(self, steps: int) -> Adversarial:
        """The play without terms that begin later."""
        if self.lazy_adam:  # it looks at all of them from the start
            return self
        updates = {"discriminator": steps * self.n_critic, "generator": steps}
        games_terms = [(term, term.of_game()) for term in self.terms]
        return self.changed(terms=tuple(term for term, own in games_terms if not 0 < own.since >= updates[own.of]))

    def _intervals(self) -> dict[str, int]:
        """The smallest interval above one of each player's terms; none for players without."""
        terms = sorted((term.of_game() for term in self.terms), key=lambda term: term.every, reverse=True)
        return {term.of: term.every for term in terms if term.every > 1}

    def sample(self, network: nn.Module, source: Source, n: int, seed: int = 0, y: Tensor | None = None) -> Tensor:
        """What the generator makes of n latents; a conditional one, of the data's conditions unless y is given."""
        return generated(network, n, seed, y, source)

    def hastened(self, game: Game) -> tuple[Game, tuple[str, ...]]:
        """With one forward pass of the generator a step and one batch of the discriminator, where these are right."""
        return one_pass(game)


def one_pass(game: Game) -> tuple[Game, tuple[str, ...]]:
    """A game with each of the two wrappers that save a pass of a network, where these are right, and what was done.

    They wrap the innermost game. A wrapper around that stays outermost if it says how, by a method `around`.
    """
    if hasattr(game, "around"):
        inner, techniques = one_pass(game.inner)
        return game.around(inner), techniques
    done: list[str] = []
    for wrapper, name in ((OneBatch, "one discriminator batch"), (OneForward, "one generator forward")):
        try:
            game = wrapper(game)
        except ValueError:
            continue
        done.append(name)
    return game, tuple(done)
