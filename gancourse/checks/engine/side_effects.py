"""A step of a check: a function computes its value from its arguments and leaves everything else as it was."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gancourse.checks.engine.probe import Case, attempt, call_text
from gancourse.checks.engine.verdict import Wrong, same, show
from gancourse.checks.engine.watching import Network, complain_of_gradients, complain_of_hooks, mark_gradients


@dataclass(frozen=True)
class NoSideEffects:
    """A step of a check, once the values are right: weights as arguments, networks and random numbers stay.

    Cases are tried twice, in opposite orders: a value that depends on earlier calls differs. In between come calls with
    other numbers of the same shapes, which may not change what was returned before.

    Args:
        cases: makes the arguments to try; at least two, so that the order can matter.
        with_gradient: whether the arguments of the first pass want a gradient; not where nobody differentiates, so that
            a function may leave torch in between.
        rolled: arguments whose numbers move in the calls in between, all of them by default.
    """

    cases: Callable[[], Sequence[Case]]
    with_gradient: bool = True
    rolled: Sequence[str] | None = None

    def __call__(self, name: str, function: Callable) -> None:
        """Complain about anything but a value.

        Args:
            name: what the function is called in the exercise.
            function: the student's, whose values are right.

        Raises:
            Wrong: something else changed, or the value isn't a function of the arguments alone.
        """
        cases = list(self.cases())
        passes = []
        for order, with_gradient in ((cases, self.with_gradient), (cases[::-1], False)):
            values = [_watched(name, function, case, with_gradient) for case in order]
            copies = [_copy(value) for value in values]
            for case in order:
                _watched(name, function, _rolled(case, self.rolled), with_gradient)
            for case, live, copy in zip(order, values, copies, strict=True):
                if not _agree(live, copy, torch.equal):
                    raise Wrong(
                        f"{call_text(name, case)} returned {show(copy)}, which a later call changed: make a new result "
                        "at each call"
                    )
            passes.append(copies)
        for case, first, second in zip(cases, passes[0], passes[1][::-1], strict=True):
            # Rounding may depend on whether gradients are wanted.
            if not _agree(first, second, same):
                raise Wrong(
                    f"{call_text(name, case)} gave {show(first)} first, and {show(second)} when it was called again "
                    "after other calls: it should depend on its arguments alone, so keep no counter, cache or global "
                    "variable"
                )


@contextmanager
def random_numbers_kept(text: str) -> Iterator[None]:
    """Inside, a student's function runs; afterwards the random numbers are as before.

    Inside they start from a state that hardly anybody's seed gives, so that seeding shows as well as drawing.

    Args:
        text: the function or its call, for the message.

    Raises:
        Wrong: nothing else went wrong inside, but random numbers were drawn or seeded.
    """
    state, python_state, numpy_state = torch.get_rng_state(), random.getstate(), np.random.get_state()  # noqa: NPY002
    torch.manual_seed(914_073_851)
    random.seed(914_073_851)
    np.random.seed(914_073_851)  # noqa: NPY002 (the one that students seed)
    before = _random_states()
    try:
        yield
        _complain(text, before, _random_states())
    finally:
        torch.set_rng_state(state)
        random.setstate(python_state)
        np.random.set_state(numpy_state)  # noqa: NPY002


def _complain(text: str, before: dict[str, Any], after: dict[str, Any]) -> None:
    for what, value in before.items():
        if after[what] != value:
            raise Wrong(f"{text} changed {what} for the whole program; compute the value and leave the rest as it is")


def _random_states() -> dict[str, Any]:
    return {
        "the state of torch's random numbers": torch.get_rng_state().numpy().tobytes(),
        "the state of Python's random numbers": random.getstate(),
        "the state of NumPy's random numbers": _numpy_state(),
    }


def _numpy_state() -> tuple[object, ...]:
    kind, key, *others = np.random.get_state()  # noqa: NPY002
    return kind, key.tobytes(), *others


def _rolled(case: Case, names: Sequence[str] | None) -> Case:
    """The case with the numbers of its tensors, or of some of them, moved by one."""
    moved = [k for k, v in case.args.items() if isinstance(v, Tensor) and (names is None or k in names)]
    return case._replace(args=case.args | {k: case.args[k].flatten().roll(1).view_as(case.args[k]) for k in moved})


def _watched(name: str, function: Callable, case: Case, with_gradient: bool) -> object:
    """The value, for leaves that want a gradient, as a network's weights do, or for data; if nothing else happened."""
    text = call_text(name, case)
    arguments = {key: _leaf(value, with_gradient) for key, value in case.args.items()}
    networks = [Network(key, value) for key, value in case.args.items() if isinstance(value, nn.Module)]
    try:
        with random_numbers_kept(text):
            value = attempt(name, function, list(arguments.values()), text)
        for network in networks:
            network.complain(text)
    finally:
        for network in networks:
            network.restore()
    for key, original in case.args.items():
        mine = arguments[key]
        if not isinstance(original, Tensor):
            continue
        if not torch.equal(mine.detach(), original):
            raise Wrong(f"{text} changed its argument `{key}` in place; the caller still needs it")
        if mine.requires_grad != (with_gradient and original.is_floating_point()):
            raise Wrong(f"{text} set requires_grad of its argument `{key}`: the caller would train other weights")
        complain_of_hooks(text, [mine])
        if mine.requires_grad:
            complain_of_gradients(text, [mine])
    return value


def _leaf(value: object, with_gradient: bool) -> object:
    """A copy; of floats a leaf of the graph, with a gradient of its own, where that is asked for."""
    if not isinstance(value, Tensor):
        return value
    leaf = value.detach().clone().requires_grad_(with_gradient and value.is_floating_point())
    if leaf.requires_grad:
        mark_gradients([leaf])
    return leaf


def _copy(value: object) -> object:
    """The value as it is now, whatever becomes of its tensors."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    return [_copy(part) for part in value] if isinstance(value, list | tuple) else value


def _agree(left: object, right: object, tensors_agree: Callable[[Tensor, Tensor], bool]) -> bool:
    if isinstance(left, Tensor) and isinstance(right, Tensor):
        return left.shape == right.shape and tensors_agree(left.detach(), right.detach())
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(_agree(a, b, tensors_agree) for a, b in zip(left, right, strict=True))
    return left == right
