"""Whose weights receive gradients, what processes make of them together, and whether they are finite."""

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
    """Its parameters in a fixed order, several times faster than `network.parameters()`.

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
def only(mine: Iterable[nn.Parameter], every: Iterable[nn.Parameter]) -> Iterator[None]:
    """While open, every weight but mine is frozen, so that no gradient is computed for it."""
    try:
        for weight in every:
            weight.requires_grad_(False)
        for weight in mine:
            weight.requires_grad_(True)
        yield
    finally:
        for weight in every:
            weight.requires_grad_(True)


def share(terms: dict[str, Tensor], gradients: Sequence[Tensor], part: Part) -> dict[str, Tensor]:
    """Terms, detached, and in place gradients, averaged over the processes."""
    terms = {name: value.detach() for name, value in terms.items()}
    if part.count == 1:
        return terms
    means = iter(processes.averaged([*gradients, *terms.values()], part))
    for gradient in gradients:
        gradient.copy_(next(means))
    return dict(zip(terms, means, strict=True))


def check_finite(terms: dict[str, Tensor], gradients: Sequence[Tensor], player: str, step: int) -> None:
    """Complain about a term or a gradient that is not finite.

    Raises:
        NotFiniteError: names the player, the term and the step.
    """
    # A finite loss may have an infinite gradient, e.g. √ at 0; one such step would spoil every weight for good.
    # One question for all of them: on CUDA each one waits for the device.
    if torch.stack([torch.isfinite(x) for x in (*terms.values(), get_total_norm(gradients))]).all():
        return
    for name, value in terms.items():
        if not torch.isfinite(value):
            raise NotFiniteError(f"{player}'s term {name!r} is {value.item()} at step {step}")
    raise NotFiniteError(f"{player}'s gradient is not finite at step {step}")
