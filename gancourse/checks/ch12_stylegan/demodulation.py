"""Check of StyleGAN2's demodulation: the weights of each sample, divided by what their squares add up to."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.engine.comparison import PRECISIONS, Gradients, Mistake, Values
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects

EPSILON = 1e-8
DIVISOR = "The divisor is a part of the function, of the weight and of the style: don't detach it"
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


def drawn(k: int, *shape: int) -> Tensor:
    """Normal numbers, the same for each k."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(k), dtype=torch.float64)


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


def _own(weight: Tensor, style: Tensor) -> Tensor:
    return weight * spread(style)


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
    Mistake(
        lambda w, s: _own(w, s) / (_own(w, s).var((2, 3, 4), keepdim=True, correction=0) + EPSILON).sqrt(),
        "That divides by the standard deviation of the weights; take the sum of squares, of the weights as they are.",
    ),
    *map(_epsilon, (1e-5, 1e-6, 1e-7, 1e-10, 1e-12)),
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


def _graded_weights() -> list[Case]:
    """Double precision alone: a gradient along the style is a difference of nearly equal numbers."""
    return [case for case in _weight_cases() if case.args["weight"].dtype == torch.float64]


DEMODULATED_WEIGHTS = Exercise(
    "ex-12-demodulated-weights",
    "demodulated_weights(weight, style)",
    points=3,
    steps=[
        Values(_weight_cases, demodulated_weights, WEIGHT_MISTAKES),
        Gradients(_graded_weights, demodulated_weights, hint=DIVISOR),
        NoSideEffects(_weight_cases),
    ],
    description="n ≠ m, kernels of 1 × 1 to 3 × 5, styles of both signs, tiny and zero, gradients, both precisions.",
)
