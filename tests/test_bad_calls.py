"""Wrong arguments give an error that names them, and other spellings of right ones the same result.

The cases are made from kinds of arguments (`tests/bad_calls/arguments.py`): each wrong one is tried on each argument of
its kind of each function. An error counts if its class is right, its message names the argument, and it was raised in
the package and not in the depths of torch.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

import gancourse
from gancourse.arguments import check_counts
from tests.bad_calls import data, diffusion, games, metrics, models, objectives, plans, theory, training
from tests.bad_calls.arguments import Call, Kind, Wrong, call, count

PACKAGE = Path(gancourse.__file__).parent
CALLS = [
    *metrics.METRICS,
    *data.DATA,
    *models.MODELS,
    *objectives.OBJECTIVES,
    *theory.THEORY,
    *plans.PLANS,
    *diffusion.DIFFUSION,
    *games.GAMES,
    *training.TRAINING,
]
ARGUMENTS = [(one, name) for one in CALLS for name, kind in one.arguments.items() if isinstance(kind, Kind)]


class Case(NamedTuple):
    """One argument of a call exchanged.

    Args:
        call: the call.
        argument: name of the argument.
        label: what is wrong with it, or how it differs.
        value: in place of the right one.
        wrong: the error that it should give; None if the result should be the same.
    """

    call: Call
    argument: str
    label: str
    value: Any
    wrong: Wrong | None


def cases(one: Call, argument: str) -> Iterator[Case]:
    """The cases of one argument of a call."""
    kind = one.arguments[argument]
    for label, wrong in kind.wrong.items():
        words = wrong.words or kind.words or (argument,)
        yield Case(one, argument, label, wrong.value, wrong._replace(words=words))
    for label, value in kind.same.items():
        yield Case(one, argument, label, value, None)


def problem(case: Case) -> str:
    """What is wrong with how a call reacts to a case; "" if nothing is."""
    arguments = case.call.right() | {case.argument: case.value}
    if case.wrong is None:
        expected, result = case.call.function(**case.call.right()), case.call.function(**arguments)
        try:
            torch.testing.assert_close(
                plain(result), plain(expected), rtol=1e-3, atol=1e-3, check_dtype=False, equal_nan=True
            )
        except AssertionError as error:
            return f"another result: {error}"
        return ""
    try:
        result = case.call.function(**arguments)
    except Exception as error:
        *_, frame = traceback.extract_tb(error.__traceback__)
        if not isinstance(error, case.wrong.error):
            return f"{type(error).__name__}, not {case.wrong.error.__name__}: {error}"
        if not any(word in str(error) for word in case.wrong.words):
            return f"the message has none of {case.wrong.words}: {error}"
        if PACKAGE not in Path(frame.filename).parents:
            return f"it was raised in {frame.filename}: {error}"
        return ""
    return f"no error, but {result!r:.100}"


def plain(value: Any) -> Any:
    """A result as tensors and numbers in lists."""
    if isinstance(value, str):
        return list(value.encode())
    if isinstance(value, torch.Tensor):
        return value.detach()
    if isinstance(value, int | float | np.ndarray | type(None)):
        return value
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return [plain(part) for part in vars(value).values() if isinstance(part, torch.Tensor | int | float)]


@pytest.mark.parametrize(("one", "argument"), ARGUMENTS, ids=[f"{one.name}-{name}" for one, name in ARGUMENTS])
def test_a_wrong_argument_is_named_and_another_spelling_gives_the_same_result(one: Call, argument: str):
    problems = {case.label: said for case in cases(one, argument) if (said := problem(case))}
    assert problems == {}


def test_there_are_hundreds_of_cases_of_each_part():
    assert sum(len(list(cases(*one))) for one in ARGUMENTS) > 3000


@pytest.mark.parametrize("one", CALLS, ids=[one.name for one in CALLS])
def test_the_right_arguments_are_right(one: Call):
    one.function(**one.right())


def silent(n: int) -> int:
    return n


def unnamed(n: int) -> int:
    raise ValueError("that doesn't work")


def deep(n: int) -> torch.Tensor:
    return torch.zeros(3).view(n, -1)


def elsewhere(n: int) -> int:
    raise ValueError("n is wrong, says another package")


def checked(n: int) -> int:
    check_counts(n=n)
    return n


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (silent, "no error, but -7"),
        (unnamed, "the message has none of"),
        (deep, "RuntimeError, not ValueError"),
        (elsewhere, "it was raised in"),
        (checked, ""),
    ],
)
def test_a_reaction_that_helps_nobody_is_noticed(function, message):
    case = Case(call(function, n=count(3)), "n", "negative", -7, Wrong(-7, ValueError, ("n is",)))
    assert problem(case).startswith(message)
    assert bool(problem(case)) == bool(message)


def test_another_result_is_noticed():
    twice = Case(call(silent, n=count(3)), "n", "another", 4, None)
    assert problem(twice).startswith("another result")
