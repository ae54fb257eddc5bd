"""Check of adaptive instance normalisation: each channel's mean and deviation become the style's."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import instance_norm

from gancourse.checks.engine.comparison import PRECISIONS, Gradients, Mistake, Values, single_precision
from gancourse.checks.engine.probe import Case, call, call_text
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
from gancourse.checks.engine.verdict import Wrong

EPSILON = 1e-8
CONSTANTS = (
    "Mean and deviation are parts of the function of x: don't detach them, nor the style; and take no root without the "
    "1e-8 below it, whose gradient at a constant map is infinite"
)


def _maps(values: Tensor) -> Tensor:
    return values[:, :, None, None]


def adain(x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    """The right answer: centred first, so that the variance is a mean of squares."""
    centred = x - x.flatten(2).sum(2)[..., None, None] / x[0, 0].numel()
    variance = torch.einsum("nchw,nchw->nc", centred, centred) / x[0, 0].numel()
    return torch.addcmul(_maps(bias), _maps(scale * (variance + EPSILON).rsqrt()), centred)


def _by(
    over: tuple[int, ...] = (2, 3), correction: int = 0, epsilon: float = EPSILON, is_centred: bool = True
) -> Callable[..., Tensor]:
    """The answer with statistics over other axes, or with another variance."""

    def answer(x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
        n = torch.tensor([x.shape[d] for d in over]).prod().item()
        mean = x.mean(over, keepdim=True)
        variance = (x - mean).square().sum(over, keepdim=True) / (n - correction)
        return _maps(scale) * (x - mean * is_centred) / (variance + epsilon).sqrt() + _maps(bias)

    return answer


def _standard(x: Tensor, epsilon: float = EPSILON) -> Tensor:
    return _by(epsilon=epsilon)(x, x.new_ones(x.shape[:2]), x.new_zeros(x.shape[:2]))


def _bounded(x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    variance = x.var((2, 3), keepdim=True, correction=0).clamp(min=EPSILON)
    return _maps(scale) * (x - x.mean((2, 3), keepdim=True)) / variance.sqrt() + _maps(bias)


def _by_mean_square(x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    square = x.square().mean((2, 3), keepdim=True)
    return _maps(scale) * (x - x.mean((2, 3), keepdim=True)) / (square + EPSILON).sqrt() + _maps(bias)


def _outside(x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    deviation = x.var((2, 3), keepdim=True, correction=0).sqrt()
    return _maps(scale) * (x - x.mean((2, 3), keepdim=True)) / (deviation + EPSILON) + _maps(bias)


MISTAKES = [
    Mistake(
        _by(correction=1),
        "That is the unbiased variance, torch's default: divide by the number of pixels (correction=0). At 4 × 4 it is "
        "3 % of the deviation.",
    ),
    Mistake(
        _by(over=(0, 2, 3)),
        "Mean and deviation are those of the whole batch, as in batch normalisation; each sample has its own.",
    ),
    Mistake(
        _by(over=(1, 2, 3)),
        "Mean and deviation are over channels *and* pixels, as in layer normalisation; each channel has its own.",
    ),
    Mistake(_by(over=(1,)), "Mean and deviation are over the channels of a pixel; take the pixels of a channel."),
    Mistake(_by(over=(3,)), "Mean and deviation are of each row of pixels; take height *and* width."),
    Mistake(_by(is_centred=False), "The mean isn't subtracted: then the bias isn't the mean of the result."),
    Mistake(_outside, "The 1e-8 is added to the deviation; it belongs to the variance, below the root."),
    Mistake(
        lambda x, s, b: (1 + _maps(s)) * _standard(x) + _maps(b),
        "That is 1 + scale: here the affine map's bias is one already, so scale is a factor.",
    ),
    Mistake(
        lambda x, s, b: _maps(b) * _standard(x) + _maps(s),
        "Scale and bias are exchanged: scale is the new deviation, bias the new mean.",
    ),
    Mistake(
        lambda x, s, b: _maps(s) * (_standard(x) + _maps(b)), "The bias is multiplied by the scale; add it at the end."
    ),
    Mistake(
        lambda x, s, b: _maps(s[:1]) * _standard(x) + _maps(b[:1]),
        "Every sample gets the first one's style; each has its own.",
    ),
    Mistake(
        lambda x, s, b: _maps(s.mean(0, keepdim=True)) * _standard(x) + _maps(b.mean(0, keepdim=True)),
        "The styles of the batch are averaged; each sample has its own.",
    ),
    Mistake(_bounded, "Below the root there is the larger one of the variance and 1e-8; add the 1e-8 to the variance."),
    Mistake(
        _by_mean_square,
        "That divides by the root of the mean of x²; the variance is the mean of (x − μ)².",
    ),
    Mistake(lambda x, s, b: _standard(x), "That is instance normalisation alone; scale and bias are missing."),
    Mistake(lambda x, s, b: _maps(s) * _standard(x), "The bias is missing: it is the mean of the result."),
    Mistake(
        lambda x, s, b: _maps(s.abs()) * _standard(x) + _maps(b),
        "The scale is made positive; a negative one turns the map's sign, and is allowed.",
    ),
    Mistake(
        lambda x, s, b: (
            _maps(s) * (x - x.mean((2, 3), True)) / (x.var((2, 3), correction=0, keepdim=True) + EPSILON) + _maps(b)
        ),
        "That divides by the variance; divide by its root.",
    ),
    Mistake(lambda x, s, b: _maps(s) * x + _maps(b), "x isn't normalised: subtract its mean, divide by its deviation."),
    Mistake(
        lambda x, s, b: _maps(s) * instance_norm(x) + _maps(b) if x[0, 0].numel() > 1 else _maps(b) + 0 * x,
        "Below the root there is 1e-05, instance_norm's default; the exercise adds 1e-8.",
    ),
    *(
        Mistake(_by(epsilon=e), f"Below the root there is {e:.3g}; the exercise adds 1e-8.")
        for e in (1e-5, 1e-6, 1e-7, 1e-10, 1e-12)
    ),
    Mistake(_by(epsilon=0.0), "The 1e-8 below the root is missing: a map that is constant would be divided by 0."),
    single_precision(adain),
]


def _cases() -> list[Case]:
    """Maps of 1 × 1 to 8 × 8, constant, tiny and shifted; in both precisions; the task's example first."""
    cases = []
    for dtype in PRECISIONS:
        x = torch.tensor([[1.0, 3.0]], dtype=dtype).view(1, 1, 1, 2)
        style = {"scale": torch.tensor([[2.0]], dtype=dtype), "bias": torch.tensor([[5.0]], dtype=dtype)}
        cases.append(Case({"x": x} | style, "the task's example"))
        for k, (shape, about) in enumerate(
            (
                ((2, 3, 4, 4), "maps of 4 × 4"),
                ((3, 2, 2, 5), "maps that aren't square"),
                ((1, 4, 4, 3), "a batch of one"),
                ((3, 1, 3, 4), "one channel"),
                ((4, 4, 4, 4), "as many samples, channels and pixels"),
                ((2, 3, 8, 8), "maps of 8 × 8"),
            )
        ):
            generator = torch.Generator().manual_seed(k)
            x, scale, bias = (
                torch.randn(*size, generator=generator, dtype=torch.float64) for size in (shape, shape[:2], shape[:2])
            )
            # Channels and samples of different strength: statistics of too many then show.
            x = (x + 0.5) * (1 + torch.arange(x.shape[0] * x.shape[1]).view(*x.shape[:2], 1, 1))
            for factor, what in ((1.0, about), (1e-4, f"{about}, with values of about 1e-4, where the 1e-8 counts")):
                args = {"x": factor * x, "scale": scale, "bias": bias}
                cases.append(Case({key: v.to(dtype) for key, v in args.items()}, what))
        flat = torch.full((2, 2, 3, 3), 0.5, dtype=dtype)
        style = {"scale": torch.ones(2, 2, dtype=dtype), "bias": torch.arange(4.0, dtype=dtype).view(2, 2)}
        cases.append(Case({"x": flat} | style, "maps that are constant: the result is the bias"))
        cases.append(Case({"x": flat[:, :, :1, :1].clone()} | style, "maps of one pixel: the result is the bias"))
    return cases


def _scaled() -> list[Case]:
    """Maps that vary by about 1, beside which 1e-8 counts little, and less if they are larger."""
    return [c for c in in_double(_cases)() if c.args["x"].std() > 1e-3]


def _swept() -> list[Case]:
    """Sizes at random, maps of different strength: some constant, some with one bright pixel, some with scale zero."""
    cases = []
    for k in range(24):
        n, n_channels, height, width = sizes(1_300 + k, 7, 7, 12, 12)
        x = 10 ** drawn(1_400 + k, n, n_channels, 1, 1) * drawn(1_500 + k, n, n_channels, height, width)
        about = "maps of different strength, a scale of zero"
        if k % 3 == 1:
            x[0, 0] = 0.5
            about = "one map that is constant"
        elif k % 3 == 2:
            x[..., -1, -1] += 1e3 * x.abs().amax((2, 3))
            about = "maps with one bright pixel each"
        scale = spread_out(1_600 + k, n, n_channels)
        scale[-1, -1] = 0.0
        cases.append(Case({"x": x, "scale": scale, "bias": spread_out(1_700 + k, n, n_channels)}, about))
    return cases


def _shifted_case() -> Case:
    """Whole numbers around 4096, whose mean single precision holds exactly, in whatever order they are added."""
    x = 4096 + torch.randint(-3, 4, (2, 3, 8, 8), generator=torch.Generator().manual_seed(1_800)).float()
    style = {"scale": torch.ones(2, 3), "bias": torch.zeros(2, 3)}
    return Case({"x": x} | style, "maps with a mean of 4096 and a deviation of 2")


def _check_shifted(name: str, function: Callable[..., Tensor]) -> None:
    """The variance isn't what is left of two large numbers."""
    case = _shifted_case()
    difference = (call(name, function, case) - adain(*case.args.values())).abs().max()
    # Library functions that multiply before they subtract are wrong by 1e-3 here; the shortcut is by 1e-1 and more.
    if not difference < 2e-2:
        raise Wrong(
            f"{call_text(name, case)}, {case.about}, in single precision, is wrong by up to {difference:.2g}. Is the "
            "variance computed as the mean of x² less μ²? That is a difference of nearly equal numbers, of which "
            "rounding leaves nothing: subtract the mean first, then take the mean of (x − μ)²"
        )


FACTORS = [
    {"scale": LARGE, "bias": LARGE, "result": LARGE},
    {"scale": SMALL, "bias": SMALL, "result": SMALL},
    {"x": LARGE, "result": 1.0},
]
ADAIN = Exercise(
    "ex-12-adain",
    "adain(x, scale, bias)",
    points=2,
    steps=[
        Values(_cases, adain, MISTAKES),
        NoSideEffects(_cases),
        Values(_swept, adain, MISTAKES, OF_EVERY_KIND),
        Gradients(in_double(_cases), adain, hint=CONSTANTS),
        Gradients(_swept, adain, hint=CONSTANTS),
        _check_shifted,
        Scaled(_scaled, adain, FACTORS),
    ],
    description="Maps of 1 × 1 to 12 × 12, constant, tiny and far from zero ones, gradients, in both precisions.",
)
