"""Check of the training step: weights after three steps against an independent computation."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer

from gancourse.checks.ch02_gan_game.loops import MISTAKES, Players, Step, UsualStep
from gancourse.checks.ch02_gan_game.player_losses import D_LOSSES, G_LOSSES, discriminator_loss, generator_loss
from gancourse.checks.engine.probe import attempt
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import random_numbers_kept
from gancourse.checks.engine.verdict import Wrong

N_STEPS = 3
Weights = dict[str, list[Tensor]]
"""Of each network, by its name."""


class Setting(NamedTuple):
    """Networks and data to try a step with.

    Args:
        optimiser: its name.
        dtype: of networks and data.
        shift: added to all of D's scores at the start.
        n_samples: size of the batches.
        are_stale: whether all weights have a gradient already, as after another training.
        about: what it tries, for messages.
    """

    optimiser: str
    dtype: torch.dtype = torch.float64
    shift: float = 0.0
    n_samples: int = 6
    are_stale: bool = False
    about: str = ""

    @property
    def text(self) -> str:
        """The setting in words."""
        return f"{self.optimiser}{f' and {self.about}' if self.about else ''}"


PLAIN = [Setting("SGD"), Setting("Adam")]
SURE = [
    Setting("SGD", shift=-60.0, about="a D whose scores are about −60"),
    Setting("SGD", shift=60.0, about="a D whose scores are about +60"),
    Setting("SGD", torch.float32, shift=-150.0, about="a D whose scores are about −150, in float32"),
    Setting("SGD", torch.float32, shift=150.0, about="a D whose scores are about +150, in float32"),
]
# Single precision has SGD alone: Adam blows up the rounding of a gradient that is 0, as BatchNorm makes it for a bias.
OTHERS = [
    Setting("SGD", n_samples=3, about="batches of 3"),
    Setting("SGD", torch.float32, n_samples=9, about="batches of 9 in float32"),
    Setting("SGD", are_stale=True, about="gradients that the weights had before the first step"),
]
SURE_OF_ITSELF = (
    "With a D that isn't as sure of itself the step is right. Don't form the sigmoid, and clamp no score: a sigmoid "
    "rounds to 0 or 1, and the gradient of its logarithm is lost. −log σ(s) = softplus(−s) and −log(1 − σ(s)) = "
    "softplus(s) have the right gradient everywhere"
)


def new_players(setting: Setting) -> Players:
    """Fresh small networks, the same ones each time; G has BatchNorm, so that its mode matters."""
    torch.manual_seed(2)
    g = nn.Sequential(nn.Linear(3, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 2)).to(setting.dtype)
    d = nn.Sequential(nn.Linear(2, 6), nn.LeakyReLU(0.2), nn.Linear(6, 1), nn.Flatten(0)).to(setting.dtype)
    with torch.no_grad():
        d[2].bias += setting.shift
    if setting.are_stale:
        for weight in (*g.parameters(), *d.parameters()):
            weight.grad = torch.ones_like(weight)
    if setting.optimiser == "SGD":
        return Players(g, d, SGD(g.parameters(), lr=0.1, momentum=0.9), SGD(d.parameters(), lr=0.2, momentum=0.9))
    return Players(
        g, d, Adam(g.parameters(), lr=0.01, betas=(0.5, 0.9)), Adam(d.parameters(), lr=0.02, betas=(0.5, 0.9))
    )


def batches(setting: Setting) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Data and latents of each step."""
    torch.manual_seed(3)
    n = setting.n_samples
    draws = [(torch.randn(n, 2) + 1, torch.randn(n, 3), torch.randn(n, 3)) for _ in range(N_STEPS)]
    return [(real.to(setting.dtype), z_d.to(setting.dtype), z_g.to(setting.dtype)) for real, z_d, z_g in draws]


def right_step(players: Players, real: Tensor, z_d: Tensor, z_g: Tensor) -> None:
    """One step with gradients by torch.autograd.grad, which accumulates nothing and reaches one network only."""
    g, d, optimiser_g, optimiser_d = players

    def descend(optimiser: Optimizer, network: nn.Module, loss: Tensor) -> None:
        weights = list(network.parameters())
        for weight, gradient in zip(weights, torch.autograd.grad(loss, weights), strict=True):
            weight.grad = gradient
        optimiser.step()

    descend(optimiser_d, d, discriminator_loss(d(real), d(g(z_d).detach())))
    descend(optimiser_g, g, generator_loss(d(g(z_g))))


HINTS = {
    "modified by an inplace operation": "a graph built before optimiser_d.step() is used after it; "
    "let G generate, and D judge, afresh in G's update",
    "backward through the graph a second time": "both updates share one graph; generate afresh from z_g for G's update",
    "does not require grad": "G's loss is cut off from G: no detach and no no_grad in G's own update",
    "dtype": "a tensor was converted: real, z_d and z_g have the type of the networks, float32 in this case",
}


def weight_history(step: Step, setting: Setting) -> list[Weights]:
    """Weights after each of the steps."""
    players, history = new_players(setting), []
    for real, z_d, z_g in batches(setting):
        step(players, real.clone(), z_d.clone(), z_g.clone())
        history.append(players.weights())
    return history


def agree(one: Weights, other: Weights, network: str | None = None) -> bool:
    """Whether the weights of all networks, or of one, are the same up to rounding."""
    names = [network] if network else list(one)
    return all(
        torch.allclose(a, b, **({"rtol": 1e-7, "atol": 1e-9} if a.dtype == torch.float64 else {"atol": 2e-5}))
        for name in names
        for a, b in zip(one[name], other[name], strict=True)
    )


class GradientCounter:
    """Counts how often a gradient arrives at a network's first weight."""

    def __init__(self, network: nn.Module) -> None:
        self.count = 0
        next(network.parameters()).register_hook(self)

    def __call__(self, gradient: Tensor) -> None:
        """Count one arrival."""
        self.count += 1


def check_training_step(setting: Setting, name: str, function: Callable) -> None:
    """Three steps in a setting lead to the right weights, and D's update leaves the generator alone."""
    players, history = new_players(setting), []
    counter = GradientCounter(players.generator)
    for k, data in enumerate(batches(setting)):
        _call(f"{name}(…), step {k + 1} with {setting.text}", name, function, players, data)
        history.append(players.weights())
    expected = weight_history(right_step, setting)
    if not all(agree(a, b) for a, b in zip(history, expected, strict=True)):
        raise Wrong(_diagnosis(history, expected, setting))
    if counter.count > N_STEPS:
        raise Wrong(
            "The weights are right, but D's backward pass also ran through the generator: twice the work, and a wrong "
            "update as soon as one zero_grad() moves. Generate under torch.no_grad(), or .detach(), in D's update"
        )
    n_batches = int(players.generator[1].num_batches_tracked)
    if n_batches != 2 * N_STEPS:
        raise Wrong(
            f"The weights are right, but the generator ran {n_batches} times in {N_STEPS} steps; expected "
            f"{2 * N_STEPS}. Each run changes the running averages of its BatchNorm: generate once for D's update, "
            "from z_d, and once for G's, from z_g"
        )


def _call(text: str, name: str, function: Callable, players: Players, data: tuple[Tensor, ...]) -> None:
    """One call, after which all but the weights is as before."""
    before = copy.deepcopy(data)
    try:
        with random_numbers_kept(text):
            attempt(name, function, [*players, *data], text, nothing=True)
    except Wrong as wrong:
        hint = next((h for part, h in HINTS.items() if part in str(wrong)), "")
        raise type(wrong)(f"{wrong}. Likely {hint}" if hint else str(wrong)) from None
    if not all(torch.equal(a, b) for a, b in zip(before, data, strict=True)):
        raise Wrong(f"{text} changed real, z_d or z_g in place; leave the data as it is")
    for key, network in players.networks().items():
        if not all(part.training for part in network.modules()):
            raise Wrong(f"{text} left a network in eval mode; the next step would train with frozen BatchNorm")
        if not all(weight.requires_grad for weight in network.parameters()):
            raise Wrong(
                f"{text} left weights of the {key} frozen: requires_grad is False after the step. Whoever switches it "
                "off for an update switches it on again"
            )


def _diagnosis(history: list[Weights], expected: list[Weights], setting: Setting) -> str:
    place = f"After {N_STEPS} steps with {setting.text} the weights aren't the expected ones."
    if setting.shift:
        return f"{place} {SURE_OF_ITSELF}"
    for step, message in MISTAKES:
        if all(agree(a, b) for a, b in zip(history, weight_history(step, setting), strict=True)):
            return f"{place} {message}"
    start = new_players(setting).weights()
    if all(agree(weights, start) for weights in history):
        return "training_step changed no weight at all: each player needs .backward() and its optimiser's .step()"
    k = next(k for k, (a, b) in enumerate(zip(history, expected, strict=True)) if not agree(a, b))
    is_right = {name: agree(history[k], expected[k], name) for name in ("discriminator", "generator")}
    words = ", ".join(f"the {name}'s are {'right' if right else 'wrong'}" for name, right in is_right.items())
    start_text = f"With {setting.text} the weights differ from the expected ones after step {k + 1}: {words}."
    reasons = list(_reasons(history, expected, setting, k))
    if not reasons:
        update = "G's update" if is_right["discriminator"] else "D's update"
        reasons = [
            f"Look at {update}: which loss, averaged over the batch; which latents; whose gradients were cleared; "
            "whose optimiser steps"
        ]
    return f"{start_text} {' '.join(reasons)}"


def _reasons(history: list[Weights], expected: list[Weights], setting: Setting, k: int) -> Iterator[str]:
    """What is wrong with D's update in step k, and what with G's, each by itself."""
    data = batches(setting)[k]

    def after(step: Step) -> Weights:
        """Weights after k right steps and this one, in which G's update starts from the D that the student has."""
        players = new_players(setting)
        for earlier in batches(setting)[:k]:
            right_step(players, *earlier)
        step(players, *data)
        return players.weights()

    def with_their_d(loss: Callable[[Tensor], Tensor]) -> Step:
        def step(players: Players, real: Tensor, z_d: Tensor, z_g: Tensor) -> None:
            UsualStep(skip="generator")(players, real, z_d, z_g)
            for weight, theirs in zip(players.discriminator.parameters(), history[k]["discriminator"], strict=True):
                weight.data.copy_(theirs)
            players.optimiser_g.zero_grad()
            loss(players.discriminator(players.generator(z_g))).backward()
            players.optimiser_g.step()

        return step

    if not agree(history[k], expected[k], "discriminator"):
        variants = ((UsualStep(loss_d=loss), message) for loss, message in D_LOSSES)
        found = next((m for step, m in variants if agree(history[k], after(step), "discriminator")), "")
        yield found or _length(history, expected, setting, k, "discriminator")
    right_g = after(with_their_d(generator_loss))
    if not agree(history[k], right_g, "generator"):
        variants = ((with_their_d(loss), message) for loss, message in G_LOSSES)
        found = next((m for step, m in variants if agree(history[k], after(step), "generator")), "")
        yield found or _length(history, [*expected[:k], right_g], setting, k, "generator")


def _length(history: list[Weights], expected: list[Weights], setting: Setting, k: int, name: str) -> str:
    """What to say of an update that has the right direction and another length."""
    before = (expected[k - 1] if k else new_players(setting).weights())[name]
    moves = [
        torch.cat([(a - b).flatten() for a, b in zip(weights[k][name], before, strict=True)])
        for weights in (history, expected)
    ]
    factor = (moves[0] @ moves[1] / moves[1].square().sum()).item()
    if k or factor <= 0 or not torch.allclose(moves[0], factor * moves[1], rtol=1e-4, atol=1e-7):
        return (
            f"Look at the {name}'s update: which loss, averaged over the batch; which latents; whose gradients were "
            "cleared; whose optimiser steps."
        )
    return (
        f"The {name}'s update has the right direction and {factor:.3g} times the right length: a factor in its loss, "
        "more than one optimiser.step(), or gradients that were clipped."
    )


TRAINING_STEP = Exercise(
    "ex-02-training-step",
    "training_step(generator, discriminator, optimiser_g, optimiser_d, real, z_d, z_g)",
    points=3,
    steps=[partial(check_training_step, setting) for setting in (*PLAIN, *OTHERS, *SURE)],
    description=(
        "Weights after 3 steps with SGD and Adam, three sizes of batches, scores of ±60 and ±150, both precisions; the "
        "discriminator's update leaves the generator alone."
    ),
)
