"""What the players minimise: pairs of functions of scores, and penalties on the discriminator."""

from gancourse.objectives.losses import (
    Objective,
    hinge,
    least_squares,
    minimax,
    non_saturating,
    objective,
    objectives,
    wasserstein,
)
from gancourse.objectives.penalties import gradient_penalty, penalties, r1

__all__ = [
    "Objective",
    "gradient_penalty",
    "hinge",
    "least_squares",
    "minimax",
    "non_saturating",
    "objective",
    "objectives",
    "penalties",
    "r1",
    "wasserstein",
]
