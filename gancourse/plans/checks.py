"""Checks of costs and masses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def check_cost(cost: np.ndarray, name: str = "cost", low: float | None = None) -> None:
    """Check that costs are a matrix of finite numbers.

    Args:
        cost: [n, m], with at least one number.
        name: in errors.
        low: the least cost; None for any.

    Raises:
        ValueError: they aren't.

    >>> check_cost(np.zeros(3))
    Traceback (most recent call last):
    ValueError: cost is float64 (3,); expected an array of real numbers [n, m], at least one
    """
    if not isinstance(cost, np.ndarray):
        raise ValueError(f"{name} is of type {type(cost).__name__}; expected an array of numbers [n, m]")
    if cost.ndim != 2 or not cost.size or cost.dtype.kind not in "fiub":
        raise ValueError(f"{name} is {cost.dtype} {cost.shape}; expected an array of real numbers [n, m], at least one")
    if not np.isfinite(cost).all():
        raise ValueError(f"{name} has NaN or infinity; pass finite numbers")
    if low is not None and cost.min() < low:
        raise ValueError(f"{name} has the number {cost.min():.4g}; expected numbers ≥ {low:g}")


def check_masses(masses: Sequence[float], name: str, n: int | None = None) -> None:
    """Check that masses are finite numbers ≥ 0, not all zero.

    Args:
        masses: [n].
        name: in errors.
        n: how many there should be; None for any number.

    Raises:
        ValueError: they aren't.
    """
    try:
        array = np.asarray(masses, float)
    except (TypeError, ValueError):
        raise ValueError(f"the masses {name} are {masses!r:.100}; expected numbers ≥ 0") from None
    if array.ndim != 1 or not len(array) or (n is not None and len(array) != n):
        raise ValueError(f"the masses {name} have shape {array.shape}; expected [{'n' if n is None else n}]")
    if not (np.isfinite(array).all() and (array >= 0).all() and array.any()):
        raise ValueError(f"the masses {name} are {masses!r:.100}; expected finite numbers ≥ 0, not all zero")
