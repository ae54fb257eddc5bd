"""Check of the schedule of progressive growing: level and α as a function of the images seen."""

from __future__ import annotations

import itertools
import math
import numbers
import operator
import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

from torch import Tensor

from gancourse.checks.ch11_multiscale.phases import MISTAKES, Place, growth_place
from gancourse.checks.engine.probe import Case, call, call_text
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.verdict import Wrong, show

FORM = "expected a pair (level, α) of an int and a float"


class Plan(NamedTuple):
    """Lengths of the phases in images, and the number of levels."""

    fade_images: int
    stable_images: int
    n_levels: int


PLANS = [
    Plan(10, 20, 4),
    Plan(20, 10, 3),
    Plan(7, 3, 5),
    Plan(1, 1, 4),
    Plan(5, 5, 2),
    Plan(4, 9, 1),
    Plan(1000, 3000, 3),
    Plan(8000, 6000, 9),
    Plan(800_000, 600_000, 3),
    Plan(3, 2, 13),
    Plan(3_000_000, 1, 3),
    Plan(1, 3_000_000, 3),
    # Of more images than single precision (2 to the power of 24) and 32 bits can count.
    Plan(300_000_001, 500_000_003, 9),
]


def _cases() -> Iterator[Case]:
    """Numbers of images around each change of phase, and between; the task's examples first."""
    for images in (0, 19, 20, 25, 30, 49, 50, 57, 60, 1000):
        yield _case(images, Plan(10, 20, 3))
    for plan in PLANS:
        period = plan.fade_images + plan.stable_images
        changes = [0] + [k * period + edge for k in range(plan.n_levels + 2) for edge in (0, plan.stable_images)]
        near = {change + shift for change in changes for shift in (-1, 0, 1)}
        between = {sum(pair) // 2 for pair in itertools.pairwise(sorted(changes))}
        long_after = 20 * period * plan.n_levels
        for images in sorted(n for n in near | between | {long_after} if n >= 0):
            yield _case(images, plan)


def _case(images: int, plan: Plan) -> Case:
    return Case({"images_seen": images, **plan._asdict()})


def _check_any_order(name: str, function: Callable) -> None:
    """The same when the plans' images come in reverse order, as they never do in a training."""
    for case in reversed(list(_cases())):
        place, expected = _place(name, case, call(name, function, case)), growth_place(*case.args.values())
        if not _agree(place, expected):
            raise Wrong(
                f"{call_text(name, case)} gave {_text(place)} when the calls come in another order; expected "
                f"{_text(expected)}, as before: keep no counter and no global variable, since training may resume"
            )


def _shuffled() -> list[Case]:
    """Some of the cases in another order than that of a training."""
    cases = list(_cases())
    random.Random(0).shuffle(cases)
    return cases[:60]


def _place(name: str, case: Case, value: object) -> Place:
    """The level and α of a value.

    Raises:
        Wrong: it is no such pair.
    """
    text = call_text(name, case)
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise Wrong(f"{text} returned {show(value)}, a {type(value).__name__}; {FORM}")
    level, alpha = value
    expected = growth_place(*case.args.values())
    if isinstance(level, float) and isinstance(alpha, int) and _agree((alpha, level), expected):
        raise Wrong(f"{text} returned {show(value)}; {FORM}. Level and α are swapped: return the level first")
    try:
        level = operator.index(level)
    except (TypeError, ValueError):
        raise Wrong(
            f"{text} returned the level {show(level)}, a {type(level).__name__}; {FORM}: a level indexes layers, so "
            "it is whole, and // divides to whole numbers"
        ) from None
    if not isinstance(alpha, numbers.Real | Tensor):
        raise Wrong(f"{text} returned α = {show(alpha)}, a {type(alpha).__name__}; {FORM}")
    try:
        return level, float(alpha)
    except (TypeError, ValueError, RuntimeError):
        raise Wrong(f"{text} returned α = {show(alpha)}; {FORM}") from None


def _agree(one: Place, other: Place) -> bool:
    return one[0] == other[0] and math.isclose(one[1], other[1], rel_tol=1e-6, abs_tol=1e-9)


def _check_places(name: str, function: Callable) -> None:
    """Level and α are right for every number of images."""
    cases = list(_cases())
    raw = [call(name, function, case) for case in cases]
    values = []
    for case, value in zip(cases, raw, strict=True):
        try:
            values.append(_place(name, case, value))
        except Wrong as wrong:
            swapped = _named(cases[: len(values)], values) if values else ""
            raise type(wrong)(f"{wrong}. {swapped}".removesuffix(". ")) from None
    for case, value in zip(cases, values, strict=True):
        expected = growth_place(*case.args.values())
        if not _agree(value, expected):
            reason = _named(cases, values) or (
                "First stable_images images at (0, 1.0); then for each further level a fade of fade_images images, "
                "and stable_images with α = 1"
            )
            raise Wrong(f"{call_text(name, case)} gave {_text(value)}; expected {_text(expected)}. {reason}")


def _named(cases: list[Case], values: list[Place]) -> str:
    """The message of the first mistake that explains all values, or nothing."""
    for answer, message in MISTAKES:
        if all(_agree(v, answer(*case.args.values())) for case, v in zip(cases, values, strict=True)):
            return message
    return ""


def _text(place: Place) -> str:
    return f"({place[0]}, {place[1]:.9g})"


GROWTH_PLACE = Exercise(
    "ex-11-growth-place",
    "growth_place(images_seen, fade_images, stable_images, n_levels)",
    points=3,
    steps=[_check_places, _check_any_order, NoSideEffects(_shuffled)],
    description=f"{len(PLANS)} plans of one to nine levels, around each change of phase and long after the last one.",
)
