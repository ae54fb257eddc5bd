"""Kinds of arguments: a right one, wrong ones of every kind, and other spellings of the right one.

A kind is written once, and tried on every argument of that kind of every function.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gancourse.errors import NotFiniteError

HUGE = 10**20  # beyond 64 bits


class Wrong(NamedTuple):
    """A wrong argument, and the error it should give: its class, and the words of which the message has one."""

    value: Any
    error: type[Exception] = ValueError
    words: tuple[str, ...] = ()


class Kind(NamedTuple):
    """An argument to try.

    Args:
        value: the right argument.
        wrong: wrong arguments, by what is wrong.
        same: arguments that must give the same result, by how they differ.
        words: of which an error's message has one; the argument's name if there are none.
    """

    value: Any
    wrong: Mapping[str, Wrong]
    same: Mapping[str, Any] = {}
    words: tuple[str, ...] = ()


def _of(values: Mapping[str, Any]) -> dict[str, Wrong]:
    return {name: value if isinstance(value, Wrong) else Wrong(value) for name, value in values.items()}


def numbers(
    x: Tensor,
    *words: str,
    without: tuple[str, ...] = (),
    more: Mapping[str, Any] | None = None,
    spelt: bool = True,
    error: type[Exception] = NotFiniteError,
) -> Kind:
    """A tensor of floats [n, ...], whose first axis counts samples.

    Args:
        x: the tensor.
        words: of which an error's message has one.
        without: names of what isn't wrong here.
        more: further wrong arguments.
        spelt: whether arrays and lists are right as well.
        error: class of the error for NaN and infinity.
    """
    hole = x.clone()
    hole.view(-1)[0] = math.nan
    peak = x.clone()
    peak.view(-1)[0] = math.inf
    wrong = {
        "a number": 3.0,
        "no number": torch.tensor(1.0),
        "None": None,
        "text": "data",
        "one axis more": x[None],
        "empty": x[:0],
        "NaN": Wrong(hole, error, ("finite", "NaN")),
        "infinite": Wrong(peak, error, ("finite", "NaN", "∞")),
        "complex": x.to(torch.complex64),
        "meta": Wrong(x.to("meta"), ValueError, ("meta",)),
    }
    if x.ndim == 2:
        wrong["one axis"] = x[:, 0]
    same = {
        "double": x.double(),
        "not contiguous": torch.stack([x, x], -1)[..., 0],
        "of a graph": x.clone().requires_grad_(),
    }
    if spelt:
        wrong["ragged"] = [[1.0, 2.0], [3.0]]
        same |= {"array": x.numpy(), "lists": x.tolist()}
    return Kind(
        x,
        _of({k: v for k, v in (wrong | dict(more or {})).items() if k not in without}),
        {k: v for k, v in same.items() if k not in without},
        words,
    )


def labels(y: Tensor, n_classes: int | None, *words: str, without: tuple[str, ...] = ()) -> Kind:
    """Integers [n] from 0 to n_classes − 1; None if there is no largest one."""
    wrong: dict[str, Any] = {
        "floats": y.float(),
        "probabilities": torch.rand(len(y), 3, generator=torch.Generator().manual_seed(0)),
        "two axes": y[:, None],
        "one too few": y[:-1],
        "empty": y[:0],
        "text": "labels",
        "None": None,
        "booleans": y > 0,
        "meta": Wrong(y.to("meta"), ValueError, ("meta",)),
    }
    if n_classes is not None:
        high, low = y.clone(), y.clone()
        high[0], low[0] = n_classes, -1
        wrong |= {"too large": high, "negative": low}
    same = {"int32": y.int(), "bytes": y.to(torch.uint8), "array": y.numpy(), "list": y.tolist()}
    return Kind(
        y,
        _of({k: v for k, v in wrong.items() if k not in without}),
        {k: v for k, v in same.items() if k not in without},
        words,
    )


def count(value: int, *words: str, low: int = 1, high: int | None = None, without: tuple[str, ...] = ()) -> Kind:
    """An integer from `low` to `high`."""
    wrong: dict[str, Any] = {
        "too small": low - 1,
        "negative": -7,
        "half": value + 0.5,
        "NaN": math.nan,
        "infinite": math.inf,
        "text": str(value),
        "None": None,
        "a list": [value],
    }
    if high is not None:
        wrong["too large"] = high + 1
    wrong |= {"2⁶³": 2**63, "huge": HUGE}
    return Kind(value, _of({k: v for k, v in wrong.items() if k not in without}), {}, words)


def seed(value: int = 0, without: tuple[str, ...] = ()) -> Kind:
    """A seed: any integer of 64 bits."""
    wrong = {"half": 0.5, "NaN": math.nan, "text": "seed", "None": None, "2⁶⁴": 2**64, "huge": HUGE, "−huge": -HUGE}
    return Kind(value, _of({k: v for k, v in wrong.items() if k not in without}))


def number(
    value: float, *words: str, outside: tuple[float, ...] = (), infinite: bool = False, without: tuple[str, ...] = ()
) -> Kind:
    """A number; those outside of its range are wrong, and so is infinity."""
    wrong: dict[str, Any] = {
        "NaN": math.nan,
        "text": str(value),
        "None": None,
        "complex": complex(value, 1),
        "a list": [value],
    }
    if not infinite:
        wrong["infinite"] = math.inf
    wrong |= {f"{x:g}": x for x in outside}
    return Kind(value, _of({k: v for k, v in wrong.items() if k not in without}), {}, words)


def function(value: Callable[..., Any], *words: str, without: tuple[str, ...] = (), **wrong: Any) -> Kind:
    """Something to call."""
    every: dict[str, Any] = {"None": None, "a number": 3.0, "text": "identity"} | wrong
    return Kind(value, _of({k: v for k, v in every.items() if k not in without}), {}, words)


def name(value: str, *words: str, without: tuple[str, ...] = ()) -> Kind:
    """A name out of some."""
    wrong = {"unknown": "xyzzy", "a number": 3, "a list": [value], "None": None}
    return Kind(value, _of({k: v for k, v in wrong.items() if k not in without}), {}, words)


def other(value: Any, *words: str, same: Mapping[str, Any] | None = None, **wrong: Any) -> Kind:
    """An argument of no kind above, with its wrong values."""
    return Kind(value, _of(wrong), same or {}, words)


class Call(NamedTuple):
    """A function, and the arguments that it is called with by name: values, or kinds to try wrong ones of."""

    name: str
    function: Callable[..., Any]
    arguments: dict[str, Any]

    def right(self) -> dict[str, Any]:
        return {key: part.value if isinstance(part, Kind) else part for key, part in self.arguments.items()}


def call(function: Callable[..., Any], label: str = "", /, **arguments: Any) -> Call:
    return Call(label or function.__qualname__, function, arguments)


def draw(*shape: int, key: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(key))


POINTS = draw(6, 2)
IMAGES = draw(6, 1, 8, 8).tanh()
BYTES = torch.arange(6 * 64, dtype=torch.uint8).view(6, 1, 8, 8)
SIX = torch.tensor([0, 1, 2, 0, 1, 2])
