"""What a trained network is worth, in numbers that carry their protocol."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gancourse.games.game import is_conditional
from gancourse.models.family import PLAIN, Sampling
from gancourse.models.truncation import TruncatedLatents, TruncationRule
from gancourse.recipes import Recipe, build, generated, read_recipe
from gancourse.recipes.running import CHECKPOINT, RECIPE
from gancourse.training import load_checkpoint, standing_statistics
from gancourse.zoo.extractors import Extractor, extractor
from gancourse.zoo.judges import Make, judge_by, judge_of
from gancourse.zoo.storage import card, cards, load

MOST_LISTED = 12  # class names in an error
N_STANDING = 2000  # samples that standing statistics are of
STANDING_SEED = 2**31 - 1  # none that samples are asked for


class Trained(NamedTuple):
    """A trained network and the recipe that it comes from.

    Args:
        recipe: how it was trained.
        network: what the training was for, in evaluation mode.
    """

    recipe: Recipe
    network: nn.Module

    def samples(self, n: int, seed: int = 0, y: Tensor | None = None, sampling: Sampling = PLAIN) -> Tensor:
        """Samples, [n, ...]; see `Play.sample`.

        Args:
            n: how many.
            seed: which ones.
            y: what they are conditioned on.
            sampling: what else they are asked for, of the kind of `recipe.play.sampling`.

        Raises:
            ValueError: as for `Play.sample`, or the network can't be asked for that.
        """
        return self.recipe.play.sample(sampling.of(self.network), self.recipe.source(), n, seed, y)

    def labels(self, words: Sequence[str], n: int) -> Tensor:
        """Classes for n samples, integers [n]: equally many samples of each, in the order of the words.

        Args:
            words: classes, by their name or number.
            n: how many samples.

        Raises:
            ValueError: samples can't be asked for a class, there is no such class, or there are more words than
                samples.

        >>> trained("dcgan-digits").labels(["3"], 4)
        Traceback (most recent call last):
        ValueError: dcgan-digits makes samples of no class; leave the label out, or take a conditional network
        """
        names = self.recipe.play.classes(self.recipe.signature())
        if not is_conditional(self.network):
            raise ValueError(
                f"{self.recipe.name} makes samples of no class; leave the label out, or take a conditional network"
            )
        if not names:
            kind = type(self.recipe.signature().condition).__name__.lower()
            raise ValueError(f"{self.recipe.name} is conditioned on {kind}, not on classes; leave the label out")
        if not 0 < len(words) <= n:
            raise ValueError(f"{len(words)} labels for {n} samples; ask for at least one sample of each")
        numbers = torch.tensor([_class_number(word, names) for word in words])
        return numbers[torch.arange(n) * len(words) // n]

    def with_standing_statistics(self, n: int = N_STANDING) -> Trained:
        """The same network, its BatchNorm normalising by the means of what n of its own samples have in each layer.

        Args:
            n: how many samples; they are made in batches of 500.
        """
        network = copy.deepcopy(self.network)
        with standing_statistics(network):
            self.recipe.play.sample(network, self.recipe.source(), n, STANDING_SEED)
        return self._replace(network=network)

    def truncated(self, threshold: float, rule: TruncationRule = "resample", standing: bool = True) -> Trained:
        """The same generator with truncated latents.

        Args:
            threshold: τ, the largest absolute value of a number of a latent.
            rule: what happens to larger ones; see `models.truncated`.
            standing: whether BatchNorm normalises by what truncated latents have in each layer, as BigGAN's published
                generators do, rather than by what it saw in training. Where BatchNorm follows the first layer, as in
                DCGANs, that undoes most of the truncation.

        Raises:
            ValueError: it has no latents, the threshold isn't a positive number, or there is no such rule.
        """
        trained = self._replace(network=TruncatedLatents(self.network, threshold, rule))
        return trained.with_standing_statistics() if standing else trained

    def evaluate(self, n: int | None = None, seed: int = 0) -> dict[str, float]:
        """Metrics by name; see `evaluate`."""
        return evaluate(self.network, self.recipe, n, seed)


def _class_number(word: str, names: Sequence[str]) -> int:
    """The class of that name, or else of that number."""
    if word in names:
        return names.index(word)
    if word.isdecimal() and int(word) < len(names):
        return int(word)
    some = ", ".join(names) if len(names) <= MOST_LISTED else f"{', '.join(names[:3])}, …, {names[-1]}"
    raise ValueError(f"label {word!r} is no class; pass a number from 0 to {len(names) - 1}, or one of {some}")


def trained(what: str | Path) -> Trained:
    """The trained network behind a name of the zoo or a run's folder.

    Raises:
        ValueError: there is neither.
        CheckpointError: the checkpoint is damaged.

    >>> trained("dcgan-digits").samples(2).shape
    torch.Size([2, 1, 28, 28])
    """
    folder = Path(what)
    if folder.is_dir():
        recipe = read_recipe(folder)
        built = build(recipe, source=recipe.source())  # looking at a network needs no full set
        load_checkpoint(folder / CHECKPOINT, built.trainer, to_go_on=False)
        return Trained(recipe, built.result.eval())
    if len(folder.parts) > 1:
        raise ValueError(f"there is no folder {what}; pass that of a run, or a name of the zoo")
    return Trained(card(str(what)).recipe, load(str(what)))


def sampling_of(what: str | Path) -> Sampling:
    """What samples of a network may be asked for; nothing if there is no such network.

    >>> sampling_of("dcgan-digits")
    Sampling()
    """
    if (Path(what) / RECIPE).is_file():
        return read_recipe(Path(what)).play.sampling
    known = cards()
    return known[str(what)].recipe.play.sampling if str(what) in known else PLAIN


def samples(generator: nn.Module, n: int, seed: int = 0, y: Tensor | None = None) -> Tensor:
    """Data that a generator makes of n latents, on the CPU.

    The latents depend on the seed and n alone, not on the device.

    Args:
        generator: maps latents [batch, generator.latent_size], and conditions if it is `conditional`, to data. What
            makes samples in another way is asked by its recipe's play, as `trained(…).samples` does.
        n: how many.
        seed: which latents.
        y: conditions [n, ...], for a conditional generator.

    Raises:
        ValueError: it is no generator of latents, n is below one, or y is missing, superfluous or of another length.
    """
    return generated(generator, n, seed, y)


def features(name: str, images: Tensor) -> Tensor:
    """Features of images by the zoo's classifier for a data set, [n, features].

    Args:
        name: the data set, "digits" or "fashion".
        images: [n, 1, 28, 28] in [−1, 1].

    >>> import torch
    >>> features("digits", torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 64])
    """
    return extractor(f"{name}-classifier")(images)


def judge(data_name: str, real: Tensor, generated: Tensor, seed: int = 0) -> dict[str, float]:
    """Metrics of generated images by the zoo's classifier for a data set; each name carries its protocol.

    Args:
        data_name: "digits" or "fashion".
        real: images [n, 1, 28, 28] in [−1, 1].
        generated: images of the same shape, [m, 1, 28, 28].
        seed: shuffles the samples for the splits of the Inception score.

    Returns:
        Fréchet and kernel distance; precision, recall, density and coverage with k = 3; Inception score.
    """
    name = f"{data_name}-classifier"
    return judge_by(extractor(name), real, generated, Extractor(name, load(name)), seed)


def evaluate(network: nn.Module, recipe: Recipe, n: int | None = None, seed: int = 0) -> dict[str, float]:
    """The metrics of a recipe's network.

    Samples are judged as `judge_of` says for the data that they should be like, `recipe.target()`: images of digits and
    clothing by the zoo's classifiers against the package's first images, 10,000 unless another number is asked for;
    points by the modes of their mixture; stacked digits by the modes that 26,000 of them reach; your own images by
    their pixels. Samples of a class are also judged by whether they show it, and within each class. A classifier's
    accuracy is that on the package's test images.

    Raises:
        ValueError: n is below one, more than the data holds, or too few for the metrics.
    """
    if n is not None and n < 1:
        raise ValueError(f"n is {n}; ask for at least 1 sample")
    real, source = recipe.real(), recipe.source()
    own_judge = judge_of(recipe.target().name, real)

    def measured(make: Make, n: int | None, seed: int) -> dict[str, float]:
        batches: list[Tensor] = []

        def recorded(count: int) -> Tensor:
            batches.append(make(count))
            return batches[-1]

        values = own_judge.measure(recorded, real, n, seed)
        samples = batches[-1]
        labels = recipe.play.conditions(network, source, len(samples), seed)
        if labels is None or own_judge.by_class is None or not recipe.play.classes(source.signature):
            return values
        return values | own_judge.by_class(samples, labels, real, recipe.play.anonymous)

    return recipe.play.evaluate(network, recipe.source, measured, n, seed)
