"""Several processes that compute one update together, each with its rows of the batch.

With one process, the functions here return their input. Code that uses several samples of a batch at once, such as a
mean or a comparison of samples, calls `mean` or `gather`; it is then correct for any number of processes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

import torch
from torch import Tensor, distributed


class LostProcessError(RuntimeError):
    """Another process has ended, or did not answer in time."""


class Part(NamedTuple):
    """The index-th of `count` equal parts of a batch; the index is the rank of the process that computes it.

    >>> Part(1, 2).of(torch.arange(6))
    tensor([3, 4, 5])
    """

    index: int = 0
    count: int = 1

    def of(self, batch: Tensor) -> Tensor:
        """Rows of this part; `count` must divide the length of the batch."""
        n = len(batch) // self.count
        return batch[self.index * n : (self.index + 1) * n]


ALL = Part()
_current: ContextVar[Part] = ContextVar("current", default=ALL)


def mine() -> Part:
    """The part of each batch that this process computes; all of it unless torch.distributed is initialised."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return ALL
    return Part(distributed.get_rank(), distributed.get_world_size())


def current_part() -> Part:
    """This process's part of the current update; all of it outside of `sharing`."""
    return _current.get()


@contextmanager
def sharing(part: Part) -> Iterator[None]:
    """Inside, `gather` and `mean` are over all processes; each process must call them in the same order."""
    token = _current.set(part)
    try:
        yield
    finally:
        _current.reset(token)


def _all_reduce(x: Tensor) -> Tensor:
    """Sum of x over processes, not differentiable."""
    y = x.detach().clone(memory_format=torch.contiguous_format)
    try:
        distributed.all_reduce(y)
    except RuntimeError as error:  # torch raises gloo's errors as plain RuntimeErrors
        raise LostProcessError(f"another process has ended: {str(error).splitlines()[0]}") from None
    return y


class _Sum(torch.autograd.Function):
    """Differentiable all-reduce: the sum over processes. Its gradient is the sum of gradients, to any order."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return _all_reduce(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return _Sum.apply(gradient)


def mean(x: Tensor) -> Tensor:
    """Mean of x over the processes of the current update, differentiable to any order.

    The gradient is that of the sum of all processes' losses with respect to this process's x. A trainer averages
    gradients over processes, which gives the gradient of the mean loss.

    Args:
        x: of the same shape in every process.

    >>> mean(torch.ones(2))
    tensor([1., 1.])
    """
    return x if current_part().count == 1 else _Sum.apply(x) / current_part().count


def gather(x: Tensor) -> Tensor:
    """Rows of all processes in the order of their ranks, differentiable as `mean` is; with one process, x itself.

    Args:
        x: this process's rows, [rows, ...]; the same number in every process.

    >>> gather(torch.ones(2))
    tensor([1., 1.])
    """
    part = current_part()
    if part.count == 1:
        return x
    before, after = (x.new_zeros(n * len(x), *x.shape[1:]) for n in (part.index, part.count - 1 - part.index))
    return _Sum.apply(torch.cat([before, x, after]))


def all_reduce_means(tensors: Sequence[Tensor], part: Part) -> list[Tensor]:
    """Means of tensors over processes by one all-reduce, not differentiable.

    Args:
        tensors: of the same shapes in every process.
        part: its count is the number of processes.
    """
    flat = _all_reduce(torch.cat([t.detach().flatten() for t in tensors])) / part.count
    return [mean.view_as(t) for mean, t in zip(flat.split([t.numel() for t in tensors]), tensors, strict=True)]


def anyone(flag: bool) -> bool:
    """Whether the flag is true in any process; every process must call this.

    >>> anyone(False)
    False
    """
    if mine().count == 1:
        return flag
    device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
    return bool(_all_reduce(torch.tensor(float(flag), device=device)) > 0)
