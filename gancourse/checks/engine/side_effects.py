"""A step of a check: a function computes its value from its arguments and leaves everything else as it was."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from gancourse.checks.engine.probe import Case, attempt, call_text
from gancourse.checks.engine.verdict import Wrong, show


@dataclass(frozen=True)
class NoSideEffects:
    """A step of a check, once the values are right: weights as arguments, random numbers and torch's settings stay.

    Each case is tried twice, in opposite orders: a value that depends on earlier calls differs.

    Args:
        cases: makes the arguments to try; at least two, so that the order can matter.
    """

    cases: Callable[[], Sequence[Case]]

    def __call__(self, name: str, function: Callable) -> None:
        """Complain about anything but a value.

        Args:
            name: what the function is called in the exercise.
            function: the student's, whose values are right.

        Raises:
            Wrong: something else changed, or the value isn't a function of the arguments alone.
        """
        cases = list(self.cases())
        values = [_watched(name, function, case) for case in cases]
        again = [_watched(name, function, case) for case in reversed(cases)][::-1]
        for case, first, second in zip(cases, values, again, strict=True):
            if not _equal(first, second):
                raise Wrong(
                    f"{call_text(name, case)} gave {show(first)} first, and {show(second)} when it was called again "
                    "after other calls: it should depend on its arguments alone, so keep no counter, cache or global "
                    "variable"
                )


@contextmanager
def watched_settings(text: str) -> Iterator[None]:
    """Inside, a student's function runs; afterwards torch's settings and random numbers are as before.

    Random numbers inside start from a state that no seed of a small number gives, so that seeding shows as well.

    Args:
        text: the call, for the message.

    Raises:
        Wrong: the function changed one of them.
    """
    before, states = _settings(), (torch.get_rng_state(), random.getstate())
    torch.manual_seed(914_073_851)
    random.seed(914_073_851)
    inside = _random_states()
    try:
        yield
        after = {**_settings(), **_random_states()}
        changed = [what for what, value in {**before, **inside}.items() if after[what] != value]
    finally:
        torch.set_default_dtype(before["torch's default type"])
        torch.set_grad_enabled(before["whether gradients are computed"])
        if torch.get_num_threads() != before["the number of threads"]:
            torch.set_num_threads(before["the number of threads"])
        torch.set_rng_state(states[0])
        random.setstate(states[1])
    if changed:
        raise Wrong(f"{text} changed {changed[0]} for the whole program; compute the value and leave the rest as it is")


def _settings() -> dict[str, object]:
    return {
        "torch's default type": torch.get_default_dtype(),
        "whether gradients are computed": torch.is_grad_enabled(),
        "the number of threads": torch.get_num_threads(),
    }


def _random_states() -> dict[str, object]:
    return {
        "the state of torch's random numbers": torch.get_rng_state().numpy().tobytes(),
        "the state of Python's random numbers": random.getstate(),
    }


def _watched(name: str, function: Callable, case: Case) -> object:
    """The value for leaves that want a gradient, as a network's weights do, if nothing else happened."""
    text = call_text(name, case)
    arguments = {key: _leaf(value) for key, value in case.args.items()}
    with watched_settings(text):
        value = attempt(name, function, list(arguments.values()), text)
    for key, original in case.args.items():
        mine = arguments[key]
        if not isinstance(original, Tensor):
            continue
        if not torch.equal(mine.detach(), original):
            raise Wrong(f"{text} changed its argument `{key}` in place; the caller still needs it")
        if mine.requires_grad != original.is_floating_point():
            raise Wrong(f"{text} set requires_grad of its argument `{key}`: the caller would train other weights")
        if mine.requires_grad:
            complain_of_gradients(text, [mine])
    return value


def _leaf(value: object) -> object:
    """A copy; of floats a leaf of the graph, with a gradient of its own."""
    if not isinstance(value, Tensor):
        return value
    leaf = value.detach().clone().requires_grad_(value.is_floating_point())
    if leaf.requires_grad:
        mark_gradients([leaf])
    return leaf


MARK = 0.375  # exact in every type


def mark_gradients(leaves: Iterable[Tensor]) -> None:
    """Give each leaf a gradient, as if others had called backward before; see `complain_of_gradients`."""
    for leaf in leaves:
        leaf.grad = torch.full_like(leaf, MARK)


def complain_of_gradients(text: str, leaves: Iterable[Tensor]) -> None:
    """Complain unless the leaves still have the gradients of `mark_gradients`.

    Raises:
        Wrong: one is gone, or something was added to it.
    """
    for leaf in leaves:
        if leaf.grad is None or not leaf.grad.any():
            raise Wrong(f"{text} clears gradients that the caller may have collected; no zero_grad here")
        if not torch.equal(leaf.grad, torch.full_like(leaf, MARK)):
            raise Wrong(f"{text} calls backward itself; return the value, and let the caller differentiate")


def _equal(left: object, right: object) -> bool:
    if isinstance(left, Tensor) and isinstance(right, Tensor):
        return left.shape == right.shape and torch.equal(left.detach(), right.detach())
    if isinstance(left, Sequence) and isinstance(right, Sequence) and not isinstance(left, str):
        return len(left) == len(right) and all(map(_equal, left, right))
    return left == right
