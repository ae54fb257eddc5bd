"""Calls of transport plans."""

from __future__ import annotations

import math

import numpy as np

from gancourse import plans
from tests.bad_calls.arguments import (
    call,
    number,
    other,
)

COST = np.abs(np.subtract.outer(np.arange(4.0), np.arange(4.0)))
BAD_COSTS = {
    "None": None,
    "text": "cost",
    "a line": COST[0],
    "empty": COST[:0],
    "NaN": COST * math.nan,
    "infinite": COST + math.inf,
    "cube": COST[None],
    "complex": COST * 1j,
}
NEGATIVE = {"negative": -COST - 1}
BAD_MASSES = {
    "None": None,
    "text": "a",
    "negative": [-1.0, 2, 0, 0],
    "zero": [0.0] * 4,
    "few": [1.0],
    "NaN": [math.nan, 1, 1, 1],
    "infinite": [math.inf, 1, 1, 1],
    "table": [[1.0] * 4],
}
PLANS = [
    call(plans.cheapest_assignment, cost=other(COST, **BAD_COSTS)),
    call(plans.assigned, cost=other(COST, **BAD_COSTS, **{"not square": COST[:3]})),
    *(
        call(
            each,
            cost=other(COST, **BAD_COSTS, **NEGATIVE),
            a=other([1.0] * 4, "a ", "masses", **BAD_MASSES),
            b=other([1.0] * 4, "b ", "masses", **BAD_MASSES),
        )
        for each in (plans.cheapest_plan, plans.by_shortest_paths)
    ),
    *(
        call(
            each,
            a=other([1.0] * 4, "a ", "masses", **{k: v for k, v in BAD_MASSES.items() if k != "few"}),
            b=other([1.0] * 4, "b ", "masses", **{k: v for k, v in BAD_MASSES.items() if k != "few"}),
        )
        for each in (plans.sorted_plan, plans.whole_masses)
    ),
    call(
        plans.transport,
        distances=other(COST, "distances", "cost", **BAD_COSTS, **NEGATIVE),
        p=number(1.0, "p ", "p is", outside=(0, 0.5)),
    ),
]
