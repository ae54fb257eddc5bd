"""Networks to average: with running statistics, spectral norm, shared weights, and buffers of all kinds."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

N_UPDATES = 3


class Problem(NamedTuple):
    """A network, and how its average decays.

    Args:
        about: what it tries.
        network: makes it; called under a seed of its own.
        decay: of the average.
        dtype: of its weights.
        is_example: whether all numbers of the average are 1 and those of the network in training 2, as in the task.
    """

    about: str
    network: Callable[[], nn.Module]
    decay: float = 0.9
    dtype: torch.dtype = torch.float64
    is_example: bool = False


class Tied(nn.Module):
    """Two layers with one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 3)
        self.second.weight = self.first.weight


class Buffered(nn.Module):
    """A parameter without a layer, and buffers: a float, whole numbers, true and false, and one that isn't saved."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.randn(3))
        self.frozen = nn.Parameter(torch.randn(2), requires_grad=False)
        self.gain = nn.Parameter(torch.randn(()))
        self.register_buffer("mean", torch.randn(3))
        self.register_buffer("table", torch.arange(4))
        self.register_buffer("mask", torch.tensor([True, False, True]))
        self.register_buffer("unsaved", torch.randn(2), persistent=False)
        self.register_buffer("absent", None)


def _normalised() -> nn.Module:
    return nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 1, 1))


def _spectral() -> nn.Module:
    return nn.Sequential(spectral_norm(nn.Linear(4, 3)), nn.ReLU(), spectral_norm(nn.Linear(3, 1)))


PROBLEMS = [
    Problem("the task's example", lambda: nn.BatchNorm1d(1), is_example=True),
    Problem("a linear layer", lambda: nn.Linear(2, 1)),
    Problem("BatchNorm's statistics", _normalised),
    Problem("spectral norm, whose vectors u and v are buffers", _spectral),
    Problem("two layers that share a weight", Tied),
    Problem("buffers of all kinds, and a frozen parameter", Buffered, decay=0.75),
    Problem("single precision", _normalised, dtype=torch.float32),
    Problem("a decay of 0", _normalised, decay=0.0),
    Problem("a decay of 1", _normalised, decay=1.0),
    Problem("a decay of 0.9999", _spectral, decay=0.9999),
    Problem("all kinds in one network", lambda: nn.ModuleList([Buffered(), _normalised(), _spectral(), Tied()]), 0.5),
]


class Players(NamedTuple):
    """The average and the network in training."""

    averaged: nn.Module
    live: nn.Module


def new_players(problem: Problem) -> Players:
    """A network and its copy, the same ones each time; the network has gradients, and is in training."""
    torch.manual_seed(314)
    live = problem.network().to(problem.dtype)
    averaged = copy.deepcopy(live)
    for k, network in ((1, averaged), (2, live)):
        move(network, k)
        if problem.is_example:
            for tensor in tensors_of(network).values():
                tensor.fill_(k)
    averaged.eval()
    for parameter in live.parameters():
        if parameter.requires_grad:
            parameter.grad = torch.full_like(parameter, 0.25)
    return Players(averaged, live)


def move(network: nn.Module, k: int) -> None:
    """Change every parameter and buffer in place, as training would, by numbers that k names."""
    generator = torch.Generator().manual_seed(8_000 + k)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64).to(parameter))
        for name, buffer in network.named_buffers():
            if buffer.dtype == torch.bool:
                buffer.logical_not_()
            elif not buffer.is_floating_point():
                buffer.add_(7 * k)
            else:
                numbers = torch.randn(buffer.shape, generator=generator, dtype=torch.float64).to(buffer)
                # Vectors of length 1, as a power iteration leaves them, and variances above 0.
                buffer.copy_(numbers / numbers.norm() if name.endswith(("._u", "._v")) else numbers.abs() + 0.5)


def tensors_of(network: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers by name, each tied one once; the network's own, without a graph."""
    own = {name: p.detach() for name, p in network.named_parameters()}
    return own | {name: b.detach() for name, b in network.named_buffers()}


def copies_of(network: nn.Module) -> dict[str, Tensor]:
    """Copies of all parameters and buffers by name."""
    return {name: tensor.clone() for name, tensor in tensors_of(network).items()}
