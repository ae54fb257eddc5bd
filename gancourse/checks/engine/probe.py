"""Call a student's function, and turn whatever goes wrong into words."""

from __future__ import annotations

import dis
import inspect
import linecache
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gancourse.checks.engine.verdict import NotWritten, Wrong, show

EMPTY = {"RESUME", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST", "NOP", "CACHE", "COPY_FREE_VARS"}


class Case(NamedTuple):
    """Arguments to try, by name and in order, and a few words on what they try."""

    args: dict[str, Any]
    about: str = ""


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
    value = attempt(name, function, list(copies.values()), call_text(name, case))
    for key, original in case.args.items():
        if isinstance(original, Tensor) and not torch.equal(copies[key], original):
            raise Wrong(
                f"{call_text(name, case)} changed its argument `{key}` in place, to {show(copies[key])}: the caller "
                f"still needs it. Work on a new tensor: `{key} = {key}.clone()`, or no method that ends in an "
                "underscore"
            )
    return value


def attempt(name: str, function: Callable, arguments: Sequence[Any], text: str, nothing: bool = False) -> Any:
    """Call a student's function; an exception, or None unless `nothing` is allowed, becomes a message.

    A setting of torch that it changed for good is set back, and becomes a message too.
    """
    with settings_kept(text):
        try:
            value = function(*arguments)
        except NotImplementedError:
            raise not_written(name) from None
        except (Exception, SystemExit) as error:
            raise Wrong(
                f"{text} raised {type(error).__name__}: {_first_line(error).removesuffix('.')}"
                f"{_where(error, function)}{_precision(error)}"
            ) from None
    if value is None and is_blank(function):
        raise not_written(name)
    if value is None and not nothing:
        raise Wrong(f"{text} returned None; does {name} end without a `return`?")
    return value


class Setting(NamedTuple):
    """A setting of torch that holds for the whole program.

    Args:
        read: its value.
        write: sets it.
        message: what to say of a function that left it at another value.
    """

    read: Callable[[], Any]
    write: Callable[[Any], object]
    message: Callable[[Any], str]


SETTINGS = [
    Setting(
        torch.get_default_dtype,
        torch.set_default_dtype,
        lambda dtype: (
            f"set torch's default type to {dtype}, for the whole notebook; convert single tensors, by .to(x) with one "
            "of the arguments"
        ),
    ),
    Setting(
        torch.is_grad_enabled,
        torch.set_grad_enabled,
        lambda enabled: (
            f"switched gradients {'on' if enabled else 'off'} for the whole notebook; write `with torch.no_grad():` "
            "around the lines that need none"
        ),
    ),
    Setting(
        torch.get_num_threads,
        torch.set_num_threads,
        lambda n: "changed the number of threads for the whole notebook; leave it as it is",
    ),
    Setting(
        torch.is_anomaly_enabled,
        torch.autograd.set_detect_anomaly,
        lambda enabled: (
            f"switched torch's anomaly detection {'on' if enabled else 'off'} for the whole notebook; write `with "
            "torch.autograd.detect_anomaly():` around the lines that you examine"
        ),
    ),
    Setting(
        torch.are_deterministic_algorithms_enabled,
        torch.use_deterministic_algorithms,
        lambda enabled: (
            f"switched deterministic algorithms {'on' if enabled else 'off'} for the whole notebook; leave that to "
            "whoever runs it"
        ),
    ),
    Setting(
        torch.get_default_device,
        torch.set_default_device,
        lambda device: (
            f"set torch's default device to {device}, for the whole notebook; make new tensors from the arguments, "
            "such as torch.ones_like(x)"
        ),
    ),
]


@contextmanager
def settings_kept(text: str) -> Iterator[None]:
    """Inside, a student's function runs; afterwards torch's settings are as before.

    Raises:
        Wrong: nothing else went wrong inside, but a setting changed.
    """
    before = [setting.read() for setting in SETTINGS]
    try:
        yield
    finally:
        after = [setting.read() for setting in SETTINGS]
        changed = [i for i, setting in enumerate(SETTINGS) if after[i] != before[i]]
        for i in changed:
            SETTINGS[i].write(before[i])
    if changed:
        raise Wrong(f"{text} {SETTINGS[changed[0]].message(after[changed[0]])}")


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or ["(no message)"])[0]


def _precision(error: BaseException) -> str:
    """A hint, if an error comes from two precisions that meet."""
    if not isinstance(error, RuntimeError) or not any(
        word in str(error) for word in ("dtype", "datatype", "type (double)")
    ):
        return ""
    return (
        "; a check calls with float64 and with float32, so give new layers and tensors the type of an argument, by "
        ".to(x)"
    )


def _where(error: BaseException, function: Callable) -> str:
    """Line of the student's own code that an error came from."""
    code = getattr(function, "__code__", None)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if code is not None and frame.filename == code.co_filename:
            line = linecache.getline(frame.filename, frame.lineno or 0).strip()
            return f" (in the line `{line}`)" if line else ""
    return ""


def call_text(name: str, case: Case) -> str:
    """The call, as one would write it.

    >>> call_text("transposed_size", Case({"size": 4, "kernel": 3}))
    'transposed_size(size=4, kernel=3)'
    """
    arguments = ", ".join(f"{key}={show(value)}" for key, value in case.args.items())
    return f"{name}({arguments})"
