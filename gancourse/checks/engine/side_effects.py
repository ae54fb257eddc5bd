"""A step of a check: a function computes its value from its arguments and leaves everything else as it was."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gancourse.checks.engine.probe import Case, attempt, call_text
from gancourse.checks.engine.verdict import Wrong, same, show


@dataclass(frozen=True)
class NoSideEffects:
    """A step of a check, once the values are right: weights as arguments and random numbers stay.

    Cases are tried twice, in opposite orders: a value that depends on earlier calls differs. In between come calls with
    other numbers of the same shapes, which may not change what was returned before.

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
        passes = []
        for order, with_gradient in ((cases, True), (cases[::-1], False)):
            values = [_watched(name, function, case, with_gradient) for case in order]
            copies = [_copy(value) for value in values]
            for case in order:
                _watched(name, function, _rolled(case), with_gradient)
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


def _rolled(case: Case) -> Case:
    """The case with the numbers of its tensors moved by one."""
    return case._replace(
        args={k: v.flatten().roll(1).view_as(v) if isinstance(v, Tensor) else v for k, v in case.args.items()}
    )


def _watched(name: str, function: Callable, case: Case, with_gradient: bool) -> object:
    """The value, for leaves that want a gradient, as a network's weights do, or for data; if nothing else happened."""
    text = call_text(name, case)
    arguments = {key: _leaf(value, with_gradient) for key, value in case.args.items()}
    with random_numbers_kept(text):
        value = attempt(name, function, list(arguments.values()), text)
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


TENSOR_HOOKS = ("_backward_hooks", "_post_accumulate_grad_hooks")
MODULE_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def complain_of_hooks(text: str, owners: Iterable[Tensor | nn.Module]) -> None:
    """Complain unless the tensors and modules are without hooks, as they were before the call.

    Raises:
        Wrong: one has a hook.
    """
    for owner in owners:
        if any(getattr(owner, name) for name in (TENSOR_HOOKS if isinstance(owner, Tensor) else MODULE_HOOKS)):
            raise Wrong(
                f"{text} leaves a hook behind, which later gradients or calls would run again; compute without hooks, "
                "or remove() them"
            )


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
