"""From a recipe to a trainer that is ready to go."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn

from gancourse import data, models, objectives, training
from gancourse.games import GAN, VAE, Classification, Term, penalty
from gancourse.recipes.recipe import ClassifierRecipe, Data, GANRecipe, Recipe, VAERecipe
from gancourse.rng import CPU, initialised_from

Source = data.Images | data.Mixture | data.StackedDigits


@dataclass(frozen=True)
class Arithmetic:
    """How a training computes, which changes its speed and the last bits of its weights. The default is the reference.

    Args:
        precision: 32-true, or bf16-mixed to run the networks in bfloat16.
        channels_last: lay out images and kernels with the channels innermost.
        fused: one Adam kernel for all weights.
    """

    precision: training.Precision = "32-true"
    channels_last: bool = False
    fused: bool = False

    def options(self) -> list[str]:
        """What to add to a command line for it.

        >>> Arithmetic("bf16-mixed", fused=True).options()
        ['--precision bf16-mixed', '--fused']
        """
        precision = [] if self.precision == "32-true" else [f"--precision {self.precision}"]
        switches = {"--channels-last": self.channels_last, "--fused": self.fused}
        return precision + [name for name, is_on in switches.items() if is_on]


class Built(NamedTuple):
    """A recipe with everything it asks for."""

    recipe: Recipe
    data: Source
    trainer: training.Trainer

    @property
    def result(self) -> nn.Module:
        """The network that the training is for: the (averaged) generator, the decoder or the classifier."""
        if isinstance(self.trainer.game, VAE):
            return self.trainer.game.decoder
        name = self.trainer.game.players[-1].name
        averages = self.trainer.averages
        return averages[name].network if name in averages else self.trainer.players[name].network


def load_data(name: Data, split: str = "train", full: bool = False, download: bool = False) -> Source:
    """The data set of that name; a mixture has neither splits nor a full set.

    The ring's modes have standard deviation 0.1 here, five times the usual: it is what a laptop learns in seconds.

    Raises:
        MissingDataError: the full set is not on this machine.
    """
    if name in ("ring", "grid"):
        return data.ring(std=0.1) if name == "ring" else data.grid()
    load = {"digits": data.digits, "fashion": data.fashion, "stacked-digits": data.stacked_digits}[name]
    return load(split, full, download)


def networks(recipe: GANRecipe | VAERecipe) -> tuple[nn.Module, nn.Module]:
    """Generator and discriminator, or decoder and encoder, with the weights they start from.

    Raises:
        ValueError: the family doesn't fit the data.
    """
    if isinstance(recipe, VAERecipe):
        with initialised_from(recipe.seed, "weights"):
            return (
                models.dcgan.Generator(recipe.latent_size, recipe.width),
                models.ImageEncoder(2 * recipe.latent_size, recipe.width),
            )
    is_points = recipe.data in ("ring", "grid")
    if is_points != (recipe.family == "mlp"):
        raise ValueError(f"family {recipe.family!r} can't make {recipe.data!r}; mlp makes points, dcgan makes images")
    with initialised_from(recipe.seed, "weights"):
        if recipe.family == "mlp":
            return models.mlp.Generator(recipe.latent_size, recipe.width), models.mlp.Discriminator(recipe.width)
        channels = 3 if recipe.data == "stacked-digits" else 1
        judging = recipe.guidelines
        if recipe.discriminator_norm != "guidelines":
            judging = dataclasses.replace(judging, batch_norm="nowhere")
        generator = models.dcgan.Generator(recipe.latent_size, recipe.width, channels, recipe.guidelines)
        discriminator = models.dcgan.Discriminator(recipe.width, channels, judging)
        if recipe.discriminator_norm == "spectral":
            models.spectral.spectral_normalised(discriminator)
        return generator, discriminator


def terms(recipe: GANRecipe) -> list[Term]:
    """The discriminator's penalty; "r1-r2" are two, of the same weight."""
    names = {"none": (), "r1-r2": ("r1", "r2")}.get(recipe.penalty, (recipe.penalty,))
    return [penalty(objectives.penalties[name], recipe.penalty_weight, recipe.penalty_every) for name in names]


REFERENCE = Arithmetic()


def build(
    recipe: Recipe, device: torch.device = CPU, download: bool = False, arithmetic: Arithmetic = REFERENCE
) -> Built:
    """Data, networks, game and trainer of a recipe.

    Raises:
        ValueError: fields contradict each other, or the device lacks the precision.
        MissingDataError: the data is not on this machine.
    """
    source = load_data(recipe.data, full=recipe.full, download=download)
    schedules = {"constant": training.constant}
    if recipe.decay != "constant":
        schedules = {"linear": training.linear(recipe.steps), "cosine": training.cosine(recipe.steps)}
    common = {
        "batch_size": recipe.batch_size,
        "seed": recipe.seed,
        "schedule": schedules[recipe.decay],
        "device": device,
        "precision": arithmetic.precision,
        "channels_last": arithmetic.channels_last,
    }
    if isinstance(recipe, ClassifierRecipe):
        with initialised_from(recipe.seed, "weights"):
            game = Classification(models.Classifier())
        optimiser = training.adam(recipe.learning_rate, 0.9, fused=arithmetic.fused)
        return Built(recipe, source, training.Trainer(game, source, optimiser=optimiser, **common))
    if isinstance(recipe, VAERecipe):
        decoder, encoder = networks(recipe)
        optimiser = training.adam(recipe.learning_rate, 0.9, fused=arithmetic.fused)
        game = VAE(encoder, decoder, recipe.std, recipe.beta)
        return Built(recipe, source, training.Trainer(game, source, optimiser=optimiser, **common))
    game = GAN(*networks(recipe), objectives.objective(recipe.objective), terms(recipe), recipe.n_critic)
    optimiser = training.adam(recipe.learning_rate, recipe.beta1, recipe.beta2, arithmetic.fused)
    averages = {"generator": recipe.average_kimg} if recipe.average_kimg else {}
    return Built(recipe, source, training.Trainer(game, source, optimiser=optimiser, averages=averages, **common))
