"""Check of a clipped estimate of the data, and of the noise that belongs to it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from gancourse.checks.ch16_diffusion.levels import (
    SHAPES,
    Place,
    data,
    fractions,
    fractions_near_ends,
    misplaced,
    of_samples,
)
from gancourse.checks.engine.comparison import PRECISIONS, Gradients, Mistake, single_precision
from gancourse.checks.engine.parts import SeveralValues, joined, of_joined
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import NoDraws, drawn, in_double, sizes

PAIR = "a pair of tensors, the clipped data and their noise: `return x0, epsilon`"
Estimate = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Of ᾱ, x and ε."""
Noise = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""Of ᾱ, x, ε and an estimate of the data."""


def _free(a: Tensor, x: Tensor, e: Tensor) -> Tensor:
    """The estimate before it is clipped."""
    return (x - (1 - a).sqrt() * e) / a.sqrt()


def _clip(a: Tensor, x: Tensor, e: Tensor) -> Tensor:
    return _free(a, x, e).clamp(-1, 1)


def _again(a: Tensor, x: Tensor, e: Tensor, x0: Tensor) -> Tensor:
    return (x - a.sqrt() * x0) / (1 - a).sqrt()


def _by(
    estimate: Estimate,
    noise: Noise,
    x: Tensor,
    epsilon: Tensor,
    alpha_bar: Tensor,
    place: Place = of_samples,
) -> tuple[Tensor, Tensor]:
    a, x_, e = place(alpha_bar.double(), x), x.double(), epsilon.double()
    x0 = estimate(a, x_, e)
    return x0.to(x.dtype), noise(a, x_, e, x0).to(x.dtype)


clipped_estimate = partial(_by, _clip, _again)
"""The right answer."""


def _dynamic(a: Tensor, x: Tensor, e: Tensor) -> Tensor:
    x0 = _free(a, x, e)
    return x0 / x0.abs().flatten(1).amax(1).clamp(min=1).view(-1, *[1] * (x0.ndim - 1))


ESTIMATES: list[tuple[Estimate, str]] = [
    (_free, "The estimate isn't clipped."),
    (lambda a, x, e: _free(a, x, e).clamp(0, 1), "The estimate is clipped to 0 … 1; images are within −1 and 1."),
    (lambda a, x, e: _free(a, x, e).clamp(max=1), "The estimate is clipped above alone; −1 is a bound as well."),
    (lambda a, x, e: _free(a, x, e).clamp(min=-1), "The estimate is clipped below alone; 1 is a bound as well."),
    (lambda a, x, e: _free(a, x, e).clamp(-0.5, 0.5), "The estimate is clipped to ±½; images are within −1 and 1."),
    (lambda a, x, e: _free(a, x, e).clamp(-2, 2), "The estimate is clipped to ±2; images are within −1 and 1."),
    (lambda a, x, e: _free(a, x, e).tanh(), "The estimate passes a tanh, which changes numbers within −1 and 1 too."),
    (_dynamic, "The estimate is divided by its largest number; each number is clipped by itself."),
    (lambda a, x, e: _free(a, x.clamp(-1, 1), e), "x is clipped; the estimate of the data should be."),
    (lambda a, x, e: _free(a, x.clamp(-1, 1), e).clamp(-1, 1), "x is clipped before the estimate; clip only that."),
    (lambda a, x, e: _clip(a, x, e.clamp(-1, 1)), "ε is clipped before the estimate; noise may be larger than 1."),
    (lambda a, x, e: x.clamp(-1, 1), "That is the state, clipped; the estimate of the data should be."),
    (
        lambda a, x, e: (x - (1 - a).sqrt() * e).clamp(-1, 1),
        "The estimate isn't divided by √ᾱ.",
    ),
    (lambda a, x, e: (x - (1 - a).sqrt() * e).clamp(-1, 1) / a.sqrt(), "It is clipped before the division by √ᾱ."),
    (lambda a, x, e: ((x - (1 - a).sqrt() * e) / a).clamp(-1, 1), "The estimate is divided by ᾱ; divide by √ᾱ."),
    (lambda a, x, e: ((x - (1 - a) * e) / a.sqrt()).clamp(-1, 1), "In the estimate the root of 1 − ᾱ is missing."),
    (lambda a, x, e: ((x - (1 - a) * e) / a).clamp(-1, 1), "In the estimate both roots are missing."),
    (lambda a, x, e: ((x + (1 - a).sqrt() * e) / a.sqrt()).clamp(-1, 1), "In the estimate the noise is added."),
    (
        lambda a, x, e: ((x - a.sqrt() * e) / (1 - a).sqrt()).clamp(-1, 1),
        "In the estimate √ᾱ and √(1 − ᾱ) are exchanged.",
    ),
    (lambda a, x, e: (x / a.sqrt() - (1 - a).sqrt() * e).clamp(-1, 1), "In the estimate ε isn't divided by √ᾱ."),
    (lambda a, x, e: (a.sqrt() * x - (1 - a).sqrt() * e).clamp(-1, 1), "The estimate treats ε as v."),
    (lambda a, x, e: (x - e).clamp(-1, 1), "The estimate is x − ε, without factors."),
    (
        lambda a, x, e: (
            (a.rsqrt() * (x - (1 - a) / (1 - a).sqrt() * e) + 0 * x).sign() * _free(a, x, e).abs().clamp(0, 0.995)
        ),
        "The estimate is clipped to ±0.995.",
    ),
    (
        lambda a, x, e: torch.where(_free(a, x, e).abs() > 1, torch.zeros_like(x), _free(a, x, e)),
        "Numbers beyond ±1 are set to 0; clip them to the bound.",
    ),
    (lambda a, x, e: _free(a, x, e).sign(), "Every number is set to ±1; those within stay."),
]
NOISES: list[tuple[Noise, str]] = [
    (
        lambda a, x, e, x0: e,
        "The ε is still the network's: with the clipped x0 it doesn't give x back. Compute it anew from x and x0.",
    ),
    (lambda a, x, e, x0: _again(a, x, e, _free(a, x, e)), "The ε is computed from the estimate before it was clipped."),
    (lambda a, x, e, x0: e.clamp(-1, 1), "The ε is the network's, clipped; compute it anew from x and the clipped x0."),
    (lambda a, x, e, x0: _again(a, x, e, x0).clamp(-1, 1), "The new ε is clipped as well; noise may be larger than 1."),
    (lambda a, x, e, x0: x - a.sqrt() * x0, "The new ε isn't divided by √(1 − ᾱ)."),
    (lambda a, x, e, x0: (x - a.sqrt() * x0) / (1 - a), "The new ε is divided by 1 − ᾱ; divide by √(1 − ᾱ)."),
    (lambda a, x, e, x0: (x - a * x0) / (1 - a).sqrt(), "In the new ε the root of ᾱ is missing."),
    (lambda a, x, e, x0: (x - a * x0) / (1 - a), "In the new ε both roots are missing."),
    (lambda a, x, e, x0: (x - x0) / (1 - a).sqrt(), "In the new ε, x0 lacks its factor √ᾱ."),
    (lambda a, x, e, x0: x - x0, "The new ε is x − x0, without factors."),
    (lambda a, x, e, x0: (a.sqrt() * x0 - x) / (1 - a).sqrt(), "The new ε has its sign turned."),
    (lambda a, x, e, x0: (x + a.sqrt() * x0) / (1 - a).sqrt(), "In the new ε, x0 is added; it is subtracted."),
    (lambda a, x, e, x0: (x - (1 - a).sqrt() * x0) / a.sqrt(), "In the new ε, √ᾱ and √(1 − ᾱ) are exchanged."),
    (lambda a, x, e, x0: a.sqrt() * x0 + (1 - a).sqrt() * e, "That is a state of the clipped x0, not its ε."),
    (lambda a, x, e, x0: x, "The second is x itself."),
    (lambda a, x, e, x0: x / a.sqrt() - x0, "The new ε lacks a factor: it is √((1 − ᾱ)/ᾱ) times too small."),
    (lambda a, x, e, x0: (x - x0) / (1 - a.sqrt()), "In the new ε the factors are those of a straight path."),
    (
        lambda a, x, e, x0: (x / a.sqrt() - x0) * a / (1 - a).sqrt(),
        "In the new ε the factor √(ᾱ / (1 − ᾱ)) is wrong: it has ᾱ above the line.",
    ),
]
MISTAKES = [
    *(Mistake(partial(_by, _clip, noise), message) for noise, message in NOISES),
    *(Mistake(partial(_by, estimate, _again), message) for estimate, message in ESTIMATES),
    *misplaced(clipped_estimate),
    Mistake(lambda *args: tuple(reversed(clipped_estimate(*args))), "The two are exchanged: x0 is the first."),
    Mistake(lambda x, e, a: clipped_estimate(e, x, a), "x and ε are exchanged: the state is the first argument."),
    Mistake(lambda x, e, a: clipped_estimate(x, e, a.square()), "`alpha_bar` is taken for √ᾱ; take its root."),
    Mistake(lambda x, e, a: clipped_estimate(x, e, a.sqrt()), "A root too many is taken of ᾱ."),
    Mistake(lambda x, e, a: clipped_estimate(x, e, 1 - a), "ᾱ is taken for 1 − ᾱ."),
    *(
        Mistake(partial(_by, estimate, noise), f"{of_data} {of_noise}")
        for estimate, of_data in ESTIMATES
        for noise, of_noise in NOISES
    ),
    single_precision(clipped_estimate),
]


def _case(k: int, shape: tuple[int, ...], about: str, dtype: torch.dtype) -> Case:
    args = {"x": data(800 + k, shape), "epsilon": drawn(800 + k, *shape), "alpha_bar": fractions(800 + k, shape[0])}
    return Case({key: value.to(dtype) for key, value in args.items()}, about)


def _cases() -> list[Case]:
    """The task's example, data of all shapes, estimates within ±1 and far beyond; both precisions."""
    cases = []
    for dtype in PRECISIONS:
        x, epsilon = torch.tensor([[2.0, 0.2]], dtype=dtype), torch.tensor([[1.0, 0.0]], dtype=dtype)
        example = {"x": x, "epsilon": epsilon, "alpha_bar": torch.tensor([0.64], dtype=dtype)}
        cases.append(Case(example, "the task's example"))
        cases += [_case(k, shape, about, dtype) for k, (shape, about) in enumerate(SHAPES)]
        small = _case(20, (3, 4), "estimates within ±1, which aren't clipped", dtype).args
        small |= {"x": 0.1 * small["x"], "epsilon": 0.1 * small["epsilon"]}
        cases.append(Case(small, "estimates within ±1, which aren't clipped"))
        large = _case(21, (3, 4), "", dtype).args
        cases.append(Case(large | {"x": 50 * large["x"].sign()}, "estimates far beyond ±1, which are all clipped"))
    return cases


def _swept() -> list[Case]:
    cases = []
    for k in range(20):
        n, n_channels, height, width = sizes(71_000 + k, 6, 4, 5, 6)
        shape = (n, n_channels) if k % 3 == 0 else (n, n_channels, height, width)
        case = _case(900 + k, shape, "sizes at random, ᾱ from 0.0001 to 0.9999", torch.float64)
        cases.append(case._replace(args=case.args | {"alpha_bar": fractions_near_ends(950 + k, n)}))
    return cases


HINT = "Where x0 is clipped, it doesn't depend on x, and ε does; elsewhere it is the other way round. Detach nothing."
CLIPPING = Exercise(
    "ex-16-clipping",
    "clipped_estimate(x, epsilon, alpha_bar)",
    points=2,
    steps=[
        NoDraws(_cases, "the noise is `epsilon`, an argument"),
        SeveralValues(_cases, clipped_estimate, PAIR, MISTAKES),
        NoSideEffects(_cases),
        SeveralValues(_swept, clipped_estimate, PAIR, MISTAKES),
        of_joined(Gradients(in_double(_cases), joined(clipped_estimate), free=["alpha_bar"], hint=HINT)),
        of_joined(Gradients(_swept, joined(clipped_estimate), free=["alpha_bar"], hint=HINT)),
    ],
    description="Points and images, estimates within ±1 and beyond, ᾱ from 0.0001 to 0.9999, gradients.",
)
