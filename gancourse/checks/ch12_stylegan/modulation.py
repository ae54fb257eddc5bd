"""Check of StyleGAN2's modulated convolution: each sample is convolved with weights of its own."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from gancourse.checks.ch12_stylegan.demodulation import EPSILON, SHAPES, demodulated_weights, spread
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

ALL_THREE = "x, the weight and the style are all trained through: detach none of them, and treat no number apart"


def _each(x: Tensor, own: Tensor) -> Tensor:
    """Each sample convolved with its own weights [batch, outputs, inputs, height, width]; maps keep their size."""
    padding = (own.shape[3] // 2, own.shape[4] // 2)
    samples = zip(x, own, strict=True)
    return torch.stack([conv2d(sample[None], w, padding=padding)[0] for sample, w in samples])


def modulated_convolution(x: Tensor, weight: Tensor, style: Tensor) -> Tensor:
    """The right answer, sample by sample."""
    return _each(x, weight * spread(style))


def _with_style(change: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    return lambda x, weight, style: modulated_convolution(x, weight, change(style))


def _with_weight(change: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    return lambda x, weight, style: modulated_convolution(x, change(weight), style)


def _on_outputs(broadcast: bool) -> Callable[..., Tensor]:
    """The style on the outputs' channels, as far as there are as many, or broadcasting makes as many."""

    def answer(x: Tensor, weight: Tensor, style: Tensor) -> Tensor:
        y = modulated_convolution(x, weight, torch.ones_like(style))
        fits = len(weight) == weight.shape[1] or (broadcast and len(weight) == 1)
        return y * style[:, :, None, None] if fits else y

    return answer


def _transposed(weight: Tensor) -> Tensor:
    return weight.transpose(0, 1) if weight.shape[0] == weight.shape[1] else weight


def _padded(mode: str) -> Callable[..., Tensor]:
    def answer(x: Tensor, weight: Tensor, style: Tensor) -> Tensor:
        height, width = weight.shape[2] // 2, weight.shape[3] // 2
        if mode == "reflect" and (height >= x.shape[2] or width >= x.shape[3]):
            return x.new_full((1,), torch.nan)
        around = pad(x, (width, width, height, height), mode=mode)
        own = weight * spread(style)
        return torch.stack([conv2d(a[None], w)[0] for a, w in zip(around, own, strict=True)])

    return answer


CONVOLUTION_MISTAKES = [
    Mistake(
        _with_style(torch.ones_like),
        "The style has no effect: each weight of input channel i is multiplied by s_i of its sample.",
    ),
    Mistake(
        lambda *args: _each(args[0], demodulated_weights(*args[1:])),
        "The weights are demodulated as well; this exercise asks for the modulated ones alone.",
    ),
    Mistake(
        _with_style(lambda s: s[:1].expand_as(s)),
        "Every sample is convolved with the first one's style; each has its own.",
    ),
    Mistake(
        _with_style(lambda s: s.mean(0, keepdim=True).expand_as(s)),
        "The styles of the batch are averaged; each sample has its own.",
    ),
    Mistake(_with_style(lambda s: s.roll(1, 0)), "The styles are those of other samples, moved by one."),
    Mistake(
        _with_style(lambda s: 1 + s), "That is 1 + s: here the affine map's bias is one already, so s is a factor."
    ),
    Mistake(
        _with_style(lambda s: s.abs()),
        "The style is made positive; a negative one turns the sign of its weights, and is allowed.",
    ),
    Mistake(_with_style(lambda s: s.square()), "The style acts twice, as s²: scale x or the weight, not both."),
    Mistake(
        _with_style(lambda s: s * (s.square().mean(1, keepdim=True) + EPSILON).rsqrt()),
        "The style is normalised first. Nothing normalises styles; demodulation, not asked for here, divides weights.",
    ),
    Mistake(
        _with_style(lambda s: s * (s.square().sum(1, keepdim=True) + EPSILON).rsqrt()),
        "The style is divided by its length. Nothing normalises styles; demodulation, which isn't asked for, divides "
        "weights.",
    ),
    *(
        Mistake(
            _on_outputs(broadcast),
            "The style scales the *output* channels; it belongs to the inputs, with one number for each input channel.",
        )
        for broadcast in (False, True)
    ),
    Mistake(
        _with_weight(lambda w: w.flip(2, 3)),
        "The kernel is turned by 180°, as a transposed convolution does; conv2d takes it as it is.",
    ),
    Mistake(
        _with_weight(_transposed),
        "Inputs and outputs of the weight are exchanged; its shape is [outputs, inputs, height, width].",
    ),
    Mistake(
        _with_weight(lambda w: w / w[0].numel() ** 0.5),
        "The weight is divided by the root of its inputs' number, as for equal learning rates; take it as it is.",
    ),
    Mistake(_padded("reflect"), "The border is reflected; outside there are zeros (padding of conv2d)."),
    Mistake(_padded("circular"), "The maps repeat at the border; outside there are zeros (padding of conv2d)."),
    Mistake(_padded("replicate"), "The border is repeated; outside there are zeros (padding of conv2d)."),
    single_precision(modulated_convolution),
]


def _convolution_cases() -> list[Case]:
    """Shapes of all kinds, with styles of both signs, in both precisions; the task's example first."""
    cases = []
    for dtype in PRECISIONS:
        x = torch.ones(2, 2, 1, 1, dtype=dtype)
        weight = torch.tensor([[3.0, 4.0]], dtype=dtype)[:, :, None, None]
        style = torch.tensor([[1.0, 1.0], [2.0, 0.5]], dtype=dtype)
        cases.append(Case({"x": x, "weight": weight, "style": style}, "the task's example"))
        for k, (of_x, of_weight, about) in enumerate(SHAPES):
            n, n_in = of_x[:2]
            args = {
                "x": 0.3 + drawn(k, *of_x),
                "weight": drawn(100 + k, *of_weight),
                "style": drawn(200 + k, n, n_in) + 0.5,
            }
            cases.append(Case({key: v.to(dtype) for key, v in args.items()}, about))
            other = {key: v.flatten().roll(1).view_as(v).to(dtype) for key, v in args.items()}
            cases.append(Case(other, f"{about}; other numbers of these shapes"))
    return cases


def _swept_convolutions() -> list[Case]:
    """Sizes at random, kernels up to 7 × 7, styles over several orders of magnitude with zeros among them."""
    cases = []
    for k in range(24):
        n, n_in, n_out, height, width, of_height, of_width = sizes(600 + k, 7, 9, 9, 8, 8, 4, 4)
        kernel = (2 * of_height - 1, 2 * of_width - 1)
        args = {
            "x": 0.3 + drawn(700 + k, n, n_in, height, width),
            "weight": drawn(800 + k, n_out, n_in, *kernel),
            "style": spread_out(900 + k, n, n_in, zeros=0.2),
        }
        cases.append(Case(args, f"a kernel of {kernel[0]} × {kernel[1]}; styles of different size, some of them zero"))
    return cases


FACTORS = [
    {name: factor, "result": factor}
    for name, factor in (("style", LARGE), ("style", SMALL), ("x", LARGE), ("x", SMALL), ("weight", LARGE))
]
MODULATED_CONVOLUTION = Exercise(
    "ex-12-modulated-convolution",
    "modulated_convolution(x, weight, style)",
    points=3,
    steps=[
        Values(_convolution_cases, modulated_convolution, CONVOLUTION_MISTAKES),
        NoSideEffects(_convolution_cases),
        Values(_swept_convolutions, modulated_convolution, CONVOLUTION_MISTAKES, OF_EVERY_KIND),
        Gradients(in_double(_convolution_cases), modulated_convolution, hint=ALL_THREE),
        Gradients(_swept_convolutions, modulated_convolution, hint=ALL_THREE),
        Scaled(_convolution_cases, modulated_convolution, FACTORS),
    ],
    description="Batches of one to seven, kernels up to 7 × 7, styles of any size, gradients, in both precisions.",
)
