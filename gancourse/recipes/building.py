"""From a recipe to a trainer that is ready to go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn

from gancourse import memory, training
from gancourse.data import Source
from gancourse.device import make_repeatable
from gancourse.games import Game
from gancourse.models import fold_if_possible
from gancourse.recipes.schema import Recipe
from gancourse.rng import CPU, initialised_from
from gancourse.training import Precision
from gancourse.values import Value


@dataclass(frozen=True)
class Arithmetic(Value):
    """How a training computes, which changes its speed and the last bits of its weights. The default is the reference.

    Args:
        fast: every technique that computes the same function in less time and suits the networks at hand.
        precision: 32-true, or bf16-mixed to run the networks in bfloat16.
        channels_last: lay out images and kernels with the channels innermost.
        fused: one Adam kernel for all weights.
    """

    fast: bool = False
    precision: Precision = "32-true"
    channels_last: bool = False
    fused: bool = False


REFERENCE = Arithmetic()


class Built(NamedTuple):
    """A recipe with everything it asks for.

    Args:
        recipe: what was built.
        source: the data.
        trainer: plays the game.
        techniques: what makes it faster than the reference, in words.
    """

    recipe: Recipe
    source: Source
    trainer: training.Trainer
    techniques: tuple[str, ...] = ()

    @property
    def result(self) -> nn.Module:
        """The network that the training is for, of averaged weights where there are such."""
        networks = {name: player.network for name, player in self.trainer.players.items()}
        networks |= {name: average.network for name, average in self.trainer.averages.items()}
        return self.recipe.play.kept(networks)

    def samples(self, n: int, seed: int = 0) -> torch.Tensor:
        """Samples of the result, [n, ...]; see `Play.sample`."""
        return self.recipe.play.sample(self.result, self.source, n, seed)


def build(
    recipe: Recipe, device: torch.device = CPU, download: bool = False, arithmetic: Arithmetic = REFERENCE
) -> Built:
    """Data, networks, game and trainer of a recipe.

    Raises:
        ValueError: the networks don't fit the data, or the device lacks the precision.
        MissingDataError: the data is not on this machine.
    """
    make_repeatable(device)
    source = recipe.data.load(download=download, size=recipe.play.image_size)
    settings = recipe.training
    with initialised_from(settings.seed, "weights"):
        game = recipe.play.game(source.signature)
    techniques: tuple[str, ...] = ()
    channels_last, fused = arithmetic.channels_last, arithmetic.fused
    if arithmetic.fast:
        channels_last, fused = source.signature.is_image, True
        game, techniques = _hastened(recipe, game, device)
    techniques += ("channels last",) * channels_last + ("fused Adam",) * fused
    rates = recipe.play.rates()
    optimisers = {
        player.name: training.adam(
            settings.learning_rate * rates.get(player.name, 1.0), settings.beta1, settings.beta2, fused
        )
        for player in game.players
    }
    trainer = training.Trainer(
        game,
        source,
        batch_size=settings.batch_size,
        seed=settings.seed,
        optimiser=optimisers,
        schedule=settings.schedule(),
        averages=dict.fromkeys(recipe.play.averaged, settings.average_kimg) if settings.average_kimg else {},
        device=device,
        precision=arithmetic.precision,
        channels_last=channels_last,
    )
    return Built(recipe, source, trainer, techniques)


def _hastened(recipe: Recipe, game: Game, device: torch.device) -> tuple[Game, tuple[str, ...]]:
    """The game with everything that makes it faster, and what that was."""
    game, techniques = recipe.play.hastened(game)
    # On a GPU, the folded forms gain nothing: they suit processors' kernels.
    if device.type == "cpu":
        techniques += tuple(f"folded {p.name}" for p in game.players if fold_if_possible(p.network, in_place=True))
        techniques += ("kept memory",) * memory.keep()
    return game, techniques
