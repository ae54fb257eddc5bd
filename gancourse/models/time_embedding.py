"""The time of a diffusion, and a class, as numbers that networks see."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from gancourse.models.blocks import one_hot

LONGEST_PERIOD = 10_000.0
FULL_TIME = 1000.0
"""Networks get times from 0, for data, to this, for noise."""


def sinusoids(time: Tensor, size: int) -> Tensor:
    """Sines and cosines of times, [batch, size]; their periods rise geometrically from 2π to almost 2π · 10,000.

    Args:
        time: numbers [batch], between 0 and about 1000: between 0 and 1, almost all of them would be constant.
        size: an even number.

    Raises:
        ValueError: the size is odd or below two, or time isn't floats [batch].

    Source: Vaswani et al. 2017, section 3.5, for positions; Ho, Jain, Abbeel 2020, appendix B, for times.

    >>> sinusoids(torch.tensor([0.0, 500.0]), 4).shape
    torch.Size([2, 4])
    """
    if size < 2 or size % 2:
        raise ValueError(f"the embedding has {size} numbers; pass an even number, a sine and a cosine for each period")
    if time.ndim != 1 or not time.is_floating_point():
        raise ValueError(f"time is {time.dtype} of shape {tuple(time.shape)}; expected floats [batch], from 0 to 1000")
    steps = torch.arange(size // 2, device=time.device, dtype=time.dtype) / (size // 2)
    angles = time[:, None] * (-math.log(LONGEST_PERIOD) * steps).exp()
    return torch.cat([angles.sin(), angles.cos()], 1)


class TimeEmbedding(nn.Module):
    """Embeds times, and labels if there are classes, in [batch, size].

    A label may also be "no class", by the number after the last class. It has an embedding of its own, with which the
    network predicts without knowing the class, as classifier-free guidance needs it.

    Args:
        size: numbers in an embedding, even.
        n_classes: of the labels; 0 for no labels.

    Raises:
        ValueError: the size is odd; when called, if a label is missing, superfluous or out of range.

    >>> embedding = TimeEmbedding(8, n_classes=3)
    >>> embedding(torch.tensor([0.0, 999.0]), torch.tensor([2, 3])).shape  # the last class, and no class
    torch.Size([2, 8])
    """

    def __init__(self, size: int, n_classes: int = 0) -> None:
        super().__init__()
        self.size, self.n_classes = size, n_classes
        sinusoids(torch.zeros(1), size)  # complains about an odd size
        self.layers = nn.Sequential(nn.Linear(size, size), nn.SiLU(), nn.Linear(size, size))
        self.of_class = nn.Linear(n_classes + 1, size, bias=False) if n_classes else None

    @property
    def conditional(self) -> bool:
        """Whether it takes labels."""
        return self.n_classes > 0

    def forward(self, time: Tensor, y: Tensor | None = None) -> Tensor:
        """Embeddings [batch, size] of times [batch] from 0 to 1000, and of labels [batch]."""
        out = self.layers(sinusoids(time, self.size))
        if self.of_class is None:
            if y is not None:
                raise ValueError("the network takes no labels; leave y out")
            return out
        return out + self.of_class(one_hot(y, self.n_classes + 1, (len(time),)).to(out))
