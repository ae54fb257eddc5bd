"""Check of chapter 2's training step: weights after three steps against an independent computation."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer

from gancourse.checks.loops import MISTAKES, Play, Table, discriminator_loss, generator_loss
from gancourse.checks.probe import attempt, is_blank, not_written
from gancourse.checks.registry import exercise
from gancourse.checks.verdict import Wrong

N_STEPS = 3
PARAMETERS = "generator, discriminator, optimiser_g, optimiser_d, real, z_d, z_g"
Rounds = list[tuple[Tensor, Tensor, Tensor]]


def lay(optimiser: str) -> Table:
    """Fresh small networks in double precision, the same ones each time; G has BatchNorm, so that its mode matters."""
    torch.manual_seed(2)
    g = nn.Sequential(nn.Linear(3, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 2)).double()
    d = nn.Sequential(nn.Linear(2, 6), nn.LeakyReLU(0.2), nn.Linear(6, 1), nn.Flatten(0)).double()
    if optimiser == "SGD":
        return Table(g, d, SGD(g.parameters(), lr=0.1, momentum=0.9), SGD(d.parameters(), lr=0.2, momentum=0.9))
    return Table(g, d, Adam(g.parameters(), lr=0.01, betas=(0.5, 0.9)), Adam(d.parameters(), lr=0.02, betas=(0.5, 0.9)))


def rounds() -> Rounds:
    """Data and latents of each step."""
    torch.manual_seed(3)
    return [
        (torch.randn(6, 2).double() + 1, torch.randn(6, 3).double(), torch.randn(6, 3).double()) for _ in range(N_STEPS)
    ]


def right(table: Table, real: Tensor, z_d: Tensor, z_g: Tensor) -> None:
    """One step with gradients by torch.autograd.grad, which accumulates nothing and reaches nobody else's weights."""
    g, d, optimiser_g, optimiser_d = table

    def descend(optimiser: Optimizer, network: nn.Module, loss: Tensor) -> None:
        weights = list(network.parameters())
        for weight, slope in zip(weights, torch.autograd.grad(loss, weights), strict=True):
            weight.grad = slope
        optimiser.step()

    descend(optimiser_d, d, discriminator_loss(d(real), d(g(z_d).detach())))
    descend(optimiser_g, g, generator_loss(d(g(z_g))))


HINTS = {
    "modified by an inplace operation": "a graph built before optimiser_d.step() is used after it; "
    "let G generate, and D judge, afresh in G's update",
    "backward through the graph a second time": "both updates share one graph; generate afresh from z_g for G's update",
    "does not require grad": "G's loss is cut off from G: no detach and no no_grad in G's own update",
}


def _play(play: Play, optimiser: str) -> list[dict[str, list[Tensor]]]:
    """Weights after each step."""
    table, history = lay(optimiser), []
    for real, z_d, z_g in rounds():
        play(table, real.clone(), z_d.clone(), z_g.clone())
        history.append(table.weights())
    return history


def _agree(one: dict[str, list[Tensor]], other: dict[str, list[Tensor]], network: str | None = None) -> bool:
    names = [network] if network else list(one)
    return all(
        torch.allclose(a, b, rtol=1e-7, atol=1e-9)
        for name in names
        for a, b in zip(one[name], other[name], strict=True)
    )


class Spy:
    """Counts how often a gradient arrives at a network's first weight."""

    def __init__(self, network: nn.Module) -> None:
        self.count = 0
        next(network.parameters()).register_hook(self)

    def __call__(self, slope: Tensor) -> None:
        """Note one arrival."""
        self.count += 1


@exercise("ex-02-training-step", "02_gan_game", f"training_step({PARAMETERS})", points=3)
def check_training_step(function: Callable) -> str:
    """One update of D, then one of G."""
    if is_blank(function):
        raise not_written("training_step")
    for optimiser in ("SGD", "Adam"):
        _check(function, optimiser)
    return "Weights after 3 steps with SGD and with Adam; the discriminator's update leaves the generator alone."


def _check(function: Callable, optimiser: str) -> None:
    table, history = lay(optimiser), []
    spy = Spy(table.generator)
    for k, data in enumerate(rounds()):
        before = copy.deepcopy(data)
        text = f"training_step(…), step {k + 1} with {optimiser}"
        try:
            attempt("training_step", function, [*table, *data], text, nothing=True)
        except Wrong as wrong:
            hint = next((h for sign, h in HINTS.items() if sign in str(wrong)), "")
            raise type(wrong)(f"{wrong}. Likely {hint}" if hint else str(wrong)) from None
        if not all(torch.equal(a, b) for a, b in zip(before, data, strict=True)):
            raise Wrong(f"{text} changed real, z_d or z_g in place; leave the data as it is")
        if not (table.generator.training and table.discriminator.training):
            raise Wrong(f"{text} left a network in eval mode; the next step would train with frozen BatchNorm")
        history.append(table.weights())
    wanted = _play(right, optimiser)
    if not all(_agree(a, b) for a, b in zip(history, wanted, strict=True)):
        raise Wrong(_diagnosis(history, wanted, optimiser))
    if spy.count > N_STEPS:
        raise Wrong(
            "The weights are right, but D's backward pass also ran through the generator: twice the work, and a wrong "
            "update as soon as one zero_grad() moves. Generate under torch.no_grad(), or .detach(), in D's update"
        )


def _diagnosis(history: list[dict[str, list[Tensor]]], wanted: list[dict[str, list[Tensor]]], optimiser: str) -> str:
    for play, message in MISTAKES:
        if all(_agree(a, b) for a, b in zip(history, _play(play, optimiser), strict=True)):
            return f"After {N_STEPS} steps with {optimiser} the weights aren't the expected ones. {message}"
    step = next(k for k, (a, b) in enumerate(zip(history, wanted, strict=True)) if not _agree(a, b))
    verdicts = {name: _agree(history[step], wanted[step], name) for name in ("discriminator", "generator")}
    start = lay(optimiser).weights()
    if all(_agree(weights, start) for weights in history):
        return "training_step changed no weight at all: each player needs .backward() and its optimiser's .step()"
    words = ", ".join(f"the {name}'s are {'right' if ok else 'wrong'}" for name, ok in verdicts.items())
    look = "D's update" if not verdicts["discriminator"] else "G's update"
    return (
        f"With {optimiser} the weights differ from the expected ones after step {step + 1}: {words}. Look at {look}: "
        "which loss, averaged over the batch; which latents; whose gradients were cleared; whose optimiser steps"
    )
