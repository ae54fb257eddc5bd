"""Terms that recipes add to a player's loss, as frozen values: where objectives meet games."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from torch import Tensor

from gancourse import games, objectives
from gancourse.spelling import spelt
from gancourse.values import Count, Decay, NonNegative, Range, Value


@dataclass(frozen=True)
class Term(Value):
    """A term; `of_game` makes what a game adds."""

    abstract: ClassVar[bool] = True

    def of_game(self) -> games.Term:
        """The game's own term."""
        raise NotImplementedError


@dataclass(frozen=True)
class CriticPenalty(Term):
    """A penalty on the discriminator.

    Args:
        weight: what it is multiplied by.
        every: it is computed every so many updates, and multiplied by that number.
    """

    abstract: ClassVar[bool] = True
    function: ClassVar[Callable[..., Tensor]]
    weight: NonNegative = 1.0
    every: Count = 1

    def of_game(self) -> games.Term:
        """The game's own term."""
        return games.penalty(type(self).function, self.weight, self.every)


class R1(CriticPenalty):
    """Squared gradient norm at real data."""

    function = staticmethod(objectives.r1)


class R2(CriticPenalty):
    """Squared gradient norm at generated data."""

    function = staticmethod(objectives.r2)


class GradientPenalty(CriticPenalty):
    """WGAN-GP's: gradient norms of one between real and generated data."""

    function = staticmethod(objectives.gradient_penalty)


class OneSidedGradientPenalty(CriticPenalty):
    """WGAN-LP's: gradient norms of at most one between real and generated data."""

    function = staticmethod(objectives.one_sided_gradient_penalty)


class ZeroCentredGradientPenalty(CriticPenalty):
    """0-GP's: gradient norms of zero between real and generated data."""

    function = staticmethod(objectives.zero_centred_gradient_penalty)


class Drift(CriticPenalty):
    """Squared scores of real data."""

    function = staticmethod(objectives.drift)


@dataclass(frozen=True)
class WeightPenalty(Term):
    """A penalty on the weights of either player.

    Args:
        weight: what it is multiplied by.
        every: it is computed every so many updates, and multiplied by that number.
        of: whose weights.
    """

    abstract: ClassVar[bool] = True
    function: ClassVar[Callable[..., Tensor]]
    weight: NonNegative = 1e-4
    every: Count = 1
    of: Literal["generator", "discriminator"] = "generator"

    def of_game(self) -> games.Term:
        """The game's own term."""
        function, player = type(self).function, self.of
        name = spelt(type(self)).replace("-", "_")
        return games.Term(name, player, lambda turn: function(getattr(turn, player)), self.weight, self.every)


class Orthogonality(WeightPenalty):
    """How far filters are from orthonormal."""

    function = staticmethod(objectives.orthogonality)


class OffDiagonal(WeightPenalty):
    """BigGAN's relaxed orthogonality, which leaves the filters' lengths free."""

    function = staticmethod(objectives.off_diagonal)


@dataclass(frozen=True)
class PathLength(Term):
    """How much the distance that images move with their style differs between samples; for style-based generators.

    Args:
        weight: what it is multiplied by; 2 is the paper's, at any size of images.
        every: it is computed every so many updates, and multiplied by that number.
        decay: of the running mean of the distances.
        divisor: it takes one of so many samples of a batch.
        since: the first update at which it is computed.
    """

    weight: NonNegative = 2.0
    every: Count = 8
    decay: Decay = 0.99
    divisor: Count = 2
    since: Annotated[int, Range(0)] = 0

    def of_game(self) -> games.Term:
        """The game's own term."""
        return games.path_length(self.weight, self.every, self.decay, self.divisor, self.since)


@dataclass(frozen=True)
class Transport(Term):
    """Squared distance of samples from their latents, which must be of the data's size; the weight falls linearly.

    Args:
        weight: at the first update.
        end: weight from the last update on.
        updates: number of updates from the first weight to the last.
    """

    weight: NonNegative = 1.0
    end: NonNegative = 0.0
    updates: Count = 1000

    def of_game(self) -> games.Term:
        """The game's own term."""
        return games.transport(self.weight, self.end, self.updates)
