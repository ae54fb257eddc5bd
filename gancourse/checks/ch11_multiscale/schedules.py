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

from gancourse.checks.engine.probe import Case, call, call_text
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.verdict import Wrong, show

Place = tuple[float, float]
Answer = Callable[[int, int, int, int], Place]
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
]


def growth_place(images_seen: int, fade_images: int, stable_images: int, n_levels: int) -> Place:
    """The right answer, phase by phase."""
    start = stable_images
    for level in range(1, n_levels):
        if images_seen < start:
            return level - 1, 1.0
        if images_seen < start + fade_images:
            return level, (images_seen - start) / fade_images
        start += fade_images + stable_images
    return n_levels - 1, 1.0


def _phases(n: int, fade: int, stable: int) -> tuple[int, int]:
    """How many fades have begun, and images since the last one began (negative before the first)."""
    return (0, n - stable) if n < stable else ((n - stable) // (fade + stable) + 1, (n - stable) % (fade + stable))


def _changed(change: Callable[[int, float], Place]) -> Answer:
    return lambda n, fade, stable, levels: change(*growth_place(n, fade, stable, levels))


def _level_late(n: int, fade: int, stable: int, levels: int) -> Place:
    level, alpha = growth_place(n, fade, stable, levels)
    return (level if alpha == 1 else level - 1), alpha


def _unclamped(n: int, fade: int, stable: int, levels: int) -> Place:
    begun, since = _phases(n, fade, stable)
    return (0, 1.0) if not begun else (min(begun, levels - 1), since / fade)


def _first_fades(n: int, fade: int, stable: int, levels: int) -> Place:
    begun, since = divmod(n, fade + stable)
    return (begun, min(since / fade, 1.0)) if begun < levels else (levels - 1, 1.0)


def _beyond(n: int, fade: int, stable: int, levels: int) -> Place:
    begun, since = _phases(n, fade, stable)
    return (0, 1.0) if not begun else (begun, min(since / fade, 1.0))


def _fades_at_the_end(n: int, fade: int, stable: int, levels: int) -> Place:
    begun, since = _phases(n, fade, stable)
    return (0, 1.0) if not begun else (min(begun, levels - 1), min(since / fade, 1.0))


def _stable_first(n: int, fade: int, stable: int, levels: int) -> Place:
    """No stable phase at the first level."""
    return growth_place(n + stable, fade, stable, levels)


def _through_both(n: int, fade: int, stable: int, levels: int) -> Place:
    begun, since = _phases(n, fade, stable)
    if not begun or begun > levels - 1:
        return (0, 1.0) if not begun else (levels - 1, 1.0)
    return begun, since / (fade + stable)


def _only_once(n: int, fade: int, stable: int, levels: int) -> Place:
    """Fades follow each other, without stable phases after the first."""
    if n < stable:
        return 0, 1.0
    begun, since = divmod(n - stable, fade)
    return (begun + 1, since / fade) if begun + 1 < levels else (levels - 1, 1.0)


MISTAKES: list[tuple[Answer, str]] = [
    (
        _changed(lambda level, alpha: (level, float(int(alpha)))),
        "α is rounded down to a whole number, so it is 0 until the end of the fade: divide by /, without int or //",
    ),
    (
        _changed(lambda level, alpha: (level, alpha if alpha == 1 else 1 - alpha)),
        "α is reversed: it is the share of the *new* level and rises from 0 to 1",
    ),
    (_changed(lambda level, alpha: (level, 1.0)), "Nothing fades: α is 1 from the first image of a level on"),
    (
        _changed(lambda level, alpha: (alpha, level)),
        "Level and α are swapped: return the level first",
    ),
    (
        _changed(lambda level, alpha: (level + 1, alpha)),
        "The level is one too high: the first one, 4 × 4, is 0",
    ),
    (
        _changed(lambda level, alpha: (4 * 2**level, alpha)),
        "That is the resolution; the level counts doublings of 4 × 4, from 0",
    ),
    (
        _level_late,
        "The level rises when the fade is over: while α grows from 0 to 1, the level is the *new* one, of which α is "
        "the share; with the old one there is nothing to fade in",
    ),
    (
        _first_fades,
        "Level 0 fades in, but there is nothing below it to fade from: the first stable_images images are at (0, 1.0)",
    ),
    (_unclamped, "α goes on beyond 1 in the stable phase; it stays 1 there"),
    (_beyond, "The level rises beyond n_levels − 1; there it stays, with α = 1"),
    (_fades_at_the_end, "The last level fades in again and again; at the end α stays 1"),
    (_stable_first, "The stable phase of level 0 is missing, or is shorter than stable_images"),
    (
        lambda n, fade, stable, levels: growth_place(n, stable, fade, levels),
        "fade_images and stable_images are swapped",
    ),
    (
        lambda n, fade, stable, levels: growth_place(max(n - 1, 0), fade, stable, levels),
        "That is one image late: after stable_images images the fade has begun, with α = 0",
    ),
    (
        lambda n, fade, stable, levels: growth_place(n + 1, fade, stable, levels),
        "That is one image early: after stable_images images the fade begins, with α = 0",
    ),
    (
        lambda n, fade, stable, levels: (
            (level - 1, 1.0)
            if (place := growth_place(n, fade, stable, levels))[1] == 0 and (level := int(place[0]))
            else place
        ),
        "At the first image of a fade the level is still the old one. It looks the same, but here the level is the new "
        "one, with α = 0: its layers get weights and an optimiser from this image on",
    ),
    (
        _changed(lambda level, alpha: (level, alpha if level else 0.0)),
        "α is 0 at level 0; there is nothing below it, so its share is 1",
    ),
    (
        lambda n, fade, stable, levels: growth_place(n, fade, stable, max(levels - 1, 1)),
        "The last level is missing: with n_levels levels the last one is n_levels − 1",
    ),
    (
        lambda n, fade, stable, levels: growth_place(max(n - fade, 0), fade, stable, levels),
        "Level 0 has fade_images + stable_images images; it doesn't fade, so it has stable_images",
    ),
    (_through_both, "α rises through the stable phase as well: divide by fade_images alone, and stop at 1"),
    (_only_once, "The fades follow each other at once; after each one there are stable_images images with α = 1"),
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
