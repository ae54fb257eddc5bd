"""Calls of diffusion."""

from __future__ import annotations

import math

import torch

from gancourse import diffusion
from gancourse.rng import Noise
from tests.bad_calls.arguments import (
    POINTS,
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

VP, FLOW = diffusion.VariancePreserving(n_times=20), diffusion.RectifiedFlow()
HALF = diffusion.of_network(lambda x, time: x / 2, FLOW, "data")
LEVEL = diffusion.Level(torch.tensor(0.6).double(), torch.tensor(0.8).double())
FEW_TIMES = FLOW.times(2)
BAD_X = numbers(
    POINTS, without=("empty", "NaN", "infinite", "meta", "one axis more", "one axis", "of a graph"), spelt=False
)
BAD_TIMES = {
    "None": None,
    "text": "times",
    "rising": FEW_TIMES.flip(0),
    "empty": FEW_TIMES[:0],
    "beyond": FEW_TIMES + 1,
    "integers": torch.tensor([1, 0]),
    "a number": 0.5,
    "NaN": FEW_TIMES * math.nan,
}
DIFFUSION = [
    call(
        diffusion.linear_betas,
        n_times=count(20),
        first=number(1e-4, "first", "β", outside=(0, -1, 1)),
        last=number(0.02, "last", "β", outside=(0, -1, 1, 2)),
    ),
    call(diffusion.cosine_betas, n_times=count(20), offset=number(0.008, outside=(-1,))),
    call(
        diffusion.continuous_betas,
        n_times=count(20),
        first=number(0.1, "first", "rates", outside=(0, -1)),
        last=number(20.0, "last", "rates", outside=(0, -1)),
    ),
    call(diffusion.VariancePreserving, schedule=name("linear", "schedule"), n_times=count(20)),
    call(
        VP.level,
        "VariancePreserving.level",
        t=other(
            torch.tensor([0, 5]),
            "t ",
            "times",
            none=None,
            number=3,
            floats=torch.tensor([0.5]),
            negative=torch.tensor([-1]),
            large=torch.tensor([20]),
            booleans=torch.tensor([True]),
            huge=torch.tensor([2**62]),
        ),
    ),
    call(
        FLOW.level,
        "RectifiedFlow.level",
        t=other(
            torch.tensor([0.0, 0.5]),
            "t ",
            "times",
            none=None,
            number=0.5,
            integers=torch.tensor([1]),
            negative=torch.tensor([-0.1]),
            large=torch.tensor([1.1]),
            nan=torch.tensor([math.nan]),
        ),
    ),
    call(
        VP.times,
        "VariancePreserving.times",
        n_steps=count(4, high=20),
        spacing=name("linspace", "spacing", without=("None",)),
    ),
    call(FLOW.times, "RectifiedFlow.times", n_steps=count(4), spacing=name("linspace", "spacing", without=("None",))),
    call(
        FLOW.noised,
        "Process.noised",
        x0=BAD_X,
        noise=other(draw(6, 2), none=None, fewer=draw(3, 2), wider=draw(6, 3)),
        t=other(
            torch.tensor(0.5),
            "t ",
            "times",
            none=None,
            number=0.5,
            few=torch.tensor([0.5, 0.5]),
            integers=torch.tensor(1),
            large=torch.tensor(1.5),
        ),
    ),
    call(
        diffusion.mixed,
        x0=BAD_X,
        noise=other(draw(6, 2), none=None, fewer=draw(3, 2), wider=draw(6, 3)),
        level=other(LEVEL, none=None, number=0.5, few=diffusion.Level(torch.ones(3), torch.ones(3))),
    ),
    call(lambda **a: diffusion.target(**a).name, "target", name=name("noise", "target")),
    call(
        diffusion.converted,
        prediction=other(draw(6, 2), none=None, fewer=draw(3, 2), wider=draw(6, 3)),
        x=BAD_X,
        level=other(LEVEL, none=None, data=Wrong(diffusion.DATA, words=("noise",))),
        source=name("data", "target", "source"),
        to=name("noise", "target", "to"),
    ),
    call(
        lambda **a: diffusion.of_network(**a)(POINTS, torch.tensor(0.5)).x0,
        "of_network",
        network=function(
            lambda x, time: x / 2,
            "network",
            "prediction",
            of_columns=lambda x, time: x[:, :1],
            of_nothing=lambda x, time: None,
        ),
        process=other(FLOW, none=None, text="flow"),
        predicts=name("data", "target"),
    ),
    call(
        lambda **a: HALF(**a).x0,
        "Denoiser()",
        x=BAD_X,
        t=other(
            torch.tensor(0.5),
            "t ",
            "times",
            none=None,
            number=0.5,
            few=torch.tensor([0.5, 0.5]),
            integers=torch.tensor(1),
            large=torch.tensor(1.5),
        ),
    ),
    call(
        lambda **a: diffusion.guided(HALF, **a)(POINTS, torch.tensor(0.5)).x0,
        "guided",
        unconditional=other(HALF, none=None, other=diffusion.of_network(lambda x, t: x, VP)),
        scale=number(2.0),
        between=other((0.0, 1000.0), none=None, reversed=(1000.0, 0.0), one=(0.0,), nan=(math.nan, 1.0), text="01"),
    ),
    call(
        diffusion.guided_prediction,
        conditional=other(POINTS, none=None, fewer=POINTS[:3]),
        unconditional=other(POINTS + 1, none=None, fewer=POINTS[:3]),
        scale=number(2.0),
    ),
    call(diffusion.scale_of_weight, weight=number(1.0)),
    call(
        diffusion.clipped_estimate,
        x=BAD_X,
        x0=other(POINTS + 1, none=None, fewer=POINTS[:3]),
        level=other(LEVEL, none=None, data=Wrong(diffusion.DATA, words=("noise",))),
        limit=number(1.0, outside=(0, -1), infinite=True),
    ),
    call(
        lambda **a: diffusion.clipped(**a)(POINTS, torch.tensor(0.5)).x0,
        "clipped",
        denoiser=other(HALF, none=None, text="denoiser"),
        limit=number(1.0, outside=(0, -1), infinite=True),
    ),
    *(
        call(
            lambda each=each, **a: list(each(**a)),
            each.__name__,
            denoiser=other(HALF, none=None, text="denoiser"),
            x=BAD_X,
            times=other(FEW_TIMES, **BAD_TIMES),
            noise=other(Noise((0,), 6), few=Noise((0,), 3), text="noise"),
        )
        for each in (diffusion.ddpm,)
    ),
    *(
        call(
            lambda each=each, **a: list(each(**a)),
            each.__name__,
            denoiser=other(HALF, none=None, text="denoiser"),
            x=BAD_X,
            times=other(FEW_TIMES, **BAD_TIMES),
        )
        for each in (diffusion.ddim, diffusion.euler, diffusion.heun)
    ),
    call(
        lambda **a: list(diffusion.ddim(HALF, POINTS, FEW_TIMES, **a)),
        "ddim with noise",
        noise=other(Noise((0,), 6), none=None, few=Noise((0,), 3), text="noise"),
        eta=number(0.5, outside=(-1, 2)),
    ),
    call(
        lambda **a: list(diffusion.ddpm(HALF, POINTS, FEW_TIMES, Noise((0,), 6), **a)),
        "ddpm of a variance",
        variance=name("large", "variance"),
    ),
    call(
        diffusion.sample,
        denoiser=other(HALF, none=None),
        noise=other(Noise((0,), 6), none=None, seed=3),
        shape=other((2,), none=None, number=2, negative=(-2,), floats=(2.5,)),
        n_steps=count(2),
        method=name("ddim", "sampler"),
        spacing=name("linspace", "spacing", without=("None",)),
    ),
    call(
        diffusion.variational_bound,
        denoiser=other(HALF, none=None),
        x0=numbers(
            POINTS,
            without=("NaN", "infinite", "meta", "one axis more", "one axis", "of a graph", "double", "empty"),
            more={"one sample": POINTS[:1]},
            spelt=False,
        ),
        times=other(FEW_TIMES, **BAD_TIMES),
        noise=other(Noise((0,), 6), none=None, few=Noise((0,), 3)),
        variance=name("large", "variance"),
    ),
    call(diffusion.prior_term, x0=BAD_X, level=other(LEVEL, none=None)),
]
