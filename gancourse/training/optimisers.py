"""Functions that make a player's optimiser."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from torch import nn
from torch.optim import Adam, Optimizer

MakeOptimiser = Callable[[Iterable[nn.Parameter]], Optimizer]


def adam(learning_rate: float = 2e-4, beta1: float = 0.5, beta2: float = 0.999, fused: bool = False) -> MakeOptimiser:
    """Adam with the defaults of Radford et al. 2016, as a function that makes one for each player.

    Args:
        learning_rate: of Adam.
        beta1: decay of the first moment.
        beta2: decay of the second moment.
        fused: update all weights in one kernel; faster, with different rounding.

    >>> import torch
    >>> type(adam(1e-3)([torch.zeros(1, requires_grad=True)])).__name__
    'Adam'
    """
    return partial(Adam, lr=learning_rate, betas=(beta1, beta2), fused=fused or None)


DCGAN_ADAM = adam()
