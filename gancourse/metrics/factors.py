"""How samples cover the values of known factors, read by a regressor."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gancourse.errors import NotFiniteError
from gancourse.metrics.features import Numbers, comparable


def factor_overlap(real: Numbers, generated: Numbers, n_classes: Sequence[int], bins: int = 10) -> Tensor:
    """Overlap of the distributions of each factor: Σ min(p, q) over its classes, or over equal bins of 0 … 1.

    It is one minus the total variation distance of the two histograms: 1 for equal shares, 0 where no value is shared.
    Each factor is judged alone; combinations of factors aren't.

    Args:
        real: factors of data, [n, factors] from 0 to 1; categorical ones anywhere within their class's equal part.
        generated: factors of samples, [m, factors].
        n_classes: of each factor; 0 for a continuous one.
        bins: of the continuous ones.

    Returns:
        Overlaps, [factors].

    Raises:
        ValueError: shapes disagree, a set is empty, or a number is outside 0 … 1.
        NotFiniteError: a factor isn't finite.

    >>> factor_overlap(torch.tensor([[0.1], [0.9]]), torch.tensor([[0.2], [0.3]]), [2]).tolist()
    [0.5]
    """
    real, generated = comparable(real=real, generated=generated)
    shapes = {"real": real, "generated": generated}
    for name, factors in shapes.items():
        if factors.ndim != 2 or factors.shape[1] != len(n_classes) or not len(factors):
            raise ValueError(
                f"{name} factors have shape {tuple(factors.shape)}; expected [n, {len(n_classes)}], n at least 1"
            )
        if not torch.isfinite(factors).all():
            raise NotFiniteError(f"{name} factors have numbers that are not finite")
        if factors.min() < 0 or factors.max() > 1:
            raise ValueError(f"{name} factors run from {factors.min():.4g} to {factors.max():.4g}; expected 0 to 1")
    if bins < 2 or any(n < 0 or n == 1 for n in n_classes):
        raise ValueError(
            f"{bins} bins and n_classes {tuple(n_classes)}; expected at least 2, or 0 for a continuous one"
        )
    return torch.stack(
        [
            torch.minimum(_shares(real[:, column], n or bins), _shares(generated[:, column], n or bins)).sum()
            for column, n in enumerate(n_classes)
        ]
    )


def _shares(values: Tensor, parts: int) -> Tensor:
    """Share of the values in each of the equal parts of 0 … 1, [parts]."""
    part = (values.double() * parts).long().clamp(max=parts - 1)
    return torch.bincount(part, minlength=parts).double() / len(values)
