"""The remedies of the literature as values; what they do stands beside their games, views and constraints."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from gancourse.games.consensus import Consensus
from gancourse.games.constraints import weight_clipping
from gancourse.games.game import GAN, TwoNetworks, View
from gancourse.games.history import HistoricalAveraging
from gancourse.games.matching import FeatureMatching, PullAway
from gancourse.games.mode_regularised import ModeRegularised
from gancourse.games.remedy import Remedy
from gancourse.games.several import Several
from gancourse.games.unrolled import Unrolled
from gancourse.games.views import annealed, instance_noise, label_flipping, packing
from gancourse.games.wrapper import Wrapper
from gancourse.signature import Packs, Signature
from gancourse.values import Count, NonNegative, Positive, Share

Played = TwoNetworks | Wrapper


@dataclass(frozen=True)
class InstanceNoiseRemedy(Remedy):
    """Noise on what the discriminator sees, which becomes less and less.

    Args:
        std: standard deviation at the start, in the data's units.
        end: at the end; equal to `std` for noise that stays.
        updates: from `std` to `end`.
    """

    std: Positive = 0.5
    end: Positive = 0.005
    updates: Count = 1500

    def views(self) -> Sequence[View]:
        """The noise."""
        return (instance_noise(annealed(self.std, self.end, self.updates)),)


@dataclass(frozen=True)
class LabelFlippingRemedy(Remedy):
    """Real and generated samples swapped now and then.

    Args:
        share: probability that a pair is swapped.
    """

    share: Share = 0.05

    def views(self) -> Sequence[View]:
        """The swapping."""
        return (label_flipping(self.share),)


@dataclass(frozen=True)
class PackingRemedy(Remedy):
    """A discriminator that sees several samples at once.

    Args:
        m: samples in a pack.
    """

    m: Count = 2

    def seen(self, seen: Signature) -> Signature:
        """Packs of samples, and of their conditions."""
        first, *rest = seen.shape
        given = None if seen.given is None else Packs(seen.given, self.m)
        return dataclasses.replace(seen, shape=(self.m * first, *rest), given=given)

    def views(self) -> Sequence[View]:
        """The packing."""
        return (packing(self.m),)


@dataclass(frozen=True)
class WeightClippingRemedy(Remedy):
    """A discriminator whose weights are clamped.

    Args:
        c: the largest absolute value of a weight.
    """

    c: Positive = 0.01

    def constraint(self) -> Callable[[nn.Module], None]:
        """The clamping."""
        return weight_clipping(self.c)


@dataclass(frozen=True)
class UnrolledRemedy(Remedy):
    """A generator that looks some steps of its opponents ahead.

    Args:
        steps: that it looks ahead.
        learning_rate: of these.
    """

    steps: Count = 3
    learning_rate: Positive = 0.001

    def applied(self, game: Played, family: Any, fits: Signature) -> Unrolled:
        """The unrolled game."""
        return Unrolled(game, self.steps, self.learning_rate)


@dataclass(frozen=True)
class ConsensusRemedy(Remedy):
    """Players that shorten the whole game's gradient as well.

    Args:
        weight: of that.
    """

    weight: NonNegative = 0.1

    def applied(self, game: Played, family: Any, fits: Signature) -> Consensus:
        """The game with the gradient's norm in it."""
        return Consensus(game, self.weight)


@dataclass(frozen=True)
class HistoricalAveragingRemedy(Remedy):
    """Players that pay for straying from their mean weights.

    Args:
        weight: of the squared distance.
    """

    weight: NonNegative = 0.01

    def applied(self, game: Played, family: Any, fits: Signature) -> HistoricalAveraging:
        """The game with the distances in it."""
        return HistoricalAveraging(game, self.weight)


@dataclass(frozen=True)
class FeatureMatchingRemedy(Remedy):
    """A generator that matches the mean features of the discriminator's last hidden layer.

    Args:
        weight: of the squared distance.
        replace: whether it takes the place of the generator's own loss.
    """

    weight: NonNegative = 1.0
    replace: bool = True

    def applied(self, game: Played, family: Any, fits: Signature) -> FeatureMatching:
        """The game with the features in it."""
        return FeatureMatching(game, _features(game), self.weight, self.replace)


@dataclass(frozen=True)
class PullAwayRemedy(Remedy):
    """A generator that pulls the features of its samples apart.

    Args:
        weight: of the mean squared cosine.
    """

    weight: NonNegative = 0.1

    def applied(self, game: Played, family: Any, fits: Signature) -> PullAway:
        """The game with the cosines in it."""
        return PullAway(game, _features(game), self.weight)


@dataclass(frozen=True)
class ModeRegularisedRemedy(Remedy):
    """An encoder that tells the generator where real samples would come from.

    Args:
        reconstruction: weight of the squared error.
        mode: weight of the generator's loss at reconstructions.
    """

    reconstruction: NonNegative = 0.2
    mode: NonNegative = 0.4

    def applied(self, game: Played, family: Any, fits: Signature) -> ModeRegularised:
        """The game with an encoder.

        Raises:
            ValueError: the family has none.
        """
        if not hasattr(family, "encoder"):
            raise ValueError(f"mode regularisation needs an encoder, and {type(family).__name__} has none")
        encoder = family.encoder(fits, game.generator.latent_size)
        return ModeRegularised(game, encoder, self.reconstruction, self.mode)


@dataclass(frozen=True)
class SeveralRemedy(Remedy):
    """Several discriminators, with the first one's objective and views.

    Args:
        count: how many.
        temper: how much more the generator listens to harsh ones.
    """

    count: Count = 3
    temper: NonNegative = 0.0

    def applied(self, game: Played, family: Any, fits: Signature) -> Several:
        """The game with more discriminators.

        Raises:
            ValueError: the game is no plain GAN, or has terms, which belong to one discriminator.
        """
        if not isinstance(game, GAN) or any(game.terms.values()) or game.players[0].constraint is not None:
            raise ValueError("several discriminators multiply a plain GAN without terms; put this remedy first")
        n_critic = game.players[0].updates
        others = [
            GAN(game.generator, family.discriminator(fits), game.objective, (), n_critic, game.views)
            for _ in range(self.count - 1)
        ]
        return Several([game, *others], self.temper)


def _features(game: Played) -> Any:
    if not hasattr(game.discriminator, "features"):
        raise ValueError(f"the discriminator, a {type(game.discriminator).__name__}, has no features to compare")
    return game.discriminator.features
