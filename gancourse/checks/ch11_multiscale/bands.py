"""Check of the loss of one level of LAPGAN's discriminators: what it sees, and what it leaves alone."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from gancourse.checks.ch11_multiscale.level_losses import (
    MISTAKES,
    SHAPES,
    BandGenerator,
    LevelDiscriminator,
    batch,
    level_loss,
    players,
)
from gancourse.checks.engine.comparison import PRECISIONS
from gancourse.checks.engine.probe import attempt
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import random_numbers_kept
from gancourse.checks.engine.verdict import Wrong, same, show
from gancourse.checks.engine.watching import complain_of_gradients, complain_of_hooks, mark_gradients

FINITE = (
    "It must be finite for large scores: don't form the sigmoid; −log σ(s) = softplus(−s) and −log(1 − σ(s)) = "
    "softplus(s)"
)
CAPPED = (
    "For scores of ±1000 the loss is as large. Something caps it: a clamp, an ε beside the sigmoid, or torch's "
    "binary_cross_entropy, whose logarithms end at −100. Write it with softplus, which needs none of them"
)
NO_FINITE_GRADIENT = (
    "has the right value, but its gradient in D's weights isn't finite: torch.where differentiates both of its "
    "branches, also an exponential that overflows. Write the loss with softplus"
)


def _check_values(n: int, dtype: torch.dtype, scale: float, name: str, function: Callable) -> None:
    """Values and D's gradients for one batch, and all that the loss should leave alone."""
    g, d = players(dtype, scale)
    image, z, *filters = batch(n, dtype)
    size = " × ".join(map(str, SHAPES[n]))
    sure = "" if scale == 1 else ", and scores of ±1000"
    text = f"{name}(…) for {n} image{'s' * (n > 1)} of {size} in {str(dtype).removeprefix('torch.')}{sure}"
    arguments = [g, d, image.clone(), z.clone(), *filters]
    weights = [*g.parameters(), *d.parameters()]
    mark_gradients(weights)
    before = copy.deepcopy(weights)
    with random_numbers_kept(text):
        value = attempt(name, function, arguments, text)
    if not isinstance(value, Tensor):
        raise Wrong(f"{text} returned {show(value)}; expected a tensor of shape [{n}]")
    for key, mine, original in zip(("image", "z"), arguments[2:4], (image, z), strict=True):
        if not torch.equal(mine, original):
            raise Wrong(f"{text} changed {key} in place; leave the batch as it is")
        if mine.requires_grad:
            raise Wrong(f"{text} set requires_grad of {key}; leave the batch as it is")
    if not all(map(torch.equal, weights, before)):
        raise Wrong(f"{text} changed weights of the networks; return the loss, and leave the step to the optimiser")
    complain_of_hooks(text, [*weights, *g.modules(), *d.modules()])
    if not all(weight.requires_grad for weight in weights):
        raise Wrong(f"{text} leaves weights with requires_grad=False; the next update would skip them")
    complain_of_gradients(text, weights)
    expected = level_loss(*(right := players(dtype, scale)), *batch(n, dtype))
    if not same(value, expected):
        reason = _diagnosis(value, n, dtype) if scale == 1 else FINITE if _overflows(value) else CAPPED
        raise Wrong(f"{text} gave {_digits(value, expected)}; expected {_digits(expected, value)}. {reason}")
    if value.dtype != dtype:
        raise Wrong(f"{text} returned {value.dtype}; expected {dtype}, as image is")
    _check_gradients(text, value, g, d, expected, right[1])
    _check_mode(text, g, d)
    if not all(map(same, g.buffers(), right[0].buffers())):
        raise Wrong(
            f"{text} leaves other running means in G's BatchNorm than one call in train mode does; leave its buffers "
            "to it"
        )


def _digits(value: Tensor, other: Tensor) -> str:
    """The value, with as many digits as it takes to tell it from the other one."""
    return show(value) if show(value) != show(other) else str([round(v, 9) for v in value.flatten().tolist()])


def _diagnosis(value: Tensor, n: int, dtype: torch.dtype) -> str:
    for answer, message in MISTAKES:
        wrong = answer(*players(dtype), *batch(n, dtype))
        if same(value, wrong) and (n > 1 or wrong.ndim):  # a batch of one is its own mean
            return message
    if value.shape != (n,):
        return f"The shape should be [{n}]: one value for each image"
    return "It is −log D(h + l, l) − log(1 − D(h̃ + l, l)) with l = u(d(I)), h = I − l, h̃ = G(z, l) and D = σ(score)"


def _check_gradients(text: str, value: Tensor, g: nn.Module, d: nn.Module, right: Tensor, right_d: nn.Module) -> None:
    if not value.requires_grad:
        raise Wrong(f"{text} has the right value, but no gradient flows back to D: no detach and no_grad around D")
    weights = [weight for weight in g.parameters() if weight.requires_grad]
    reaches_g = torch.autograd.grad(value.sum(), weights, retain_graph=True, allow_unused=True) if weights else ()
    if any(gradient is not None for gradient in reaches_g):
        raise Wrong(f"{text} has the right value, but its gradient reaches G: detach G's band in D's loss")
    expected = torch.autograd.grad(right.sum(), list(right_d.parameters()))
    mine = torch.autograd.grad(value.sum(), list(d.parameters()), allow_unused=True)
    if any(gradient is not None and not gradient.isfinite().all() for gradient in mine):
        raise Wrong(f"{text} {NO_FINITE_GRADIENT}")
    if any(a is None or not same(a, b) for a, b in zip(mine, expected, strict=True)):
        raise Wrong(f"{text} has the right value, but not the right gradient in D's weights: what of D is detached?")


def _check_mode(text: str, g: BandGenerator, d: LevelDiscriminator) -> None:
    if False in d.modes:
        raise Wrong(f"{text} calls D in eval mode; it is being trained, so it stays in train mode")
    if not all(module.training for network in (g, d) for module in network.modules()):
        raise Wrong(f"{text} leaves a network in eval mode; the next update would train with frozen BatchNorm")
    if not g.norm.num_batches_tracked:
        raise Wrong(f"{text}: G's BatchNorm doesn't count the call; generate with G itself, in train mode, not a copy")
    if g.n_calls != 1:
        raise Wrong(
            f"{text} calls G {g.n_calls} times; once is enough, and in train mode its BatchNorm counts each call"
        )


def _overflows(value: Tensor) -> bool:
    return not value.isfinite().all()


def _check_other_batches(dtype: torch.dtype, name: str, function: Callable) -> None:
    """Several batches of the same shapes, whose losses are used only after the last call."""
    draws = [(n, draw) for draw in (1, 2, 1) for n in SHAPES]
    losses = []
    for n, draw in draws:
        text = f"{name}(…) for another batch of {n} image{'s' * (n > 1)}"
        expected = level_loss(*players(dtype), *batch(n, dtype, draw))
        loss = attempt(name, function, [*players(dtype), *batch(n, dtype, draw)], text)
        if not same(loss, expected):
            raise Wrong(
                f"{text} gave {_digits(loss, expected)}; expected {_digits(expected, loss)}. Something of an earlier "
                "call is still in use: keep nothing between calls, since each batch has its own l and z"
            )
        losses.append((text, loss, expected))
    for text, loss, expected in losses:
        if not same(loss, expected):
            raise Wrong(f"{text} returned {show(expected)}, which a later call changed: make a new result at each call")


def _check_frozen(name: str, function: Callable) -> None:
    """A trainer may have frozen G, all of it or a part, while D learns; that stays so."""
    for frozen in ("", "last."):
        g, d = players(torch.float64)
        for key, weight in g.named_parameters():
            weight.requires_grad_(not key.startswith(frozen))
        before = [weight.requires_grad for weight in g.parameters()]
        text = f"{name}(…) with {'a part of G' if frozen else 'G'} frozen"
        value = attempt(name, function, [g, d, *batch(4, torch.float64)], text)
        if before != [weight.requires_grad for weight in g.parameters()]:
            raise Wrong(
                f"{text}, as a trainer has it while D learns, changed requires_grad of G's weights. Leave it alone: "
                "detach() or torch.no_grad() keeps the gradient from G"
            )
        right_g, right_d = players(torch.float64)
        _check_gradients(text, value, g, d, level_loss(right_g, right_d, *batch(4, torch.float64)), right_d)


def _step(n: int, dtype: torch.dtype, scale: float) -> Callable[[str, Callable], None]:
    return lambda name, function: _check_values(n, dtype, scale, name, function)


LEVEL_LOSS = Exercise(
    "ex-11-level-loss",
    "level_loss(generator, discriminator, image, z, down, up)",
    points=3,
    steps=[
        *(_step(n, dtype, 1.0) for dtype in PRECISIONS for n in SHAPES),
        # In double precision only: rounding of the features counts 2000 times as much.
        *(_step(n, torch.float64, scale) for scale in (2000.0, -2000.0) for n in SHAPES),
        *(partial(_check_other_batches, dtype) for dtype in PRECISIONS),
        _check_frozen,
    ],
    description="One to four images of even and odd sizes, two pairs of filters, large scores, D's gradients.",
)
