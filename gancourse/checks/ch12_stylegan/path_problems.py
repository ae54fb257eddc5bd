"""Problems for the path length penalty, their right answers, and the answers of known mistakes."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


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
    """

    shape: tuple[int, int, int, int]
    n_layers: int
    size: int
    mean: float
    decay: float
    about: str
    strength: float = 1.0


PROBLEMS = (
    Problem((3, 2, 2, 3), 2, 2, 0.7, 0.9, "two layers, images that aren't square"),
    Problem((4, 1, 4, 4), 3, 2, 0.0, 0.99, "the first update: the running mean is 0"),
    Problem((2, 3, 2, 2), 5, 3, 2.0, 0.5, "more layers than samples"),
    Problem((1, 2, 3, 2), 4, 3, 1.0, 0.9, "a batch of one"),
    Problem((3, 2, 3, 3), 1, 4, 0.5, 0.8, "one layer"),
    Problem((3, 3, 3, 3), 3, 3, 0.4, 0.0, "as many samples, layers, numbers and pixels; a decay of 0"),
    Problem((2, 1, 2, 4), 2, 1, 1.5, 1.0, "a decay of 1: the mean stays"),
    Problem((2, 2, 2, 2), 3, 2, 30.0, 0.9, "long paths", 100.0),
)


class Call(NamedTuple):
    """The arguments of one call, and the weights that the images depend on too."""

    images: Tensor
    styles: Tensor
    noise: Tensor
    mean: Tensor
    decay: float
    weight: Tensor


def call_of(problem: Problem, dtype: torch.dtype) -> Call:
    """The arguments of a problem, with a new graph."""
    generator = torch.Generator().manual_seed(sum(problem.shape) + 10 * problem.n_layers)
    n, *image = problem.shape
    drawn = [
        torch.randn(*size, generator=generator, dtype=torch.float64)
        for size in ((n, problem.n_layers, problem.size), (problem.n_layers, problem.size, *image), problem.shape)
    ]
    # Samples of different size, so that one that gets another's length shows.
    styles = (drawn[0] * (0.2 + torch.arange(n).view(-1, 1, 1))).to(dtype).requires_grad_()
    weight = drawn[1].to(dtype).requires_grad_()
    images = problem.strength * torch.einsum("nld,ldchw->nchw", (styles + 0.3 * styles.square()).tanh(), weight)
    mean = torch.tensor(problem.mean, dtype=dtype)
    return Call(images, styles, drawn[2].to(dtype), mean, problem.decay, weight)


def _gradient(call: Call) -> Tensor:
    pixels = call.images[0, 0].numel()
    product = (call.images * call.noise).sum() / pixels**0.5
    return torch.autograd.grad(product, call.styles, create_graph=True)[0]


def _lengths(gradient: Tensor) -> Tensor:
    return (torch.linalg.vector_norm(gradient, dim=2).square().sum(1) / gradient.shape[1]).sqrt()


def _mean_after(call: Call, lengths: Tensor) -> Tensor:
    return torch.lerp(lengths.detach().mean(), call.mean, call.decay)


def path_length_penalty(call: Call) -> tuple[Tensor, Tensor]:
    """The right answer."""
    lengths = _lengths(_gradient(call))
    return (lengths - call.mean).square(), _mean_after(call, lengths)


def _of(lengths: Callable[[Tensor], Tensor]) -> Callable[[Call], tuple[Tensor, Tensor]]:
    """The answer with other lengths, functions of the gradient."""

    def answer(call: Call) -> tuple[Tensor, Tensor]:
        mine = lengths(_gradient(call))
        return (mine - call.mean).square(), _mean_after(call, mine)

    return answer


def _penalised(penalty: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Callable[[Call], tuple[Tensor, Tensor]]:
    """The answer with another penalty, a function of the lengths, the mean before and the mean after."""

    def answer(call: Call) -> tuple[Tensor, Tensor]:
        lengths = _lengths(_gradient(call))
        after = _mean_after(call, lengths)
        return penalty(lengths, call.mean, after), after

    return answer


def _meaned(mean: Callable[[Tensor, Tensor, float], Tensor]) -> Callable[[Call], tuple[Tensor, Tensor]]:
    """The answer with another running mean, a function of the lengths, the mean before and the decay."""

    def answer(call: Call) -> tuple[Tensor, Tensor]:
        lengths = _lengths(_gradient(call))
        return (lengths - call.mean).square(), mean(lengths.detach(), call.mean, call.decay)

    return answer


def _scaled(power: float) -> Callable[[Call], tuple[Tensor, Tensor]]:
    """The answer with the noise divided by another power of the number of pixels."""

    def answer(call: Call) -> tuple[Tensor, Tensor]:
        lengths = _lengths(_gradient(call)) * call.images[0, 0].numel() ** (0.5 - power)
        return (lengths - call.mean).square(), _mean_after(call, lengths)

    return answer


def _mean_of_products(call: Call) -> tuple[Tensor, Tensor]:
    product = (call.images * call.noise).mean() / call.images[0, 0].numel() ** 0.5
    lengths = _lengths(torch.autograd.grad(product, call.styles, create_graph=True)[0])
    return (lengths - call.mean).square(), _mean_after(call, lengths)


MISTAKES = [
    (
        _of(lambda g: g.square().sum(2).mean(0).sqrt()),
        "The mean below the root is over the batch, dim 0: then there is a length for each layer and none for each "
        "sample. A well-known implementation has this bug; take the layers, dim 1",
    ),
    (
        _penalised(lambda lengths, before, after: lengths),
        "That is the length itself: minimising it makes paths short, not even. The penalty is (length − mean)²",
    ),
    (
        _penalised(lambda lengths, before, after: lengths.square()),
        "The mean isn't subtracted: that makes paths short, not even. The penalty is (length − mean)²",
    ),
    (
        _penalised(lambda lengths, before, after: (lengths - before).abs()),
        "That is the distance to the mean; square it",
    ),
    (
        _penalised(lambda lengths, before, after: (lengths - after).square()),
        "The lengths are compared with the *new* mean; here they are compared with the mean that was given",
    ),
    (
        _penalised(lambda lengths, before, after: (lengths - lengths.mean()).square()),
        "The lengths are compared with the mean of this batch; compare them with the running mean",
    ),
    (
        _penalised(lambda lengths, before, after: (lengths - before).square().mean()),
        "That is the mean over the batch. Return one penalty for each sample",
    ),
    (
        _penalised(lambda lengths, before, after: (lengths.mean() - before).square().expand_as(lengths)),
        "The lengths are averaged before they are compared, so uneven ones cost nothing; compare each one",
    ),
    (
        _of(lambda g: g.square().sum((1, 2)).sqrt()),
        "The squares are summed over the layers, too; take their mean over the layers, below the root",
    ),
    (
        _of(lambda g: g.square().mean((1, 2)).sqrt()),
        "The squares are averaged over the style's numbers, too; take their sum, and the mean over the layers alone",
    ),
    (
        _of(lambda g: g.square().sum(2).sqrt().mean(1)),
        "The root is taken in each layer, before the mean; the mean over the layers is below the root",
    ),
    (
        _of(lambda g: g.sum(1).norm(dim=1)),
        "The layers' gradients are added before the norm, as for one w that all layers share; take each one's squares",
    ),
    (
        _of(lambda g: g[:, 0].norm(dim=1)),
        "Only the first layer's gradient counts; take the mean of the squares over all layers",
    ),
    (
        _of(lambda g: g.square().sum(2).mean(1)),
        "The root is missing: the length is the root of the mean square",
    ),
    (
        _of(lambda g: g.square().sum((1, 2)).mean().div(g.shape[1]).sqrt().expand(len(g))),
        "One length for the whole batch; each sample has its own",
    ),
    (_scaled(0.0), "The noise isn't divided by the root of height · width: then the length depends on the size"),
    (_scaled(1.0), "The noise is divided by height · width; divide it by the root of that"),
    (
        _mean_of_products,
        "The product of images and noise is averaged; sum it, or the length depends on the batch size",
    ),
    (
        _meaned(lambda lengths, before, decay: torch.lerp(before, lengths.mean(), decay)),
        "The decay is the wrong way round: it is the share of the *old* mean, 0.99 in training",
    ),
    (
        _meaned(lambda lengths, before, decay: lengths.mean()),
        "The new mean is that of this batch; keep `decay` of the old one",
    ),
    (_meaned(lambda lengths, before, decay: before), "The mean is returned as it was; move it towards this batch's"),
    (
        _meaned(lambda lengths, before, decay: torch.lerp(lengths.square().mean().sqrt(), before, decay)),
        "The new mean is made of the root mean square of the lengths; take their mean",
    ),
    (
        _meaned(lambda lengths, before, decay: before + (1 - decay) * lengths.mean()),
        "The old mean isn't reduced: it is decay · old + (1 − decay) · new",
    ),
]
