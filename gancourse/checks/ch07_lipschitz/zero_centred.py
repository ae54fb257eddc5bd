"""Check of R1: half the squared gradient norm at real samples."""

from __future__ import annotations

import torch
from torch import Tensor

from gancourse.checks.ch07_lipschitz.critics import (
    Critic,
    CriticGradients,
    FlatCritic,
    Hinge,
    Linear,
    Smooth,
    frozen,
    input_gradient,
    normal,
)
from gancourse.checks.engine.comparison import Mistake, Values, reductions
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import OF_EVERY_KIND, sizes


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
        lambda critic, real: input_gradient(critic, real).square().sum(1) / 2,
        "That sums over the channel axis only, .sum(1): right for points, but an image keeps a value per pixel. "
        "flatten(1) first.",
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
    return [Case({"critic": Linear(), "real": normal(29, 4, 2)}, "the task's example, 3 x₁ + 4 x₂")] + [
        Case({"critic": Smooth(*shape, seed=k), "real": normal(30 + k, 4, *shape)}, "images" if k else "points")
        for k, shape in enumerate([(3,), (2, 4, 4)])
    ]


def _swept() -> list[Case]:
    """Batches of up to 7, points and images of any size, both precisions."""
    cases = []
    for k in range(16):
        n, *shape = sizes(k, 7, 4, 6, 9)
        dtype = (torch.float64, torch.float32)[k % 4 == 3]
        shape = shape if k % 3 else shape[:1]
        critic = Smooth(*shape, seed=k, scale=10 ** (k % 5 / 2 - 1), dtype=dtype)
        args = {"critic": critic, "real": normal(70 + k, n, *shape).to(dtype)}
        cases.append(Case(args, f"a batch of {n} of shape {shape}"))
    return cases


def _flat() -> Case:
    x = torch.tensor([[-1.0, 2.0], [1.0, 2.0]], dtype=torch.float64)
    return Case({"critic": Hinge(), "real": x}, "a flat critic")


R1 = Exercise(
    "ex-07-r1",
    "r1(critic, real)",
    points=1,
    steps=[
        Values(_cases, r1, MISTAKES),
        CriticGradients(_cases, r1),
        FlatCritic(_flat, 0.0),
        Values(_swept, r1, hint=OF_EVERY_KIND),
        NoSideEffects(_cases),
        NoSideEffects(frozen(_cases)),
    ],
    description="Points and images, and the gradient that reaches the critic.",
)
