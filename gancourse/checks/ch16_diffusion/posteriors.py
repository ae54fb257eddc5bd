"""Check of DDPM's posterior: mean and variance of the state before, given a state and the data."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.ch16_diffusion.levels import SHAPES, data, linear_betas, uneven_betas
from gancourse.checks.ch16_diffusion.posterior_mistakes import MISTAKES, posterior
from gancourse.checks.engine.comparison import PRECISIONS, Gradients
from gancourse.checks.engine.parts import SeveralValues, joined, of_joined
from gancourse.checks.engine.probe import Case, call, call_text
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import LARGE, SMALL, NoDraws, Scaled, drawn, in_double, sizes
from gancourse.checks.engine.verdict import Wrong, same, show

PAIR = "a pair of tensors, the mean and the variance: `return mean, variance`"


def _case(k: int, shape: tuple[int, ...], t: int, betas: Tensor, about: str, dtype: torch.dtype) -> Case:
    return Case(
        {"x": drawn(k, *shape).to(dtype), "x0": data(k, shape).to(dtype), "t": t, "betas": betas.to(dtype)}, about
    )


def _cases() -> list[Case]:
    """The task's example, t = 0, the table's end, data of all shapes, DDPM's own table; both precisions."""
    cases = []
    for dtype in PRECISIONS:
        betas = torch.tensor([0.36, 0.75], dtype=torch.float64)
        cases.append(
            Case(
                {
                    "x": torch.tensor([[2.0]], dtype=dtype),
                    "x0": torch.tensor([[1.0]], dtype=dtype),
                    "t": 1,
                    "betas": betas.to(dtype),
                },
                "the task's example",
            )
        )
        cases.append(_case(0, (2, 2), 0, betas, "t = 0, where the data are known", dtype))
        for k, (shape, about) in enumerate(SHAPES):
            n = 5 + 3 * k
            cases.append(_case(k, shape, (3 + 2 * k) % n, uneven_betas(k, n), about, dtype))
        cases.append(_case(20, (3, 2), 0, uneven_betas(20, 1), "a table of one time", dtype))
        cases.append(_case(21, (3, 2), 7, uneven_betas(21, 8), "the table's last time", dtype))
        cases.append(_case(22, (3, 2), 0, uneven_betas(22, 8), "t = 0", dtype))
        cases.append(_case(23, (3, 2), 1, uneven_betas(23, 8), "t = 1", dtype))
    cases += [_case(30 + t, (4, 2), t, linear_betas(), "DDPM's own table", torch.float64) for t in (0, 1, 500, 999)]
    return cases


def _swept() -> list[Case]:
    cases = []
    for k in range(20):
        n, n_channels, height, width, n_times = sizes(67_000 + k, 5, 3, 4, 5, 40)
        betas = torch.rand(n_times, generator=torch.Generator().manual_seed(68_000 + k), dtype=torch.float64)
        t = 0 if k % 5 == 0 else (7 * k) % n_times
        shape = (n, n_channels) if k % 3 == 0 else (n, n_channels, height, width)
        cases.append(_case(200 + k, shape, t, 1e-3 + 0.99 * betas**3, "a time and a table at random", torch.float64))
    return cases


FACTORS = [{"x": factor, "x0": factor, "result": factor} for factor in (LARGE, SMALL)]


def _mean_of(function: Callable) -> Callable[..., Tensor]:
    return joined(lambda *args: function(*args)[:1])


def _scaled_means(name: str, function: Callable) -> None:
    Scaled(_swept, _mean_of(posterior), FACTORS)(name, _mean_of(function))


def _relative(name: str, function: Callable) -> None:
    """Variances of tiny β are right in their leading digits, and the one of t = 0 is 0."""
    for k, t in enumerate((0, 1, 5, 0, 3)):
        betas = 1e-6 * uneven_betas(90 + k, 6)
        case = _case(300 + k, (3, 2), t, betas, "tiny β", torch.float64)
        text = call_text(name, case)
        variance = call(name, function, case)[1]
        expected = posterior(*case.args.values())[1]
        if (t == 0 and variance != 0) or (t and not same(variance / expected, torch.ones_like(expected))):
            raise Wrong(
                f"{text}, a table of β of about 1e-7: the variance is {show(variance)}; expected {show(expected)}. "
                "Clamp nothing and add nothing: at t = 0 it is 0, and small ones are as they are"
            )


POSTERIOR = Exercise(
    "ex-16-posterior",
    "posterior(x, x0, t, betas)",
    points=3,
    steps=[
        NoDraws(_cases, "return mean and variance; who samples draws"),
        SeveralValues(_cases, posterior, PAIR, MISTAKES),
        NoSideEffects(_cases),
        SeveralValues(_swept, posterior, PAIR, MISTAKES),
        _relative,
        _scaled_means,
        of_joined(
            Gradients(
                in_double(_cases),
                joined(posterior),
                free=["betas"],
                hint="The mean is followed back to x and x0; detach neither.",
            )
        ),
    ],
    description="Times from 0 to the table's end, points and images, tables of 1 to 1000 β, both precisions.",
)
