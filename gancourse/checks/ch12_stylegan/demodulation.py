"""Check of StyleGAN2's demodulation: the weights of each sample, divided by what their squares add up to."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.engine.comparison import PRECISIONS, Gradients, Mistake, Values, single_precision
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import (
    LARGE,
    OF_EVERY_KIND,
    SMALL,
    Scaled,
    drawn,
    in_double,
    sizes,
    spread_out,
)

EPSILON = 1e-8
DIVISOR = (
    "The divisor is a part of the function, of the weight and of the style: don't detach it, and take no root without "
    "the 1e-8 below it, whose gradient at zero is infinite"
)
SHAPES = [
    ((2, 3, 4, 5), (4, 3, 3, 3), "maps that aren't square, more outputs than inputs"),
    ((3, 4, 5, 3), (2, 4, 3, 3), "fewer outputs than inputs"),
    ((2, 3, 4, 4), (3, 3, 3, 3), "as many outputs as inputs"),
    ((1, 3, 4, 3), (2, 3, 3, 3), "a batch of one"),
    ((3, 2, 3, 4), (3, 2, 1, 1), "a kernel of one pixel, as for colours"),
    ((2, 1, 4, 3), (3, 1, 3, 3), "one input channel"),
    ((2, 3, 3, 3), (1, 3, 3, 3), "one output channel"),
    ((2, 2, 5, 6), (3, 2, 3, 5), "a kernel that isn't square"),
    ((4, 4, 4, 4), (4, 4, 3, 3), "as many samples, channels and pixels"),
    ((2, 3, 1, 1), (2, 3, 3, 3), "maps of one pixel"),
]
"""Shapes of maps and of weights, and what they try."""


def spread(style: Tensor) -> Tensor:
    """Styles [batch, inputs], to multiply weights [outputs, inputs, height, width] by."""
    return style[:, None, :, None, None]


def demodulated_weights(weight: Tensor, style: Tensor) -> Tensor:
    """The right answer: the squares of the style times those of the weight, by a product of matrices."""
    squares = style.square() @ weight.square().sum((2, 3)).T
    return weight * spread(style) * (squares + EPSILON).rsqrt()[:, :, None, None, None]


def _divided(axes: tuple[int, ...], reduce: str = "sum") -> Callable[..., Tensor]:
    """Modulated weights over the root of their squares' sum, or mean, over any axes of the five."""

    def answer(weight: Tensor, style: Tensor) -> Tensor:
        own = weight * spread(style)
        squares = getattr(own.square(), reduce)(axes, keepdim=True)
        return own * (squares + EPSILON).rsqrt()

    return answer


def _epsilon(epsilon: float) -> Mistake:
    def answer(weight: Tensor, style: Tensor) -> Tensor:
        own = weight * spread(style)
        return own / (own.square().sum((2, 3, 4), keepdim=True) + epsilon).sqrt()

    return Mistake(answer, f"Below the root there is {epsilon:.3g}; the exercise adds 1e-8.")


def _by_deviation(correction: int, epsilon: float) -> Callable[..., Tensor]:
    def answer(weight: Tensor, style: Tensor) -> Tensor:
        own = weight * spread(style)
        n = own[0, 0].numel()
        squares = (own - own.mean((2, 3, 4), keepdim=True)).square().sum((2, 3, 4), keepdim=True)
        return own / (squares / (n - correction) + epsilon).sqrt() if n > correction else own * torch.nan

    return answer


def _own(weight: Tensor, style: Tensor) -> Tensor:
    return weight * spread(style)


def _on_outputs(weight: Tensor, style: Tensor) -> Tensor:
    """The style on the outputs' channels, as far as there are as many, or broadcasting makes as many."""
    own = weight[None]
    if weight.shape[0] in (1, style.shape[1]):
        own = own * style[:, :, None, None, None]
    return own * (own.square().sum((2, 3, 4), keepdim=True) + EPSILON).rsqrt()


def _norm(own: Tensor) -> Tensor:
    return own.square().sum((2, 3, 4), keepdim=True).sqrt()


WEIGHT_MISTAKES = [
    Mistake(_own, "The weights are modulated, but not divided by the root of their squares' sum."),
    Mistake(
        _divided((1, 3, 4)),
        "The sum is over the *output* channels and the kernel; it is over the inputs, dim 2 here. Over the outputs the "
        "style cancels, and a square layer hides it.",
    ),
    Mistake(
        _divided((2,)),
        "The kernel is missing in the sum: it is over the input channels *and* the pixels of the kernel.",
    ),
    Mistake(
        _divided((3, 4)),
        "The sum is over the kernel alone; it is over the input channels as well, and one number for each output.",
    ),
    Mistake(
        _divided((1, 2, 3, 4)), "One number for the whole sample divides all outputs; each output channel has its own."
    ),
    Mistake(_divided((0, 2, 3, 4)), "The sum runs over the batch as well; each sample has its own divisor."),
    Mistake(
        _divided((2, 3, 4), "mean"),
        "That divides by the root of the *mean* square; with the sum, outputs of independent inputs have deviation 1.",
    ),
    Mistake(
        lambda w, s: _own(w, s) / (_norm(_own(w, s)) + EPSILON),
        "The 1e-8 is added to the root; it belongs below it, where it counts for small styles.",
    ),
    Mistake(
        lambda w, s: _own(w, s) / _norm(_own(w, s)).clamp(min=EPSILON),
        "The divisor is the larger one of the root and 1e-8, as in normalize; add the 1e-8 below the root.",
    ),
    Mistake(
        lambda w, s: _own(w, s) / _norm(_own(w, s)).clamp(min=EPSILON**0.5),
        "Below the root there is the larger one of the sum and 1e-8; add the 1e-8 to the sum.",
    ),
    Mistake(
        lambda w, s: _own(w, s) / (_own(w, s).square() + EPSILON).sum((2, 3, 4), keepdim=True).sqrt(),
        "The 1e-8 is added to each square; add it once, to their sum.",
    ),
    Mistake(
        lambda w, s: _own(w, s) / _norm(_own(w, s)),
        "The 1e-8 below the root is missing: a style of zeros would be divided by 0.",
    ),
    Mistake(
        lambda w, s: _own(w, s) / (_own(w, s).square().sum((2, 3, 4), keepdim=True) + EPSILON),
        "The root is missing: divide by the root of the sum.",
    ),
    Mistake(
        lambda w, s: _own(w * (w.square().sum((1, 2, 3), keepdim=True) + EPSILON).rsqrt(), s),
        "The weights are divided before they are modulated, so outputs keep the style's strength; modulate first.",
    ),
    Mistake(
        lambda w, s: _own(w, s * (s.square().mean(1, keepdim=True) + EPSILON).rsqrt()),
        "The *style* is normalised; it is the modulated weights that are divided, by a number for each output.",
    ),
    Mistake(
        lambda w, s: (w * (w.square().sum((1, 2, 3), keepdim=True) + EPSILON).rsqrt())[None].expand(len(s), *w.shape),
        "The style isn't in it: that is weight normalisation, the same for each sample.",
    ),
    Mistake(
        lambda w, s: demodulated_weights(w, s[:1]).expand(len(s), *w.shape),
        "Every sample has the weights of the first one's style; each has its own.",
    ),
    Mistake(
        lambda w, s: demodulated_weights(w, s).flatten(0, 1),
        "Batch and outputs are one axis; keep five: [batch, outputs, inputs, height, width].",
    ),
    *(
        Mistake(
            _by_deviation(correction, epsilon),
            "That divides by the standard deviation of the weights; take the sum of squares, of the weights as they "
            "are.",
        )
        for correction in (0, 1)
        for epsilon in (EPSILON, 0.0)
    ),
    Mistake(
        lambda w, s: w / (_own(w, s).square().sum((2, 3, 4), keepdim=True) + EPSILON).sqrt(),
        "The style is missing in the numerator: the modulated weights are divided, not the weights.",
    ),
    Mistake(
        lambda w, s: demodulated_weights(w, s.abs()),
        "The style is made positive; a negative one turns the sign of its weights, and is allowed.",
    ),
    Mistake(
        lambda w, s: _own(w, s) / (_own(w, s).abs().sum((2, 3, 4), keepdim=True) + EPSILON),
        "That divides by the sum of absolute values; take the root of the sum of squares.",
    ),
    Mistake(
        _on_outputs,
        "The style scales the *output* channels; it belongs to the inputs, dim 2 of the result.",
    ),
    *map(_epsilon, (1e-4, 1e-5, 1e-6, 1e-7, 2e-8, 1e-10, 1e-12, 1e-16)),
    single_precision(demodulated_weights),
]


def _weight_cases() -> list[Case]:
    """Shapes of all kinds; styles of e^±2, tiny and zero; in both precisions; the task's example first."""
    cases = []
    for dtype in PRECISIONS:
        weight = torch.tensor([[3.0, 4.0]], dtype=dtype)[:, :, None, None]
        style = torch.tensor([[1.0, 1.0], [4.0, 3.0]], dtype=dtype)
        cases.append(Case({"weight": weight, "style": style}, "the task's example"))
        for k, (of_x, of_weight, about) in enumerate(SHAPES):
            weight = 0.2 + drawn(300 + k, *of_weight)
            style = (1.2 * drawn(400 + k, of_x[0], of_x[1])).exp() * drawn(500 + k, of_x[0], of_x[1]).sign()
            for factor, what in ((1.0, about), (1e-4, f"{about}, with styles of about 1e-4, where the 1e-8 counts")):
                cases.append(Case({"weight": weight.to(dtype), "style": (factor * style).to(dtype)}, what))
        cases.append(
            Case(
                {"weight": torch.ones(2, 3, 3, 3, dtype=dtype), "style": torch.zeros(2, 3, dtype=dtype)}, "zero styles"
            )
        )
    return cases


def _swept_weights() -> list[Case]:
    """Sizes at random, styles over several orders of magnitude; some weights and styles are zero."""
    cases = []
    for k in range(24):
        n, n_in, n_out, of_height, of_width = sizes(1_000 + k, 7, 9, 9, 4, 4)
        weight = drawn(1_100 + k, n_out, n_in, 2 * of_height - 1, 2 * of_width - 1)
        weight[-1] *= k % 3  # every third time an output without weights
        style = spread_out(1_200 + k, n, n_in, decades=2.0, zeros=0.2)
        cases.append(Case({"weight": weight, "style": style}, "styles from 1e-5 to 1e5, weights and styles of zero"))
    return cases


ENLARGED = [
    {"style": LARGE, "result": 1.0},
    {"weight": LARGE, "result": 1.0},
    {"style": LARGE, "weight": SMALL, "result": 1.0},
]
REDUCED = [{"style": SMALL, "result": SMALL}, {"weight": SMALL, "result": SMALL}]
DEMODULATED_WEIGHTS = Exercise(
    "ex-12-demodulated-weights",
    "demodulated_weights(weight, style)",
    points=3,
    steps=[
        Values(_weight_cases, demodulated_weights, WEIGHT_MISTAKES),
        NoSideEffects(_weight_cases),
        Values(_swept_weights, demodulated_weights, WEIGHT_MISTAKES, OF_EVERY_KIND),
        # Before the gradients, which single precision makes wrong for no visible reason.
        Scaled(_weight_cases, demodulated_weights, ENLARGED),
        # A gradient along the style is a difference of nearly equal numbers.
        Gradients(in_double(_weight_cases), demodulated_weights, hint=DIVISOR),
        Gradients(_swept_weights, demodulated_weights, hint=DIVISOR),
        Scaled(_weight_cases, demodulated_weights, REDUCED),
    ],
    description="n ≠ m, kernels up to 7 × 7, styles of both signs and any size, zero too, gradients, both precisions.",
)
