"""Calls of theory."""

from __future__ import annotations

import math
from functools import partial

import torch

from gancourse import theory
from tests.bad_calls.arguments import (
    SIX,
    Wrong,
    call,
    count,
    draw,
    function,
    name,
    number,
    numbers,
    other,
)


def normal(x: torch.Tensor) -> torch.Tensor:
    return -x[:, 0].square() / 2 - math.log(2 * math.pi) / 2


GRID = theory.interval(-9.0, 9.0, 201)
LOGS = torch.tensor([-1.0, -2.0, -torch.inf])
BAD_LOGS = {
    "NaN": torch.tensor([math.nan, 0, 0]),
    "infinite": torch.tensor([math.inf, 0, 0]),
    "fewer": LOGS[:2],
    "None": None,
    "a number": 0.5,
}
HALVES = torch.full((6,), 1 / 6)
BAD_WEIGHTS = {
    "negative": torch.tensor([-1.0, 2, 0, 0, 0, 0]),
    "few": HALVES[:3],
    "not one": torch.ones(6),
    "NaN": HALVES * math.nan,
    "text": "equal",
    "a number": 0.5,
}
WHERE = {"error": ValueError, "spelt": False}
PAIR = {"another width": draw(6, 4), "integers": SIX[:, None].expand(6, 3)}
BAD_DENSITIES = {
    "of columns": lambda x: x,
    "of NaN": Wrong(lambda x: x[:, 0] * math.nan, ArithmeticError, ("mass",)),
    "of nothing": lambda x: None,
    "not normalised": Wrong(lambda x: 0 * x[:, 0], ArithmeticError, ("mass",)),
}
BAD_OUTPUTS = {"of columns": lambda x: x, "of NaN": lambda x: x[:, 0] * math.nan, "of nothing": lambda x: None}
FIELD = theory.fields.Field(lambda p: torch.stack([-p[1], p[0]]), {"x": 1, "y": 1})
NOISY = theory.NoisyMixture(torch.tensor([[-1.0], [1.0]]), 0.5, torch.tensor([0.5, 0.5]))
DIVERGENCES = (
    theory.kl,
    theory.reverse_kl,
    theory.jensen_shannon,
    theory.total_variation,
    theory.pearson,
    theory.squared_hellinger,
)
P, Q = draw(6, 3, key=3), draw(6, 3, key=4)
THEORY = [
    *(
        call(
            each,
            x=numbers(P, without=("one axis", "one axis more"), more=PAIR, **WHERE),
            y=numbers(Q, without=("one axis", "one axis more"), more=PAIR, **WHERE),
            p=number(1.0, "p is", outside=(0, 0.5)),
            weights_x=other(HALVES, **BAD_WEIGHTS),
            weights_y=other(HALVES, **BAD_WEIGHTS),
        )
        for each in (theory.wasserstein, theory.optimal_transport)
    ),
    call(
        theory.wasserstein_1d,
        x=numbers(P[:, 0], "x ", "points", without=("one axis more",), more={"in space": P}, **WHERE),
        y=numbers(Q[:, 0], "y ", "points", without=("one axis more",), more={"in space": Q}, **WHERE),
        p=number(1.0, "p is", outside=(0, 0.5)),
    ),
    call(
        lambda **a: theory.witness(**a)(P),
        "witness",
        x=numbers(P, without=("one axis", "one axis more"), **WHERE),
        y=numbers(Q, without=("one axis", "one axis more"), **WHERE),
    ),
    call(
        theory.witness(P, Q),
        "Witness()",
        x=numbers(P, without=("empty", "NaN", "infinite"), more={"another width": draw(6, 4)}, spelt=False),
    ),
    call(theory.parallel_lines, theta=number(0.5)),
    call(
        theory.box,
        low=other(
            [0.0, 0.0],
            "low",
            "box",
            none=None,
            text="01",
            number=0.0,
            nan=[math.nan, 0],
            infinite=[-math.inf, 0],
            short=[0.0],
        ),
        high=other(
            [1.0, 2.0],
            "high",
            "box",
            none=None,
            text="01",
            number=1.0,
            nan=[math.nan, 0],
            infinite=[math.inf, 1],
            below=[-1.0, 1.0],
        ),
        n=count(5, "n ", "points", low=3),
        tolerance=number(1e-5, outside=(-1,), infinite=True),
    ),
    call(
        theory.interval,
        low=number(0.0, "low", "box", outside=(2,)),
        high=number(1.0, "high", "box", outside=(-1,)),
        n=count(5, "n ", "points", low=3),
        tolerance=number(1e-5, outside=(-1,), infinite=True),
    ),
    call(
        GRID.integrate,
        values=other(GRID.points[:, 0], none=None, column=GRID.points, few=GRID.points[:3, 0], number=0.5),
    ),
    *(
        call(
            each,
            log_p=function(normal, "log_p", "p has", "p:", "density", "log density", "log_q", **BAD_DENSITIES),
            log_q=function(normal, "log_q", "q has", "density", "log_p", **BAD_DENSITIES),
            grid=other(GRID, none=None, points=GRID.points, text="grid"),
        )
        for each in DIVERGENCES
    ),
    call(
        theory.f_divergence,
        divergence=other(theory.f_divergences["KL"], none=None, text="KL"),
        log_p=function(normal, "log_p", "p ", **BAD_DENSITIES),
        log_q=function(normal, "log_q", "q ", **BAD_DENSITIES),
        grid=other(GRID, none=None),
    ),
    call(
        theory.dual_bound,
        divergence=other(theory.f_divergences["KL"], none=None, text="KL"),
        output=function(lambda x: x[:, 0], "output", "v ", **BAD_OUTPUTS),
        log_p=normal,
        log_q=normal,
        grid=GRID,
    ),
    call(
        theory.dual_bound_monte_carlo,
        divergence=other(theory.f_divergences["KL"], none=None, text="KL"),
        v_real=numbers(draw(6), without=("NaN", "infinite", "one axis more"), spelt=False),
        v_fake=numbers(draw(5), without=("NaN", "infinite", "one axis more"), spelt=False),
    ),
    call(theory.optimal_logit, log_p_data=other(LOGS, **BAD_LOGS), log_p_g=other(LOGS.flip(0), **BAD_LOGS)),
    call(theory.optimal_discriminator, log_p_data=other(LOGS, **BAD_LOGS), log_p_g=other(LOGS.flip(0), **BAD_LOGS)),
    call(
        theory.value,
        logit=function(lambda x: x[:, 0], "logit", "discriminator", **BAD_OUTPUTS),
        log_p_data=function(normal, "log_p_data", "p_data"),
        log_p_g=function(normal, "log_p_g", "p_g"),
        grid=other(GRID, none=None),
    ),
    call(
        theory.value_monte_carlo,
        logits_real=numbers(draw(6), "logits", spelt=False, more={"one": draw(1)}),
        logits_fake=numbers(draw(5), "logits", spelt=False, more={"one": draw(1)}),
    ),
    call(
        theory.criterion,
        log_p_data=function(normal, "density of p "),
        log_p_g=function(normal, "density of q "),
        grid=other(GRID, none=None),
    ),
    call(
        theory.conditional_value,
        log_p=other([normal, normal], "log_p", "densities", "weights", none=None, one=[normal], number=3),
        log_q=other([normal, normal], "log_q", "densities", "weights", none=None, one=[normal], number=3),
        weights=other(
            torch.ones(2) / 2,
            none=None,
            few=torch.ones(1),
            negative=torch.tensor([-1.0, 2]),
            NaN=torch.tensor([math.nan, 1]),
        ),
        grid=other(GRID, none=None),
    ),
    call(
        theory.NoisyMixture,
        means=numbers(torch.tensor([[-1.0], [1.0]]), without=("double", "of a graph", "not contiguous"), **WHERE),
        std=number(0.5, outside=(-1,)),
        weights=other(
            torch.ones(2) / 2,
            none=None,
            few=torch.ones(1),
            negative=torch.tensor([-1.0, 2]),
            NaN=torch.tensor([math.nan, 1]),
        ),
    ),
    *(
        call(
            partial(getattr(NOISY, method)),
            f"NoisyMixture.{method}",
            x=numbers(
                draw(6, 1),
                without=("empty", "NaN", "infinite"),
                more={"another width": draw(6, 3), "integers": SIX[:, None]},
                spelt=False,
            ),
            signal=other(
                torch.tensor(0.6),
                "signal",
                "level",
                none=None,
                number=0.6,
                few=torch.ones(3),
                nan=torch.tensor(math.nan),
            ),
            noise=other(
                torch.tensor(0.8),
                "noise",
                "level",
                none=None,
                number=0.8,
                few=torch.ones(3),
                nan=torch.tensor(math.nan),
            ),
        )
        for method in ("log_density", "score", "expectations", "posterior")
    ),
    call(
        NOISY.components,
        indices=other(
            [0], "components", "indices", none=None, none_left=[], large=[2], negative=[-1], floats=[0.5], text="a"
        ),
    ),
    call(
        lambda point: FIELD(point),
        "Field()",
        point=numbers(
            torch.tensor([1.0, 2.0]),
            without=("NaN", "infinite", "one axis more"),
            more={"three": torch.ones(3)},
            spelt=False,
        ),
    ),
    call(
        lambda **a: theory.fields.simultaneous(**a)(torch.ones(2)),
        "simultaneous",
        field=other(FIELD, none=None, function=torch.sin),
        step_size=number(0.1),
    ),
    call(
        lambda **a: theory.fields.alternating(**a)(torch.ones(2)),
        "alternating",
        field=other(FIELD, none=None, function=torch.sin),
        step_size=number(0.1),
        updates=other(
            {"x": 1, "y": 2}, unknown={"z": 1}, zero={"x": 0, "y": 1}, half={"x": 1.5, "y": 1}, list=["x", "y"]
        ),
    ),
    call(
        theory.fields.trajectory,
        operator=function(lambda p: p / 2),
        start=numbers(torch.ones(2), without=("NaN", "infinite", "empty", "one axis more", "no number"), spelt=False),
        n_steps=count(3, low=0),
    ),
    call(
        theory.fields.jacobian,
        function=function(lambda p: p.square()),
        point=numbers(torch.ones(2), without=("NaN", "infinite", "empty", "one axis more", "no number"), spelt=False),
    ),
    call(
        theory.fields.rate,
        operator=function(lambda p: p.square()),
        point=numbers(torch.ones(2), without=("NaN", "infinite", "empty", "one axis more", "no number"), spelt=False),
    ),
    call(
        theory.fields.parts,
        matrix=numbers(
            draw(3, 3),
            without=("NaN", "infinite", "empty", "one axis more"),
            more={"not square": draw(3, 2)},
            spelt=False,
        ),
    ),
    call(theory.fields.on_grid, field=other(FIELD, none=None), limit=number(1.0, outside=(0, -1)), n=count(3, low=2)),
    call(lambda **a: theory.dirac.method(**a).name, "dirac.method", name=name("R1", "method")),
    call(
        theory.dirac.verdict,
        points=numbers(
            draw(1001, 2),
            "points",
            "trajectory",
            without=("NaN", "infinite", "double"),
            more={"few": Wrong(draw(10, 2), words=("trajectory",)), "in space": draw(1001, 3)},
            spelt=False,
        ),
    ),
    call(theory.dirac.normal_rule, n=count(8)),
    call(
        lambda **a: theory.dirac.instance_noise(**a).eigenvalues,
        "dirac.instance_noise",
        std=number(0.7, outside=(-1,)),
        n=count(8),
    ),
    call(lambda **a: theory.dirac.r1(**a).eigenvalues, "dirac.r1", gamma=number(0.3)),
    call(lambda **a: theory.dirac.wgan_gp(**a).name, "dirac.wgan_gp", gamma=number(0.7), target=number(1.0)),
    call(lambda **a: theory.dirac.wgan(**a).name, "dirac.wgan", clip=number(1.0, outside=(0, -1), without=("None",))),
    call(lambda **a: theory.dirac.consensus(**a).eigenvalues, "dirac.consensus", gamma=number(1.0)),
    call(
        lambda **a: theory.dirac.unrolled(**a).eigenvalues,
        "dirac.unrolled",
        n_unrolled=count(5, low=0),
        unrolled_step=number(0.2),
    ),
]
