"""Cheapest plans for powers of distances, at any scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gancourse.plans.cheapest import assigned, cheapest_plan
from gancourse.plans.plan import Plan

LARGEST = 1e300  # of a cost; sums of two are still finite


class Transport(NamedTuple):
    """A cheapest plan for powers of distances, in units of its own.

    Args:
        plan: for the cost (distance / scale)^p; its potential is in units of that cost.
        scale: of the distances, so that no cost of the plan underflows.
        cost: (distance / scale)^p, at most 1e300, [n, m].
    """

    plan: Plan
    scale: float
    cost: np.ndarray


def scale_of(largest: float, p: float) -> float:
    """A number near the largest distance; a power of two, by which division is exact, unless p is large."""
    if not largest:
        return 1.0
    # 2^−64 of a cost at least is left; for larger p the largest distance is the unit itself.
    return largest if p > 64 else 2.0 ** math.frexp(largest)[1]


def transport(
    distances: np.ndarray, p: float, a: Sequence[float] | None = None, b: Sequence[float] | None = None
) -> Transport:
    """Cheapest transport for the cost distance^p, of any scale.

    Args:
        distances: [n, m].
        p: exponent, at least 1.
        a: masses of the rows, [n]; if both are left out, n = m equal masses are assigned to each other.
        b: masses of the columns, [m].

    Raises:
        PlanError: it can't be computed exactly in float64.
    """
    largest = distances.max()
    while True:
        scale = scale_of(largest, p)
        with np.errstate(over="ignore", under="ignore"):
            cost = np.minimum((distances / scale) ** p, LARGEST)
        plan = assigned(cost) if a is None else cheapest_plan(cost, a, b)
        # A pair of far points must not make the costs of near ones vanish: the largest distance moved is the unit.
        moved = distances[plan.rows, plan.columns].max()
        if not moved or scale_of(moved, p) > scale * 1e-100 ** (1 / p):
            return Transport(plan, scale, cost)
        largest = moved
