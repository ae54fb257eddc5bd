"""What a training costs, by calculation: nothing is trained, and no data is read."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor

from gancourse.batch import Batch
from gancourse.games import Player
from gancourse.models.blocks import n_parameters
from gancourse.models.flops import flops
from gancourse.recipes.schema import Recipe
from gancourse.rng import Noise
from gancourse.signature import Signature
from gancourse.training.gradients import only_trainable

META = torch.device("meta")
TFLOPS = 20.0
"""What a GPU is assumed to keep up in float32, in 10¹² operations a second; the peak of an H100 is 67."""
BYTES = 4  # of a number in float32
ADAM = 2  # numbers that Adam keeps for each weight


class Cost(NamedTuple):
    """What a training costs by calculation.

    Args:
        parameters: of each player's network.
        images: real samples that the player with the most updates sees, over all steps.
        operations: floating-point operations of a step, on average over the intervals of lazy terms; two for each
            multiplication with addition. Only matrix products and convolutions are counted.
        weights: bytes of weights, gradients, Adam's moments and averages; each device has all of them.
        activations: bytes kept for the backward pass, on each device, in the update that keeps most.
        steps: length of the training.
        devices: that share each batch.
    """

    parameters: Mapping[str, int]
    images: int
    operations: float
    weights: int
    activations: int
    steps: int
    devices: int

    @property
    def operations_per_image(self) -> float:
        """Operations of the training by its images."""
        return self.operations * self.steps / self.images

    @property
    def memory(self) -> int:
        """Bytes on each device; what kernels need besides is left out."""
        return self.weights + self.activations

    def hours(self, tflops: float = TFLOPS) -> float:
        """Hours of the whole training, if each device kept up a throughput; sending gradients is left out.

        Args:
            tflops: of one device, in 10¹² operations a second.

        Raises:
            ValueError: it isn't positive.
        """
        if not 0 < tflops < math.inf:
            raise ValueError(f"tflops is {tflops}; expected a positive number of 10¹² operations a second")
        return self.operations * self.steps / (tflops * 1e12 * self.devices) / 3600


def cost(recipe: Recipe, devices: int = 1) -> Cost:
    """What a recipe costs by calculation, with plain arithmetic in float32.

    The networks are made at their full size without memory, and their operations are counted by torch in every update
    of a period of the lazy terms.

    Args:
        recipe: of data whose y is classes, or of networks that take no condition.
        devices: how many share each batch.

    Raises:
        ValueError: the batch can't be shared by so many devices, or the networks don't fit the data.

    >>> from gancourse.recipes import recipe
    >>> cost(recipe("ring")).parameters
    {'discriminator': 4417, 'generator': 4866}
    """
    size = recipe.training.batch_size
    if devices < 1 or size % devices:
        raise ValueError(f"a batch of {size} can't be shared by {devices} devices; pass a number that divides it")
    fits = recipe.signature()
    with META:
        players = recipe.play.game(fits).players
    every_weight = [weight for player in players for weight in player.network.parameters()]
    averaged = recipe.play.averaged if recipe.training.average_kimg else ()
    n_averaged = sum(n_parameters(player.network) for player in players if player.name in averaged)
    batch = _batch(fits, size // devices)
    updates = {player.name: _updates(player, every_weight, batch, period(recipe, player.name)) for player in players}
    of_device = sum(player.updates * updates[player.name].operations for player in players)
    return Cost(
        parameters={player.name: n_parameters(player.network) for player in players},
        images=recipe.steps * size * max(player.updates for player in players),
        operations=of_device * devices,
        weights=BYTES * ((2 + ADAM) * sum(weight.numel() for weight in every_weight) + n_averaged),
        activations=max(each.kept for each in updates.values()),
        steps=recipe.steps,
        devices=devices,
    )


def period(recipe: Recipe, player: str) -> int:
    """Least common multiple of the intervals of a player's lazy terms, in its updates.

    >>> from gancourse.recipes import recipe
    >>> period(recipe("relativistic-digits"), "discriminator")
    4
    """
    terms = [term.of_game() for term in getattr(recipe.play, "terms", ())]
    return math.lcm(*(term.every for term in terms if term.of == player))


class _Updates(NamedTuple):
    """Of a player's updates: operations of one on average, and bytes kept for the backward pass in the largest."""

    operations: float
    kept: int


def _updates(player: Player, every_weight: Sequence[Tensor], batch: Batch, n: int) -> _Updates:
    """What n updates of a player cost, from its first on."""
    weights, counts, kept = list(player.network.parameters()), [], []
    for update in range(n):
        noise, saved = Noise((0, player.name), len(batch.x), update, META), {}

        def step(noise: Noise = noise, saved: dict[int, torch.UntypedStorage] = saved) -> None:
            with only_trainable(weights, every_weight), _saving(saved):
                sum(term.mean() for term in player.terms(batch, noise).values()).backward(inputs=weights)

        counts.append(flops(step))
        own = {weight.untyped_storage()._cdata for weight in every_weight}
        kept.append(sum(storage.nbytes() for key, storage in saved.items() if key not in own))
        for weight in weights:
            weight.grad = None
    return _Updates(sum(counts) / n, max(kept))


@contextmanager
def _saving(storages: dict[int, torch.UntypedStorage]) -> Iterator[None]:
    """Inside, note each memory that autograd keeps for a backward pass, once."""

    def keep(x: Tensor) -> Tensor:
        storage = x.untyped_storage()
        storages[storage._cdata] = storage
        return x

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        yield


def _batch(fits: Signature, n: int) -> Batch:
    """A batch without memory; its labels, which layers look up, are on the CPU."""
    x = torch.zeros(n, *fits.shape, device=META)
    y = None if fits.condition is None else torch.zeros(n, *fits.condition.shape, dtype=torch.long)
    return Batch(x, y, None if fits.other is None else torch.zeros(n, *fits.other, device=META))
