"""What known mistakes in the path length penalty return, and what to say of them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.ch12_stylegan.path_problems import (
    Call,
    lengths_of,
    mean_after,
    path_length_penalty,
    style_gradient,
)


def _of(lengths: Callable[[Tensor], Tensor]) -> Callable[[Call], tuple[Tensor, Tensor]]:
    """The answer with other lengths, functions of the gradient."""

    def answer(call: Call) -> tuple[Tensor, Tensor]:
        mine = lengths(style_gradient(call))
        return (mine - call.mean).square(), mean_after(call, mine)

    return answer


def _penalised(penalty: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Callable[[Call], tuple[Tensor, Tensor]]:
    """The answer with another penalty, a function of the lengths, the mean before and the mean after."""

    def answer(call: Call) -> tuple[Tensor, Tensor]:
        lengths = lengths_of(style_gradient(call))
        after = mean_after(call, lengths)
        return penalty(lengths, call.mean, after), after

    return answer


def _meaned(mean: Callable[[Tensor, Tensor, float], Tensor]) -> Callable[[Call], tuple[Tensor, Tensor]]:
    """The answer with another running mean, a function of the lengths, the mean before and the decay."""

    def answer(call: Call) -> tuple[Tensor, Tensor]:
        lengths = lengths_of(style_gradient(call))
        return (lengths - call.mean).square(), mean(lengths.detach(), call.mean, call.decay)

    return answer


def _scaled(power: float) -> Callable[[Call], tuple[Tensor, Tensor]]:
    """The answer with the noise divided by another power of the number of pixels."""
    return lambda call: _scaled_by(call, call.images[0, 0].numel() ** (0.5 - power))


def _scaled_by(call: Call, factor: float) -> tuple[Tensor, Tensor]:
    """The answer with lengths that are multiplied by a factor."""
    lengths = lengths_of(style_gradient(call)) * factor
    return (lengths - call.mean).square(), mean_after(call, lengths)


def _mean_of_products(power: float) -> Callable[[Call], tuple[Tensor, Tensor]]:
    """The answer with the mean of the products, divided by a power of the number of pixels."""

    def answer(call: Call) -> tuple[Tensor, Tensor]:
        return _scaled_by(call, call.images[0, 0].numel() ** (0.5 - power) / call.images.numel())

    return answer


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
    *(
        (
            _mean_of_products(power),
            "The product of images and noise is averaged; sum it, or the length depends on the batch size",
        )
        for power in (0.0, 0.5)
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
    (
        lambda call: path_length_penalty(call)[::-1],
        "The pair is exchanged: first the penalties, then the new mean",
    ),
    (
        _penalised(lambda lengths, before, after: (lengths - before).square().sum()),
        "That is the sum over the batch. Return one penalty for each sample",
    ),
    (
        _penalised(lambda lengths, before, after: (lengths - before).square() / 2),
        "The penalty is halved; it is (length − mean)²",
    ),
    (
        _penalised(lambda lengths, before, after: (lengths - before).clamp(min=0).square()),
        "Lengths below the mean cost nothing; they cost as much as those above it",
    ),
    (
        _of(lambda g: g.square().sum(1).mean(1).sqrt()),
        "The mean is over the style's numbers and the sum over the layers; it is the other way round",
    ),
    (
        lambda call: _scaled_by(call, call.images.shape[1] ** -0.5),
        "The channels are counted as pixels; divide the noise by the root of height · width alone",
    ),
    (
        lambda call: path_length_penalty(call._replace(noise=torch.ones_like(call.noise))),
        "The noise isn't used: the images are multiplied by it",
    ),
    (
        _meaned(lambda lengths, before, decay: torch.lerp(lengths, before.expand_as(lengths), decay)),
        "There is a new mean for each sample; take the mean of the lengths over the batch",
    ),
    (
        _meaned(lambda lengths, before, decay: torch.lerp(lengths.sum(), before, decay)),
        "The new mean is made of the sum of the lengths; take their mean",
    ),
    (
        _meaned(lambda lengths, before, decay: torch.lerp((lengths - before).square().mean(), before, decay)),
        "The new mean is made of the penalties; take the mean of the lengths",
    ),
    *(
        (
            _of(lambda g, epsilon=epsilon: (g.square().sum(2).mean(1) + epsilon).sqrt()),
            f"{epsilon:g} is added below the root, which makes short paths longer; add nothing",
        )
        for epsilon in (1e-6, 1e-8, 1e-10, 1e-12)
    ),
]
