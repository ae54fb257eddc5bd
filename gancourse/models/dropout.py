"""Dropout with reproducible masks."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gancourse import processes, rng


class Dropout(nn.Module):
    """Sets a random share of the numbers to zero in training mode, and scales the others up to keep the mean.

    `torch.nn.Dropout` draws from torch's global state, so a resumed training would differ from an uninterrupted one.
    Here a mask depends on the key and on the number of masks drawn before, which is a buffer and so is saved in every
    checkpoint.

    Args:
        share: probability of each number to be dropped.
        key: seed of the masks; layers of one network need different keys.

    Raises:
        ValueError: the share is not in [0, 1).

    Source: Srivastava, N. et al. 2014, section 4.

    >>> layer = Dropout(0.5, "first")
    >>> sorted(layer(torch.ones(100)).unique().tolist())
    [0.0, 2.0]
    >>> layer.eval()(torch.ones(2))
    tensor([1., 1.])
    """

    depends_on_batch = True  # a mask depends on the row
    drawn: Tensor

    def __init__(self, share: float, *key: int | str) -> None:
        super().__init__()
        if not 0 <= share < 1:
            raise ValueError(f"the share of dropped numbers is {share}; expected at least 0 and below 1")
        self.share, self.key = share, key
        self.register_buffer("drawn", torch.zeros((), dtype=torch.int64))

    def forward(self, x: Tensor) -> Tensor:
        """Numbers of the same shape."""
        if not self.training or not self.share:
            return x
        self.drawn.add_(1)
        generator = rng.generator("dropout", *self.key, int(self.drawn))
        part = processes.current_part()
        mask = part.of(torch.rand(part.count * len(x), *x.shape[1:], generator=generator)) >= self.share
        return x * mask.to(x) / (1 - self.share)
