"""A classifier, whose features the metrics compare."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from gancourse.data import Source
from gancourse.games import Classification
from gancourse.models import Family
from gancourse.recipes.plays.play import BATCH, Judge, Play, in_parts
from gancourse.signature import Signature

N_TEST = 2000


def accuracy(network: nn.Module, test: Source, n: int | None, size: int = BATCH) -> dict[str, float]:
    """The accuracy of a classifier on the first test samples, by its name.

    Args:
        network: maps data to logits [batch, classes].
        test: the test data, with classes as y.
        n: how many of its samples, at most; None for 2,000.
        size: samples at a time.
    """
    count = min(n or N_TEST, N_TEST, test.n_samples or N_TEST)
    samples = test.first(count)
    classes = in_parts(network, lambda x: network(x).argmax(1), samples.x, size=size)
    said = f"{count // 1000}k" if count % 1000 == 0 else str(count)
    return {f"accuracy({said} test)": (classes == samples.y).sum().item() / count}


@dataclass(frozen=True)
class Classifying(Play):
    """A classifier of the data's labels.

    Args:
        family: the network: anything with a classifier.
    """

    averaged: ClassVar[tuple[str, ...]] = ("classifier",)
    asks_for: ClassVar[tuple[str, ...]] = ("classifier",)
    makes_samples: ClassVar[bool] = False
    family: Family

    def game(self, fits: Signature) -> Classification:
        """The game of one player.

        Raises:
            ValueError: the network doesn't fit the data, or that has no labels.
        """
        return Classification(self.family.classifier(fits))

    def kept(self, networks: Mapping[str, nn.Module]) -> nn.Module:
        """The classifier."""
        return networks["classifier"]

    def sample(self, network: nn.Module, source: Source, n: int, seed: int = 0, y: Tensor | None = None) -> Tensor:
        """Nothing.

        Raises:
            ValueError: always.
        """
        raise ValueError("a classifier makes no samples; measure it with `gancourse evaluate`")

    def evaluate(
        self, network: nn.Module, load: Callable[[str], Source], judge: Judge, n: int | None, seed: int
    ) -> dict[str, float]:
        """The accuracy on the first test samples."""
        return accuracy(network, load("test"), n)
