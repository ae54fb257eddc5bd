"""Checks of the features that are passed to a metric."""

from __future__ import annotations

import torch
from torch import Tensor

from gancourse.errors import NotFiniteError


def matrix(features: Tensor, name: str, n_min: int = 2) -> Tensor:
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
    if features.ndim != 2 or len(features) < n_min or not features.shape[1]:
        raise ValueError(f"{name} has shape {tuple(features.shape)}; expected [n, features] with n ≥ {n_min}")
    if features.is_complex():
        raise ValueError(f"{name} is {features.dtype}; expected real numbers")
    if not torch.isfinite(features).all():
        raise NotFiniteError(f"{name} has numbers that are not finite; check whether the training diverged")
    return features.detach().double()


def pair(real: Tensor, generated: Tensor, n_min: int = 2) -> tuple[Tensor, Tensor]:
    """Features of real and of generated data as float64; errors as for `matrix`, and if their widths differ."""
    if real.ndim == generated.ndim == 2 and real.shape[1] != generated.shape[1]:
        raise ValueError(f"real has {real.shape[1]} features, generated {generated.shape[1]}; use one extractor")
    return matrix(real, "real", n_min), matrix(generated, "generated", n_min)
