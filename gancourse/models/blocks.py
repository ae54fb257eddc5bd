"""Layers and checks that several families of networks share."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from gancourse.arguments import check_counts

__all__ = ["Flatten", "check_counts", "check_shape", "n_parameters", "one_hot"]


def check_shape(x: Tensor, expected: tuple[int, ...], what: str) -> None:
    """Check that x is floats [batch, *expected].

    Raises:
        ValueError: it has another shape, or isn't floats.
    """
    if not isinstance(x, Tensor) or not x.is_floating_point():
        kind = x.dtype if isinstance(x, Tensor) else f"of type {type(x).__name__}"
        advice = "images of bytes become floats by x / 127.5 - 1" if kind == torch.uint8 else "pass a tensor of floats"
        raise ValueError(f"{what} is {kind}; networks take floats: {advice}")
    if x.ndim != 1 + len(expected) or tuple(x.shape[1:]) != expected:
        shape = ", ".join(["batch", *map(str, expected)])
        raise ValueError(f"{what} has shape {tuple(x.shape)}; expected [{shape}]")


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
    if y is not None and (not isinstance(y, Tensor) or y.dtype == torch.bool):
        raise ValueError(f"y is {getattr(y, 'dtype', y)!r:.100}; expected a tensor of integer labels")
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
