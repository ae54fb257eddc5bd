"""Training a recipe and measuring it on the way: what all experiments with recipes do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from gancourse.errors import NotFiniteError
from gancourse.recipes import REFERENCE, Arithmetic, Built, Recipe, build
from gancourse.values import Value


@dataclass(frozen=True)
class Trial(Value):
    """One training of an experiment.

    Args:
        recipe: what is trained; its seed is replaced.
        arithmetic: how it is computed.
        at_steps: after how many steps to measure; always at the recipe's end as well.
        at_seconds: after how many seconds of training, in processor time, to measure as well; the training continues
            beyond the recipe's steps until the last of them.
    """

    recipe: Recipe
    arithmetic: Arithmetic = REFERENCE
    at_steps: tuple[int, ...] = ()
    at_seconds: tuple[float, ...] = ()


Measure = Callable[[Built], dict[str, float]]


class Measurement(NamedTuple):
    """What was measured, and when.

    Args:
        steps: made so far.
        seconds: of processor time that training has taken, measuring left out.
        due: what it was due for, "steps" or "seconds".
        metrics: by name.
    """

    steps: int
    seconds: float
    due: str
    metrics: dict[str, float]


def measurements(trial: Trial, measure: Measure) -> Iterator[Measurement]:
    """Train to the end and yield what is measured on the way.

    Raises:
        NotFiniteError: a loss, a gradient or a sample isn't finite.
    """
    built = build(trial.recipe, arithmetic=trial.arithmetic)
    trainer, seconds, due = built.trainer, 0.0, list(trial.at_seconds)
    while due or trainer.step < trial.recipe.steps:
        began = time.process_time()
        next(trainer.steps(1))
        seconds += time.process_time() - began
        late = bool(due) and seconds >= due[0]
        if late or trainer.step in trial.at_steps or trainer.step == trial.recipe.steps:
            due = due[1:] if late else due
            yield Measurement(trainer.step, round(seconds, 2), "seconds" if late else "steps", measure(built))


def row_of(
    trial: Trial, measure: Measure, entry: Callable[[Measurement], dict[str, Any]] | None = None
) -> dict[str, Any]:
    """Train to the end: steps made and the last metrics; with `entry`, a trace of what it says of each measurement.

    A number that is not finite ends the training and is recorded as "diverged"; what was measured before is kept.
    """
    row: dict[str, Any] = {"steps": 0, "metrics": {}} | ({} if entry is None else {"trace": []})
    try:
        for measurement in measurements(trial, measure):
            row |= {"steps": measurement.steps, "metrics": measurement.metrics}
            if entry is not None:
                row["trace"].append(entry(measurement))
    except NotFiniteError as error:
        row |= {"metrics": {}, "diverged": str(error)}
    return row
