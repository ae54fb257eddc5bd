"""Check of DDPM's forward process: states at a time for each sample, from a table of β."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.ch16_diffusion.levels import (
    SHAPES,
    Place,
    data,
    linear_betas,
    misplaced,
    of_samples,
    tolerant,
    uneven_betas,
    whole_numbers,
)
from gancourse.checks.engine.comparison import PRECISIONS, Gradients, Mistake, Values, single_precision
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import LARGE, OF_EVERY_KIND, SMALL, NoDraws, Scaled, drawn, in_double, sizes

Mixed = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Of ᾱ, the data and the noise."""
Level = Callable[[Tensor, Tensor], Tensor]
"""Of times and the table of β."""


def _alpha_bar(t: Tensor, betas: Tensor) -> Tensor:
    """Products one by one, in double precision."""
    return torch.stack([(1 - betas[: k + 1].double()).prod() for k in t.tolist()])


def _mix(a: Tensor, x: Tensor, e: Tensor) -> Tensor:
    return a.sqrt() * x + (1 - a).sqrt() * e


def noised(x0: Tensor, epsilon: Tensor, t: Tensor, betas: Tensor, place: Place = of_samples) -> Tensor:
    """The right answer."""
    return _mix(place(_alpha_bar(t, betas), x0), x0.double(), epsilon.double()).to(x0.dtype)


def _by(mixed: Mixed = _mix, level: Level = _alpha_bar) -> Callable[..., Tensor]:
    def answer(x0: Tensor, epsilon: Tensor, t: Tensor, betas: Tensor, *_: object) -> Tensor:
        return mixed(of_samples(level(t, betas.double()), x0), x0.double(), epsilon.double()).to(x0.dtype)

    return tolerant(answer)


def _all(betas: Tensor) -> Tensor:
    return torch.cumprod(1 - betas, 0)


def _by_share(mixed: Callable[[Tensor, Tensor, Tensor], Tensor], longest: int = 0) -> Callable[..., Tensor]:
    return lambda x0, e, t, betas: mixed(of_samples(t.double() / (len(betas) - longest), x0), x0.double(), e.double())


def _of_levels(x0: Tensor, epsilon: Tensor, t: Tensor, betas: Tensor) -> Tensor:
    """The level of one time, in the place of the time."""
    alpha = of_samples(1 - betas[t], x0)
    return _mix(alpha, x0, epsilon)


MISTAKES = [
    *misplaced(noised),
    Mistake(
        _of_levels,
        "That is one step's α_t = 1 − β_t in the place of ᾱ_t, the product of all α up to t. (The bar is easily "
        "overlooked.)",
    ),
    Mistake(
        _by(level=lambda t, b: torch.cat([b.new_ones(1), _all(b)])[t]),
        "That is ᾱ of the time before, ᾱ_{t−1}: at time 0 no noise is left. Times begin at 0, whose ᾱ is α_0.",
    ),
    Mistake(
        _by(level=lambda t, b: _all(b)[t - 1]),
        "That is ᾱ[t − 1]; at time 0 it is the table's last number. Times begin at 0: take ᾱ[t].",
    ),
    Mistake(_by(level=lambda t, b: _all(b)[(t + 1).clamp(max=len(b) - 1)]), "That is ᾱ of the next time, ᾱ_{t+1}."),
    Mistake(
        _by(level=lambda t, b: _all(_all(b).neg() + 1)[t]), "The product is taken twice: that is ᾱ of a table of ᾱ."
    ),
    Mistake(_by(level=lambda t, b: torch.cumprod(b, 0)[t]), "That is the product of the β; ᾱ is that of α = 1 − β."),
    Mistake(
        _by(level=lambda t, b: 1 - torch.cumprod(b, 0)[t]), "ᾱ is taken for 1 − β_0 β_1 …; it is the product of 1 − β."
    ),
    Mistake(_by(level=lambda t, b: torch.cumsum(1 - b, 0)[t]), "The α are added up; ᾱ is their product."),
    Mistake(
        _by(level=lambda t, b: (1 - torch.cumsum(b, 0))[t]),
        "ᾱ is taken for 1 minus the *sum* of the β; it is the product of 1 − β.",
    ),
    Mistake(
        _by(level=lambda t, b: (1 - torch.cumsum(b, 0)).clamp(min=0)[t]),
        "ᾱ is taken for 1 minus the *sum* of the β, cut at 0; it is the product of 1 − β.",
    ),
    Mistake(
        _by(level=lambda t, b: torch.exp(-torch.cumsum(b, 0))[t]),
        "That is exp(−Σβ), the process in continuous time; of DDPM's steps ᾱ is the product of 1 − β.",
    ),
    Mistake(
        _by(level=lambda t, b: (1 - b[t]) ** (t + 1)), "That is α_t to the power t + 1; each factor has its own β."
    ),
    Mistake(_by(level=lambda t, b: _all(b)[-1].expand(len(t))), "Every sample gets the last ᾱ; t isn't used."),
    Mistake(_by(level=lambda t, b: b[t]), "β_t is taken for ᾱ_t."),
    Mistake(
        _by(level=lambda t, b: _all(b)[: len(t)]),
        "The levels are the table's first ones, in the order of the batch; take those of the times `t`.",
    ),
    Mistake(
        _by(level=lambda t, b: 1 - _all(b)[t]), "Signal and noise are exchanged: the data get √ᾱ, the noise √(1 − ᾱ)."
    ),
    Mistake(_by(level=lambda t, b: _all(b.flip(0))[t]), "The table is read from its end: time 0 is the least noise."),
    Mistake(
        _by(level=lambda t, b: _all(b)[len(b) - 1 - t]), "Times are counted from the end: time 0 is the least noise."
    ),
    Mistake(
        _by(level=lambda t, b: _all(linear_betas(len(b)))[t]),
        "The table is DDPM's own, from 0.0001 to 0.02; take `betas`.",
    ),
    Mistake(_by(level=lambda t, b: _all(linear_betas())[t]), "The table is DDPM's own, of 1000 β; take `betas`."),
    Mistake(_by(level=lambda t, b: _all(b.square())[t]), "The β are squared; α = 1 − β."),
    Mistake(_by(level=lambda t, b: _all(b.sqrt())[t]), "Roots of the β are taken; α = 1 − β."),
    Mistake(_by(level=lambda t, b: _all(b).square()[t]), "ᾱ is squared; its root multiplies the data."),
    Mistake(
        _by(lambda a, x, e: a * x + (1 - a) * e),
        "Both square roots are missing: variances add up, not deviations.",
    ),
    Mistake(
        _by(lambda a, x, e: a.sqrt() * x + (1 - a) * e), "The square root of 1 − ᾱ is missing, the noise's deviation."
    ),
    Mistake(
        _by(lambda a, x, e: a * x + (1 - a).sqrt() * e), "The square root of ᾱ is missing, the factor of the data."
    ),
    Mistake(
        _by(lambda a, x, e: a.sqrt() * x + (1 - a.sqrt()) * e),
        "The noise's factor is 1 − √ᾱ; it is √(1 − ᾱ), so that the squares add up to 1.",
    ),
    Mistake(_by(lambda a, x, e: a * x + (1 - a.square()).sqrt() * e), "ᾱ is taken for √ᾱ in both factors."),
    Mistake(_by(lambda a, x, e: a.sqrt() * x - (1 - a).sqrt() * e), "The noise is subtracted; add it."),
    Mistake(
        _by(lambda a, x, e: (1 - a).sqrt() * x - a.sqrt() * e), "That is a velocity; the state is √ᾱ x0 + √(1 − ᾱ) ε."
    ),
    Mistake(_by(lambda a, x, e: a.sqrt() * e - (1 - a).sqrt() * x), "That is v, a target of a network, not the state."),
    Mistake(_by(lambda a, x, e: a.sqrt() * x), "The noise is missing."),
    Mistake(_by(lambda a, x, e: a.sqrt() * x + e), "The noise isn't multiplied by √(1 − ᾱ)."),
    Mistake(_by(lambda a, x, e: (1 - a).sqrt() * e), "The data are missing."),
    Mistake(_by(lambda a, x, e: x + (1 - a).sqrt() * e), "The data aren't multiplied by √ᾱ: the variance would grow."),
    Mistake(_by(lambda a, x, e: x + ((1 - a) / a).sqrt() * e), "The state is divided by √ᾱ: the variance would grow."),
    Mistake(_by(lambda a, x, e: x + e), "Data and noise are added without factors."),
    Mistake(
        _by(lambda a, x, e: (x - (1 - a).sqrt() * e) / a.sqrt()), "That removes noise from a state; here it is added."
    ),
    Mistake(
        _by(lambda a, x, e: _mix(a, x, e).clamp(-1, 1)), "The state is clipped to ±1; a noised sample may be larger."
    ),
    Mistake(
        lambda x, e, t, b: _mix(of_samples(_all(b.double())[t], x), x.double(), (1 - of_samples(b[t], x)).sqrt() * e),
        "The noise is multiplied by √α_t as well.",
    ),
    Mistake(
        lambda x, e, t, b: of_samples(_all(b)[t], x).sqrt() * x + of_samples(b[t], x).sqrt() * e,
        "The noise's factor is √β_t, one step's; that of all steps up to t is √(1 − ᾱ_t).",
    ),
    Mistake(
        lambda x, e, t, b: (1 - of_samples(b[t], x)).sqrt() * x + (1 - of_samples(_all(b)[t], x)).sqrt() * e,
        "The data's factor is √α_t, one step's; that of all steps up to t is √ᾱ_t.",
    ),
    Mistake(_by_share(lambda s, x, e: (1 - s) * x + s * e), "That is a flow's straight path in t / T; β isn't used."),
    Mistake(_by_share(lambda s, x, e: (1 - s) * x + s * e, 1), "That is a flow's straight path; β isn't used."),
    Mistake(
        tolerant(lambda x, e, t, b: _mix(_all(b.double()).view(-1, *[1] * x.ndim), x, e)),
        "That has a state for every time of the table; take ᾱ[t], one for each sample.",
    ),
    single_precision(noised),
]


def _case(k: int, shape: tuple[int, ...], betas: Tensor, about: str, dtype: torch.dtype) -> Case:
    t = whole_numbers(k, shape[0], len(betas))
    # One sample at each end of the table, so that a shifted index shows.
    t[0] = 0 if k % 2 else len(betas) - 1
    t[-1] = len(betas) - 1 if shape[0] > 1 and k % 2 else t[-1]
    return Case(
        {
            "x0": data(k, shape).to(dtype),
            "epsilon": drawn(100 + k, *shape).to(dtype),
            "t": t,
            "betas": betas.to(dtype),
        },
        about,
    )


def _cases() -> list[Case]:
    """The task's example, data of all shapes, and DDPM's own table, in both precisions."""
    cases = []
    for dtype in PRECISIONS:
        example = {
            "x0": torch.tensor([[1.0, 2.0], [5.0, 0.0]]).to(dtype),
            "epsilon": torch.tensor([[10.0, 0.0], [0.0, -1.0]]).to(dtype),
            "t": torch.tensor([0, 1]),
            "betas": torch.tensor([0.36, 0.75], dtype=torch.float64).to(dtype),
        }
        cases.append(Case(example, "the task's example"))
        cases += [_case(k, s, uneven_betas(k, 4 + 3 * k), about, dtype) for k, (s, about) in enumerate(SHAPES)]
        cases.append(_case(20, (4, 2), uneven_betas(20, 1), "a single time", dtype))
    cases.append(_case(21, (7, 2), linear_betas(), "DDPM's own table", torch.float64))
    return cases


def _swept() -> list[Case]:
    cases = []
    for k in range(20):
        n, n_channels, height, width, n_times = sizes(65_000 + k, 7, 4, 5, 6, 60)
        shape = (n, n_channels) if k % 3 == 0 else (n, n_channels, height, width)
        betas = torch.rand(n_times, generator=torch.Generator().manual_seed(66_000 + k), dtype=torch.float64)
        cases.append(_case(200 + k, shape, 1e-4 + 0.998 * betas**3, "sizes and a table at random", torch.float64))
    return cases


HINT = "Data and noise are followed back: detach neither, and compute under no torch.no_grad()."
NOISING = Exercise(
    "ex-16-noising",
    "noised(x0, epsilon, t, betas)",
    points=2,
    steps=[
        NoDraws(_cases, "the noise is `epsilon`, an argument"),
        Values(_cases, noised, MISTAKES),
        NoSideEffects(_cases),
        Values(_swept, noised, MISTAKES, OF_EVERY_KIND),
        Scaled(
            _swept,
            noised,
            [{"x0": factor, "epsilon": factor, "result": factor} for factor in (LARGE, SMALL)],
        ),
        Gradients(in_double(_cases), noised, free=["betas"], hint=HINT),
    ],
    description="Points and images, tables of 1 to 1000 β, a time for each sample, gradients, in both precisions.",
)
