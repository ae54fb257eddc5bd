"""Exercises by their labels."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch

from gancourse.checks.probe import accept


class Exercise(NamedTuple):
    """One exercise.

    Args:
        label: as in the chapter, e.g. "ex-02-generator-loss".
        notebook: which notebook it stands in, without ".ipynb".
        function: name of the function that the student writes.
        parameters: names of its arguments.
        points: what it is worth.
        examine: raises Wrong unless the function given is right; returns a line that says what was tried.
    """

    label: str
    notebook: str
    function: str
    parameters: Sequence[str]
    points: int
    examine: Callable[[Callable], str]

    def verify(self, answer: object) -> str:
        """What was tried, if the answer is right.

        Raises:
            Wrong: it isn't; the message says why.
        """
        accept(self.function, answer, self.parameters)
        # A check neither depends on the random state of the notebook nor changes it.
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            torch.manual_seed(0)
            return self.examine(answer)


exercises: dict[str, Exercise] = {}
"""Every exercise by label."""


def exercise(label: str, notebook: str, signature: str, points: int) -> Callable:
    """Decorator that registers a check; the signature reads like "slerp(z0, z1, t)"."""
    function, _, rest = signature.rstrip(")").partition("(")

    def register(examine: Callable[[Callable], str]) -> Callable[[Callable], str]:
        parameters = [p.strip() for p in rest.split(",")]
        exercises[label] = Exercise(label, notebook, function, parameters, points, examine)
        return examine

    return register


def find(label: str) -> Exercise:
    """Exercise of that label.

    Raises:
        ValueError: there is none; the message suggests the nearest.
    """
    if label not in exercises:
        near = difflib.get_close_matches(str(label), exercises, n=1, cutoff=0.0)
        raise ValueError(f"exercise {label!r} not found; did you mean {near[0]!r}?")
    return exercises[label]


def check(label: str, answer: object) -> None:
    """Try an answer and print what was tried, if it is right.

    Args:
        label: of the exercise, e.g. "ex-02-generator-loss".
        answer: the function you wrote, not what it returns.

    Raises:
        Wrong: the answer isn't right; the message says what was given, what came out and what was expected.
        ValueError: no exercise has that label.

    >>> check("ex-03-optimal-logit", lambda log_p_data, log_p_g: log_p_data - log_p_g)
    ex-03-optimal-logit: right. Log densities from -1e+05 to 2000, in single and double precision.
    """
    known = find(label)
    print(f"{known.label}: right. {known.verify(answer)}")
