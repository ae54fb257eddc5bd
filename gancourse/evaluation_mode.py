"""Networks in evaluation mode for a while, each submodule in its own mode again afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def evaluating(*networks: nn.Module) -> Iterator[None]:
    """Inside, networks are in evaluation mode; afterwards, each submodule is in the mode that it was in.

    `network.train()` would switch every submodule, also a BatchNorm that is frozen in a network in training.

    Args:
        networks: may share submodules.

    >>> network = nn.Sequential(nn.Dropout(), nn.BatchNorm1d(2).eval())
    >>> with evaluating(network):
    ...     network[0].training
    False
    >>> network.training, network[0].training, network[1].training
    (True, True, False)
    """
    modes = {module: module.training for network in networks for module in network.modules()}
    try:
        for network in networks:
            network.eval()
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
