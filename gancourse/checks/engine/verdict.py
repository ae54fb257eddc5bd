"""What a check says, and how it shows numbers."""

from __future__ import annotations

import torch
from torch import Tensor


class Wrong(AssertionError):  # noqa: N818
    """An answer isn't right; the message says what was given, what came out, what was expected, and often why."""

    def _render_traceback_(self) -> list[str]:
        """Lines that Jupyter shows in place of a traceback: the way through our code teaches nobody anything."""
        return [f"{type(self).__name__}: {self}"]


class NotWritten(Wrong):
    """The answer is still the blank."""


def show(value: object, limit: int = 8) -> str:
    """A value in a few characters, for a message.

    >>> show(torch.tensor([1.0, -2.34567]))
    '[1, -2.346]'
    >>> show(torch.tensor(0.5))
    '0.5'
    >>> show(torch.zeros(3, 4))
    'a tensor of shape [3, 4]'
    """
    if isinstance(value, Tensor):
        if value.ndim > 2 or value.numel() > limit:
            return f"a tensor of shape {list(value.shape)}"
        if value.ndim == 2:
            return "[" + ", ".join(show(row) for row in value) + "]"
        numbers = [show(v) for v in value.detach().reshape(-1).tolist()]
        return numbers[0] if value.ndim == 0 else "[" + ", ".join(numbers) + "]"
    if isinstance(value, float):
        return f"{value:.4g}"
    if callable(value):
        return getattr(value, "__name__", type(value).__name__)
    text = repr(value)
    return text if len(text) <= 60 else f"a value of type {type(value).__name__}"


def same(left: Tensor, right: Tensor) -> bool:
    """Whether two tensors agree in shape and, up to the rounding of the coarser type, in value; NaN equals NaN."""
    if left.shape != right.shape:
        return False
    coarse = torch.float32 in (left.dtype, right.dtype)
    rtol, atol = (1e-4, 2e-6) if coarse else (1e-6, 1e-8)
    return torch.allclose(left.detach().double(), right.detach().double(), rtol=rtol, atol=atol, equal_nan=True)
