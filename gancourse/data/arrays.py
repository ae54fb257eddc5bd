"""Conversion of tensors, arrays and lists to tensors of three types: bytes, integers, floats."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

GIB = 2**30
KINDS = {
    "O": "holds Python objects (or rows of different lengths); stack it to one array of numbers first",
    "U": "holds text; number it first, e.g. labels = numpy.unique(words, return_inverse=True)[1]",
    "S": "holds text; number it first, e.g. labels = numpy.unique(words, return_inverse=True)[1]",
    "b": "holds True and False; pass integers or floats",
    "c": "is complex; pass the real part, or real and imaginary parts as two columns",
}


def _numpy_tensor(array: np.ndarray, what: str) -> Tensor:
    """A copy of an array of numbers, in the byte order of this machine."""
    if isinstance(array, np.ma.MaskedArray):
        raise ValueError(f"{what} is a masked array; fill in the masked values, or leave out those rows")
    kind = array.dtype.kind
    if kind not in "fiu":
        raise ValueError(f"{what} {KINDS.get(kind, f'is of type {array.dtype}; pass numbers')}")
    if array.dtype == np.uint8:
        return torch.from_numpy(np.array(array))
    with np.errstate(over="ignore"):  # numbers that are too large become infinite, and are refused later
        single = torch.get_default_dtype() != torch.float64
        dtype = np.int64 if kind in "iu" else np.float32 if single else np.float64
        return torch.from_numpy(np.array(array, dtype)).to(torch.int64 if kind in "iu" else torch.get_default_dtype())


def as_tensor(value: object, what: str) -> Tensor:
    """A copy of a value as a tensor: uint8 stays uint8, other integers become int64, floats torch's default type.

    Args:
        value: tensor, array, number, nested list of numbers, or another object that NumPy converts to an array.
        what: name of the value, for messages.

    Raises:
        ValueError: the value isn't numbers in one rectangular array.

    >>> as_tensor(np.ones(2), "x").dtype
    torch.float32
    """
    if isinstance(value, Tensor):
        if value.layout != torch.strided or value.is_nested:
            raise ValueError(f"{what} is a sparse or nested tensor; pass a dense one (x.to_dense(), or a padded one)")
        if value.dtype == torch.bool or value.is_complex():
            raise ValueError(f"{what} {KINDS['c' if value.is_complex() else 'b']}")
        dtype = torch.get_default_dtype() if value.is_floating_point() else torch.int64
        return value.detach().to(torch.uint8 if value.dtype == torch.uint8 else dtype, copy=True).contiguous()
    if isinstance(value, np.ndarray):
        return _numpy_tensor(value, what)
    if isinstance(value, str | bytes | dict) or not (
        isinstance(value, list | tuple | int | float | np.generic) or hasattr(value, "__array__")
    ):
        raise ValueError(f"{what} is a {type(value).__name__}; pass a tensor or an array of numbers")
    try:
        return _numpy_tensor(np.asarray(value), what)
    except ValueError as error:
        if "inhomogeneous" not in str(error):
            raise
        raise ValueError(f"{what} has rows of different lengths; crop or pad them to one shape") from None


def check_memory(n: int, n_bytes: int, limit_gib: float, advice: str) -> None:
    """Check that samples fit a memory limit.

    Args:
        n: number of samples.
        n_bytes: of one sample.
        limit_gib: largest size of all samples in GiB.
        advice: what to do if they don't fit, besides raising the limit.

    Raises:
        ValueError: they take more.
    """
    if n * n_bytes > limit_gib * GIB:
        raise ValueError(
            f"{n} samples of {n_bytes:,} bytes take {n * n_bytes / GIB:.1f} GiB of memory, more than the limit of "
            f"{limit_gib:g} GiB; {advice}, or pass limit_gib={n * n_bytes // GIB + 1}"
        )
