"""Check of chapter 7's R1: half the squared slope at real samples."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.probe import Case, Mistake, examine
from gancourse.checks.registry import exercise
from gancourse.checks.slopes import KEEP, Critic, Smooth, draw, hold_to_gradients, slope

NAME = "r1"


def r1(critic: Critic, real: Tensor) -> Tensor:
    """The right answer of ex-07-r1."""
    return slope(critic, real).flatten(1).square().sum(1) / 2


MISTAKES = [
    Mistake(lambda *a: r1(*a).mean(), f"That is the mean over the batch. {KEEP}"),
    Mistake(lambda *a: r1(*a).sum(), f"That is the sum over the batch. {KEEP}"),
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
        lambda critic, real: slope(critic, real).flatten(1).square().mean(1) / 2,
        "That is the mean over a sample's entries instead of their sum: the weight would depend on the image's size.",
    ),
    Mistake(
        lambda critic, real: slope(critic, real).flatten(1).sum(1).square() / 2,
        "That squares the sum of the entries; it is the sum of the squares that is wanted.",
    ),
    Mistake(
        lambda critic, real: (slope(critic, real).flatten(1).norm(dim=1) - 1).square() / 2,
        "That asks for slope one; R1 is zero-centred.",
    ),
    Mistake(
        lambda critic, real: slope(lambda x: critic(x).sigmoid(), real).flatten(1).square().sum(1) / 2,
        "That is the slope of the probability σ(score). Where D is sure, it is flat whatever the score does, and "
        "nothing is penalised; take the slope of the score.",
    ),
    Mistake(
        lambda critic, real: slope(lambda x: critic(x).mean(), real).flatten(1).square().sum(1) / 2,
        "That differentiates the *mean* score of the batch: each slope is divided by the batch size, and its square by "
        "the square of it. Differentiate the sum.",
    ),
    Mistake(
        lambda critic, real: slope(critic, torch.zeros_like(real)).flatten(1).square().sum(1) / 2,
        "That is the slope at zero, not at the data.",
    ),
]


@exercise("ex-07-r1", "07_lipschitz", f"{NAME}(critic, real)", points=1)
def check_r1(function: Callable) -> str:
    """The zero-centred penalty at real samples."""
    cases = [
        Case({"critic": Smooth(*shape, seed=k), "real": draw(30 + k, 4, *shape)}, "images" if k else "points")
        for k, shape in enumerate([(3,), (2, 4, 4)])
    ]
    examine(NAME, function, cases, r1, MISTAKES)
    hold_to_gradients(NAME, function, r1, cases)
    return "Points and images, and the gradient that reaches the critic."
