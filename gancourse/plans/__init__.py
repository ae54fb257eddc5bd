"""Cheapest transport plans between finite masses, exactly; used by `theory` and `metrics`.

No absolute tolerance is involved: costs may be of any scale, and of many scales at once. Solvers of linear programmes
stop when no constraint is violated by more than 1e-7, which is much for small costs or beside one far point.
"""

from gancourse.plans.cheapest import assigned, cheapest_assignment, cheapest_plan
from gancourse.plans.masses import sorted_plan, whole_masses
from gancourse.plans.plan import Plan, PlanError, check_gap, duality_gap, value_of
from gancourse.plans.powers import Transport, scale_of, transport
from gancourse.plans.shortest_paths import by_shortest_paths

__all__ = [
    "Plan",
    "PlanError",
    "Transport",
    "assigned",
    "by_shortest_paths",
    "cheapest_assignment",
    "cheapest_plan",
    "check_gap",
    "duality_gap",
    "scale_of",
    "sorted_plan",
    "transport",
    "value_of",
    "whole_masses",
]
