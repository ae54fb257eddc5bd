"""Cheapest transport plans between finite masses, exactly; used by `theory` and `metrics`.

No absolute tolerance is involved: costs may be of any scale, and of many scales at once. Solvers of linear programmes
stop when no constraint is violated by more than 1e-7, which is much for small costs or beside one far point.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

GAP = 1e-9  # largest relative duality gap of a plan that is called the cheapest
LARGEST = 1e300  # of a cost; sums of two are still finite


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


def whole_masses(a: Sequence[float], b: Sequence[float]) -> tuple[list[int], list[int]]:
    """Integers in the ratios of a and in those of b, both with the same sum; exact, as floats are fractions.

    Args:
        a: numbers ≥ 0, not all zero.
        b: likewise.

    >>> whole_masses([0.5, 0.5], [1.0, 1.0, 1.0])
    ([3, 3], [2, 2, 2])
    """
    sides = []
    for side in (a, b):
        ratios = [float(mass).as_integer_ratio() for mass in side]
        unit = max(denominator for _, denominator in ratios)  # all are powers of two
        whole = [numerator * (unit // denominator) for numerator, denominator in ratios]
        common = math.gcd(*whole)
        sides.append([mass // common for mass in whole])
    totals = [sum(side) for side in sides]
    unit = math.lcm(*totals)
    first, second = ([mass * (unit // total) for mass in side] for side, total in zip(sides, totals, strict=True))
    return first, second


def sorted_plan(a: Sequence[float], b: Sequence[float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The plan between sorted points of a line, in which no two paths cross: rows, columns and masses, [k] each.

    Args:
        a: masses of the first points from left to right; their ratios count.
        b: of the second.

    >>> [part.tolist() for part in sorted_plan([1.0, 1.0], [1.0])]
    [[0, 1], [0, 0], [0.5, 0.5]]
    """
    supply, demand = whole_masses(a, b)
    total, i, j = sum(supply), 0, 0
    moves = []
    while i < len(supply) and j < len(demand):
        mass = min(supply[i], demand[j])
        if mass:
            moves.append((i, j, mass / total))
        supply[i] -= mass
        demand[j] -= mass
        # Masses are integers: both points are used up in the same step exactly where the sums are equal.
        empty_row, empty_column = not supply[i], not demand[j]
        i, j = i + empty_row, j + empty_column
    rows, columns, masses = zip(*moves, strict=True)
    return np.array(rows), np.array(columns), np.array(masses)


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
    return all((np.abs(found - side) <= GAP * side).all() for found, side in zip(sums, (a, b), strict=True))


def by_shortest_paths(cost: np.ndarray, a: Sequence[float], b: Sequence[float]) -> Plan:
    """Cheapest plan without tolerances: of any costs, for masses that are counted in integers.

    One row after another sends its mass along shortest paths, which may move what other rows have sent. Potentials
    keep the costs of the steps at or above zero, so Dijkstra's algorithm finds the paths. Potentials grow only as far
    as mass has to move, so a far point costs no digits unless its mass is moved. 256 points a side take some seconds.

    Args:
        cost: numbers ≥ 0, at most 1e300, [n, m].
        a: masses of the rows, [n]; only their ratios count.
        b: masses of the columns, [m].

    Source: Ahuja, Magnanti, Orlin 1993, section 9.7 (successive shortest paths).

    >>> by_shortest_paths(np.array([[1.0, 2.0], [1.0, 4.0]]), [1.0, 1.0], [1.0, 1.0]).columns.tolist()
    [1, 0]
    """
    supply, demand = whole_masses(a, b)
    total = sum(supply)
    search = _Search(cost, demand)
    for row, mass in enumerate(supply):
        while mass:
            mass -= search.send(row, mass)
    moves = sorted((i, j, mass / total) for j, sent in enumerate(search.sent) for i, mass in sent.items())
    rows, columns, masses = zip(*moves, strict=True)
    return Plan(np.array(rows), np.array(columns), np.array(masses), search.v)


class _Search:
    """Masses sent so far, and potentials u of the rows and v of the columns with cost − u − v ≥ 0, 0 where sent."""

    def __init__(self, cost: np.ndarray, demand: list[int]) -> None:
        self.cost, self.demand = cost, list(demand)
        self.u, self.v = cost.min(1), np.zeros(cost.shape[1])
        self.sent: list[dict[int, int]] = [{} for _ in demand]  # for each column, the mass from each row
        self.wanted = np.array([mass > 0 for mass in demand])

    def send(self, row: int, mass: int) -> int:
        """Send at most that mass of a row along one shortest path; how much it was."""
        column, before, came_from = self._shortest_path(row)
        # Walk back: each column on the path gets mass from a row, which gets as much less into the column before.
        path, end = [], column
        while True:
            i = before[column]
            path.append((i, column))
            if i == row:
                break
            column = came_from[i]
        moved = min(mass, self.demand[end], *(self.sent[came_from[i]][i] for i, _ in path[:-1]))
        for i, j in path:
            self.sent[j][i] = self.sent[j].get(i, 0) + moved
            if i != row:
                taken = self.sent[came_from[i]]
                taken[i] -= moved
                if not taken[i]:
                    del taken[i]
        self.demand[end] -= moved
        self.wanted[end] = self.demand[end] > 0
        return moved

    def _shortest_path(self, row: int) -> tuple[int, np.ndarray, dict[int, int]]:
        """Column that wants mass, the row before each column, the column before each row; potentials are updated."""
        lengths = np.maximum(self.cost[row] - self.u[row] - self.v, 0)  # of the shortest path to each column so far
        before = np.full(len(self.v), row)
        open_lengths = lengths.copy()  # ∞ for columns whose shortest path is known
        came_from: dict[int, int] = {}
        reached: list[int] = []
        while True:
            column = int(open_lengths.argmin())
            length = open_lengths[column]
            nearest = self.wanted & (open_lengths == length)
            if nearest.any():
                column = int(nearest.argmax())
                break
            open_lengths[column] = np.inf
            reached.append(column)
            for i in self.sent[column]:
                if i == row or i in came_from:
                    continue
                came_from[i] = column
                detour = length + np.maximum(self.cost[i] - self.u[i] - self.v, 0)
                shorter = (detour < lengths) & (open_lengths < np.inf)
                lengths[shorter] = open_lengths[shorter] = detour[shorter]
                before[shorter] = i
        self.u[row] += length
        for i, j in came_from.items():
            self.u[i] += length - lengths[j]
        self.v[reached] -= length - lengths[reached]
        return column, before, came_from


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
