"""A network that reads factors, so that generated samples can be described by them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from gancourse.data import Source
from gancourse.games import FactorRegression
from gancourse.games.regression import class_of
from gancourse.models import Family
from gancourse.recipes.plays.play import Judge, Play, in_parts
from gancourse.signature import Factors, Signature
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
        """On the first test samples, the accuracy of each categorical factor, and the mean error of the others.

        Of a factor that some samples don't show, also over those that do.
        """
        source = load("test")
        count = min(n or N_TEST, N_TEST, source.n_samples or N_TEST)
        test = source.first(count)
        return errors_by_factor(in_parts(network, network, test.x), test.y, source.signature.condition)


def errors_by_factor(readings: Tensor, truth: Tensor, condition: Factors) -> dict[str, float]:
    """Accuracies of categorical factors, and mean errors of continuous ones, by names with the number of samples.

    Args:
        readings: of the factors, [n, factors] from 0 to 1.
        truth: the factors, of the same shape.
        condition: what they are.

    >>> readings, truth = torch.tensor([[0.5, 0.9], [0.5, 0.1]]), torch.tensor([[0.25, 0.8], [0.5, 0.9]])
    >>> errors_by_factor(readings, truth, Factors(("size", "kind"), (0, 2)))
    {'size: mean error(2 test)': 0.125, 'kind: accuracy(2 test)': 0.5}
    """
    n = len(truth)
    said = f"{n // 1000}k" if n % 1000 == 0 else str(n)
    shown = condition.visible(truth) if condition.visible else torch.ones_like(truth, dtype=torch.bool)
    values = {}
    for column, (name, n_classes) in enumerate(zip(condition.names, condition.n_classes, strict=True)):
        read, true, is_shown = readings[:, column], truth[:, column], shown[:, column]
        if n_classes:
            what, errors = "accuracy", class_of(read, n_classes) == class_of(true, n_classes)
        else:
            what, errors = "mean error", (read - true).abs()
        values[f"{name}: {what}({said} test)"] = errors.double().mean().item()
        if 0 < (n_shown := int(is_shown.sum())) < n:
            values[f"{name}: {what} where visible({n_shown} of {said} test)"] = errors[is_shown].double().mean().item()
    return values
