"""What every play is: a kind of game with its networks, as a frozen value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from gancourse.data import Source
from gancourse.evaluation_mode import evaluating
from gancourse.games import Game
from gancourse.games.game import is_conditional, latents_of
from gancourse.models.family import PLAIN, Sampling
from gancourse.rng import CPU, Noise
from gancourse.signature import Classes, Signature
from gancourse.values import Value

if TYPE_CHECKING:
    from gancourse.recipes.schema import Data

BATCH = 500  # samples made at a time
Judge = Callable[[Callable[[int], Tensor], "int | None", int], dict[str, float]]
"""Maps (a function from a number of samples to samples, how many or None, seed) to metrics by name."""


@dataclass(frozen=True)
class Play(Value):
    """How networks are trained, what of them is kept, and how that makes samples.

    Code that has a recipe asks its play, and needs to know no kind of it.

    Raises:
        ValueError: the family doesn't make the networks that the play asks for.
    """

    abstract: ClassVar[bool] = True
    averaged: ClassVar[tuple[str, ...]] = ()
    """Players whose weights are averaged, if the training says so."""
    makes_samples: ClassVar[bool] = True
    asks_for: ClassVar[tuple[str, ...]] = ()
    """Methods of the field `family` that the game's networks come from."""
    anonymous: ClassVar[bool] = False
    """Whether the classes of samples are codes of an unknown order, rather than the data's classes."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if missing := [name for name in self.asks_for if not hasattr(self.family, name)]:
            raise ValueError(
                f"{type(self).__name__} asks its family for {' and '.join(self.asks_for)}, but "
                f"{type(self.family).__name__} makes no {' and no '.join(missing)}; take another family or another play"
            )

    @property
    def image_size(self) -> int | None:
        """Height and width of the images that the networks take, where these are fixed: those of the field `family`."""
        return getattr(getattr(self, "family", None), "image_size", None)

    def game(self, fits: Signature) -> Game:
        """The game, its networks with the weights they start from.

        Raises:
            ValueError: the networks don't fit the data.
        """
        raise NotImplementedError

    def kept(self, networks: Mapping[str, nn.Module]) -> nn.Module:
        """What the training is for, of the (averaged) networks by player."""
        raise NotImplementedError

    def untrained(self, fits: Signature) -> nn.Module:
        """What is kept, before any training."""
        return self.kept({player.name: player.network for player in self.game(fits).players})

    def target(self, data: Data) -> Data:
        """Which data samples should be like: metrics, the collapse detector and pictures compare them with it.

        Args:
            data: the recipe's.

        Raises:
            ValueError: the data has no such part.
        """
        return data

    def rates(self) -> Mapping[str, float]:
        """What a player's learning rate is multiplied by, where that isn't one."""
        return {}

    def begun(self, steps: int) -> Play:
        """The play without what has had no effect before the end of so many steps."""
        return self

    def powers(self) -> Mapping[str, float]:
        """What a player's decays of Adam are raised to, where that isn't one."""
        return {}

    @property
    def sampling(self) -> Sampling:
        """What samples may be asked for, at its default: that of the field `family`."""
        return getattr(getattr(self, "family", None), "sampling", PLAIN)

    def sample(self, network: nn.Module, source: Source, n: int, seed: int = 0, y: Tensor | None = None) -> Tensor:
        """Samples of what was kept, [n, ...], on the CPU. They depend on n and the seed alone, not on the device.

        Args:
            network: what `kept` returned, in any mode; it is evaluated, and left in its mode.
            source: the data, which conditions or inputs are drawn from unless y is given.
            n: how many.
            seed: which ones.
            y: what they are conditioned on, [n, ...]; not for plays without conditions.

        Raises:
            ValueError: this play makes no samples, or n or y is wrong.
        """
        raise NotImplementedError

    def classes(self, fits: Signature) -> tuple[str, ...]:
        """Names of the classes that samples can be asked for, by an integer y; none if y is something else."""
        return fits.condition.names if isinstance(fits.condition, Classes) else ()

    def conditions(self, network: nn.Module, source: Source, n: int, seed: int = 0) -> Tensor | None:
        """The y of `sample` where it is left out, [n, ...]; None if the network takes no condition."""
        return source(Noise((seed, "evaluation"), n)).y if is_conditional(network) else None

    def evaluate(
        self, network: nn.Module, load: Callable[[str], Source], judge: Judge, n: int | None, seed: int
    ) -> dict[str, float]:
        """Metrics of what was kept, by name.

        Args:
            network: what `kept` returned.
            load: the data of a split.
            judge: measures samples, against the data of `target`.
            n: how many samples; None for the judge's own number.
            seed: which samples.
        """
        source = load("train")
        return judge(lambda count: self.sample(network, source, count, seed), n, seed)

    def hastened(self, game: Any) -> tuple[Any, tuple[str, ...]]:
        """The game in the form that takes the least time for what the recipe asks, and what was done to it."""
        return game, ()


def check_request(network: nn.Module, n: int, y: Tensor | None = None) -> None:
    """Complain about a request for samples that a network can't fulfil.

    Raises:
        ValueError: n is below one, or there is a condition and the network isn't `conditional`.
    """
    if n < 1:
        raise ValueError(f"n is {n}; ask for at least 1 sample")
    if y is not None and not is_conditional(network):
        raise ValueError(f"{type(network).__name__} takes no condition; leave y out")


@torch.no_grad()
def in_parts(network: nn.Module, function: Callable[..., Tensor], *inputs: Tensor | None, size: int = BATCH) -> Tensor:
    """What a network in evaluation mode makes of rows of inputs, some hundred at a time; on the CPU.

    Args:
        network: evaluated; all of its submodules are left in their modes.
        function: maps parts of the inputs, on the network's device, to samples.
        inputs: of as many rows each; None stays None.
        size: rows at a time.
    """
    device = next((weight.device for weight in network.parameters()), CPU)
    rows = next(len(x) for x in inputs if x is not None)
    with evaluating(network):
        parts = [
            function(*(None if x is None else x[at : at + size].to(device) for x in inputs)).cpu()
            for at in range(0, rows, size)
        ]
    return torch.cat(parts)


def generated(
    generator: nn.Module, n: int, seed: int = 0, y: Tensor | None = None, source: Source | None = None
) -> Tensor:
    """Samples of a generator of latents, [n, ...], on the CPU; see `Play.sample`.

    Args:
        generator: maps latents [batch, generator.latent_size], and conditions if it is `conditional`, to samples.
        n: how many.
        seed: which latents.
        y: conditions, for a conditional generator.
        source: where conditions are drawn from if y is left out.

    Raises:
        ValueError: it is no generator of latents, n is below one, or y is missing, superfluous or of another length.
    """
    if not hasattr(generator, "latent_size"):
        raise ValueError(
            f"{type(generator).__name__} has no latent_size, so it is no generator of latents; ask the play of its "
            "recipe for samples"
        )
    check_request(generator, n, y)
    noise = Noise((seed, "evaluation"), n)
    if is_conditional(generator) and y is None:
        y = None if source is None else source(noise).y
        if y is None:
            raise ValueError(f"{type(generator).__name__} makes samples of a condition; pass y")
    if y is not None and len(y) != n:
        raise ValueError(f"y has {len(y)} rows; expected n = {n}")
    z = latents_of(generator, noise)
    return in_parts(generator, (lambda z, y: generator(z)) if y is None else generator, z, y)
