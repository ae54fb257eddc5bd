"""Calls of objectives and penalties."""

from __future__ import annotations

import torch

from gancourse import objectives
from tests.bad_calls.arguments import (
    POINTS,
    call,
    count,
    draw,
    function,
    name,
    number,
    numbers,
    other,
)

SCORES, FAKE = draw(6), draw(6, key=1)


def critic(x: torch.Tensor) -> torch.Tensor:
    return x.square().sum(1)


PENALTIES = (
    objectives.r1,
    objectives.r2,
    objectives.gradient_penalty,
    objectives.one_sided_gradient_penalty,
    objectives.zero_centred_gradient_penalty,
    objectives.drift,
)
EPSILON = torch.linspace(0.0, 1, 6)
BAD_CRITICS = {
    "of columns": lambda x: x.sum(1, keepdim=True),
    "of one number": lambda x: x.sum(),
    "of rows": lambda x: x,
    "of nothing": lambda x: None,
}
OBJECTIVES = [
    *(
        call(
            each,
            critic=function(critic, **BAD_CRITICS),
            real=numbers(
                POINTS, without=("NaN", "infinite", "double", "meta", "one axis more", "one axis", "empty"), spelt=False
            ),
            fake=draw(6, 2, key=1),
            epsilon=EPSILON,
        )
        for each in PENALTIES
        if each is not objectives.r2
    ),
    call(
        objectives.gradient_penalty,
        "gradient_penalty of other shapes",
        critic=critic,
        real=POINTS,
        fake=other(POINTS, fewer=POINTS[:3], wider=draw(6, 3), none=None),
        epsilon=other(EPSILON, column=EPSILON[:, None], few=EPSILON[:3], number=0.5, none=None),
    ),
    call(
        objectives.gradient_norm,
        critic=function(critic, **BAD_CRITICS),
        x=numbers(
            POINTS, without=("NaN", "infinite", "double", "meta", "one axis more", "one axis", "empty"), spelt=False
        ),
    ),
    call(
        lambda **a: objectives.label_smoothing(**a).name,
        "label_smoothing",
        real=number(0.9, outside=(0, 1.1)),
        fake=number(0.0, outside=(-0.1, 1)),
        base=other(objectives.non_saturating, none=None, text="hinge", hinge=objectives.hinge),
    ),
    call(lambda **a: objectives.ebgan(**a).name, "ebgan", margin=number(1.0, outside=(0, -1))),
    call(lambda **a: objectives.magan(**a).name, "magan", margin=number(1.0, outside=(0, -1))),
    call(lambda **a: objectives.f_gan(**a).name, "f_gan", divergence=name("kl", "divergence")),
    call(lambda **a: objectives.objective(**a).name, "objective", name=name("hinge", "objective")),
    call(objectives.path_length_weight, size=count(8, "size", "images", low=4)),
    call(
        objectives.path_length_penalty,
        lengths=other(torch.ones(6), none=None, text="lengths"),
        mean=number(1.0, infinite=True, without=("NaN",)),
    ),
]
