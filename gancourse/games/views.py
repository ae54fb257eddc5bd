"""Views: changes of the discriminator's input by noise, packs of several samples, or swapped labels."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.batch import Batch
from gancourse.games.game import View
from gancourse.rng import Noise


def annealed(start: float, end: float, updates: int) -> Callable[[int], float]:
    """Values that go from `start` to `end` in equal ratios over `updates` updates, and then stay constant.

    Raises:
        ValueError: a value is not positive (equal ratios never reach zero), or updates is below one.

    >>> [round(annealed(1.0, 0.01, 4)(update), 4) for update in (0, 2, 4, 9)]
    [1.0, 0.1, 0.01, 0.01]
    """
    if not (0 < start < math.inf and 0 < end < math.inf) or updates < 1:
        raise ValueError(f"annealed from {start} to {end} over {updates} updates; pass positive numbers")
    return lambda update: start * (end / start) ** min(update / updates, 1.0)


def instance_noise(std: float | Callable[[int], float]) -> View:
    """Gaussian noise on real and on generated samples, so that their distributions overlap.

    Each sample gets its own noise, drawn in each turn; its shape and condition don't change. Penalties are computed at
    the noisy samples.

    Args:
        std: standard deviation of each coordinate, in the data's units; or a function of the number of the
            player's updates so far, e.g. `annealed(0.5, 0.01, 2000)`.

    Raises:
        ValueError: the standard deviation is negative or not finite.

    Source: Arjovsky and Bottou 2017, section 3; Sønderby et al. 2017, section 2.5.

    >>> view, zeros = instance_noise(0.1), Batch(torch.zeros(2, 3))
    >>> real, fake = view.function(zeros, zeros, Noise((0,), 2))
    >>> bool((real.x != fake.x).all())
    True
    """
    if not callable(std):
        _check_std(std)

    def add(real: Batch, fake: Batch, noise: Noise) -> tuple[Batch, Batch]:
        scale = _check_std(std(noise.update) if callable(std) else std)
        # The first rows: a view before this one may have made fewer samples of the batch.
        on_real = noise.normal("noise on real", *real.x.shape[1:], rows=len(real.x))
        on_fake = noise.normal("noise on fake", *fake.x.shape[1:], rows=len(fake.x))
        return real._replace(x=real.x + scale * on_real), fake._replace(x=fake.x + scale * on_fake)

    return View(add)


def _check_std(std: float) -> float:
    if not 0 <= std < math.inf:
        raise ValueError(f"the standard deviation of instance noise is {std}; expected a finite number ≥ 0")
    return std


def packing(m: int) -> View:
    """Give the discriminator packs of m samples, in which a generator's lack of variety is visible.

    Points [batch, d] become [batch/m, m·d]; images [batch, channels, h, w] become [batch/m, m·channels, h, w]. So do
    their conditions, and labels [batch] become [batch/m, m]. The discriminator must take the larger input, and returns
    one score per pack.

    Args:
        m: samples in a pack; 1 changes nothing.

    Raises:
        ValueError: m is below one; during training, if it doesn't divide the batch size.

    Source: Lin et al. 2018 (PacGAN), section 3.

    >>> batch = Batch(torch.zeros(6, 3), torch.arange(6))
    >>> real, fake = packing(2).function(batch, batch, Noise((0,), 6))
    >>> real.x.shape, real.y.tolist()
    (torch.Size([3, 6]), [[0, 1], [2, 3], [4, 5]])
    """
    if m < 1:
        raise ValueError(f"packs of {m} samples; pass at least 1")

    def pack(x: Tensor) -> Tensor:
        if len(x) % m:
            raise ValueError(f"a batch of {len(x)} can't be packed by {m}; pass a batch_size that {m} divides")
        return x.reshape(len(x) // m, m * (x.shape[1] if x.ndim > 1 else 1), *x.shape[2:])

    def packed(real: Batch, fake: Batch, noise: Noise) -> tuple[Batch, Batch]:
        y = None if real.y is None else pack(real.y)
        fake_y = y if fake.y is real.y else pack(fake.y)
        return real._replace(x=pack(real.x), y=y), fake._replace(x=pack(fake.x), y=fake_y)

    return View(packed)


def label_flipping(share: float) -> View:
    """Swap real and generated samples for the discriminator at random, so that its scores stay moderate.

    Only in the discriminator's turn. A penalty at real samples is computed at the swapped ones too. Each sample keeps
    its condition.

    Args:
        share: probability that a pair is swapped; 0 changes nothing, at ½ nothing can be learned.

    Raises:
        ValueError: the share is not in [0, 1]; during training, if real and generated samples differ in shape.

    Source: Chintala et al. 2016 ("How to train a GAN", number 6); Salimans et al. 2016, section 3.4, smooth labels
    instead.

    >>> view = label_flipping(1.0)
    >>> real, fake = view.function(Batch(torch.zeros(2, 1)), Batch(torch.ones(2, 1)), Noise((0,), 2))
    >>> real.x.flatten()
    tensor([1., 1.])
    """
    if not 0 <= share <= 1:
        raise ValueError(f"the share of flipped labels is {share}; expected a number from 0 to 1")

    def swap(real: Batch, fake: Batch, noise: Noise) -> tuple[Batch, Batch]:
        x, other = real.x, fake.x
        if x.shape != other.shape:
            raise ValueError(
                f"real data is {tuple(x.shape)}, generated {tuple(other.shape)}; only equal shapes can be swapped"
            )
        flipped = noise.uniform("flipped", rows=len(x)) < share
        x, other = _swapped(flipped, x, other)
        # Generated samples usually share the real ones' y; it then stays one tensor.
        y, other_y = (real.y, fake.y) if real.y is fake.y else _swapped(flipped, real.y, fake.y)
        return real._replace(x=x, y=y), fake._replace(x=other, y=other_y)

    return View(swap, turns=("discriminator",))


def _swapped(flipped: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Rows of a and b, exchanged where flipped."""
    flipped = flipped.view(-1, *[1] * (a.ndim - 1))
    return torch.where(flipped, b, a), torch.where(flipped, a, b)
