"""Layers and checks that several families of networks share."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def check_shape(x: Tensor, expected: tuple[int, ...], what: str) -> None:
    """Check that x is [batch, *expected].

    Raises:
        ValueError: it has another shape.
    """
    if x.ndim != 1 + len(expected) or tuple(x.shape[1:]) != expected:
        shape = ", ".join(["batch", *map(str, expected)])
        raise ValueError(f"{what} has shape {tuple(x.shape)}; expected [{shape}]")


def check_counts(**counts: int) -> None:
    """Check that each of some numbers, such as layers' widths, is at least one.

    Raises:
        ValueError: one is less; the message has its name.
    """
    for name, n in counts.items():
        if n < 1:
            raise ValueError(f"{name} is {n}; pass at least 1")


class Flatten(nn.Module):
    """Turn scores [batch, 1, …] into [batch]."""

    def forward(self, x: Tensor) -> Tensor:
        """Remove all axes but the first; the others must have length one."""
        flat = x.flatten(1)
        check_shape(flat, (1,), "what should be one score a sample")
        return flat.squeeze(1)


def n_parameters(network: nn.Module) -> int:
    """Number of trainable parameters, counted as single numbers.

    >>> n_parameters(nn.Linear(3, 2))
    8
    """
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def one_hot(y: Tensor | None, n_classes: int, shape: tuple[int, ...]) -> Tensor:
    """One-hot encoding of labels, [*shape, n_classes], integers.

    Args:
        y: integer labels from 0, of this shape, or of this shape without its last axis if that is 1.
        n_classes: number of classes.
        shape: expected shape of the labels.

    Raises:
        ValueError: there are no labels, or their shape, type or range is wrong.

    >>> one_hot(torch.tensor([2, 0]), 3, (2, 1)).tolist()
    [[[0, 0, 1]], [[1, 0, 0]]]
    """
    if y is None:
        raise ValueError(f"the network is conditioned on labels of {n_classes} classes, but y is None; pass y")
    if y.is_floating_point() or y.numel() != math.prod(shape) or len(y) != shape[0]:
        raise ValueError(f"y is {y.dtype} of shape {tuple(y.shape)}; expected integer labels of shape {list(shape)}")
    if y.numel() and not 0 <= int(y.min()) <= int(y.max()) < n_classes:
        raise ValueError(
            f"labels run from {int(y.min())} to {int(y.max())} but the network knows {n_classes} classes; pass "
            f"n_classes={int(y.max()) + 1} or drop them"
        )
    return torch.nn.functional.one_hot(y.view(shape).long(), n_classes)
