"""Masses as whole numbers, and plans between points of a line."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


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
