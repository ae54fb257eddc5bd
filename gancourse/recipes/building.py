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
from gancourse.signature import Signature
from gancourse.training import Precision
from gancourse.values import Value


@dataclass(frozen=True)
class Arithmetic(Value):
    """How a training computes, which changes its speed and the last bits of its weights. The default is the reference.

    Args:
        fast: whatever takes less time and suits the networks at hand: equal functions in faster forms, the two options
            below, real and generated data as one batch of the discriminator, and the same samples for both players of a
            GAN. With spectral normalisation, it makes one power iteration where two passes would make two, so numbers
            differ a little more: resnet-digits' first losses by less than 0.02.
        precision: 32-true, or bf16-mixed to run the networks in bfloat16.
        channels_last: lay out images and kernels with the channels innermost.
        fused: one Adam kernel for all weights.

    Raises:
        ValueError: `fast` is combined with one of the techniques that it includes.
    """

    fast: bool = False
    precision: Precision = "32-true"
    channels_last: bool = False
    fused: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fast and (self.channels_last or self.fused):
            raise ValueError("fast holds channels_last and fused, where they are of use; leave these two away")

    def check(self, fits: Signature) -> None:
        """Complain about what would do nothing for such data.

        Raises:
            ValueError: says what.
        """
        if self.channels_last and not fits.is_image:
            raise ValueError(f"channels_last lays out images, and the data is {fits}; leave it away")


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
    source = recipe.data.load(download=download, size=recipe.play.image_size).to(device)
    settings = recipe.training
    with initialised_from(settings.seed, "weights"):
        game = recipe.play.game(source.signature)
    techniques: tuple[str, ...] = ()
    fused = arithmetic.fused or arithmetic.fast
    channels_last = (arithmetic.channels_last or arithmetic.fast) and source.signature.is_image
    if arithmetic.fast:
        game, techniques = _hastened(recipe, game, device)
    techniques += ("channels last",) * channels_last + ("fused Adam",) * fused
    techniques += ("networks in bfloat16",) * (arithmetic.precision == "bf16-mixed")
    rates, powers = recipe.play.rates(), recipe.play.powers()
    optimisers = {
        player.name: training.adam(
            settings.learning_rate * rates.get(player.name, 1.0),
            settings.beta1 ** powers.get(player.name, 1),
            settings.beta2 ** powers.get(player.name, 1),
            fused,
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
