"""Gaussian noise with reproducible draws, for networks that see a changed input in training."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from gancourse import processes, rng


class GaussianNoise(nn.Module):
    """Adds normal noise to its input in training mode; in evaluation mode it changes nothing.

    A draw depends on the key and on the number of draws before, which is a buffer and so is saved in every checkpoint:
    a resumed training sees the same noise as an uninterrupted one.

    Args:
        std: standard deviation.
        key: seed of the draws; layers of one network need different keys.

    Raises:
        ValueError: the standard deviation is negative or not finite.

    Source: Salimans et al. 2016, whose code adds it to the input and to each hidden layer of the classifier.

    >>> layer = GaussianNoise(0.5, "first")
    >>> bool((layer(torch.zeros(3)) != 0).all()), layer.eval()(torch.zeros(3))
    (True, tensor([0., 0., 0.]))
    """

    depends_on_batch = True  # the noise depends on the row
    drawn: Tensor

    def __init__(self, std: float, *key: int | str) -> None:
        super().__init__()
        if not 0 <= std < math.inf:
            raise ValueError(f"the standard deviation of the noise is {std}; expected a finite number ≥ 0")
        self.std, self.key = std, key
        self.register_buffer("drawn", torch.zeros((), dtype=torch.int64))

    def forward(self, x: Tensor) -> Tensor:
        """Numbers of the same shape."""
        if not self.training or not self.std:
            return x
        self.drawn.add_(1)
        generator = rng.generator("gaussian noise", *self.key, int(self.drawn))
        part = processes.current_part()
        noise = part.of(torch.randn(part.count * len(x), *x.shape[1:], generator=generator))
        return x + self.std * noise.to(x)
