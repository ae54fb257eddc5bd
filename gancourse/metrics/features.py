"""Checks of the numbers that are passed to a metric."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from gancourse.errors import NotFiniteError

Numbers: TypeAlias = Tensor | np.ndarray | Sequence[Any]
"""What every metric takes: a tensor, a NumPy array, or lists of numbers."""


def tensor(numbers: Numbers, name: str) -> Tensor:
    """Numbers as a tensor; floats in lists and arrays keep all their digits.

    Args:
        numbers: a tensor, which is returned itself, an array or (nested) lists.
        name: of them in errors.

    Raises:
        ValueError: they are something else, or lists of different lengths.

    >>> tensor([[1, 2], [3, 4]], "real").shape
    torch.Size([2, 2])
    """
    if isinstance(numbers, Tensor):
        return numbers
    try:
        return torch.tensor(np.ascontiguousarray(numbers))
    except (TypeError, ValueError):
        raise ValueError(
            f"{name} is of type {type(numbers).__name__} and no array of numbers; pass a tensor, a NumPy array, or "
            "lists of equal lengths"
        ) from None


def comparable(**sets: Numbers) -> list[Tensor]:
    """Sets of data to be compared, as tensors, by their names in errors.

    Raises:
        ValueError: as for `tensor`, or one holds bytes and another one floats: images of 0 … 255 and of −1 … 1.

    >>> comparable(real=torch.zeros(2, dtype=torch.uint8), generated=torch.zeros(2))
    Traceback (most recent call last):
    ValueError: real is torch.uint8 but generated is torch.float32; bring both to one scale, such as images to [−1, 1]
    """
    tensors = {name: tensor(numbers, name) for name, numbers in sets.items()}
    of_bytes = [name for name, x in tensors.items() if x.dtype == torch.uint8]
    of_floats = [name for name, x in tensors.items() if x.is_floating_point()]
    if of_bytes and of_floats:
        kind = tensors[of_floats[0]].dtype
        raise ValueError(
            f"{of_bytes[0]} is torch.uint8 but {of_floats[0]} is {kind}; bring both to one scale, such as images to "
            "[−1, 1]"
        )
    return list(tensors.values())


def matrix(features: Numbers, name: str, n_min: int = 2) -> Tensor:
    """Features as float64 [n, features], detached.

    Args:
        features: one row a sample, [n, features].
        name: of the features in errors.
        n_min: smallest number of rows.

    Raises:
        ValueError: there are fewer rows, or another number of axes.
        NotFiniteError: a feature isn't finite.

    >>> matrix(torch.ones(2, 3), "real").dtype
    torch.float64
    """
    features = tensor(features, name)
    if features.ndim != 2 or len(features) < n_min or not features.shape[1]:
        raise ValueError(f"{name} has shape {tuple(features.shape)}; expected [n, features] with n ≥ {n_min}")
    if features.is_complex():
        raise ValueError(f"{name} is {features.dtype}; expected real numbers")
    if not torch.isfinite(features).all():
        raise NotFiniteError(f"{name} has numbers that are not finite; check whether the training diverged")
    return features.detach().double()


def pair(real: Numbers, generated: Numbers, n_min: int = 2) -> tuple[Tensor, Tensor]:
    """Features of real and of generated data as float64; errors as for `matrix`, and if widths or kinds differ."""
    real, generated = comparable(real=real, generated=generated)
    if real.ndim == generated.ndim == 2 and real.shape[1] != generated.shape[1]:
        raise ValueError(f"real has {real.shape[1]} features, generated {generated.shape[1]}; use one extractor")
    return matrix(real, "real", n_min), matrix(generated, "generated", n_min)
