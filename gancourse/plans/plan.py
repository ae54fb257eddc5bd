"""A plan between finite masses, and the proof by duality that it is the cheapest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

GAP = 1e-9  # largest relative duality gap of a plan that is called the cheapest


class PlanError(ArithmeticError):
    """A cheapest plan can't be computed to its usual precision in float64."""


class Plan(NamedTuple):
    """A cheapest plan, with potentials that prove that it is the cheapest.

    Args:
        rows: where each mass comes from, integers [k].
        columns: where it goes to, [k].
        masses: positive, [k].
        potential: ψ of the columns, [m]; with φ_i = min over j of cost[i, j] − ψ_j, the dual value is a·φ + b·ψ.
    """

    rows: np.ndarray
    columns: np.ndarray
    masses: np.ndarray
    potential: np.ndarray


def value_of(cost: np.ndarray, plan: Plan) -> float:
    """Total cost of a plan."""
    return math.fsum(plan.masses * cost[plan.rows, plan.columns])


def duality_gap(cost: np.ndarray, plan: Plan, a: Sequence[float], b: Sequence[float]) -> float:
    """How much of a plan's cost its potentials don't prove to be necessary, as a share; 0 for a cost of zero."""
    value = value_of(cost, plan)
    if not value:  # no plan costs less
        return 0.0
    potentials = (cost - plan.potential).min(1), plan.potential
    duals = [np.asarray(side, float) / math.fsum(side) * psi for side, psi in zip((a, b), potentials, strict=True)]
    return (value - math.fsum(np.concatenate(duals))) / value


def check_gap(cost: np.ndarray, plan: Plan, a: Sequence[float], b: Sequence[float]) -> None:
    """Check by duality that no plan is cheaper than this one, but for rounding.

    Raises:
        PlanError: the duality gap is more than 1e-9 of the cost.
    """
    gap = duality_gap(cost, plan, a, b)
    if not abs(gap) <= GAP:
        raise PlanError(
            f"the cheapest plan has a duality gap of {gap:.2g} of its cost; expected at most {GAP:g}: the distances "
            "have too many orders of magnitude for float64; leave out far points, or pass a smaller p"
        )
