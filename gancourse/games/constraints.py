"""Constraints: projections of a network onto the set of allowed weights, applied after each update."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn


def weight_clipping(c: float = 0.01) -> Callable[[nn.Module], None]:
    """A constraint that clamps every parameter to [−c, c], in place.

    Args:
        c: the largest absolute value that a parameter may have; the paper's is 0.01.

    Raises:
        ValueError: c is not a positive, finite number.

    Source: Arjovsky, Chintala, Bottou 2017, algorithm 1.

    >>> layer = nn.Linear(3, 2)
    >>> weight_clipping(0.1)(layer)
    >>> bool((layer.weight.abs() <= 0.1).all())
    True
    """
    if not 0 < c < float("inf"):
        raise ValueError(f"c is {c}; pass a positive, finite bound, such as 0.01")

    @torch.no_grad()
    def clip(network: nn.Module) -> None:
        for weight in network.parameters():
            weight.clamp_(-c, c)

    return clip
