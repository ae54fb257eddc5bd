"""Check of pixel norm: the channels of each pixel divided by their root mean square."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import layer_norm, normalize

from gancourse.checks.engine.comparison import PRECISIONS, Gradients, Mistake, Values, single_precision
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects

EPSILON = 1e-8
NO_CONSTANT = "The mean square is a part of the function: don't detach it"


def pixel_norm(x: Tensor) -> Tensor:
    """The right answer."""
    return x * torch.rsqrt(torch.einsum("nc...,nc...->n...", x, x)[:, None] / x.shape[1] + EPSILON)


def _space(x: Tensor) -> tuple[int, ...]:
    return tuple(range(2, x.ndim)) or (1,)


def _over(x: Tensor, dims: tuple[int, ...]) -> Tensor:
    return x / (x.square().mean(dims, keepdim=True) + EPSILON).sqrt()


def _centred(x: Tensor) -> Tensor:
    return x - x.mean(1, keepdim=True)


def _layer_norm(x: Tensor) -> Tensor:
    return layer_norm(x.movedim(1, -1), x.shape[1:2], eps=EPSILON).movedim(-1, 1)


def _epsilon(epsilon: float) -> Mistake:
    return Mistake(
        lambda x: x / (x.square().mean(1, keepdim=True) + epsilon).sqrt(),
        f"Below the root there is {epsilon:.3g}; the exercise adds 1e-8.",
    )


MISTAKES = [
    Mistake(
        lambda x: x / (x.square().sum(1, keepdim=True) + EPSILON).sqrt(),
        "That divides by the root of the *sum* of squares, so that pixels have length 1; with the mean they have "
        "length √channels, and each channel is of size 1.",
    ),
    Mistake(
        lambda x: normalize(x, dim=1),
        "That is normalize: pixels of length 1, from the sum of squares. The mean square gives them length √channels.",
    ),
    Mistake(
        lambda x: normalize(x, dim=1) * x.shape[1] ** 0.5,
        "That has the right length where x is large, but no 1e-8 below the root: tiny pixels must stay tiny.",
    ),
    Mistake(
        lambda x: _over(x, _space(x)),
        "The mean is over height and width; each pixel is normalised by itself, over its channels (dim 1).",
    ),
    Mistake(
        lambda x: _over(x, tuple(range(1, x.ndim))),
        "The mean is over channels *and* pixels; each pixel has a mean of its own, over its channels.",
    ),
    Mistake(lambda x: _over(x, (0,)), "The mean is over the batch, dim 0; take the channels, dim 1."),
    Mistake(lambda x: _over(x, (-1,)), "The mean is over the last axis; channels are dim 1, also in images."),
    Mistake(
        lambda x: _over(x, tuple(range(x.ndim))), "The mean is over everything; each pixel is normalised by itself."
    ),
    Mistake(
        lambda x: x / (x.var(1, keepdim=True, correction=0) + EPSILON).sqrt(),
        "That divides by the standard deviation; the mean square is taken of x as it is, without its mean subtracted.",
    ),
    Mistake(
        lambda x: x / (_centred(x).square().sum(1, keepdim=True) / max(x.shape[1] - 1, 1) + EPSILON).sqrt(),
        "That divides by the (unbiased) standard deviation; the mean square is taken of x as it is.",
    ),
    Mistake(
        _layer_norm, "That subtracts the mean of the channels first (layer normalisation); pixel norm keeps the mean."
    ),
    Mistake(
        lambda x: x / (x.square().mean(1, keepdim=True).sqrt() + EPSILON),
        "The 1e-8 is added to the root; it belongs below it, where it counts for values of about 1e-4.",
    ),
    Mistake(
        lambda x: x / x.square().mean(1, keepdim=True).sqrt(),
        "The 1e-8 below the root is missing: a pixel that is zero would be divided by 0.",
    ),
    Mistake(
        lambda x: x / (x.square().mean(1, keepdim=True) + EPSILON), "The root is missing: divide by the root of it."
    ),
    Mistake(
        lambda x: x / x.abs().mean(1, keepdim=True).clamp(min=EPSILON),
        "That divides by the mean of absolute values; take the root of the mean square.",
    ),
    Mistake(
        lambda x: x * (x.square().mean(1, keepdim=True) + EPSILON).sqrt(), "That multiplies by the root; divide by it."
    ),
    Mistake(
        lambda x: x / x.square().mean(1, keepdim=True).clamp(min=EPSILON).sqrt(),
        "The mean square is clamped at 1e-8 (or the root at 1e-4); the exercise adds 1e-8 to it.",
    ),
    Mistake(
        lambda x: x / ((x.square().sum(1, keepdim=True) + EPSILON) / x.shape[1]).sqrt(),
        "The 1e-8 is added to the sum and divided by the number of channels; add it to the mean.",
    ),
    Mistake(
        lambda x: x / (x.square().sum(1, keepdim=True) / max(x.shape[1] - 1, 1) + EPSILON).sqrt(),
        "The sum of squares is divided by C − 1, as for an unbiased variance; divide by C, the number of channels.",
    ),
    Mistake(
        lambda x: x / (x.abs().amax(1, keepdim=True) + EPSILON),
        "That divides by the largest absolute value; take the root of the mean square.",
    ),
    *map(_epsilon, (1e-16, 1e-5, 1e-6, 1e-7, 1e-10, 1e-12, torch.finfo(torch.float32).eps)),
    single_precision(pixel_norm),
]


def _cases() -> list[Case]:
    """Latents and images, one channel, one pixel, zeros and tiny values, both precisions; the task's example first."""
    cases = []
    for dtype in PRECISIONS:
        example = torch.tensor([[3.0, 4.0], [0.0, 0.0]], dtype=dtype)
        cases.append(Case({"x": example}, "the task's example"))
        for k, (shape, about) in enumerate(
            (
                ((4, 3), "latents"),
                ((2, 5, 3, 4), "images that aren't square"),
                ((1, 4, 2, 2), "a batch of one"),
                ((1, 7), "one latent"),
                ((3, 1, 2, 3), "one channel"),
                ((5, 1), "latents of one number"),
                ((3, 6, 1, 1), "images of one pixel"),
                ((4, 4, 4, 4), "as many channels as samples and pixels"),
                ((2, 300), "latents of 300 numbers"),
                ((9, 2, 1, 3), "maps of one row"),
            )
        ):
            generator = torch.Generator().manual_seed(k)
            x = 1 + 2 * torch.randn(*shape, generator=generator, dtype=torch.float64)
            cases.append(Case({"x": x.to(dtype)}, about))
            cases.append(
                Case({"x": (1e-4 * x).to(dtype)}, f"{about}, with values of about 1e-4, where the 1e-8 counts")
            )
        hole = torch.ones(2, 3, 2, 2, dtype=dtype)
        hole[0, :, 1, 0] = 0
        cases.append(Case({"x": hole}, "an image with a pixel that is zero"))
    large = 1e25 * torch.arange(1.0, 13, dtype=torch.float64).view(3, 4)
    cases.append(Case({"x": large}, "numbers whose squares single precision can't hold"))
    return cases


def _graded() -> list[Case]:
    """The cases in double precision; a gradient along x is a difference of nearly equal numbers."""
    return [case for case in _cases() if case.args["x"].dtype == torch.float64]


PIXEL_NORM = Exercise(
    "ex-11-pixel-norm",
    "pixel_norm(x)",
    points=2,
    steps=[
        Values(_cases, pixel_norm, MISTAKES),
        Gradients(_graded, pixel_norm, hint=NO_CONSTANT),
        NoSideEffects(_cases),
    ],
    description="Latents and images, one channel, one pixel, zeros and tiny values, gradients, in both precisions.",
)
