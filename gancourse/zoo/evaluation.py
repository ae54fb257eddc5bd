"""What a trained network is worth, in numbers that carry their protocol."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gancourse import data, metrics
from gancourse.recipes import ClassifierRecipe, Recipe, load_data
from gancourse.rng import Noise
from gancourse.zoo.cards import load

BATCH = 500


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


@torch.no_grad()
def features(name: str, images: Tensor) -> Tensor:
    """Features of images by the zoo's classifier for a data set, [n, features].

    Args:
        name: the data set, "digits" or "fashion".
        images: [n, 1, 28, 28] in [−1, 1].

    >>> features("digits", torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 64])
    """
    extractor = load(f"{name}-classifier")
    return torch.cat([extractor.features(part) for part in images.split(BATCH)])


@torch.no_grad()
def evaluate(network: nn.Module, recipe: Recipe, n: int = 10_000, seed: int = 0) -> dict[str, float]:
    """The metrics of a recipe's network.

    A generator of images is compared with the package's first n training images; a generator of points with the modes
    of its mixture; a classifier's accuracy is that on the package's test images.

    Raises:
        ValueError: n is more than the package holds.
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
    real = features(recipe.data, source.first(n).x)
    distance = metrics.frechet_distance(real, features(recipe.data, samples(network, n, seed)))
    return {metrics.label(f"{recipe.data}-classifier", n, n): distance}
