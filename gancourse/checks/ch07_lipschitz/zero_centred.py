"""Check of R1: half the squared gradient norm at real samples."""

from __future__ import annotations

import torch
from torch import Tensor

from gancourse.checks.ch07_lipschitz.critics import Critic, CriticGradients, Smooth, input_gradient, normal
from gancourse.checks.engine.comparison import Mistake, Values, reductions
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise


def r1(critic: Critic, real: Tensor) -> Tensor:
    """The right answer of ex-07-r1."""
    return input_gradient(critic, real).flatten(1).square().sum(1) / 2


MISTAKES = [
    *reductions(r1),
    Mistake(
        lambda *a: 2 * r1(*a),
        "That lacks the factor ½, with which the weight is called γ; without it, papers' weights are off by two.",
    ),
    Mistake(
        lambda *a: (2 * r1(*a)).sqrt() / 2,
        "That is the norm without the square: its gradient has the same length however flat the critic is, so it "
        "never comes to rest.",
    ),
    Mistake(
        lambda *a: (2 * r1(*a)).sqrt(),
        "That is the norm itself: neither squared nor halved. Square it, sum, and halve.",
    ),
    Mistake(
        lambda critic, real: input_gradient(critic, real).flatten(1).square().mean(1) / 2,
        "That is the mean over a sample's entries instead of their sum: the weight would depend on the image's size.",
    ),
    Mistake(
        lambda critic, real: input_gradient(critic, real).flatten(1).sum(1).square() / 2,
        "That squares the sum of the entries; it is the sum of the squares that is wanted.",
    ),
    Mistake(
        lambda critic, real: (input_gradient(critic, real).flatten(1).norm(dim=1) - 1).square() / 2,
        "That asks for a gradient norm of one; R1 is zero-centred.",
    ),
    Mistake(
        lambda critic, real: input_gradient(lambda x: critic(x).sigmoid(), real).flatten(1).square().sum(1) / 2,
        "That is the gradient of the probability σ(score). Where D is sure, it is flat whatever the score does, and "
        "nothing is penalised; take the gradient of the score.",
    ),
    Mistake(
        lambda critic, real: input_gradient(lambda x: critic(x).mean(), real).flatten(1).square().sum(1) / 2,
        "That differentiates the *mean* score of the batch: each gradient is divided by the batch size, and its square "
        "by the square of it. Differentiate the sum.",
    ),
    Mistake(
        lambda critic, real: input_gradient(critic, torch.zeros_like(real)).flatten(1).square().sum(1) / 2,
        "That is the gradient at zero, not at the data.",
    ),
]


def _cases() -> list[Case]:
    return [
        Case({"critic": Smooth(*shape, seed=k), "real": normal(30 + k, 4, *shape)}, "images" if k else "points")
        for k, shape in enumerate([(3,), (2, 4, 4)])
    ]


R1 = Exercise(
    "ex-07-r1",
    "r1(critic, real)",
    points=1,
    steps=[Values(_cases, r1, MISTAKES), CriticGradients(_cases, r1)],
    description="Points and images, and the gradient that reaches the critic.",
)
