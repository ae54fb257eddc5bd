"""Reading the items of a Dataset or a list into memory, once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL.Image import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset

from gancourse.data.arrays import as_tensor, check_memory
from gancourse.data.decoding import pixels

N_TWICE = 16  # number of items that are read twice: a random flip shows in half of them
SMALLER = "make it return smaller images, or bytes instead of floats, or fewer items (torch.utils.data.Subset)"


def _holds_arrays(x: list | tuple) -> bool:
    """Whether a list has samples, or pairs of samples and labels, as items, not numbers."""
    first = x[0] if len(x) else None
    if isinstance(first, list | tuple) and len(first):
        first = first[0]
    return isinstance(first, Tensor | np.ndarray | Image)


def are_items(x: object, name: str) -> bool:
    """Whether x has to be read item by item: a map-style Dataset, or a list of tensors, images or pairs.

    Args:
        x: the argument.
        name: of the argument, for messages.

    Raises:
        ValueError: x has no length or no random access, or is one image.
    """
    if isinstance(x, DataLoader):
        raise ValueError(f"{name} is a DataLoader; pass its .dataset: the training draws its own batches")
    is_numbered = hasattr(x, "__getitem__") and hasattr(x, "__len__")
    is_stream = isinstance(x, IterableDataset) or hasattr(x, "__next__")
    if is_stream or (isinstance(x, Dataset) and not is_numbered):
        raise ValueError(f"{name} is a {type(x).__name__}, which has no length; pass list({name})")
    if isinstance(x, Image):
        raise ValueError(f"{name} is one image; pass a list of images")
    if isinstance(x, tuple) and _holds_arrays(x):
        raise ValueError(f"{name} is a tuple; pass Samples(x, y) for two arrays, or a list of items")
    if isinstance(x, list | tuple):
        return _holds_arrays(x)
    return is_numbered and not (isinstance(x, Tensor | np.ndarray | str | bytes | dict) or hasattr(x, "__array__"))


def _tensor(value: object, what: str) -> Tensor:
    return torch.from_numpy(pixels(value)) if isinstance(value, Image) else as_tensor(value, what)


def _pair(items: Any, i: int, names: str) -> tuple[Tensor, ...]:
    """Item i as (x,) or (x, y); as (y,) if names is "y".

    Raises:
        ValueError: it can't be read, or has another form.
    """
    try:
        item = items[i]
    except Exception as error:  # the dataset's code may raise any exception
        raise ValueError(f"item {i} can't be read: {type(error).__name__}: {error}") from error
    parts = item if isinstance(item, list | tuple) else (item,)
    if isinstance(item, dict) or not 0 < len(parts) <= len(names):
        shape = f"a dict of {', '.join(map(str, item))}" if isinstance(item, dict) else f"a tuple of {len(parts)}"
        expected = "x or (x, y): pass a Dataset that returns these, or two arrays" if names == "xy" else "an array"
        raise ValueError(f"item {i} is {shape}; expected {expected}")
    return tuple(_tensor(part, f"{name} of item {i}") for part, name in zip(parts, names, strict=False))


def _check_like(pair: tuple[Tensor, ...], first: tuple[Tensor, ...], i: int, names: str) -> None:
    if len(pair) != len(first):
        raise ValueError(f"item {i} has {len(pair)} part(s), but item 0 has {len(first)}; give every item a y, or none")
    for part, like, name in zip(pair, first, names, strict=False):
        if part.shape != like.shape or part.dtype != like.dtype:
            raise ValueError(
                f"{name} of item {i} is {part.dtype} {tuple(part.shape)}, but that of item 0 {like.dtype} "
                f"{tuple(like.shape)}; crop, pad or convert them to one shape and type"
            )


def read_items(items: Sequence[Any], name: str, limit_gib: float) -> tuple[Tensor, ...]:
    """All items of a map-style dataset as (x,) or (x, y), each [n, ...].

    Args:
        items: item i is x or (x, y): tensors, arrays, numbers or PIL images, of one shape and type.
        name: "x"; or "y" where items are y alone.
        limit_gib: largest size of all items in memory, in GiB.

    Raises:
        ValueError: there are no items, or they differ in shape, take too much memory, can't be read, or change from
            reading to reading.

    >>> [part.shape for part in read_items([(torch.zeros(2), 1), (torch.ones(2), 0)], "x", limit_gib=1)]
    [torch.Size([2, 2]), torch.Size([2])]
    """
    n, names = len(items), "xy" if name == "x" else "y"
    if not n:
        raise ValueError(f"{name} holds no samples")
    first = _pair(items, 0, names)
    check_memory(n, sum(part.numel() * part.element_size() for part in first), limit_gib, SMALLER)
    columns = tuple(part.new_empty(n, *part.shape) for part in first)
    for i in range(n):
        pair = _pair(items, i, names)
        _check_like(pair, first, i, names)
        for column, part in zip(columns, pair, strict=True):
            column[i] = part
    # Random crops and flips would be drawn once, here, and differ from run to run.
    for i in range(min(n, N_TWICE)):
        if not all(torch.equal(column[i], part) for column, part in zip(columns, _pair(items, i, names), strict=True)):
            raise ValueError(
                f"item {i} differs each time it is read; take random transforms out of the dataset: items are "
                "read once, and the draws must depend on the seed alone"
            )
    return columns
