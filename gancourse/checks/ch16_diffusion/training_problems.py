"""Trainings with an average of the weights, right and wrong ones, for networks of all kinds."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer

State = dict[str, Tensor]


class Mixed(nn.Module):
    """A frozen and a shared weight, BatchNorm, whole numbers, and a buffer that isn't saved and that a call changes."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 3, bias=False)
        self.second.weight = self.first.weight
        self.norm = nn.BatchNorm1d(3)
        self.frozen = nn.Parameter(torch.randn(3), requires_grad=False)
        self.register_buffer("n_calls", torch.tensor(5))
        self.register_buffer("last_mean", torch.randn(3), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, 3] to [batch, 3]."""
        if self.training:
            self.n_calls += 1
            self.last_mean.copy_(x.detach().mean(0))
        return self.norm(self.second(torch.tanh(self.first(x)))) + self.frozen


def _small() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 3))


def _normalised() -> nn.Module:
    # No bias before BatchNorm: its gradient is rounding alone, which Adam would make as large as any other.
    return nn.Sequential(nn.Linear(3, 4, bias=False), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 3))


def _single() -> nn.Module:
    layer = nn.Linear(1, 1, bias=False)
    nn.init.ones_(layer.weight)
    return layer


def _sgd(network: nn.Module) -> Optimizer:
    return SGD((p for p in network.parameters() if p.requires_grad), lr=0.5)


def _momentum(network: nn.Module) -> Optimizer:
    return SGD((p for p in network.parameters() if p.requires_grad), lr=0.1, momentum=0.9)


def _adam(network: nn.Module) -> Optimizer:
    return Adam((p for p in network.parameters() if p.requires_grad), lr=0.1)


class Problem(NamedTuple):
    """A training.

    Args:
        about: what it tries.
        network: makes it; called under a seed of its own.
        optimiser: makes it.
        decay: of the average.
        n_steps: how many steps.
        training: the network's mode.
        dtype: of its weights.
        old_gradient: what each weight's gradient is before; None for none.
    """

    about: str
    network: Callable[[], nn.Module]
    optimiser: Callable[[nn.Module], Optimizer] = _sgd
    decay: float = 0.9
    n_steps: int = 3
    training: bool = True
    dtype: torch.dtype = torch.float64
    old_gradient: float | None = None


PROBLEMS = [
    Problem("the task's example", _single, n_steps=2),
    Problem("two linear layers", _small),
    Problem("BatchNorm's statistics", _normalised, _momentum, n_steps=4),
    Problem("old gradients before the first step", _small, _momentum, old_gradient=0.25),
    Problem("a network of all kinds", Mixed, _adam, decay=0.7, n_steps=4, old_gradient=0.5),
    Problem("evaluation mode", Mixed, _sgd, training=False),
    Problem("no step at all", Mixed, n_steps=0, old_gradient=0.5),
    Problem("one step", _normalised, n_steps=1, decay=0.5),
    Problem("a decay of 0", _normalised, decay=0.0),
    Problem("a decay of 1", _normalised, decay=1.0),
    Problem("a decay of 0.999", _small, _adam, decay=0.999, n_steps=12),
    Problem("single precision", _normalised, _adam, dtype=torch.float32),
]


class Called(NamedTuple):
    """A call of the loss.

    Args:
        network: with which it was called.
        step: likewise.
        training: the network's mode then.
    """

    network: object
    step: object
    training: bool


class Loss:
    """The loss of a step, whose data the step names; it records its calls."""

    def __init__(self, is_example: bool, dtype: torch.dtype) -> None:
        self.is_example, self.dtype = is_example, dtype
        self.calls: list[Called] = []

    def __call__(self, network: nn.Module, step: int) -> Tensor:
        """The loss of this step, of shape []."""
        self.calls.append(Called(network, step, getattr(network, "training", False)))
        if self.is_example:
            return network.weight.square().sum() / 2
        generator = torch.Generator().manual_seed(77_000 + int(step))
        x, y = torch.randn(2, 8, 3, generator=generator, dtype=torch.float64).to(self.dtype)
        return (network(x) - y).square().mean()


class Setting(NamedTuple):
    """What a training begins with."""

    network: nn.Module
    optimiser: Optimizer
    loss: Loss


def new_setting(problem: Problem) -> Setting:
    """The same network, optimiser and loss each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2_718)
        network = problem.network().to(problem.dtype).train(problem.training)
    for parameter in network.parameters():
        if problem.old_gradient is not None and parameter.requires_grad:
            parameter.grad = torch.full_like(parameter, problem.old_gradient)
    return Setting(network, problem.optimiser(network), Loss(problem.network is _single, problem.dtype))


def state_of(network: nn.Module) -> State:
    """Copies of parameters and buffers by name, each shared one once."""
    tensors = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}


class Way(NamedTuple):
    """A way to train; the defaults are right.

    Args:
        clears: when gradients are cleared: "before" the loss, "after" the step, or "never".
        averages: when: "after" the optimiser's step, "before" it, at the "end" of the training, or "never".
        begins: the average's begin: the "copy", "zeros", or the weights after the "first" step.
        mixed: the average's parameter, of the old one, the network's, the decay and the number of the step from 0.
        buffers: what becomes of a float buffer: "copied", "kept", "averaged", or copied if "saved".
        integers: what becomes of a buffer of whole numbers: "copied" or "kept".
        twice: whether shared weights are averaged as often as they have names.
        steps: whether the optimiser steps.
        loads: whether the network gets the average's weights after each step.
        n_extra: how many more steps.
        offset: added to the step's number.
    """

    clears: str = "before"
    averages: str = "after"
    begins: str = "copy"
    mixed: Callable[[Tensor, Tensor, float, int], Tensor] = lambda a, w, d, k: d * a + (1 - d) * w
    buffers: str = "copied"
    integers: str = "copied"
    twice: bool = False
    steps: bool = True
    loads: bool = False
    n_extra: int = 0
    offset: int = 0


def _names(network: nn.Module, parameter: Tensor) -> int:
    return sum(p is parameter for _, p in network.named_parameters(remove_duplicate=False))


@torch.no_grad()
def _average(way: Way, averaged: nn.Module, network: nn.Module, decay: float, k: int) -> None:
    for a, w in zip(averaged.parameters(), network.parameters(), strict=True):
        for _ in range(_names(network, w) if way.twice else 1):
            a.copy_(w if way.begins == "first" and k == 0 else way.mixed(a, w, decay, k))
    saved = set(network.state_dict())
    for (name, a), (_, b) in zip(averaged.named_buffers(), network.named_buffers(), strict=True):
        rule = way.buffers if b.is_floating_point() else way.integers
        if rule == "copied" or (rule == "saved" and name in saved):
            a.copy_(b)
        elif rule == "averaged":
            a.copy_(decay * a.double() + (1 - decay) * b.double())


def trained(problem: Problem, way: Way = Way()) -> tuple[State, State]:  # noqa: B008 (it is frozen)
    """States of the network and of the average after a training."""
    network, optimiser, loss = new_setting(problem)
    averaged = copy.deepcopy(network)
    if way.begins == "zeros":
        for a in averaged.parameters():
            a.detach().zero_()
    n_steps = max(problem.n_steps + way.n_extra, 0)
    for k in range(n_steps):
        if way.clears == "before":
            optimiser.zero_grad()
        loss(network, k + way.offset).backward()
        if way.averages == "before":
            _average(way, averaged, network, problem.decay, k)
        if way.steps:
            optimiser.step()
        if way.clears == "after":
            optimiser.zero_grad()
        if way.averages == "after" or (way.averages == "end" and k == n_steps - 1):
            _average(way, averaged, network, problem.decay, k)
        if way.loads:
            network.load_state_dict(averaged.state_dict())
    return state_of(network), state_of(averaged)
