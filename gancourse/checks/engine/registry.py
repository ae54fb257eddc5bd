"""Exercises by their labels, each notebook's loaded when the first of them is looked up."""

from __future__ import annotations

import difflib
import functools
import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch

from gancourse.checks.engine.probe import accept

PACKAGE = "gancourse.checks"
Step = Callable[[str, Callable], None]
"""Takes the name of the function in the exercise and the student's function; raises Wrong unless it is right."""


@dataclass(frozen=True)
class Exercise:
    """One exercise: which function a student writes, and how it is checked.

    Args:
        label: as in the chapter, "ex-02-generator-loss"; its number is that of the notebook.
        signature: of the function that the student writes, "slerp(z0, z1, t)".
        points: what it is worth.
        steps: what the function has to pass, in order: `Values`, `Gradients` or a function of the check's own.
        description: what was tried, in one line; printed when the answer is right.
    """

    label: str
    signature: str
    points: int
    steps: Sequence[Step]
    description: str

    @property
    def notebook(self) -> str:
        """The notebook in which it stands, without ".ipynb"."""
        return notebook_of(self.label)

    @property
    def function(self) -> str:
        """Name of the function that the student writes."""
        return self.signature.partition("(")[0]

    @property
    def parameters(self) -> list[str]:
        """Names of its arguments."""
        return [p.strip() for p in self.signature.rstrip(")").partition("(")[2].split(",")]

    def verify(self, answer: object) -> str:
        """What was tried, if the answer is right.

        Raises:
            Wrong: it isn't; the message says why.
        """
        accept(self.function, answer, self.parameters)
        # A check neither depends on the random state of the notebook nor changes it.
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            torch.manual_seed(0)
            for step in self.steps:
                step(self.function, answer)
        return self.description


@functools.cache
def notebooks() -> tuple[str, ...]:
    """Notebooks that have checks, in order; none of the checks is imported."""
    folders = (module.name for module in pkgutil.iter_modules(importlib.import_module(PACKAGE).__path__))
    return tuple(sorted(name.removeprefix("ch") for name in folders if re.match(r"ch\d\d_", name)))


def notebook_of(label: str) -> str:
    """The notebook whose number a label has.

    Raises:
        ValueError: there is none.

    >>> notebook_of("ex-02-generator-loss")
    '02_gan_game'
    """
    for notebook in notebooks():
        if str(label).startswith(f"ex-{notebook[:2]}-"):
            return notebook
    raise ValueError(f"label {label!r} belongs to no notebook; expected 'ex-NN-slug', NN the number of a notebook")


@functools.cache
def exercises_of(notebook: str) -> Mapping[str, Exercise]:
    """Exercises of one notebook by label: every `Exercise` that a module of its folder defines.

    Raises:
        ValueError: a label stands twice, or in the folder of another notebook.
    """
    folder = f"{PACKAGE}.ch{notebook}"
    by_label: dict[str, Exercise] = {}
    for info in sorted(pkgutil.iter_modules(importlib.import_module(folder).__path__), key=lambda info: info.name):
        module = importlib.import_module(f"{folder}.{info.name}")
        for exercise in [value for value in vars(module).values() if isinstance(value, Exercise)]:
            if notebook_of(exercise.label) != notebook:
                raise ValueError(
                    f"exercise {exercise.label!r} stands in {module.__name__}, whose labels begin with "
                    f"'ex-{notebook[:2]}-'; move it to the folder of its notebook, or change its number"
                )
            if by_label.setdefault(exercise.label, exercise) is not exercise:
                raise ValueError(f"two checks in {folder} have the label {exercise.label!r}; rename one")
    return by_label


class Exercises(Mapping[str, Exercise]):
    """Every exercise by label; one label loads its own notebook's checks, and a list of all of them loads every one."""

    def __getitem__(self, label: str) -> Exercise:
        try:
            notebook = notebook_of(label)
        except ValueError:
            raise KeyError(label) from None
        return exercises_of(notebook)[label]

    def __iter__(self) -> Iterator[str]:
        for notebook in notebooks():
            yield from exercises_of(notebook)

    def __len__(self) -> int:
        return sum(1 for _ in self)


exercises = Exercises()
"""Every exercise by label, in the order of the notebooks."""


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
    exercise = find(label)
    print(f"{exercise.label}: right. {exercise.verify(answer)}")
