"""What this chapter's checks share: tables of β, shapes of data, and a number for each sample on the wrong axis."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.engine.comparison import Mistake
from gancourse.checks.engine.sweeps import drawn

Place = Callable[[Tensor, Tensor], Tensor]
"""Gives a number for each sample, [batch], the axes with which it meets the data."""
SHAPES = [
    ((3, 3, 3, 3), "as many samples as channels, rows and columns"),
    ((4, 3), "points"),
    ((2, 1, 4, 6), "images that aren't square"),
    ((1, 3, 2, 2), "a batch of one"),
    ((5, 5), "as many samples as coordinates"),
    ((6, 2, 5, 3), "images"),
]
"""Data to try after an example of points: the second case lets every wrong broadcast run."""


def of_samples(numbers: Tensor, x: Tensor) -> Tensor:
    """The right place: along the batch."""
    return numbers.view(-1, *[1] * (x.ndim - 1))


def _along_width(numbers: Tensor, x: Tensor) -> Tensor:
    return numbers


def _along_height(numbers: Tensor, x: Tensor) -> Tensor:
    return numbers.view(-1, 1)


def _along_channels(numbers: Tensor, x: Tensor) -> Tensor:
    return numbers.view(-1, 1, 1)


def _of_images(numbers: Tensor, x: Tensor) -> Tensor:
    return numbers.view(-1, 1, 1, 1)


def _of_first(numbers: Tensor, x: Tensor) -> Tensor:
    return of_samples(numbers[:1], x)


def _of_mean(numbers: Tensor, x: Tensor) -> Tensor:
    return of_samples(numbers.mean(0, keepdim=True), x)


PLACES: list[tuple[Place, str]] = [
    (
        _along_width,
        "Its numbers, [batch], meet the *last* axis of the data: torch aligns shapes from the right. Give them the "
        "axes [batch, 1, …], as many as the data have.",
    ),
    (
        _along_height,
        "Its numbers, [batch, 1], meet the last axis but one: that is the batch for points, and the height for images. "
        "Give them as many axes as the data have.",
    ),
    (_along_channels, "Its numbers, [batch, 1, 1], meet the channels of images; give them as many axes as the data."),
    (
        _of_images,
        "Its numbers have the axes of images, [batch, 1, 1, 1], whatever the data are: points have fewer. Take x.ndim "
        "axes.",
    ),
    (_of_first, "Every sample gets the first one's level; each has its own."),
    (_of_mean, "The levels of the batch are averaged; each sample has its own."),
]


def misplaced(answer: Callable[..., object]) -> list[Mistake]:
    """Mistakes of the axis along which a number for each sample runs.

    Args:
        answer: takes a `place` beside its other arguments.
    """
    return [
        Mistake(tolerant(lambda *args, place=place: answer(*args, place=place)), message) for place, message in PLACES
    ]


def tolerant(answer: Callable[..., object]) -> Callable[..., object]:
    """The answer of a mistake, or a tensor that nothing equals where shapes or indices don't fit."""

    def guarded(*args: object) -> object:
        try:
            return answer(*args)
        except (RuntimeError, IndexError):
            return torch.full((0, 0, 0), math.nan)

    return guarded


def linear_betas(n: int = 1000) -> Tensor:
    """DDPM's own table."""
    return torch.linspace(1e-4, 0.02, n, dtype=torch.float64)


def uneven_betas(k: int, n: int) -> Tensor:
    """A table that neither rises nor falls: from 0.02 to 0.32, so that single precision suffices."""
    return 0.02 + 0.3 * torch.rand(n, generator=torch.Generator().manual_seed(60_000 + k), dtype=torch.float64)


def falling_alpha_bars(k: int, n: int) -> Tensor:
    """A table of ᾱ that falls to about 0.05."""
    betas = uneven_betas(k, n)
    logarithms = torch.log1p(-betas).cumsum(0)
    return (logarithms * (3.0 / logarithms[-1].abs())).exp()


def whole_numbers(k: int, n: int, end: int) -> Tensor:
    """So many whole numbers below the end, the same for each k."""
    return torch.randint(0, end, (n,), generator=torch.Generator().manual_seed(61_000 + k))


def fractions(k: int, n: int, low: float = 0.05, high: float = 0.95) -> Tensor:
    """So many numbers between two bounds, the same for each k."""
    numbers = torch.rand(n, generator=torch.Generator().manual_seed(62_000 + k), dtype=torch.float64)
    return low + (high - low) * numbers


def fractions_near_ends(k: int, n: int) -> Tensor:
    """So many numbers from 0.0001 to 0.9999, most of them near either end."""
    return torch.sigmoid(9.2 * (2 * fractions(k, n, 0.0, 1.0) - 1))


def data(k: int, shape: tuple[int, ...]) -> Tensor:
    """Normal numbers, whose samples, channels and rows have means of their own."""
    batch_means = drawn(63_000 + k, shape[0], *[1] * (len(shape) - 1))
    return drawn(64_000 + k, *shape) + batch_means + 0.5
