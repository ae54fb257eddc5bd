"""Parts that several families share."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def check_shape(x: Tensor, expected: tuple[int, ...], what: str) -> None:
    """Complain unless x is [batch, *expected].

    Raises:
        ValueError: names what was given and what was expected.
    """
    if x.ndim != 1 + len(expected) or tuple(x.shape[1:]) != expected:
        wanted = ", ".join(["batch", *map(str, expected)])
        raise ValueError(f"{what} has shape {tuple(x.shape)}; expected [{wanted}]")


class Flatten(nn.Module):
    """Turn scores [batch, 1, …] into [batch]."""

    def forward(self, x: Tensor) -> Tensor:
        """Drop all axes but the first; the others must be of length one."""
        flat = x.flatten(1)
        check_shape(flat, (1,), "what should be one score a sample")
        return flat.squeeze(1)


def n_parameters(network: nn.Module) -> int:
    """How many numbers training may change.

    >>> n_parameters(nn.Linear(3, 2))
    8
    """
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def one_hot(y: Tensor | None, n_classes: int, shape: tuple[int, ...]) -> Tensor:
    """Labels as numbers 0 and 1, [*shape, n_classes], integers.

    Args:
        y: integer labels from 0, of this shape, or of this shape without its last axis if that is 1.
        n_classes: how many classes there are.
        shape: how many labels are expected.

    Raises:
        ValueError: there are no labels, or their shape, type or range is wrong.

    >>> one_hot(torch.tensor([2, 0]), 3, (2, 1)).tolist()
    [[[0, 0, 1]], [[1, 0, 0]]]
    """
    if y is None:
        raise ValueError(f"the network is conditioned on labels of {n_classes} classes, but there are none; pass y")
    if y.is_floating_point() or y.numel() != math.prod(shape) or len(y) != shape[0]:
        raise ValueError(f"y is {y.dtype} of shape {tuple(y.shape)}; expected integer labels of shape {list(shape)}")
    if y.numel() and not 0 <= int(y.min()) <= int(y.max()) < n_classes:
        raise ValueError(
            f"labels run from {int(y.min())} to {int(y.max())} but the network knows {n_classes} classes; pass "
            f"n_classes={int(y.max()) + 1} or drop them"
        )
    return torch.nn.functional.one_hot(y.view(shape).long(), n_classes)
