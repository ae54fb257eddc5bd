"""Evaluating a loss at other weights than those that its networks hold, differentiable with respect to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn
from torch.func import functional_call

Weights = dict[str, Tensor]
"""Parameters (and buffers, if these are replaced too) of one network, by name."""


class _Caller(nn.Module):
    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return function(*arguments)


def call_at(
    networks: Sequence[nn.Module], weights: Sequence[Weights], function: Callable[..., Any], *arguments: Any
) -> Any:
    """Call a function with other weights in some networks; afterwards, the networks hold their own weights again.

    The result is differentiable with respect to the weights passed. Unrolled discriminators, vector fields and their
    Jacobians are computed in this way, for any game.

    Args:
        networks: the networks whose weights are replaced; no two may share a parameter.
        weights: the new weights of each network; parameters that are left out keep their values.
        function: calls the networks.
        arguments: of the function.

    Raises:
        ValueError: the counts differ, or a network has no parameter or buffer of one of the names.

    >>> import torch
    >>> line = nn.Linear(1, 1, bias=False)
    >>> call_at([line], [{"weight": torch.tensor([[3.0]])}], lambda: line(torch.ones(1, 1)).item())
    3.0
    """
    if len(networks) != len(weights):
        raise ValueError(
            f"{len(networks)} networks but weights for {len(weights)}; pass one dictionary for each network"
        )
    for network, new_weights in zip(networks, weights, strict=True):
        known = dict(network.named_parameters()) | dict(network.named_buffers())
        if unknown := sorted(set(new_weights) - set(known)):
            raise ValueError(f"{type(network).__name__} has no weights named {unknown}; it has {sorted(known)}")
    flat = {f"networks.{i}.{name}": value for i, ws in enumerate(weights) for name, value in ws.items()}
    return functional_call(_Caller(networks), flat, (function, *arguments))
