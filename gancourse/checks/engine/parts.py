"""A step for functions that return several tensors: a tuple, with lists among its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gancourse.checks.engine.comparison import Mistake
from gancourse.checks.engine.probe import Case, call, call_text
from gancourse.checks.engine.verdict import Wrong, same, show

Parts = tuple
"""Tensors, and lists of tensors."""


@dataclass(frozen=True)
class SeveralValues:
    """A step of a check: the function returns the right tensors, in the right tuples and lists.

    Args:
        cases: makes the arguments to try; the first ones should be the plainest.
        right: maps a case's arguments to the right answer.
        what: what should be returned, in words.
        mistakes: looked through in order; one is named only if it explains every case.
    """

    cases: Callable[[], Sequence[Case]]
    right: Callable[..., Parts]
    what: str
    mistakes: Sequence[Mistake] = ()

    def __call__(self, name: str, function: Callable) -> None:
        """Complain unless the values are right.

        Args:
            name: what the function is called in the exercise.
            function: the student's.

        Raises:
            Wrong: something isn't right.
        """
        cases = list(self.cases())
        values, failure = self._called(name, function, cases)
        for case, value in zip(cases, values, strict=False):
            expected = self.right(*case.args.values())
            if not agree(value, expected):
                reason = (
                    self._known_mistake(cases, values)
                    or f"This case tries {case.about}. {_difference(value, expected)}"
                )
                raise Wrong(
                    f"{call_text(name, case)} gave {show_parts(value)}; expected {show_parts(expected)}. {reason}"
                )
        if failure:  # said only now, since an earlier, plainer case may be wrong already
            raise failure
        for case, value in zip(cases, values, strict=True):
            types = [part.dtype for part in flattened(value)]
            expected_types = [part.dtype for part in flattened(self.right(*case.args.values()))]
            if types != expected_types:
                raise Wrong(
                    f"{call_text(name, case)} returned {types[0]}; expected {expected_types[0]}, as its arguments"
                )

    def _called(self, name: str, function: Callable, cases: Sequence[Case]) -> tuple[list, Wrong | None]:
        """What the function returns for the cases in order, up to the first one that it fails at, and that failure."""
        values: list[object] = []
        for case in cases:
            try:
                values.append(_copied(call(name, function, case)))
                if not _of_tensors(values[-1]):
                    shown = f"{show_parts(values.pop())}, a value of another kind"
                    raise Wrong(f"{call_text(name, case)} returned {shown}; expected {self.what}")
            except Wrong as wrong:
                return values, wrong
        return values, None

    def _known_mistake(self, cases: Sequence[Case], values: Sequence[object]) -> str:
        tried = list(zip(cases, values, strict=False))
        for mistake in self.mistakes:
            if all(agree(value, mistake.answer(*case.args.values())) for case, value in tried):
                return mistake.message
        return ""


def agree(left: object, right: object) -> bool:
    """Whether two tuples or lists of tensors are of one structure, and agree up to rounding; a list may be a tuple."""
    if isinstance(left, Tensor) or isinstance(right, Tensor):
        return isinstance(left, Tensor) and isinstance(right, Tensor) and same(left, right)
    return len(left) == len(right) and all(agree(a, b) for a, b in zip(left, right, strict=True))


def flattened(value: object) -> Iterator[Tensor]:
    """The tensors of nested tuples and lists, in order."""
    if isinstance(value, Tensor):
        yield value
    else:
        for part in value:
            yield from flattened(part)


class Changed:
    """A student's function with its calls changed; messages still quote the student's own line.

    Args:
        function: the student's.
        changed: from the function and its arguments, what is returned.
    """

    def __init__(self, function: Callable, changed: Callable[..., object]) -> None:
        self.function, self.changed = function, changed
        self.__code__ = getattr(function, "__code__", None)

    def __call__(self, *args: object) -> object:
        """What `changed` says."""
        return self.changed(self.function, *args)


def joined(function: Callable[..., Parts]) -> Callable[..., Tensor]:
    """A function's tensors in one row, as `Gradients` and `Scaled` want them."""
    return Changed(function, lambda function, *args: torch.cat([part.flatten() for part in flattened(function(*args))]))


def of_joined(step: Callable[[str, Callable], None]) -> Callable[[str, Callable], None]:
    """A step, given a function's tensors in one row; its right answer is `joined` as well."""

    def in_one_row(name: str, function: Callable) -> None:
        try:
            step(name, joined(function))
        except Wrong as wrong:
            raise type(wrong)(f"{wrong} (The tensors are shown one after the other, in one row.)") from None

    return in_one_row


def show_parts(value: object) -> str:
    """Nested tuples and lists of tensors in a few characters.

    >>> show_parts((torch.ones(2), [torch.zeros(1, 1)]))
    '([1, 1], [[[0]]])'
    """
    if isinstance(value, tuple | list) and _of_tensors(value):
        inner = ", ".join(show_parts(part) for part in value)
        return f"[{inner}]" if isinstance(value, list) else f"({inner})"
    return show(value)


def _of_tensors(value: object) -> bool:
    return isinstance(value, Tensor) or (isinstance(value, tuple | list) and all(_of_tensors(part) for part in value))


def _copied(value: object) -> object:
    """The value as it is now, whatever later calls write into its tensors."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    return type(value)(map(_copied, value)) if type(value) in (tuple, list) else value


def _structure(value: object) -> object:
    return list(value.shape) if isinstance(value, Tensor) else [_structure(part) for part in value]


def _difference(value: object, expected: Parts) -> str:
    """Where values of one structure first differ, or the structure that they should have."""
    if isinstance(value, Tensor) or _structure(value) != _structure(expected):
        return f"It should be {_described(expected)}."
    for k, (ours, theirs) in enumerate(zip(flattened(value), flattened(expected), strict=True)):
        if not same(ours, theirs):
            at = next(i for i in torch.ones_like(ours).nonzero().tolist() if not same(ours[tuple(i)], theirs[tuple(i)]))
            numbers = f"{ours[tuple(at)].item():.6g} in place of {theirs[tuple(at)].item():.6g}"
            return f"Tensor {k + 1} of {len(list(flattened(expected)))} is the first that differs, at {at}: {numbers}."
    return ""


def _described(value: object) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of shape {list(value.shape)}"
    kind = "a list" if isinstance(value, list) else "a tuple"
    return f"{kind} of {len(value)}: " + ", ".join(_described(part) for part in value)
