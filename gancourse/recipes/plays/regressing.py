"""A network that reads factors, so that generated samples can be described by them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from gancourse.data import Source
from gancourse.games import FactorRegression
from gancourse.games.regression import class_of
from gancourse.models import Family
from gancourse.recipes.plays.play import Judge, Play, in_parts
from gancourse.signature import Signature
from gancourse.values import Positive

N_TEST = 10_000


@dataclass(frozen=True)
class Regressing(Play):
    """A regressor of the data's factors.

    Args:
        family: the network: anything with a regressor.
        tolerance: error of a continuous factor, as a share of its range, that counts as much as one nat.
    """

    averaged: ClassVar[tuple[str, ...]] = ("regressor",)
    asks_for: ClassVar[tuple[str, ...]] = ("regressor",)
    makes_samples: ClassVar[bool] = False
    family: Family
    tolerance: Positive = 0.2

    def game(self, fits: Signature) -> FactorRegression:
        """The game of one player.

        Raises:
            ValueError: the network doesn't fit the data, or that has no factors.
        """
        return FactorRegression(self.family.regressor(fits), self.tolerance)

    def kept(self, networks: Mapping[str, nn.Module]) -> nn.Module:
        """The regressor."""
        return networks["regressor"]

    def sample(self, network: nn.Module, source: Source, n: int, seed: int = 0, y: Tensor | None = None) -> Tensor:
        """Nothing.

        Raises:
            ValueError: always.
        """
        raise ValueError("a regressor makes no samples; measure it with `gancourse evaluate`")

    def evaluate(
        self, network: nn.Module, load: Callable[[str], Source], judge: Judge, n: int | None, seed: int
    ) -> dict[str, float]:
        """On the first test samples, the accuracy of each categorical factor, and the mean error of the others."""
        source = load("test")
        count = min(n or N_TEST, N_TEST, source.n_samples or N_TEST)
        test = source.first(count)
        factors = in_parts(network, network, test.x)
        said = f"{count // 1000}k" if count % 1000 == 0 else str(count)
        values = {}
        for column, (name, n_classes) in enumerate(zip(*factor_names(source.signature), strict=True)):
            read, truth = factors[:, column], test.y[:, column]
            if n_classes:
                share = (class_of(read, n_classes) == class_of(truth, n_classes)).double().mean()
                values[f"{name}: accuracy({said} test)"] = share.item()
            else:
                values[f"{name}: mean error({said} test)"] = (read - truth).abs().double().mean().item()
        return values


def factor_names(fits: Signature) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Names of the data's factors, and the number of classes of each (0 if continuous)."""
    return fits.condition.names, fits.condition.n_classes
