"""Cheapest plans from costs: assignments, and linear programmes whose solutions are checked; calls scipy."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gancourse.plans.masses import sorted_plan
from gancourse.plans.plan import GAP, Plan, check_gap, duality_gap, value_of
from gancourse.plans.shortest_paths import by_shortest_paths


def cheapest_assignment(cost: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The assignment of columns to rows with the least total cost.

    Args:
        cost: [n, m].

    Returns:
        Rows and columns, [min(n, m)] each; rows ascend.

    >>> cheapest_assignment(np.array([[1.0, 5.0], [0.0, 1.0]]))[1].tolist()
    [0, 1]
    """
    from scipy.optimize import linear_sum_assignment

    return linear_sum_assignment(cost)


def assigned(cost: np.ndarray) -> Plan:
    """The cheapest plan of n equal masses to n equal masses, from a cost matrix [n, n].

    Raises:
        PlanError: the duality gap is more than 1e-9 of the cost.
    """
    n = len(cost)
    rows, columns = cheapest_assignment(cost)
    # φ_i = c(i, σi) − ψ_σi is feasible if ψ_j ≤ ψ_σi + c(i, j) − c(i, σi) for all i and j: lengths of shortest paths.
    # A cycle of negative length would give a cheaper plan, so there is none.
    step = np.empty_like(cost)
    step[columns] = cost - cost[rows, columns][:, None]
    psi = np.zeros(n)
    for _ in range(n):
        shorter = np.minimum(psi, (psi[:, None] + step).min(0))
        if np.array_equal(shorter, psi):
            break
        psi = shorter
    plan = Plan(rows, columns, np.full(n, 1 / n), psi)
    equal = np.full(n, 1 / n)
    check_gap(cost, plan, equal, equal)
    return plan


def cheapest_plan(cost: np.ndarray, a: Sequence[float], b: Sequence[float]) -> Plan:
    """Cheapest plan that transports the masses a to the masses b.

    A linear programme is tried first, as it is fast. Its solver stops where no constraint is violated by more than
    1e-10; so its costs and masses are scaled, and its plan is returned only if its duality gap is small enough. Where
    costs have many scales, such as with a far point, `by_shortest_paths` takes over, which has no such tolerance.

    Args:
        cost: numbers ≥ 0, at most 1e300, [n, m].
        a: masses of the rows, [n]; only their ratios count.
        b: masses of the columns, [m].

    Raises:
        PlanError: the duality gap is more than 1e-9 of the cost.

    >>> plan = cheapest_plan(np.array([[1.0, 3.0]]), np.array([1.0]), np.array([0.5, 0.5]))
    >>> plan.columns.tolist(), plan.masses.tolist()
    ([0, 1], [0.5, 0.5])
    """
    if not cost.any():
        rows, columns, masses = sorted_plan(a, b)
        return Plan(rows, columns, masses, np.zeros(len(b)))
    a, b = (np.asarray(side, dtype=float) / math.fsum(side) for side in (a, b))
    scale = cost.max()
    for _ in range(3):
        # Costs far above the last plan's can't be in a better one; that they are cut is allowed for by the check.
        with np.errstate(over="ignore"):
            plan = _by_linear_programme(np.minimum(cost / scale, 1e3), a, b)
        if plan is None:
            break
        plan = plan._replace(potential=plan.potential * scale)
        if _is_complete(plan, a, b) and abs(duality_gap(cost, plan, a, b)) <= GAP:
            return plan
        previous, scale = scale, value_of(cost, plan)
        if not 0 < scale < previous / 2:
            break
    plan = by_shortest_paths(cost, a, b)
    check_gap(cost, plan, a, b)
    return plan


def _by_linear_programme(cost: np.ndarray, a: np.ndarray, b: np.ndarray) -> Plan | None:
    """A plan to be checked, or None if the solver gives up; costs are about 1, the sides' masses sum to one."""
    from scipy import sparse
    from scipy.optimize import linprog

    n, m = cost.shape
    sums = sparse.vstack([sparse.kron(sparse.eye(n), np.ones((1, m))), sparse.kron(np.ones((1, n)), sparse.eye(m))])
    unit = max(n, m)  # masses are about 1 as well
    masses = unit * np.concatenate([a, b])
    tolerances = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}  # the least allowed
    result = linprog(cost.ravel(), A_eq=sums.tocsc(), b_eq=masses, method="highs", options=tolerances)
    if not result.success:
        return None
    masses = result.x.reshape(n, m) / unit
    rows, columns = np.nonzero(masses > 0)
    return Plan(rows, columns, masses[rows, columns], result.eqlin.marginals[n:])


def _is_complete(plan: Plan, a: np.ndarray, b: np.ndarray) -> bool:
    """Whether a plan moves the masses that it should, to nine digits of each."""
    sums = (np.bincount(plan.rows, plan.masses, len(a)), np.bincount(plan.columns, plan.masses, len(b)))
    return all((np.abs(sums_of - side) <= GAP * side).all() for sums_of, side in zip(sums, (a, b), strict=True))
