"""Exponential moving average of a network's weights."""

from __future__ import annotations

import copy

import torch
from torch import nn


class Average:
    """A copy of a network whose weights are an exponential moving average of the network's.

    Args:
        network: to average; not changed.
        half_life_kimg: after this many thousand images, the weight of an old value has halved.

    Raises:
        ValueError: the half-life is not positive.

    Source: Karras et al. 2018 (progressive growing), appendix A.1, which gives a decay per step; a half-life
    in images does not depend on the batch size.
    """

    def __init__(self, network: nn.Module, half_life_kimg: float) -> None:
        if not half_life_kimg > 0:
            raise ValueError(f"half_life_kimg is {half_life_kimg}; expected a positive number of thousand images")
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.half_life_kimg = half_life_kimg

    @torch.no_grad()
    def update(self, network: nn.Module, n_images: int) -> None:
        """Average the network's weights in, after n_images more of training; buffers are copied."""
        decay = 0.5 ** (n_images / (1000 * self.half_life_kimg))
        for average, weight in zip(self.network.parameters(), network.parameters(), strict=True):
            average.lerp_(weight, 1 - decay)
        for copied, buffer in zip(self.network.buffers(), network.buffers(), strict=True):
            copied.copy_(buffer)
