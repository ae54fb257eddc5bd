"""Check of StyleGAN's noise: a map for each sample, a factor for each channel."""

from __future__ import annotations

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
    NoDraws,
    Scaled,
    drawn,
    sizes,
    spread_out,
)

AT_ZERO = (
    "The factors start at zero, and only their gradient lets them leave it: compute the sum for factors of zero, too, "
    "and detach nothing"
)


def add_noise(x: Tensor, noise: Tensor, factors: Tensor) -> Tensor:
    """The right answer."""
    return x + torch.einsum("nhw,c->nchw", noise[:, 0], factors)


def _column(factors: Tensor) -> Tensor:
    return factors[:, None, None]


def _along_rows(x: Tensor, noise: Tensor, factors: Tensor) -> Tensor:
    """Factors without axes of their own, which broadcast over the width."""
    return x + noise * (factors if len(factors) in (1, x.shape[3]) else factors[:1])


MISTAKES = [
    Mistake(
        lambda x, noise, factors: x + _column(factors) * noise[:1],
        "All samples get the first one's noise; each has its own map.",
    ),
    Mistake(
        lambda x, noise, factors: x + _column(factors) * noise.mean(0, keepdim=True),
        "The noise is averaged over the batch; each sample has its own map.",
    ),
    Mistake(
        lambda x, noise, factors: x + factors.mean() * noise,
        "The factors are averaged to one: that is StyleGAN2's; here each channel has its own.",
    ),
    Mistake(
        lambda x, noise, factors: x + factors[0] * noise,
        "One factor, the first, is used for all channels: that is StyleGAN2's form; here each channel has its own.",
    ),
    Mistake(
        _along_rows,
        "The factors act along the width, where broadcasting puts them; give them axes: factors[:, None, None].",
    ),
    Mistake(
        lambda x, noise, factors: x + noise, "The factors are missing: each channel's noise is multiplied by its own."
    ),
    Mistake(lambda x, noise, factors: x * (1 + _column(factors) * noise), "The noise multiplies x; it is added to it."),
    Mistake(
        lambda x, noise, factors: x + _column(factors).square() * noise,
        "The factors act twice, as squares; multiply by them once. They may be negative.",
    ),
    Mistake(
        lambda x, noise, factors: x + _column(factors).abs() * noise,
        "The factors are made positive; a negative one is allowed, and turns the noise's sign.",
    ),
    Mistake(lambda x, noise, factors: _column(factors) * noise, "That is the noise alone; add it to x."),
    Mistake(lambda x, noise, factors: x - _column(factors) * noise, "The noise is subtracted; add it."),
    Mistake(
        lambda x, noise, factors: x + _column(factors) * noise.roll(1, 0),
        "The samples get each other's noise, moved by one; each has its own map.",
    ),
    Mistake(
        lambda x, noise, factors: x + _column(factors) * noise.mean((2, 3), keepdim=True),
        "Each sample gets one number of noise; there is one for each pixel.",
    ),
    single_precision(add_noise),
]


def _cases() -> list[Case]:
    """Shapes of all kinds, factors of both signs and zero, in both precisions; the task's example first."""
    cases = []
    for dtype in PRECISIONS:
        x = torch.tensor([10.0, 20.0], dtype=dtype).view(1, 2, 1, 1).expand(1, 2, 1, 2).clone()
        noise = torch.tensor([1.0, -1.0], dtype=dtype).view(1, 1, 1, 2)
        cases.append(
            Case({"x": x, "noise": noise, "factors": torch.tensor([0.5, 2.0], dtype=dtype)}, "the task's example")
        )
        for k, (shape, about) in enumerate(
            (
                ((3, 2, 4, 5), "maps that aren't square"),
                ((2, 4, 3, 4), "as many channels as pixels in a row"),
                ((1, 3, 2, 2), "a batch of one"),
                ((4, 1, 3, 2), "one channel"),
                ((3, 3, 3, 3), "as many samples, channels and pixels"),
                ((2, 5, 1, 1), "maps of one pixel"),
            )
        ):
            generator = torch.Generator().manual_seed(k)
            n, n_channels, height, width = shape
            numbers = [
                torch.randn(*size, generator=generator, dtype=torch.float64)
                for size in (shape, (n, 1, height, width), (n_channels,))
            ]
            for factor, what in ((1.0, about), (0.0, f"{about}; factors of zero, as at the start")):
                args = dict(zip(("x", "noise", "factors"), numbers, strict=True))
                args["factors"] = factor * args["factors"]
                cases.append(Case({key: v.to(dtype) for key, v in args.items()}, what))
    return cases


def _swept() -> list[Case]:
    """Sizes at random, factors and noise over several orders of magnitude, some of them zero."""
    cases = []
    for k in range(24):
        n, n_channels, height, width = sizes(1_900 + k, 9, 12, 8, 8)
        args = {
            "x": drawn(2_000 + k, n, n_channels, height, width),
            "noise": spread_out(2_100 + k, n, 1, height, width),
            "factors": spread_out(2_200 + k, n_channels, zeros=0.3),
        }
        cases.append(Case(args, "factors and noise of different size, some of them zero"))
    return cases


FACTORS = [
    {"x": factor, other: factor, "result": factor} for factor in (LARGE, SMALL) for other in ("noise", "factors")
]
ADD_NOISE = Exercise(
    "ex-12-add-noise",
    "add_noise(x, noise, factors)",
    points=1,
    steps=[
        NoDraws(_cases, "draw none, the noise is the argument `noise`"),
        Values(_cases, add_noise, MISTAKES),
        NoSideEffects(_cases),
        Values(_swept, add_noise, MISTAKES, OF_EVERY_KIND),
        Gradients(_cases, add_noise, free=["noise"], hint=AT_ZERO),
        Gradients(_swept, add_noise, free=["noise"], hint=AT_ZERO),
        Scaled(_cases, add_noise, FACTORS),
    ],
    description="Batches of one to nine, up to twelve channels, factors of any size and 0, gradients, both precisions.",
)
