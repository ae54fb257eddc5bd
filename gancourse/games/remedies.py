"""The remedies of the literature as frozen values; their games, views and constraints document what they do."""

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

AnyGame = TwoNetworks | Wrapper


@dataclass(frozen=True)
class InstanceNoiseRemedy(Remedy):
    """Noise on the discriminator's input, with a standard deviation that falls during training.

    Args:
        std: standard deviation at the start, in the data's units.
        end: standard deviation at the end; equal to `std` for constant noise.
        updates: number of updates from `std` to `end`.
    """

    std: Positive = 0.5
    end: Positive = 0.005
    updates: Count = 1500

    def views(self) -> Sequence[View]:
        """The noise."""
        return (instance_noise(annealed(self.std, self.end, self.updates)),)


@dataclass(frozen=True)
class LabelFlippingRemedy(Remedy):
    """Real and generated samples swapped at random in the discriminator's turn.

    Args:
        share: probability that a pair is swapped.
    """

    share: Share = 0.05

    def views(self) -> Sequence[View]:
        """The swapping."""
        return (label_flipping(self.share),)


@dataclass(frozen=True)
class PackingRemedy(Remedy):
    """A discriminator that scores packs of several samples.

    Args:
        m: samples in a pack.
    """

    m: Count = 2

    def seen(self, seen: Signature) -> Signature:
        """The signature of a pack of samples, and of their conditions."""
        first, *rest = seen.shape
        condition = None if seen.condition is None else Packs(seen.condition, self.m)
        return dataclasses.replace(seen, shape=(self.m * first, *rest), condition=condition)

    def views(self) -> Sequence[View]:
        """The packing."""
        return (packing(self.m),)


@dataclass(frozen=True)
class WeightClippingRemedy(Remedy):
    """A discriminator with clipped weights.

    Args:
        c: the largest absolute value of a weight.
    """

    c: Positive = 0.01

    def constraint(self) -> Callable[[nn.Module], None]:
        """The clipping."""
        return weight_clipping(self.c)


@dataclass(frozen=True)
class UnrolledRemedy(Remedy):
    """A generator trained against its opponents after some unrolled steps.

    Args:
        steps: number of unrolled steps.
        learning_rate: of the unrolled steps.
    """

    steps: Count = 3
    learning_rate: Positive = 0.001

    def applied(self, game: AnyGame, family: Any, fits: Signature) -> Unrolled:
        """The unrolled game."""
        return Unrolled(game, self.steps, self.learning_rate)


@dataclass(frozen=True)
class ConsensusRemedy(Remedy):
    """Players that also minimise the squared norm of all players' gradients.

    Args:
        weight: of the squared norm.
    """

    weight: NonNegative = 0.1

    def applied(self, game: AnyGame, family: Any, fits: Signature) -> Consensus:
        """The game with consensus terms."""
        return Consensus(game, self.weight)


@dataclass(frozen=True)
class HistoricalAveragingRemedy(Remedy):
    """Players with a penalty on the distance of their weights from their mean.

    Args:
        weight: of the squared distance.
    """

    weight: NonNegative = 0.01

    def applied(self, game: AnyGame, family: Any, fits: Signature) -> HistoricalAveraging:
        """The game with historical averaging."""
        return HistoricalAveraging(game, self.weight)


@dataclass(frozen=True)
class FeatureMatchingRemedy(Remedy):
    """A generator that matches the mean features of the discriminator's last hidden layer.

    Args:
        weight: of the squared distance.
        replace: whether it replaces the generator's own loss.
    """

    weight: NonNegative = 1.0
    replace: bool = True

    def applied(self, game: AnyGame, family: Any, fits: Signature) -> FeatureMatching:
        """The game with feature matching."""
        return FeatureMatching(game, _features(game), self.weight, self.replace)


@dataclass(frozen=True)
class PullAwayRemedy(Remedy):
    """A generator that also minimises the cosines between the features of its samples.

    Args:
        weight: of the mean squared cosine.
    """

    weight: NonNegative = 0.1

    def applied(self, game: AnyGame, family: Any, fits: Signature) -> PullAway:
        """The game with the pull-away term."""
        return PullAway(game, _features(game), self.weight)


@dataclass(frozen=True)
class ModeRegularisedRemedy(Remedy):
    """An encoder whose reconstructions of real samples the generator improves too.

    Args:
        reconstruction: weight of the squared error.
        mode: weight of the generator's loss at reconstructions.
    """

    reconstruction: NonNegative = 0.2
    mode: NonNegative = 0.4

    def applied(self, game: AnyGame, family: Any, fits: Signature) -> ModeRegularised:
        """The game with an encoder.

        Raises:
            ValueError: the family has no encoder.
        """
        if not hasattr(family, "encoder"):
            raise ValueError(
                f"mode regularisation needs an encoder, but {type(family).__name__} has none; use another family"
            )
        encoder = family.encoder(fits, game.generator.latent_size)
        return ModeRegularised(game, encoder, self.reconstruction, self.mode)


@dataclass(frozen=True)
class SeveralRemedy(Remedy):
    """Several discriminators, with the first one's objective and views.

    Args:
        count: number of discriminators.
        temper: how much more the generator weighs discriminators with a higher loss.
    """

    count: Count = 3
    temper: NonNegative = 0.0

    def applied(self, game: AnyGame, family: Any, fits: Signature) -> Several:
        """The game with more discriminators.

        Raises:
            ValueError: the game is not a plain GAN, or has terms or a constraint, which are of one discriminator.
        """
        if type(game) is not GAN or any(game.terms.values()) or game.players[0].constraint is not None:
            raise ValueError(
                "several discriminators need a plain GAN without terms and constraint; put this remedy first"
            )
        n_critic = game.players[0].updates
        others = [
            GAN(game.generator, family.discriminator(fits), game.objective, (), n_critic, game.views)
            for _ in range(self.count - 1)
        ]
        return Several([game, *others], self.temper)


def _features(game: AnyGame) -> Any:
    if not hasattr(game.discriminator, "features"):
        raise ValueError(
            f"the discriminator, a {type(game.discriminator).__name__}, has no method features; use another family"
        )
    return game.discriminator.features
