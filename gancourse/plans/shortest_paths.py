"""Cheapest plans by successive shortest paths, without any tolerance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gancourse.plans.masses import whole_masses
from gancourse.plans.plan import Plan


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
