"""Freezing weights, averaging gradients over processes, and checking that they are finite."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.utils import get_total_norm

from gancourse import processes
from gancourse.errors import NotFiniteError
from gancourse.processes import Part


def parameters_of(network: nn.Module) -> list[nn.Parameter]:
    """A network's parameters in a fixed order, several times faster than `network.parameters()`.

    >>> len(parameters_of(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2, bias=False))))
    3
    """
    modules, parameters, visited = [network], [], set()
    while modules:
        module = modules.pop()
        if id(module) not in visited:
            visited.add(id(module))
            parameters += [p for p in module._parameters.values() if p is not None]
            modules += [child for child in module._modules.values() if child is not None]
    return parameters


@contextmanager
def only_trainable(weights: Iterable[nn.Parameter], all_weights: Iterable[nn.Parameter]) -> Iterator[None]:
    """Inside, only these of all weights are trainable, so that no gradient is computed for the others."""
    try:
        for weight in all_weights:
            weight.requires_grad_(False)
        for weight in weights:
            weight.requires_grad_(True)
        yield
    finally:
        for weight in all_weights:
            weight.requires_grad_(True)


def all_reduce(terms: dict[str, Tensor], gradients: Sequence[Tensor], part: Part) -> dict[str, Tensor]:
    """Average gradients over processes, in place; returns the averaged terms, detached."""
    terms = {name: value.detach() for name, value in terms.items()}
    if part.count == 1:
        return terms
    means = iter(processes.all_reduce_means([*gradients, *terms.values()], part))
    for gradient in gradients:
        gradient.copy_(next(means))
    return dict(zip(terms, means, strict=True))


def check_finite(terms: dict[str, Tensor], gradients: Sequence[Tensor], player: str, step: int) -> None:
    """Check that all terms and gradients are finite.

    Raises:
        NotFiniteError: one isn't; the message names the player, the term and the step.
    """
    # A finite loss may have an infinite gradient, e.g. √ at 0; one such step would make every weight NaN.
    # One comparison for all of them: on CUDA, each one waits for the device.
    if torch.stack([torch.isfinite(x) for x in (*terms.values(), get_total_norm(gradients))]).all():
        return
    for name, value in terms.items():
        if not torch.isfinite(value):
            raise NotFiniteError(f"{player}'s term {name!r} is {value.item()} at step {step}")
    raise NotFiniteError(f"{player}'s gradient is not finite at step {step}")
