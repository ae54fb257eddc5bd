"""Problems for the path length penalty, and their right answers."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from gancourse.checks.engine.sweeps import EXPONENT, drawn, sizes


class Problem(NamedTuple):
    """A small generator's images, as functions of styles [batch, layers, d] and of weights, and the rest of a call.

    Args:
        shape: of the images.
        n_layers: styles of a sample.
        size: numbers in a style.
        mean: of the lengths so far.
        decay: of that mean.
        about: what it tries.
        strength: factor on the styles' effect.
        is_mapped: whether the styles come out of a layer, as they do in a generator, rather than being leaves.
        power: a power of two, by which images and mean are multiplied: the penalties then are, by its square.
    """

    shape: tuple[int, int, int, int]
    n_layers: int
    size: int
    mean: float
    decay: float
    about: str
    strength: float = 1.0
    is_mapped: bool = False
    power: int = 0


PROBLEMS = (
    # No two sizes are equal, nor two of their ratios: whatever is divided by the wrong one differs.
    Problem((3, 2, 5, 4), 7, 6, 0.7, 0.9, "images that aren't square"),
    Problem((4, 1, 4, 4), 3, 2, 0.0, 0.99, "the first update: the running mean is 0", is_mapped=True),
    Problem((2, 3, 2, 2), 5, 3, 2.0, 0.5, "more layers than samples"),
    Problem((1, 2, 3, 2), 4, 3, 1.0, 0.9, "a batch of one", is_mapped=True),
    Problem((3, 2, 3, 3), 1, 4, 0.5, 0.8, "one layer"),
    Problem((3, 3, 3, 3), 3, 3, 0.4, 0.0, "as many samples, layers, numbers and pixels; a decay of 0"),
    Problem((2, 1, 2, 4), 2, 1, 1.5, 1.0, "a decay of 1: the mean stays"),
    Problem((2, 2, 2, 2), 3, 2, 30.0, 0.9, "long paths", 100.0),
)
SCALED = tuple(
    Problem((3, 2, 2, 3), 4, 5, 0.7, 0.9, f"{about}: nothing is clamped, added or rounded to single precision", power=n)
    for n, about in ((EXPONENT, "paths of about 1e60"), (-16, "paths of about 1e-5"))
)
"""For double precision. The penalty is homogeneous; powers of two round nothing."""


def swept_problems() -> list[Problem]:
    """Sizes, means and decays at random."""
    problems = []
    for k in range(12):
        *shape, n_layers, size = sizes(3_000 + k, 7, 4, 6, 6, 9, 6)
        mean, decay = drawn(3_100 + k, 2).exp().tolist()
        about = "sizes, a mean and a decay drawn at random"
        problems.append(Problem(tuple(shape), n_layers, size, mean, decay / (1 + decay), about, is_mapped=k % 2 == 0))
    return problems


class Call(NamedTuple):
    """The arguments of one call, and the leaves that the images depend on.

    Args:
        images: [batch, channels, height, width].
        styles: [batch, layers, d].
        noise: of the images' shape.
        mean: [].
        decay: of the mean.
        weight: of the layer that makes images of styles.
        source: the styles, or the weight of the layer that makes them.
    """

    images: Tensor
    styles: Tensor
    noise: Tensor
    mean: Tensor
    decay: float
    weight: Tensor
    source: Tensor


def call_of(problem: Problem, dtype: torch.dtype) -> Call:
    """The arguments of a problem, with a new graph."""
    n, *image = problem.shape
    key = 4_000 + sum(problem.shape) + 10 * problem.n_layers + 100 * problem.size
    # Samples of different size, so that one that gets another's length shows.
    source = drawn(key, n, problem.n_layers, problem.size) * (0.2 + torch.arange(n).view(-1, 1, 1))
    latents = source.to(dtype)
    if problem.is_mapped:
        source = drawn(key + 1, problem.size, problem.size)
    source = source.to(dtype).requires_grad_()
    styles = latents @ source if problem.is_mapped else source
    weight = drawn(key + 2, problem.n_layers, problem.size, *image).to(dtype).requires_grad_()
    images = torch.einsum("nld,ldchw->nchw", (styles + 0.3 * styles.square()).sin(), weight)
    factor = 2.0**problem.power
    mean = torch.tensor(problem.mean * factor, dtype=dtype)
    noise = drawn(key + 3, *problem.shape).to(dtype)
    return Call(problem.strength * factor * images, styles, noise, mean, problem.decay, weight, source)


def style_gradient(call: Call) -> Tensor:
    """Gradient of the product of images and noise with respect to the styles, with a graph."""
    pixels = call.images[0, 0].numel()
    product = (call.images * call.noise).sum() / pixels**0.5
    return torch.autograd.grad(product, call.styles, create_graph=True)[0]


def lengths_of(gradient: Tensor) -> Tensor:
    """Lengths [batch] of a gradient [batch, layers, d]."""
    return (torch.linalg.vector_norm(gradient, dim=2).square().sum(1) / gradient.shape[1]).sqrt()


def mean_after(call: Call, lengths: Tensor) -> Tensor:
    """The running mean after these lengths."""
    return torch.lerp(lengths.detach().mean(), call.mean, call.decay)


def path_length_penalty(call: Call) -> tuple[Tensor, Tensor]:
    """The right answer."""
    lengths = lengths_of(style_gradient(call))
    return (lengths - call.mean).square(), mean_after(call, lengths)
