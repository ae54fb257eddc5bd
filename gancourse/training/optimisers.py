"""Functions that make a player's optimiser."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from torch import nn
from torch.optim import Adam, Optimizer

from gancourse.arguments import check_finite_reals, check_reals

MakeOptimiser = Callable[[Iterable[nn.Parameter]], Optimizer]


def adam(learning_rate: float = 2e-4, beta1: float = 0.5, beta2: float = 0.999, fused: bool = False) -> MakeOptimiser:
    """Adam with the defaults of Radford et al. 2016, as a function that makes one for each player.

    Args:
        learning_rate: of Adam.
        beta1: decay of the first moment.
        beta2: decay of the second moment.
        fused: update all weights in one kernel; faster, with different rounding.

    Raises:
        ValueError: the rate is negative or not finite, or a decay is below 0, 1 or more.

    >>> import torch
    >>> type(adam(1e-3)([torch.zeros(1, requires_grad=True)])).__name__
    'Adam'
    """
    check_finite_reals(learning_rate=learning_rate)
    if learning_rate < 0:
        raise ValueError(f"learning_rate is {learning_rate}; pass a number ≥ 0")
    check_reals(beta1=beta1, beta2=beta2)
    for name, beta in (("beta1", beta1), ("beta2", beta2)):
        if not 0 <= beta < 1:
            raise ValueError(f"{name} is {beta}; pass a number ≥ 0 and < 1")
    return partial(Adam, lr=learning_rate, betas=(beta1, beta2), fused=fused or None)


DCGAN_ADAM = adam()
