"""LAPGAN: a generator and a discriminator for each level of a Laplacian pyramid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from gancourse.data import Source
from gancourse.games import GAN, Game
from gancourse.games.laplacian import LaplacianGAN
from gancourse.models import Family
from gancourse.models.lapgan import Cascade
from gancourse.objectives import objective
from gancourse.recipes.plays.adversarial import one_pass
from gancourse.recipes.plays.play import Play, generated
from gancourse.recipes.terms import Term
from gancourse.signature import Signature
from gancourse.values import Count, Positive


@dataclass(frozen=True)
class Laplacian(Play):
    """A GAN a level of the images' Laplacian pyramid, of which the cascade of generators is kept.

    Args:
        family: the networks: anything with generators and discriminators of levels.
        n_levels: of the pyramid; each but the finest is half as large as the next.
        objective: name of the pair of losses.
        terms: what is added to the players' losses at every level, such as r1:weight=0.1,every=4.
        n_critic: discriminator updates per step, at every level.
        generator_rate: what the generators' learning rate is multiplied by.

    Raises:
        ValueError: there is no such objective.
    """

    asks_for: ClassVar[tuple[str, ...]] = ("generators", "discriminators")
    family: Family
    n_levels: Count = 3
    objective: str = "non-saturating"
    terms: tuple[Term, ...] = ()
    n_critic: Count = 1
    generator_rate: Positive = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        objective(self.objective)

    def _names(self, player: str) -> tuple[str, ...]:
        """Names of the players of that kind, the coarsest level first."""
        return tuple(f"{player} {k}" for k in reversed(range(self.n_levels)))

    @property
    def averaged(self) -> tuple[str, ...]:
        """The generators."""
        return self._names("generator")

    def game(self, fits: Signature) -> Game:
        """A GAN for each level.

        Raises:
            ValueError: the networks don't fit the data.
        """
        generators = self.family.generators(fits, self.n_levels)
        discriminators = self.family.discriminators(fits, self.n_levels)
        return LaplacianGAN(
            [
                GAN(
                    generator,
                    discriminator,
                    objective(self.objective),
                    [t.of_game() for t in self.terms],
                    self.n_critic,
                )
                for generator, discriminator in zip(generators, discriminators, strict=True)
            ]
        )

    def kept(self, networks: Mapping[str, nn.Module]) -> Cascade:
        """The cascade of all levels' generators, a generator of latents like others."""
        return Cascade(networks[name] for name in self.averaged)

    def rates(self) -> Mapping[str, float]:
        """Those of the generators."""
        return dict.fromkeys(self.averaged, self.generator_rate)

    def sample(self, network: nn.Module, source: Source, n: int, seed: int = 0, y: Tensor | None = None) -> Tensor:
        """What the cascade makes of n latents, each level sharpening what the one before it generated."""
        return generated(network, n, seed, y)

    def hastened(self, game: LaplacianGAN) -> tuple[LaplacianGAN, tuple[str, ...]]:
        """With one forward pass of the generator a step and one batch of the discriminator, at each level."""
        pairs, techniques = zip(*(one_pass(pair) for pair in game.games), strict=True)
        return LaplacianGAN(pairs), tuple(dict.fromkeys(name for names in techniques for name in names))
