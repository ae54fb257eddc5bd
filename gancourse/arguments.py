"""Checks of arguments' kinds, with errors that name the argument; the functions themselves check the ranges."""

from __future__ import annotations

import math
import operator
from numbers import Real
from typing import Any

from torch import Tensor, nn

LARGEST = 2**63  # integers from here on don't fit into 64 bits


def _is_integer(value: Any) -> bool:
    if isinstance(value, bool) or (isinstance(value, Tensor) and (value.numel() != 1 or value.is_meta)):
        return False
    try:
        operator.index(value)
    except TypeError:
        return False
    return True


def check_integers(**arguments: Any) -> None:
    """Check that arguments are integers of 64 bits: Python's, NumPy's or torch's.

    Raises:
        ValueError: one isn't; the message has its name.

    >>> check_integers(n_splits=2.5)
    Traceback (most recent call last):
    ValueError: n_splits is 2.5; expected an integer
    """
    for name, value in arguments.items():
        if not _is_integer(value):
            raise ValueError(f"{name} is {value!r:.100}; expected an integer")
        if not -LARGEST <= value < LARGEST:
            raise ValueError(f"{name} is {value}; expected an integer of 64 bits, below 2⁶³")


def check_counts(**counts: Any) -> None:
    """Check that arguments, such as layers' widths, are integers of at least one.

    Raises:
        ValueError: one isn't; the message has its name.
    """
    check_integers(**counts)
    for name, n in counts.items():
        if n < 1:
            raise ValueError(f"{name} is {n}; pass at least 1")


def check_reals(**arguments: Any) -> None:
    """Check that arguments are real numbers: Python's, NumPy's or tensors of one. NaN and infinity are of this kind.

    Raises:
        ValueError: one isn't; the message has its name.

    >>> check_reals(level="high")
    Traceback (most recent call last):
    ValueError: level is 'high'; expected a number
    """
    for name, value in arguments.items():
        is_real = isinstance(value, Real) and not isinstance(value, bool)
        if isinstance(value, Tensor):
            is_real = value.numel() == 1 and not value.is_complex() and not value.is_meta
        if not is_real:
            raise ValueError(f"{name} is {value!r:.100}; expected a number")


def check_finite_reals(**arguments: Any) -> None:
    """Check that arguments are finite real numbers.

    Raises:
        ValueError: one isn't; the message has its name.
    """
    check_reals(**arguments)
    for name, value in arguments.items():
        if not math.isfinite(value):
            raise ValueError(f"{name} is {value}; expected a finite number")


def check_callables(**arguments: Any) -> None:
    """Check that arguments can be called.

    Raises:
        ValueError: one can't; the message has its name.

    >>> check_callables(metric=None)
    Traceback (most recent call last):
    ValueError: metric is None; expected a function
    """
    for name, value in arguments.items():
        if not callable(value):
            raise ValueError(f"{name} is {value!r:.100}; expected a function")
        if isinstance(value, type) and issubclass(value, nn.Module):
            raise ValueError(f"{name} is the class {value.__name__}; expected a network of it, {value.__name__}(…)")


def check_tensors(**arguments: Any) -> None:
    """Check that arguments are tensors of real numbers, on a device that has their values.

    Raises:
        ValueError: one isn't; the message has its name.

    >>> import torch
    >>> check_tensors(x=torch.zeros(2, device="meta"))
    Traceback (most recent call last):
    ValueError: x is on the meta device, which holds no numbers; pass a tensor on the CPU or a GPU
    """
    for name, value in arguments.items():
        if not isinstance(value, Tensor):
            raise ValueError(f"{name} is of type {type(value).__name__}; expected a tensor")
        if value.is_meta:
            raise ValueError(f"{name} is on the meta device, which holds no numbers; pass a tensor on the CPU or a GPU")
        if value.is_complex():
            raise ValueError(f"{name} is {value.dtype}; expected real numbers")
