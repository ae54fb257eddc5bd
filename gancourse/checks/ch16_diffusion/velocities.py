"""Checks of v: what a network is trained towards, and the way back from it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from gancourse.checks.ch16_diffusion.levels import SHAPES, Place, data, fractions, misplaced, of_samples, tolerant
from gancourse.checks.engine.comparison import PRECISIONS, Gradients, Mistake, Values, single_precision
from gancourse.checks.engine.parts import SeveralValues, joined, of_joined
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import LARGE, OF_EVERY_KIND, SMALL, NoDraws, Scaled, drawn, in_double, sizes

PAIR = "a pair of tensors, the data and the noise: `return x0, epsilon`"
Target = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Of ᾱ, the data and the noise; or of ᾱ, the state and v."""


def _v(a: Tensor, x: Tensor, e: Tensor) -> Tensor:
    return a.sqrt() * e - (1 - a).sqrt() * x


def _state(a: Tensor, x: Tensor, e: Tensor) -> Tensor:
    return a.sqrt() * x + (1 - a).sqrt() * e


def _by(target: Target, x0: Tensor, epsilon: Tensor, alpha_bar: Tensor, place: Place = of_samples) -> Tensor:
    return target(place(alpha_bar.double(), x0), x0.double(), epsilon.double()).to(x0.dtype)


v_target = partial(_by, _v)
"""The right answer."""

TARGETS: list[tuple[Target, str]] = [
    (lambda a, x, e: (1 - a).sqrt() * x - a.sqrt() * e, "v has its sign turned: it is √ᾱ ε − √(1 − ᾱ) x0."),
    (lambda a, x, e: a.sqrt() * e + (1 - a).sqrt() * x, "The two parts are added: v is √ᾱ ε *minus* √(1 − ᾱ) x0."),
    (
        lambda a, x, e: a.sqrt() * x - (1 - a).sqrt() * e,
        "x0 and ε are exchanged: √ᾱ belongs to ε in v, and to x0 in the state.",
    ),
    (lambda a, x, e: (1 - a).sqrt() * e - a.sqrt() * x, "√ᾱ and √(1 − ᾱ) are exchanged: √ᾱ belongs to ε."),
    (_state, "That is the state, √ᾱ x0 + √(1 − ᾱ) ε; v is its derivative along the circle."),
    (lambda a, x, e: a * e - (1 - a) * x, "Both square roots are missing."),
    (lambda a, x, e: a * e - (1 - a).sqrt() * x, "The root of ᾱ is missing."),
    (lambda a, x, e: a.sqrt() * e - (1 - a) * x, "The root of 1 − ᾱ is missing."),
    (lambda a, x, e: a.sqrt() * e - (1 - a.sqrt()) * x, "The factor of x0 is 1 − √ᾱ; it is √(1 − ᾱ)."),
    (lambda a, x, e: a * e - (1 - a.square()).sqrt() * x, "`alpha_bar` is taken for √ᾱ; it is ᾱ, whose root is taken."),
    (lambda a, x, e: e - x, "That is a flow's velocity, ε − x0; v has the factors √ᾱ and √(1 − ᾱ)."),
    (lambda a, x, e: x - e, "That is a flow's velocity with its sign turned, x0 − ε."),
    (lambda a, x, e: a.sqrt() * e - x, "x0 lacks its factor √(1 − ᾱ)."),
    (lambda a, x, e: e - (1 - a).sqrt() * x, "ε lacks its factor √ᾱ."),
    (lambda a, x, e: a.sqrt() * e, "The part of x0 is missing."),
    (lambda a, x, e: -(1 - a).sqrt() * x, "The part of ε is missing."),
    (lambda a, x, e: e, "That is ε itself, another target."),
    (lambda a, x, e: x, "That is x0 itself, another target."),
    (
        lambda a, x, e: a.sqrt() * e - (1 - a).sqrt() * _state(a, x, e),
        "The state is in the place of x0: v is made of the data themselves.",
    ),
    (
        lambda a, x, e: (a.sqrt() * _state(a, x, e) - x) / (1 - a).sqrt(),
        "v is right, but it is divided by √(1 − ᾱ) on the way, which may be 0.",
    ),
    (
        lambda a, x, e: (e - (1 - a).sqrt() * _state(a, x, e)) / a.sqrt(),
        "v is right, but it is divided by √ᾱ on the way, which may be 0.",
    ),
    (lambda a, x, e: _v(a.clamp(1e-8, 1 - 1e-8), x, e), "ᾱ is cut off at 1e-8; it may be 0 or 1 here."),
    (lambda a, x, e: _v(a.clamp(1e-5, 1 - 1e-5), x, e), "ᾱ is cut off at 1e-5; it may be 0 or 1 here."),
    (lambda a, x, e: _v(a, x, e).clamp(-1, 1), "v is clipped to ±1; it may be larger."),
    (lambda a, x, e: _v(a.square(), x, e), "ᾱ is squared."),
    (lambda a, x, e: _v(a.sqrt(), x, e), "A root too many: ᾱ is taken for its own square."),
    (lambda a, x, e: (a.sqrt() * e - (1 - a).sqrt() * x).mean(), "v is averaged; return one of x0's shape."),
    (lambda a, x, e: a.sqrt() * e - (1 + a).sqrt() * x, "The factor of x0 is √(1 + ᾱ); it is √(1 − ᾱ)."),
]
V_MISTAKES = [
    *misplaced(v_target),
    *(Mistake(tolerant(partial(_by, target)), message) for target, message in TARGETS),
    single_precision(v_target),
]


def from_v(x: Tensor, v: Tensor, alpha_bar: Tensor, place: Place = of_samples) -> tuple[Tensor, Tensor]:
    """The right answer: the inverse of a rotation is its transpose."""
    return _by(_x0, x, v, alpha_bar, place), _by(_epsilon, x, v, alpha_bar, place)


def _x0(a: Tensor, x: Tensor, v: Tensor) -> Tensor:
    return a.sqrt() * x - (1 - a).sqrt() * v


def _epsilon(a: Tensor, x: Tensor, v: Tensor) -> Tensor:
    return (1 - a).sqrt() * x + a.sqrt() * v


DATA: list[tuple[Target, str]] = [
    (lambda a, x, v: a.sqrt() * x + (1 - a).sqrt() * v, "x0 has the wrong sign before v: it is √ᾱ x − √(1 − ᾱ) v."),
    (lambda a, x, v: (1 - a).sqrt() * v - a.sqrt() * x, "x0 has its sign turned: it is √ᾱ x − √(1 − ᾱ) v."),
    (lambda a, x, v: a.sqrt() * v - (1 - a).sqrt() * x, "In x0, x and v are exchanged."),
    (lambda a, x, v: (1 - a).sqrt() * x - a.sqrt() * v, "In x0, √ᾱ and √(1 − ᾱ) are exchanged."),
    (lambda a, x, v: (x - (1 - a).sqrt() * v) / a.sqrt(), "x0 is computed as if v were ε."),
    (lambda a, x, v: v, "x0 is v itself."),
    (lambda a, x, v: x - v, "x0 is a flow's, x − v; here it is √ᾱ x − √(1 − ᾱ) v."),
    (lambda a, x, v: x - (1 - a).sqrt() * v, "In x0, x lacks its factor √ᾱ."),
    (lambda a, x, v: x - (1 - a) * v, "x0 is a flow's, with 1 − ᾱ as its time."),
    (lambda a, x, v: a * x - (1 - a) * v, "In x0 the square roots are missing."),
    (lambda a, x, v: a * x - (1 - a).sqrt() * v, "In x0 the root of ᾱ is missing."),
    (lambda a, x, v: a.sqrt() * x - (1 - a) * v, "In x0 the root of 1 − ᾱ is missing."),
    (lambda a, x, v: a.sqrt() * x - (1 - a.sqrt()) * v, "In x0 the factor of v is 1 − √ᾱ; it is √(1 − ᾱ)."),
    (lambda a, x, v: _x0(a, x, v) / a.sqrt(), "x0 is divided by √ᾱ at the end; that isn't needed."),
    (lambda a, x, v: a.sqrt() * x, "In x0 the part of v is missing."),
    (lambda a, x, v: _x0(a, x, v).clamp(-1, 1), "x0 is clipped to ±1; the exercise asks for it as it is."),
    (
        lambda a, x, v: (x - (1 - a).sqrt() * _epsilon(a, x, v)) / a.sqrt(),
        "x0 is computed by a division by √ᾱ, which may be 0: substitute, and nothing is divided.",
    ),
]
NOISE: list[tuple[Target, str]] = [
    (lambda a, x, v: a.sqrt() * v - (1 - a).sqrt() * x, "ε has the wrong sign before x: it is √(1 − ᾱ) x + √ᾱ v."),
    (lambda a, x, v: (1 - a).sqrt() * x - a.sqrt() * v, "ε has the wrong sign before v: it is √(1 − ᾱ) x + √ᾱ v."),
    (lambda a, x, v: a.sqrt() * x + (1 - a).sqrt() * v, "In ε, √ᾱ and √(1 − ᾱ) are exchanged."),
    (lambda a, x, v: v, "ε is v itself."),
    (lambda a, x, v: x + v, "ε is a flow's, with wrong factors; here it is √(1 − ᾱ) x + √ᾱ v."),
    (lambda a, x, v: (1 - a) * x + a * v, "In ε the square roots are missing."),
    (lambda a, x, v: (1 - a) * x + a.sqrt() * v, "In ε the root of 1 − ᾱ is missing."),
    (lambda a, x, v: (1 - a).sqrt() * x + a * v, "In ε the root of ᾱ is missing."),
    (lambda a, x, v: a.sqrt() * v, "In ε the part of x is missing."),
    (lambda a, x, v: (1 - a).sqrt() * x + v, "In ε, v lacks its factor √ᾱ."),
    (lambda a, x, v: x + a.sqrt() * v, "In ε, x lacks its factor √(1 − ᾱ)."),
    (lambda a, x, v: x - a.sqrt() * _x0(a, x, v), "ε isn't divided by √(1 − ᾱ); solve for it so that nothing is."),
    (
        lambda a, x, v: (x - a.sqrt() * _x0(a, x, v)) / (1 - a).sqrt(),
        "ε is computed by a division by √(1 − ᾱ), which may be 0: substitute, and nothing is divided.",
    ),
    (
        lambda a, x, v: (v + (1 - a).sqrt() * _x0(a, x, v)) / a.sqrt(),
        "ε is computed by a division by √ᾱ, which may be 0: substitute, and nothing is divided.",
    ),
    (
        lambda a, x, v: (x - a.sqrt() * _x0(a, x, v).clamp(-1, 1)) / (1 - a).sqrt(),
        "ε belongs to an x0 that was clipped; the exercise doesn't clip.",
    ),
]


def _both(of_data: Target, of_noise: Target, x: Tensor, v: Tensor, alpha_bar: Tensor) -> tuple[Tensor, Tensor]:
    return _by(of_data, x, v, alpha_bar), _by(of_noise, x, v, alpha_bar)


BACK_MISTAKES = [
    *misplaced(from_v),
    *(Mistake(partial(_both, target, _epsilon), message) for target, message in DATA),
    *(Mistake(partial(_both, _x0, target), message) for target, message in NOISE),
    Mistake(partial(_both, _epsilon, _x0), "The two are exchanged: x0 is the first."),
    Mistake(lambda x, v, a: from_v(v, x, a), "x and v are exchanged: the state is the first argument."),
    Mistake(lambda x, v, a: from_v(x, v, a.square()), "`alpha_bar` is taken for √ᾱ; it is ᾱ, whose root is taken."),
    Mistake(lambda x, v, a: from_v(x, v, a.sqrt()), "A root too many is taken of ᾱ."),
    Mistake(lambda x, v, a: from_v(x, v, 1 - a), "ᾱ is taken for 1 − ᾱ."),
    Mistake(lambda x, v, a: from_v(x, -v, a), "v has its sign turned: it is √ᾱ ε − √(1 − ᾱ) x0."),
    *(
        Mistake(lambda x, v, a, e=e: from_v(x, v, a.clamp(e, 1 - e)), f"ᾱ is cut off at {e:g}; it may be 0 or 1 here.")
        for e in (1e-3, 1e-4, 1e-5, 1e-6, 1e-8)
    ),
    *(
        Mistake(partial(_both, of_data, of_noise), f"{about_data} {about_noise}")
        for of_data, about_data in DATA
        for of_noise, about_noise in NOISE
    ),
    single_precision(from_v),
]


def _case(k: int, shape: tuple[int, ...], names: tuple[str, str], about: str, dtype: torch.dtype) -> Case:
    args = {names[0]: data(k, shape), names[1]: drawn(300 + k, *shape), "alpha_bar": fractions(k, shape[0])}
    return Case({key: value.to(dtype) for key, value in args.items()}, about)


def _cases_of(names: tuple[str, str], example: tuple[list[float], list[float]]) -> Callable[[], list[Case]]:
    def cases() -> list[Case]:
        tried = []
        for dtype in PRECISIONS:
            first, second = (torch.tensor([numbers], dtype=dtype) for numbers in example)
            alpha_bar = torch.tensor([0.64], dtype=dtype)
            tried.append(Case({names[0]: first, names[1]: second, "alpha_bar": alpha_bar}, "the task's example"))
            tried += [_case(k, shape, names, about, dtype) for k, (shape, about) in enumerate(SHAPES)]
            ends = _case(30, (4, 3), names, "ᾱ of 0 and of 1", dtype)
            alpha_bar = torch.tensor([0.0, 1.0, 0.5, 0.0], dtype=dtype)
            tried.append(ends._replace(args=ends.args | {"alpha_bar": alpha_bar}))
        return tried

    return cases


def _swept_of(names: tuple[str, str]) -> Callable[[], list[Case]]:
    def cases() -> list[Case]:
        tried = []
        for k in range(20):
            n, n_channels, height, width = sizes(69_000 + k, 6, 4, 5, 6)
            shape = (n, n_channels) if k % 3 == 0 else (n, n_channels, height, width)
            tried.append(_case(400 + k, shape, names, "sizes at random", torch.float64))
        return tried

    return cases


V_CASES = _cases_of(("x0", "epsilon"), ([1.0, 2.0], [10.0, 0.0]))
V_SWEPT = _swept_of(("x0", "epsilon"))
BACK_CASES = _cases_of(("x", "v"), ([6.8, 1.6], [7.4, -1.2]))
BACK_SWEPT = _swept_of(("x", "v"))
BOTH = "Gradients reach both tensors; detach neither."


def _factors(*names: str) -> list[dict[str, float]]:
    return [{**dict.fromkeys(names, factor), "result": factor} for factor in (LARGE, SMALL)]


VELOCITY = Exercise(
    "ex-16-velocity",
    "v_target(x0, epsilon, alpha_bar)",
    points=1,
    steps=[
        NoDraws(V_CASES, "the noise is `epsilon`, an argument"),
        Values(V_CASES, v_target, V_MISTAKES),
        NoSideEffects(V_CASES),
        Values(V_SWEPT, v_target, V_MISTAKES, OF_EVERY_KIND),
        Scaled(V_SWEPT, v_target, _factors("x0", "epsilon")),
        Gradients(in_double(V_CASES), v_target, free=["alpha_bar"], hint=BOTH),
    ],
    description="Points and images, ᾱ from 0 to 1, one for each sample, gradients, in both precisions.",
)
FROM_VELOCITY = Exercise(
    "ex-16-from-velocity",
    "from_v(x, v, alpha_bar)",
    points=2,
    steps=[
        SeveralValues(BACK_CASES, from_v, PAIR, BACK_MISTAKES),
        NoSideEffects(BACK_CASES),
        SeveralValues(BACK_SWEPT, from_v, PAIR, BACK_MISTAKES),
        of_joined(Scaled(BACK_SWEPT, joined(from_v), _factors("x", "v"))),
        of_joined(Gradients(in_double(BACK_CASES), joined(from_v), free=["alpha_bar"], hint=BOTH)),
    ],
    description="Points and images, ᾱ from 0 to 1, one for each sample, gradients, in both precisions.",
)
