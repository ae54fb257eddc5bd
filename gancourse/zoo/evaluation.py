"""What a trained network is worth, in numbers that carry their protocol."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gancourse import data, metrics
from gancourse.recipes import ClassifierRecipe, Recipe, load_data
from gancourse.rng import Noise
from gancourse.zoo.cards import load
from gancourse.zoo.extractors import BATCH, Extractor, extractor
from gancourse.zoo.stacked import N_JUDGED, stacked_coverage

N_DEFAULT = 10_000


@torch.no_grad()
def samples(generator: nn.Module, n: int, seed: int = 0) -> Tensor:
    """Data that a generator makes of n latents, on the CPU.

    The latents depend on the seed and n alone, not on the device.
    """
    device = next(generator.parameters()).device
    z = Noise((seed, "evaluation"), n).normal("z", generator.latent_size)
    was_training = generator.training
    generator.eval()
    made = torch.cat([generator(part.to(device)).cpu() for part in z.split(BATCH)])
    generator.train(was_training)
    return made


def features(name: str, images: Tensor) -> Tensor:
    """Features of images by the zoo's classifier for a data set, [n, features].

    Args:
        name: the data set, "digits" or "fashion".
        images: [n, 1, 28, 28] in [−1, 1].

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
    x, y = features(data_name, real), features(data_name, generated)
    values = {"fid": metrics.frechet_distance(x, y), "kid": metrics.kernel_distance(x, y)}
    values |= {f"{metric}@3": value for metric, value in metrics.precision_recall(x, y, k=3)._asdict().items()}
    found = {metrics.label(metric, name, len(x), len(y)): value for metric, value in values.items()}
    logits = Extractor(name, load(name))(generated)
    splits = min(10, len(logits))
    return found | {metrics.label("is", name, len(y)): metrics.inception_score(logits, splits, seed).mean}


@torch.no_grad()
def evaluate(network: nn.Module, recipe: Recipe, n: int = N_DEFAULT, seed: int = 0) -> dict[str, float]:
    """The metrics of a recipe's network.

    A generator of images is compared with the package's first n training images; a generator of points with the modes
    of its mixture; of stacked digits the modes are counted, in 26,000 samples unless another number is asked for; a
    classifier's accuracy is that on the package's test images.

    Raises:
        ValueError: n is more than the package holds, or too few for the metrics.
    """
    if isinstance(recipe, ClassifierRecipe):
        test = load_data(recipe.data, "test").first(2000)
        device = next(network.parameters()).device
        right = sum(
            (network(x.to(device)).argmax(1).cpu() == y).sum().item()
            for x, y in zip(test.x.split(BATCH), test.y.split(BATCH), strict=True)
        )
        return {"accuracy(2k test)": right / len(test.x)}
    source = load_data(recipe.data)
    if isinstance(source, data.Mixture):
        found = metrics.mode_coverage(samples(network, n, seed), source.means, source.std)
        return {"modes": found.modes, "share within 3σ": found.share, "reverse KL": found.reverse_kl}
    if isinstance(source, data.StackedDigits):
        n = N_JUDGED if n == N_DEFAULT else n
        found = stacked_coverage(samples(network, n, seed))
        values = {"modes": found.modes, "reverse KL": found.reverse_kl}
        return {metrics.label(what, "digits-classifier", n): value for what, value in values.items()}
    real = source.first(n).x
    return judge(recipe.data, real, samples(network, n, seed), seed)
