"""Several processes that make one update together, each with its rows of the batch.

With one process nothing here changes anything. What looks across the batch, as a mean or a comparison of samples does,
takes `whole` of it, and is then right however many processes share the work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

import torch
from torch import Tensor, distributed


class LostProcessError(RuntimeError):
    """Another process has ended, or hasn't answered in time."""


class Part(NamedTuple):
    """The index-th of `count` equal parts of a batch.

    >>> Part(1, 2).of(torch.arange(6))
    tensor([3, 4, 5])
    """

    index: int = 0
    count: int = 1

    def of(self, batch: Tensor) -> Tensor:
        """Rows of this part, of a batch whose length `count` divides."""
        n = len(batch) // self.count
        return batch[self.index * n : (self.index + 1) * n]


ALL = Part()
_together: ContextVar[Part] = ContextVar("together", default=ALL)


def mine() -> Part:
    """The part of each batch that this process computes; all of it unless torch.distributed has been set up."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return ALL
    return Part(distributed.get_rank(), distributed.get_world_size())


def now() -> Part:
    """This process's part of the update under way; all of it outside of `together`."""
    return _together.get()


@contextmanager
def together(part: Part) -> Iterator[None]:
    """While open, `whole` and `mean` look at all processes; each of them must then do the same, in the same order."""
    token = _together.set(part)
    try:
        yield
    finally:
        _together.reset(token)


def _summed(x: Tensor) -> Tensor:
    y = x.detach().clone(memory_format=torch.contiguous_format)
    try:
        distributed.all_reduce(y)
    except RuntimeError as error:  # torch has no class of its own for gloo's errors
        raise LostProcessError(f"another process is gone: {str(error).splitlines()[0]}") from None
    return y


class _Sum(torch.autograd.Function):
    """Sum over processes. Each one's x is part of every one's sum, so gradients are summed too; to any order."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return _summed(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return _Sum.apply(gradient)


def mean(x: Tensor) -> Tensor:
    """Mean of x over the processes of the update under way, differentiable to any order.

    Gradients are those of the sum of all processes' losses in this process's x: averaged over processes, as a trainer
    does, they are the gradients of the mean loss.

    Args:
        x: of the same shape in every process.

    >>> mean(torch.ones(2))
    tensor([1., 1.])
    """
    return x if now().count == 1 else _Sum.apply(x) / now().count


def whole(x: Tensor) -> Tensor:
    """Rows of all processes, one after the other, differentiable as `mean` is; x itself where there is one process.

    Args:
        x: this process's rows, [rows, ...]; as many as in every other process.

    >>> whole(torch.ones(2))
    tensor([1., 1.])
    """
    part = now()
    if part.count == 1:
        return x
    before, after = (x.new_zeros(n * len(x), *x.shape[1:]) for n in (part.index, part.count - 1 - part.index))
    return _Sum.apply(torch.cat([before, x, after]))


def averaged(tensors: Sequence[Tensor], part: Part) -> list[Tensor]:
    """Means of tensors over processes, not differentiable, sent in one message.

    Args:
        tensors: of the same shapes in every process.
        part: whose count tells how many processes there are.
    """
    flat = _summed(torch.cat([t.detach().flatten() for t in tensors])) / part.count
    return [mean.view_as(t) for mean, t in zip(flat.split([t.numel() for t in tensors]), tensors, strict=True)]


def anyone(flag: bool) -> bool:
    """Whether the flag is true in any process; every process must ask.

    >>> anyone(False)
    False
    """
    if mine().count == 1:
        return flag
    device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
    return bool(_summed(torch.tensor(float(flag), device=device)) > 0)
