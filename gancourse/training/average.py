"""Exponential moving average of a network's weights."""

from __future__ import annotations

import copy

import torch
from torch import nn


class Average:
    """A copy of a network whose weights trail behind the original's.

    Args:
        network: the original.
        half_life_kimg: after this many thousand images an old value counts half.

    Raises:
        ValueError: the half-life is not positive.

    Source: Karras et al. 2018 (progressive growing), appendix A.1, which states a decay per step; a half-life
    in images means the same at any batch size.
    """

    def __init__(self, network: nn.Module, half_life_kimg: float) -> None:
        if not half_life_kimg > 0:
            raise ValueError(f"half_life_kimg is {half_life_kimg}; expected a positive number of thousand images")
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.half_life_kimg = half_life_kimg

    @torch.no_grad()
    def update(self, network: nn.Module, n_images: int) -> None:
        """Move towards the network, which has just seen n_images more; buffers are copied."""
        keep = 0.5 ** (n_images / (1000 * self.half_life_kimg))
        for mine, theirs in zip(self.network.parameters(), network.parameters(), strict=True):
            mine.lerp_(theirs, 1 - keep)
        for mine, theirs in zip(self.network.buffers(), network.buffers(), strict=True):
            mine.copy_(theirs)
