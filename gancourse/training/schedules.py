"""Learning-rate schedules: functions of the step alone, so that a resumed run needs no saved state for them."""

from __future__ import annotations

import math
from collections.abc import Callable

Schedule = Callable[[int], float]


def constant(step: int) -> float:
    """Factor 1 at every step.

    >>> constant(10)
    1.0
    """
    return 1.0


def _check(n_steps: int, final: float) -> None:
    if n_steps < 1 or not 0 <= final <= 1:
        raise ValueError(f"a schedule over {n_steps} steps to {final}; pass n_steps ≥ 1 and 0 ≤ final ≤ 1")


def linear(n_steps: int, start: int = 0, final: float = 0.0) -> Schedule:
    """Factor 1 until `start`, then linear to `final` at n_steps, and constant after that.

    >>> [linear(4)(step) for step in (0, 1, 4, 9)]
    [1.0, 0.75, 0.0, 0.0]
    """
    _check(n_steps - start, final)
    return lambda step: 1 - (1 - final) * min(max((step - start) / (n_steps - start), 0.0), 1.0)


def cosine(n_steps: int, final: float = 0.0) -> Schedule:
    """Factor that falls from 1 to `final` along half a cosine wave over n_steps.

    >>> [round(cosine(4)(step), 3) for step in (0, 2, 4)]
    [1.0, 0.5, 0.0]
    """
    _check(n_steps, final)
    return lambda step: final + (1 - final) * (1 + math.cos(math.pi * min(step / n_steps, 1.0))) / 2
