"""Every check passes every right answer and fails every wrong one with a message of its own."""

from __future__ import annotations

import functools
import itertools
from pathlib import Path

import pytest
import torch
import yaml
from torch import nn

from gancourse.checks import NotWritten, Wrong, exercises

ANSWERS = {
    label: answers
    for path in sorted((Path(__file__).parent / "answers").glob("*.yaml"))
    for label, answers in yaml.safe_load(path.read_text(encoding="utf-8")).items()
}
WRONG = [pytest.param(k, a, id=f"{k}: {a['name']}") for k, v in ANSWERS.items() for a in v["wrong"]]
RIGHT = [pytest.param(k, a, id=f"{k}: {a['name']}") for k, v in ANSWERS.items() for a in v["right"]]


def function_of(label: str, code: str) -> object:
    namespace = {"torch": torch, "nn": nn, "F": nn.functional}
    exec(compile(code, f"<{label}>", "exec"), namespace)
    return namespace[exercises[label].function]


@functools.cache
def complaint(label: str, code: str) -> Wrong:
    with pytest.raises(Wrong) as caught:
        exercises[label].verify(function_of(label, code))
    return caught.value


@pytest.mark.parametrize(("label", "answer"), WRONG)
def test_a_wrong_answer_fails_with_its_own_message(label: str, answer: dict) -> None:
    wrong = complaint(label, answer["code"])
    assert answer["message"] in str(wrong), str(wrong)
    assert not isinstance(wrong, NotWritten)


@pytest.mark.parametrize(("label", "answer"), RIGHT)
def test_another_right_answer_passes(label: str, answer: dict) -> None:
    assert exercises[label].verify(function_of(label, answer["code"]))


@pytest.mark.parametrize("label", exercises)
def test_messages_within_an_exercise_differ(label: str) -> None:
    # An answer of a kind, such as one that is right for some sizes only, may share its message with others of it.
    answers = [a for a in ANSWERS[label]["wrong"] if "kind" not in a]
    fragments = {a["name"]: a["message"] for a in answers}
    messages = {a["name"]: str(complaint(label, a["code"])) for a in answers}
    for one, other in itertools.permutations(fragments, 2):
        assert fragments[one] not in messages[other], f"{one!r} and {other!r} can't be told apart"


@pytest.mark.parametrize("kind", ["example", "range", "dtype", "side effects", "lesson", "message"])
def test_enough_wrong_answers_of_each_kind_are_planted_in_chapters_1_to_9(kind: str) -> None:
    labels = [label for label in ANSWERS if int(label[3:5]) < 10]
    assert sum(answer.get("kind") == kind for label in labels for answer in ANSWERS[label]["wrong"]) >= 10


@pytest.mark.parametrize("label", exercises)
def test_each_exercise_has_enough_planted_answers(label: str) -> None:
    assert len(ANSWERS[label]["wrong"]) >= 5
    assert len(ANSWERS[label]["right"]) >= 3


def test_no_answers_are_kept_for_an_exercise_that_is_gone() -> None:
    assert set(ANSWERS) == set(exercises)
