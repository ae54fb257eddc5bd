"""Parts that several families share."""

from __future__ import annotations

from torch import Tensor, nn


def check_shape(x: Tensor, expected: tuple[int, ...], what: str) -> None:
    """Complain unless x is [batch, *expected].

    Raises:
        ValueError: names what was given and what was expected.
    """
    if x.ndim != 1 + len(expected) or tuple(x.shape[1:]) != expected:
        wanted = ", ".join(["batch", *map(str, expected)])
        raise ValueError(f"{what} has shape {tuple(x.shape)}; expected [{wanted}]")


class Flatten(nn.Module):
    """Turn scores [batch, 1, …] into [batch]."""

    def forward(self, x: Tensor) -> Tensor:
        """Drop all axes but the first; the others must be of length one."""
        flat = x.flatten(1)
        check_shape(flat, (1,), "what should be one score a sample")
        return flat.squeeze(1)


def n_parameters(network: nn.Module) -> int:
    """How many numbers training may change.

    >>> n_parameters(nn.Linear(3, 2))
    8
    """
    return sum(p.numel() for p in network.parameters() if p.requires_grad)
