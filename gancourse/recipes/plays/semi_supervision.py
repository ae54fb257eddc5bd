"""A classifier that learns from few labels and many unlabelled data, against a generator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from torch import Tensor, nn

from gancourse.data import Source
from gancourse.games import Game, Remedy, SemiSupervised
from gancourse.models import Family
from gancourse.recipes.plays.adversarial import one_pass
from gancourse.recipes.plays.classifying import accuracy
from gancourse.recipes.plays.play import Judge, Play
from gancourse.signature import Signature
from gancourse.values import NonNegative, Positive

if TYPE_CHECKING:
    from gancourse.recipes.schema import Data

BATCH = 100  # test samples at a time: with minibatch discrimination, their number matters


@dataclass(frozen=True)
class SemiSupervising(Play):
    """A semi-supervised GAN, of which the classifier is kept.

    Args:
        family: the networks: anything with a generator and a classifying discriminator.
        weight: of the classifier's loss at unlabelled and generated data; 0 for the supervised classifier.
        remedies: what else is changed in the game, such as feature-matching; in this order.
        generator_rate: what the generator's learning rate is multiplied by.
    """

    averaged: ClassVar[tuple[str, ...]] = ("discriminator",)
    asks_for: ClassVar[tuple[str, ...]] = ("generator", "classifying_discriminator")
    makes_samples: ClassVar[bool] = False
    family: Family
    weight: NonNegative = 1.0
    remedies: tuple[Remedy, ...] = ()
    generator_rate: Positive = 1.0

    def game(self, fits: Signature) -> Game:
        """The game with its remedies.

        Raises:
            ValueError: the networks don't fit the data, the data has no unlabelled part, or the remedies don't fit.
        """
        if fits.other != fits.shape:
            raise ValueError(
                "semi-supervised learning needs unlabelled data of the labelled data's shape; pass data with few "
                "labels, such as few-labels:digits,100 (--data)"
            )
        seen = fits
        for remedy in self.remedies:
            seen = remedy.seen(seen)
        constraints = [c for remedy in self.remedies if (c := remedy.constraint()) is not None]
        if len(constraints) > 1:
            raise ValueError("two remedies constrain the classifier; one is enough")
        generator, classifier = self.family.generator(fits), self.family.classifying_discriminator(seen)
        views = [view for remedy in self.remedies for view in remedy.views_of(classifier)]
        game: Game = SemiSupervised(generator, classifier, self.weight, views, *constraints)
        for remedy in self.remedies:
            game = remedy.applied(game, self.family, fits)
        return game

    def kept(self, networks: Mapping[str, nn.Module]) -> nn.Module:
        """The classifier."""
        return networks["discriminator"]

    def rates(self) -> Mapping[str, float]:
        """The generator's."""
        return {"generator": self.generator_rate}

    def hastened(self, game: Game) -> tuple[Game, tuple[str, ...]]:
        """With one forward pass of the generator a step, where that is right."""
        return one_pass(game)

    def target(self, data: Data) -> Data:
        """The data without its labels left out."""
        return data.domain(0)

    def sample(self, network: nn.Module, source: Source, n: int, seed: int = 0, y: Tensor | None = None) -> Tensor:
        """Nothing.

        Raises:
            ValueError: always.
        """
        raise ValueError("a classifier is kept, which makes no samples; measure it with `gancourse evaluate`")

    def evaluate(
        self, network: nn.Module, load: Callable[[str], Source], judge: Judge, n: int | None, seed: int
    ) -> dict[str, float]:
        """The accuracy on the first test samples, a hundred at a time."""
        return accuracy(network, load("test"), n, BATCH)
