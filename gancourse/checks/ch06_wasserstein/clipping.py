"""Check of the update of a clipped critic: weights after three updates against an independent computation."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import relu, softplus
from torch.optim import SGD, Optimizer, RMSprop

from gancourse.checks.engine.probe import attempt
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.verdict import Wrong

N_UPDATES = 3
BOUND = 0.5
Loss = Callable[[Tensor, Tensor], Tensor]
"""Of real scores and of fake scores."""


class Players(NamedTuple):
    """The two networks, and the critic's optimiser."""

    critic: nn.Module
    generator: nn.Module
    optimiser: Optimizer


def new_players(optimiser: str) -> Players:
    """Fresh small networks in double precision, the same ones each time; some weights start outside ±c."""
    torch.manual_seed(4)
    critic = nn.Sequential(nn.Linear(2, 6), nn.LeakyReLU(0.2), nn.Linear(6, 1), nn.Flatten(0)).double()
    generator = nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 2)).double()
    with torch.no_grad():
        for weight in (*critic.parameters(), *generator.parameters()):
            weight.mul_(2)
    weights = critic.parameters()
    return Players(critic, generator, SGD(weights, lr=0.1) if optimiser == "SGD" else RMSprop(weights, lr=0.02))


def batches() -> list[tuple[Tensor, Tensor]]:
    """Data and latents of each update."""
    torch.manual_seed(5)
    return [(3 * torch.randn(8, 2).double() + 2, torch.randn(8, 3).double()) for _ in range(N_UPDATES)]


def critic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """What the critic minimises, averaged over the batch."""
    return fake.mean() - real.mean()


def update(
    players: Players,
    real: Tensor,
    z: Tensor,
    *,
    loss: Loss = critic_loss,
    first: Callable[[Players], None] = lambda players: None,
    between: Callable[[Players], None] = lambda players: None,
    last: Callable[[Players], None] = lambda players: clamp(players.critic),
    zero: bool = True,
) -> None:
    """One update with gradients by torch.autograd.grad, and switches that break it."""
    critic, generator, optimiser = players
    first(players)
    weights = list(critic.parameters())
    value = loss(critic(real), critic(generator(z).detach()))
    for weight, gradient in zip(weights, torch.autograd.grad(value, weights), strict=True):
        weight.grad = gradient if zero or weight.grad is None else weight.grad + gradient
    between(players)
    optimiser.step()
    last(players)


def clamp(network: nn.Module, low: float = -BOUND, high: float = BOUND, which: str = "") -> None:
    """Clamp the parameters whose name contains a word."""
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if which in name:
                weight.clamp_(low, high)


def _clip_gradients(players: Players) -> None:
    nn.utils.clip_grad_value_(players.critic.parameters(), BOUND)


def _clip_gradient_norm(players: Players) -> None:
    nn.utils.clip_grad_norm_(players.critic.parameters(), BOUND)


def _rescale(players: Players) -> None:
    with torch.no_grad():
        for weight in players.critic.parameters():
            weight.mul_((BOUND / weight.norm()).clamp(max=1))


def _nothing(players: Players) -> None:
    pass


MISTAKES: list[tuple[dict, str]] = [
    (
        {"first": lambda t: clamp(t.critic), "last": _nothing},
        "That clips before the update: the weights that G meets have left [−c, c] again. Clip after optimiser.step().",
    ),
    (
        {"between": lambda t: clamp(t.critic), "last": _nothing},
        "That clips between backward() and step(): the step then carries the weights out of [−c, c]. Clip after it.",
    ),
    (
        {"last": lambda t: clamp(t.generator)},
        "That clips the generator. It may choose any weights; only the critic must be Lipschitz.",
    ),
    (
        {"last": lambda t: (clamp(t.critic), clamp(t.generator))},
        "That clips the generator as well: G then can't even stretch its samples over the data. Clip the critic only.",
    ),
    (
        {"between": _clip_gradients, "last": _nothing},
        "That clips the gradients, not the weights: steps get shorter, but the critic's own gradient has no bound.",
    ),
    (
        {"between": _clip_gradient_norm, "last": _nothing},
        "That limits the norm of the gradients, a remedy against exploding steps. The weights must lie in [−c, c].",
    ),
    ({"last": _rescale}, "That rescales each tensor to norm c; the paper's clipping clamps every single number."),
    (
        {"last": _nothing},
        "That doesn't clip the critic at all. (weight.clamp(−c, c) returns a new tensor and changes nothing: "
        "clamp_ works in place.)",
    ),
    (
        {"last": lambda t: clamp(t.critic, which="weight")},
        "That leaves the biases out. The paper clips every parameter of the critic.",
    ),
    (
        {"last": lambda t: clamp(t.critic, low=0.0)},
        "That clips to [0, c]: without negative weights the critic can only grow along each axis.",
    ),
    (
        {"loss": lambda real, fake: real.mean() - fake.mean()},
        "That has the critic's sign flipped: it learns to score the data low. Descend mean(fake) − mean(real).",
    ),
    (
        {"loss": lambda real, fake: relu(1 - real).mean() + relu(1 + fake).mean()},
        "That is the hinge loss under the name of Wasserstein; the critic's loss is mean(fake) − mean(real).",
    ),
    (
        {"loss": lambda real, fake: fake.sigmoid().mean() - real.sigmoid().mean()},
        "That leaves a sigmoid on the critic: its scores are any real numbers.",
    ),
    (
        {"loss": lambda real, fake: softplus(-real).mean() + softplus(fake).mean()},
        "That is the cross-entropy of chapter 2; the critic's loss is mean(fake) − mean(real).",
    ),
    (
        {"loss": lambda real, fake: (fake - real).sum()},
        "That sums over the batch: the step then grows with the batch size. Average.",
    ),
    (
        {"zero": False},
        "That forgets zero_grad(): the gradients of all updates so far pile up.",
    ),
]


def weight_history(optimiser: str, **switches: object) -> list[list[Tensor]]:
    """Weights after each of the updates."""
    players, history = new_players(optimiser), []
    for real, z in batches():
        update(players, real, z, **switches)
        history.append(_weights(players))
    return history


def _weights(players: Players) -> list[Tensor]:
    return [w.detach().clone() for w in (*players.critic.parameters(), *players.generator.parameters())]


def _agree(one: list[list[Tensor]], other: list[list[Tensor]]) -> bool:
    pairs = [(a, b) for left, right in zip(one, other, strict=True) for a, b in zip(left, right, strict=True)]
    return all(torch.allclose(a, b, rtol=1e-7, atol=1e-9) for a, b in pairs)


def check_critic_update(optimiser: str, name: str, function: Callable) -> None:
    """Three updates with an optimiser lead to the right weights, and the generator is left alone."""
    players, history = new_players(optimiser), []
    for k, data in enumerate(batches()):
        before = copy.deepcopy(data)
        text = f"{name}(…), update {k + 1} with {optimiser}"
        attempt(name, function, [*players, *data, BOUND], text, nothing=True)
        if not all(torch.equal(a, b) for a, b in zip(before, data, strict=True)):
            raise Wrong(f"{text} changed real or z in place; leave the data as it is")
        history.append(_weights(players))
    expected = weight_history(optimiser)
    if not _agree(history, expected):
        raise Wrong(_diagnosis(history, optimiser))
    if any(weight.grad is not None for weight in players.generator.parameters()):
        raise Wrong(
            "The weights are right, but the critic's backward pass also ran through the generator: twice the work. "
            "Generate under torch.no_grad(), or .detach() the samples"
        )


def _diagnosis(history: list[list[Tensor]], optimiser: str) -> str:
    start = f"After {N_UPDATES} updates with {optimiser} and c = {BOUND} the weights aren't the expected ones."
    for switches, message in MISTAKES:
        if _agree(history, weight_history(optimiser, **switches)):
            return f"{start} {message}"
    players = new_players(optimiser)
    if _agree(history, [_weights(players)] * N_UPDATES):
        return f"{start} No weight changed at all: backward(), then optimiser.step(), then clip."
    n_critic = len(list(players.critic.parameters()))
    largest = max(w.abs().max().item() for w in history[-1][:n_critic])
    return (
        f"{start} The critic's largest weight is {largest:.4g}. Check in turn: clear the gradients; the loss "
        "mean(critic(fake)) − mean(critic(real)); backward; step; clamp every parameter of the critic in place"
    )


CRITIC_UPDATE = Exercise(
    "ex-06-critic-update",
    "critic_update(critic, generator, optimiser, real, z, c)",
    points=2,
    steps=[partial(check_critic_update, optimiser) for optimiser in ("SGD", "RMSprop")],
    description="Weights after 3 updates with SGD and with RMSprop; the generator was left alone.",
)
