"""Evaluating a loss at other weights than the ones that its networks hold, so that it can be differentiated in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn
from torch.func import functional_call

Weights = dict[str, Tensor]
"""Parameters (and buffers, if they are to be replaced as well) of one network, by name."""


class _Caller(nn.Module):
    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return function(*arguments)


def call_at(
    networks: Sequence[nn.Module], weights: Sequence[Weights], function: Callable[..., Any], *arguments: Any
) -> Any:
    """Call a function that uses some networks as if they held other weights; afterwards they hold their own again.

    The result is differentiable in the given weights: this is how an unrolled discriminator, a vector field and its
    Jacobian are computed, whatever game the function belongs to.

    Args:
        networks: the networks whose weights are replaced; no two may share a parameter.
        weights: the weights of each; parameters that are left out stay as they are.
        function: anything that calls the networks.
        arguments: what it is called with.

    Raises:
        ValueError: the counts differ, or a network has no parameter or buffer of a given name.

    >>> import torch
    >>> line = nn.Linear(1, 1, bias=False)
    >>> call_at([line], [{"weight": torch.tensor([[3.0]])}], lambda: line(torch.ones(1, 1)).item())
    3.0
    """
    if len(networks) != len(weights):
        raise ValueError(f"{len(networks)} networks but weights for {len(weights)}; give one dictionary for each")
    for network, replaced in zip(networks, weights, strict=True):
        known = dict(network.named_parameters()) | dict(network.named_buffers())
        if strange := sorted(set(replaced) - set(known)):
            raise ValueError(f"{type(network).__name__} has no weights named {strange}; it has {sorted(known)}")
    flat = {f"networks.{i}.{name}": value for i, ws in enumerate(weights) for name, value in ws.items()}
    return functional_call(_Caller(networks), flat, (function, *arguments))
