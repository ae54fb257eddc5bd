"""Check of classifier-free guidance: a weighted sum of two predictions, in the convention of the scale 1."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.ch16_diffusion.levels import SHAPES, data
from gancourse.checks.engine.comparison import PRECISIONS, Gradients, Mistake, Values, single_precision
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import LARGE, OF_EVERY_KIND, SMALL, NoDraws, Scaled, drawn, in_double, sizes

SCALES = (3.0, 1.0, 0.0, 7.5, 0.3, -2.0, 2, 100.0)
Rule = Callable[[Tensor, Tensor, float], Tensor]


def guided(for_class: Tensor, for_none: Tensor, scale: float) -> Tensor:
    """The right answer."""
    return (scale * for_class.double() + (1 - scale) * for_none.double()).to(for_class.dtype)


def _rescaled(c: Tensor, n: Tensor, s: float) -> Tensor:
    result = guided(c, n, s)
    return result * c.std(correction=0) / result.std(correction=0)


def _unit(x: Tensor) -> Tensor:
    return x / x.flatten(1).norm(dim=1).view(-1, *[1] * (x.ndim - 1))


MISTAKES = [
    Mistake(
        lambda c, n, s: (1 + s) * c - s * n,
        "That is the convention of w, (1 + w) · for_class − w · for_none, in which w = 0 is the prediction for the "
        "class. Here the scale 1 is: scale = 1 + w.",
    ),
    Mistake(
        lambda c, n, s: s * c - (1 + s) * n,
        "The factors are scale and −(1 + scale), whose sum is −1; it has to be 1.",
    ),
    Mistake(
        lambda c, n, s: c + s * (n - c),
        "The two predictions are exchanged, as in lerp(for_class, for_none, scale): the scale 1 would be that without "
        "a class.",
    ),
    Mistake(lambda c, n, s: s * (c - n), "The prediction without a class isn't added: that is scale · (c − n) alone."),
    Mistake(lambda c, n, s: n - s * (c - n), "The guidance points away from the class: add scale · (c − n) to it."),
    Mistake(lambda c, n, s: c - s * (c - n) * -1 - n, "That lacks a prediction; the factors have to add up to 1."),
    Mistake(lambda c, n, s: n + s * c, "The prediction without a class isn't subtracted in the bracket: c − n."),
    Mistake(lambda c, n, s: c + s * n, "The two are added; for_none has the factor 1 − scale."),
    Mistake(lambda c, n, s: s * c, "The prediction without a class is missing."),
    Mistake(lambda c, n, s: c + 0 * s, "The scale isn't used: that is the prediction for the class."),
    Mistake(lambda c, n, s: n + 0 * s, "The scale isn't used: that is the prediction without a class."),
    Mistake(lambda c, n, s: s * c + n, "for_none has the factor 1; it is 1 − scale."),
    Mistake(lambda c, n, s: s * c - n, "for_none has the factor −1; it is 1 − scale."),
    Mistake(lambda c, n, s: s * c + (s - 1) * n, "for_none has the factor scale − 1; its sign is turned."),
    Mistake(lambda c, n, s: s * c - s * n + c - n, "That is (1 + scale) · (c − n); one prediction is missing."),
    Mistake(lambda c, n, s: (c + n) / 2 + 0 * s, "That is the mean of both; the scale isn't used."),
    Mistake(lambda c, n, s: (c + n) / 2 + s * (c - n), "The guidance begins at the mean of both; begin at for_none."),
    Mistake(lambda c, n, s: guided(c, n, s) / s if s else n / 0, "The sum is divided by the scale."),
    Mistake(lambda c, n, s: guided(c, n, min(max(s, 0.0), 1.0)), "The scale is cut to 0 … 1; it may be any number."),
    Mistake(
        lambda c, n, s: guided(c, n, max(s, 1.0)),
        "The scale is cut below 1, where the prediction for the class is returned; it may be any number.",
    ),
    Mistake(lambda c, n, s: guided(c, n, max(s, 0.0)), "The scale is cut at 0; it may be any number."),
    Mistake(
        lambda c, n, s: guided(c, n, s) if s else c, "The scale 0 is treated apart; it is the one without a class."
    ),
    Mistake(lambda c, n, s: guided(c, n, s * s), "The scale is squared."),
    Mistake(lambda c, n, s: guided(c, n, float(int(s))), "The scale is rounded to a whole number."),
    Mistake(lambda c, n, s: guided(c, n, abs(s)), "The scale's sign is lost."),
    Mistake(lambda c, n, s: guided(c, n, s - 1), "The scale is lessened by 1, the wrong way round: w = scale − 1."),
    Mistake(lambda c, n, s: guided(c, n, s / 2), "The scale is halved."),
    Mistake(lambda c, n, s: guided(c, n, s).clamp(-1, 1), "The prediction is clipped to ±1; it may be larger."),
    Mistake(_rescaled, "The prediction is rescaled to the deviation of for_class; the exercise doesn't."),
    Mistake(lambda c, n, s: n + s * _unit(c - n), "The difference is divided by its length; take it as it is."),
    Mistake(lambda c, n, s: torch.cat([c, n]), "The predictions stand one after the other; add them."),
    Mistake(lambda c, n, s: guided(c, n, s).mean(), "The prediction is averaged; keep its shape."),
    single_precision(guided),
]


def _case(k: int, shape: tuple[int, ...], scale: float, about: str, dtype: torch.dtype) -> Case:
    args = {"for_class": data(500 + k, shape).to(dtype), "for_none": drawn(500 + k, *shape).to(dtype), "scale": scale}
    return Case(args, about)


def _cases() -> list[Case]:
    """The task's example, scales of all kinds, predictions of all shapes; both precisions."""
    cases = []
    for dtype in PRECISIONS:
        example = {"for_class": torch.tensor([[2.0]], dtype=dtype), "for_none": torch.tensor([[1.0]], dtype=dtype)}
        cases.append(Case({**example, "scale": 3.0}, "the task's example"))
        cases += [_case(k, (2, 3), scale, f"the scale {scale:g}", dtype) for k, scale in enumerate(SCALES)]
        cases += [_case(20 + k, shape, 2.5, about, dtype) for k, (shape, about) in enumerate(SHAPES)]
    return cases


def _swept() -> list[Case]:
    cases = []
    for k in range(20):
        n, n_channels, height, width = sizes(70_000 + k, 6, 4, 5, 6)
        shape = (n, n_channels) if k % 3 == 0 else (n, n_channels, height, width)
        scale = round(3 * drawn(70_100 + k, 1).item(), 3)
        cases.append(_case(600 + k, shape, scale, "sizes and a scale at random", torch.float64))
    return cases


GUIDANCE = Exercise(
    "ex-16-guidance",
    "guided(for_class, for_none, scale)",
    points=1,
    steps=[
        NoDraws(_cases, "a guided prediction is computed from its arguments"),
        Values(_cases, guided, MISTAKES),
        NoSideEffects(_cases),
        Values(_swept, guided, MISTAKES, OF_EVERY_KIND),
        Scaled(_swept, guided, [{"for_class": f, "for_none": f, "result": f} for f in (LARGE, SMALL)]),
        Gradients(in_double(_cases), guided, hint="Gradients reach both predictions; detach neither."),
    ],
    description="Scales from −2 to 100, predictions of all shapes, gradients, in both precisions.",
)
