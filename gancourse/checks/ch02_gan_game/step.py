"""Check of the training step: weights after three steps against an independent computation."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer

from gancourse.checks.ch02_gan_game.loops import MISTAKES, Players, Step, discriminator_loss, generator_loss
from gancourse.checks.engine.probe import attempt
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.verdict import Wrong

N_STEPS = 3
Weights = dict[str, list[Tensor]]
"""Of each network, by its name."""


def new_players(optimiser: str) -> Players:
    """Fresh small networks in double precision, the same ones each time; G has BatchNorm, so that its mode matters."""
    torch.manual_seed(2)
    g = nn.Sequential(nn.Linear(3, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 2)).double()
    d = nn.Sequential(nn.Linear(2, 6), nn.LeakyReLU(0.2), nn.Linear(6, 1), nn.Flatten(0)).double()
    if optimiser == "SGD":
        return Players(g, d, SGD(g.parameters(), lr=0.1, momentum=0.9), SGD(d.parameters(), lr=0.2, momentum=0.9))
    return Players(
        g, d, Adam(g.parameters(), lr=0.01, betas=(0.5, 0.9)), Adam(d.parameters(), lr=0.02, betas=(0.5, 0.9))
    )


def batches() -> list[tuple[Tensor, Tensor, Tensor]]:
    """Data and latents of each step."""
    torch.manual_seed(3)
    return [
        (torch.randn(6, 2).double() + 1, torch.randn(6, 3).double(), torch.randn(6, 3).double()) for _ in range(N_STEPS)
    ]


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
}


def weight_history(step: Step, optimiser: str) -> list[Weights]:
    """Weights after each of the steps."""
    players, history = new_players(optimiser), []
    for real, z_d, z_g in batches():
        step(players, real.clone(), z_d.clone(), z_g.clone())
        history.append(players.weights())
    return history


def agree(one: Weights, other: Weights, network: str | None = None) -> bool:
    """Whether the weights of all networks, or of one, are the same up to rounding in double precision."""
    names = [network] if network else list(one)
    return all(
        torch.allclose(a, b, rtol=1e-7, atol=1e-9)
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


def check_training_step(optimiser: str, name: str, function: Callable) -> None:
    """Three steps with an optimiser lead to the right weights, and D's update leaves the generator alone."""
    players, history = new_players(optimiser), []
    counter = GradientCounter(players.generator)
    for k, data in enumerate(batches()):
        before = copy.deepcopy(data)
        text = f"{name}(…), step {k + 1} with {optimiser}"
        try:
            attempt(name, function, [*players, *data], text, nothing=True)
        except Wrong as wrong:
            hint = next((h for part, h in HINTS.items() if part in str(wrong)), "")
            raise type(wrong)(f"{wrong}. Likely {hint}" if hint else str(wrong)) from None
        if not all(torch.equal(a, b) for a, b in zip(before, data, strict=True)):
            raise Wrong(f"{text} changed real, z_d or z_g in place; leave the data as it is")
        if not (players.generator.training and players.discriminator.training):
            raise Wrong(f"{text} left a network in eval mode; the next step would train with frozen BatchNorm")
        history.append(players.weights())
    expected = weight_history(right_step, optimiser)
    if not all(agree(a, b) for a, b in zip(history, expected, strict=True)):
        raise Wrong(_diagnosis(history, expected, optimiser))
    if counter.count > N_STEPS:
        raise Wrong(
            "The weights are right, but D's backward pass also ran through the generator: twice the work, and a wrong "
            "update as soon as one zero_grad() moves. Generate under torch.no_grad(), or .detach(), in D's update"
        )


def _diagnosis(history: list[Weights], expected: list[Weights], optimiser: str) -> str:
    for step, message in MISTAKES:
        if all(agree(a, b) for a, b in zip(history, weight_history(step, optimiser), strict=True)):
            return f"After {N_STEPS} steps with {optimiser} the weights aren't the expected ones. {message}"
    start = new_players(optimiser).weights()
    if all(agree(weights, start) for weights in history):
        return "training_step changed no weight at all: each player needs .backward() and its optimiser's .step()"
    k = next(k for k, (a, b) in enumerate(zip(history, expected, strict=True)) if not agree(a, b))
    is_right = {name: agree(history[k], expected[k], name) for name in ("discriminator", "generator")}
    words = ", ".join(f"the {name}'s are {'right' if right else 'wrong'}" for name, right in is_right.items())
    place = "G's update" if is_right["discriminator"] else "D's update"
    return (
        f"With {optimiser} the weights differ from the expected ones after step {k + 1}: {words}. Look at {place}: "
        "which loss, averaged over the batch; which latents; whose gradients were cleared; whose optimiser steps"
    )


TRAINING_STEP = Exercise(
    "ex-02-training-step",
    "training_step(generator, discriminator, optimiser_g, optimiser_d, real, z_d, z_g)",
    points=3,
    steps=[partial(check_training_step, optimiser) for optimiser in ("SGD", "Adam")],
    description="Weights after 3 steps with SGD and with Adam; the discriminator's update leaves the generator alone.",
)
