"""Try a student's function on cases whose answer is known, and turn whatever goes wrong into words."""

from __future__ import annotations

import dis
import inspect
import linecache
import traceback
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gancourse.checks.verdict import NotWritten, Wrong, same, show

EMPTY = {"RESUME", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST", "NOP", "CACHE", "COPY_FREE_VARS"}


class Case(NamedTuple):
    """Arguments to try, by name and in order, and a word on what they try."""

    args: dict[str, Any]
    about: str = ""


class Mistake(NamedTuple):
    """A mistake that people make: what it would return for the same arguments, and what to tell them."""

    answer: Callable[..., Tensor]
    message: str


def is_blank(function: Callable) -> bool:
    """Whether a function does nothing at all.

    >>> is_blank(lambda x: ...), is_blank(lambda x: x + 1)
    (True, False)
    """
    try:
        return {i.opname for i in dis.get_instructions(function)} <= EMPTY
    except TypeError:  # a callable object, or something built in
        return False


def not_written(name: str) -> NotWritten:
    """The message of a blank."""
    return NotWritten(
        f"not written yet: {name} does nothing so far; replace the line `...` by your code and run the cell"
    )


def accept(name: str, function: object, parameters: Sequence[str]) -> None:
    """Complain unless the answer can be called with so many arguments.

    Raises:
        Wrong: it is no function, or takes other arguments.
        NotWritten: there is nothing in it.
    """
    if function is None or function is ...:
        raise not_written(name)
    if not callable(function):
        raise Wrong(
            f"check was given {show(function)}, not a function; pass the function itself, `{name}`, without calling it"
        )
    try:
        inspect.signature(function).bind(*parameters)
    except TypeError:
        raise Wrong(
            f"{name} is called as {name}({', '.join(parameters)}), but yours takes {inspect.signature(function)}; "
            "keep the first line of the blank as it was"
        ) from None
    except ValueError:  # something built in, which has no signature to look at
        pass


def call(name: str, function: Callable, case: Case) -> Any:
    """What the function returns for copies of a case's arguments.

    Raises:
        Wrong: it raised, changed an argument in place, or returned nothing.
        NotWritten: it is the blank.
    """
    copies = {k: v.detach().clone() if isinstance(v, Tensor) else v for k, v in case.args.items()}
    value = attempt(name, function, list(copies.values()), given(name, case))
    for key, original in case.args.items():
        if isinstance(original, Tensor) and not torch.equal(copies[key], original):
            raise Wrong(
                f"{given(name, case)} changed its argument `{key}` in place, to {show(copies[key])}: the caller still "
                f"needs it. Work on a new tensor: `{key} = {key}.clone()`, or no method that ends in an underscore"
            )
    return value


def attempt(name: str, function: Callable, arguments: Sequence[Any], text: str, nothing: bool = False) -> Any:
    """Call a student's function; an exception, or None unless `nothing` is allowed, becomes a message."""
    try:
        value = function(*arguments)
    except NotImplementedError:
        raise not_written(name) from None
    except (Exception, SystemExit) as error:
        raise Wrong(f"{text} raised {type(error).__name__}: {_first_line(error)}{_where(error, function)}") from None
    if value is None and not nothing:
        if is_blank(function):
            raise not_written(name)
        raise Wrong(f"{text} returned None; does {name} end without a `return`?")
    return value


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or ["(no message)"])[0]


def _where(error: BaseException, function: Callable) -> str:
    """Line of the student's own code that an error came from."""
    code = getattr(function, "__code__", None)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if code is not None and frame.filename == code.co_filename:
            line = linecache.getline(frame.filename, frame.lineno or 0).strip()
            return f" (in the line `{line}`)" if line else ""
    return ""


def given(name: str, case: Case) -> str:
    """The call, as one would write it."""
    arguments = ", ".join(f"{key}={show(value)}" for key, value in case.args.items())
    return f"{name}({arguments})"


def as_tensor(name: str, value: object, want: Tensor, case: Case) -> Tensor:
    """The value, if it is a tensor.

    Raises:
        Wrong: it is something else.
    """
    if isinstance(value, Tensor):
        return value
    shape = "a tensor with a single number, shape []" if want.ndim == 0 else f"a tensor of shape {list(want.shape)}"
    raise Wrong(
        f"{given(name, case)} returned {show(value)}, a {type(value).__name__}; expected {shape}. Stay in torch from "
        "the arguments to the result: no .item(), no float(), no numpy, no lists"
    )


def examine(
    name: str,
    function: Callable,
    cases: Sequence[Case],
    right: Callable[..., Tensor],
    mistakes: Sequence[Mistake] = (),
) -> None:
    """Hold a function to the right answers, and name the mistake when its values are those of a known one.

    Args:
        name: what the function is called in the exercise.
        function: the student's.
        cases: arguments to try; the first ones should be the plainest.
        right: maps a case's arguments to the right answer.
        mistakes: looked through in order; one is named only if it explains every case.

    Raises:
        Wrong: something isn't right.
    """
    values = []
    wants = [right(*case.args.values()) for case in cases]
    for case, want in zip(cases, wants, strict=True):
        values.append(as_tensor(name, call(name, function, case), want, case))
    bad = [i for i, (value, want) in enumerate(zip(values, wants, strict=True)) if not same(value, want)]
    if bad:
        case, value, want = cases[bad[0]], values[bad[0]], wants[bad[0]]
        story = f"{given(name, case)} gave {_named(value, want)}; expected {show(want)}.{_first_gap(value, want)}"
        raise Wrong(f"{story} {_diagnosis(cases, values, want, case, mistakes, values[bad[0]])}")
    for case, value, want in zip(cases, values, wants, strict=True):
        if value.dtype != want.dtype:
            raise Wrong(
                f"{given(name, case)} returned {value.dtype}; expected {want.dtype}{_how_to_get(want.dtype, case)}"
            )


def _how_to_get(dtype: torch.dtype, case: Case) -> str:
    like = next((key for key, x in case.args.items() if isinstance(x, Tensor) and x.dtype == dtype), None)
    if like is None:
        return f": convert the result by .to({dtype})"
    return (
        f", as `{like}` is. Make new tensors from the old ones (torch.ones_like, x.new_zeros), and convert what has "
        f"another type, such as a comparison's True and False, by .to({like}.dtype)"
    )


def _first_gap(value: Tensor, want: Tensor) -> str:
    """Where two tensors of one shape first differ, if what `show` says of them is the same."""
    if value.shape != want.shape or show(value) != show(want):
        return ""
    for index in torch.ones_like(want, dtype=torch.bool).nonzero().tolist():
        ours, theirs = value[tuple(index)], want[tuple(index)]
        if not same(ours, theirs):
            at = f", at {index}" if index else ""
            return f" Their first difference{at}: {ours.item():.9g} in place of {theirs.item():.9g}."
    return ""


def _named(value: Tensor, want: Tensor) -> str:
    shape = f", of shape {list(value.shape)}" if value.shape != want.shape and value.numel() <= 8 else ""
    return show(value) + shape


def _diagnosis(
    cases: Sequence[Case],
    values: Sequence[Tensor],
    want: Tensor,
    case: Case,
    mistakes: Sequence[Mistake],
    value: Tensor,
) -> str:
    for mistake in mistakes:
        if all(same(v, mistake.answer(*c.args.values())) for c, v in zip(cases, values, strict=True)):
            return mistake.message
    about = f"This case tries {case.about}. " if case.about else ""
    if value.shape != want.shape:
        return f"{about}The shape should be {list(want.shape)}."
    if not torch.isfinite(value).all() and torch.isfinite(want).all():
        return f"{about}Look for a division by zero, a logarithm of zero or an exponential that overflows."
    return f"{about}Work this case out by hand, step by step, and compare."


def slopes(name: str, function: Callable, case: Case) -> list[Tensor]:
    """Gradient of the sum of what a function returns, with respect to each tensor argument of the case.

    Raises:
        Wrong: nothing flows back.
    """
    leaves = {k: v.detach().clone().requires_grad_() for k, v in case.args.items() if isinstance(v, Tensor)}
    value = attempt(name, function, [leaves.get(k, v) for k, v in case.args.items()], given(name, case))
    if not value.requires_grad:
        raise Wrong(
            f"{given(name, case)} has the right value, but no gradient flows back from it: training would stand still. "
            "Drop .detach(), .item(), torch.tensor(…) and torch.no_grad() from the function"
        )
    found = torch.autograd.grad(value.sum(), list(leaves.values()), allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for g, x in zip(found, leaves.values(), strict=True)]
