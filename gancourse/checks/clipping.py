"""Check of chapter 6's critic update: weights after three updates against an independent computation."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import relu, softplus
from torch.optim import SGD, Optimizer, RMSprop

from gancourse.checks.probe import attempt, is_blank, not_written
from gancourse.checks.registry import exercise
from gancourse.checks.verdict import Wrong

N_UPDATES = 3
BOUND = 0.5
PARAMETERS = "critic, generator, optimiser, real, z, c"
Scores = Callable[[Tensor, Tensor], Tensor]


class Table(NamedTuple):
    """The two networks, and the critic's optimiser."""

    critic: nn.Module
    generator: nn.Module
    optimiser: Optimizer


def lay(optimiser: str) -> Table:
    """Fresh small networks in double precision, the same ones each time; some weights start outside ±c."""
    torch.manual_seed(4)
    critic = nn.Sequential(nn.Linear(2, 6), nn.LeakyReLU(0.2), nn.Linear(6, 1), nn.Flatten(0)).double()
    generator = nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 2)).double()
    with torch.no_grad():
        for weight in (*critic.parameters(), *generator.parameters()):
            weight.mul_(2)
    weights = critic.parameters()
    make = {"SGD": lambda: SGD(weights, lr=0.1), "RMSprop": lambda: RMSprop(weights, lr=0.02)}[optimiser]
    return Table(critic, generator, make())


def batches() -> list[tuple[Tensor, Tensor]]:
    """Data and latents of each update."""
    torch.manual_seed(5)
    return [(3 * torch.randn(8, 2).double() + 2, torch.randn(8, 3).double()) for _ in range(N_UPDATES)]


def critic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """What the critic minimises, averaged over the batch."""
    return fake.mean() - real.mean()


def update(
    table: Table,
    real: Tensor,
    z: Tensor,
    *,
    loss: Scores = critic_loss,
    first: Callable[[Table], None] = lambda table: None,
    between: Callable[[Table], None] = lambda table: None,
    last: Callable[[Table], None] = lambda table: clamp(table.critic),
    zero: bool = True,
) -> None:
    """One update with gradients by torch.autograd.grad, and switches that break it."""
    critic, generator, optimiser = table
    first(table)
    weights = list(critic.parameters())
    value = loss(critic(real), critic(generator(z).detach()))
    for weight, slope in zip(weights, torch.autograd.grad(value, weights), strict=True):
        weight.grad = slope if zero or weight.grad is None else weight.grad + slope
    between(table)
    optimiser.step()
    last(table)


def clamp(network: nn.Module, low: float = -BOUND, high: float = BOUND, which: str = "") -> None:
    """Clamp the parameters whose name contains a word."""
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if which in name:
                weight.clamp_(low, high)


def _clip_gradients(table: Table) -> None:
    nn.utils.clip_grad_value_(table.critic.parameters(), BOUND)


def _clip_gradient_norm(table: Table) -> None:
    nn.utils.clip_grad_norm_(table.critic.parameters(), BOUND)


def _rescale(table: Table) -> None:
    with torch.no_grad():
        for weight in table.critic.parameters():
            weight.mul_((BOUND / weight.norm()).clamp(max=1))


def _nothing(table: Table) -> None:
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
        "That clips the gradients, not the weights: steps get shorter, but the critic's slope may grow without bound.",
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


def _play(optimiser: str, **switches: object) -> list[list[Tensor]]:
    table, history = lay(optimiser), []
    for real, z in batches():
        update(table, real, z, **switches)
        history.append(_weights(table))
    return history


def _weights(table: Table) -> list[Tensor]:
    return [w.detach().clone() for w in (*table.critic.parameters(), *table.generator.parameters())]


def _agree(one: list[list[Tensor]], other: list[list[Tensor]]) -> bool:
    pairs = [(a, b) for left, right in zip(one, other, strict=True) for a, b in zip(left, right, strict=True)]
    return all(torch.allclose(a, b, rtol=1e-7, atol=1e-9) for a, b in pairs)


@exercise("ex-06-critic-update", "06_wasserstein", f"critic_update({PARAMETERS})", points=2)
def check_critic_update(function: Callable) -> str:
    """One update of a clipped critic."""
    if is_blank(function):
        raise not_written("critic_update")
    for optimiser in ("SGD", "RMSprop"):
        _check(function, optimiser)
    return "Weights after 3 updates with SGD and with RMSprop; the generator was left alone."


def _check(function: Callable, optimiser: str) -> None:
    table, history = lay(optimiser), []
    for k, data in enumerate(batches()):
        before = copy.deepcopy(data)
        text = f"critic_update(…), update {k + 1} with {optimiser}"
        attempt("critic_update", function, [*table, *data, BOUND], text, nothing=True)
        if not all(torch.equal(a, b) for a, b in zip(before, data, strict=True)):
            raise Wrong(f"{text} changed real or z in place; leave the data as it is")
        history.append(_weights(table))
    wanted = _play(optimiser)
    if not _agree(history, wanted):
        raise Wrong(_diagnosis(history, wanted, optimiser))
    if any(weight.grad is not None for weight in table.generator.parameters()):
        raise Wrong(
            "The weights are right, but the critic's backward pass also ran through the generator: twice the work. "
            "Generate under torch.no_grad(), or .detach() the samples"
        )


def _diagnosis(history: list[list[Tensor]], wanted: list[list[Tensor]], optimiser: str) -> str:
    story = f"After {N_UPDATES} updates with {optimiser} and c = {BOUND} the weights aren't the expected ones."
    for switches, message in MISTAKES:
        if _agree(history, _play(optimiser, **switches)):
            return f"{story} {message}"
    if _agree(history, [_weights(lay(optimiser))] * N_UPDATES):
        return f"{story} No weight changed at all: backward(), then optimiser.step(), then clip."
    largest = max(w.abs().max().item() for w in history[-1][: len(wanted[0]) // 2])
    return (
        f"{story} The critic's largest weight is {largest:.4g}. Check in turn: clear the gradients; the loss "
        "mean(critic(fake)) − mean(critic(real)); backward; step; clamp every parameter of the critic in place"
    )
