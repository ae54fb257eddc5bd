"""A convolutional network that reads the factors of an image, and whose features metrics compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from gancourse.models.blocks import check_shape
from gancourse.models.family import Family, check_images
from gancourse.signature import Factors, Signature
from gancourse.values import Count

SIZE = 32


class FactorRegressor(nn.Module):
    """Reads factors from images [batch, channels, 32, 32] in [−1, 1].

    Args:
        n_classes: of each factor; 0 for a continuous one.
        channels: of the images.
        width: channels of the first layer; twice and four times as many of the second and third.
        n_features: size of the last hidden layer.

    Raises:
        ValueError: there is no factor, or one has a single class.

    >>> network = FactorRegressor([3, 0], width=8)
    >>> [tuple(reading.shape) for reading in network.readings(torch.zeros(2, 3, 32, 32))]
    [(2, 3), (2,)]
    """

    def __init__(self, n_classes: Sequence[int], channels: int = 3, width: int = 32, n_features: int = 256) -> None:
        super().__init__()
        if not n_classes or any(n < 0 or n == 1 for n in n_classes):
            raise ValueError(
                f"n_classes is {tuple(n_classes)}; expected one factor or more, of 0 or at least 2 classes"
            )
        self.n_classes, self.channels = tuple(n_classes), channels
        blocks: list[nn.Module] = []
        for n_in, n_out in pairwise((channels, width, 2 * width, 4 * width)):
            blocks += [
                nn.Conv2d(n_in, n_out, 3, padding=1, bias=False),
                nn.BatchNorm2d(n_out),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ]
        self.body = nn.Sequential(
            *blocks, nn.Flatten(), nn.Linear(4 * width * 16, n_features), nn.BatchNorm1d(n_features)
        )
        self.head = nn.Sequential(nn.ReLU(), nn.Linear(n_features, sum(max(n, 1) for n in n_classes)))

    def features(self, x: Tensor) -> Tensor:
        """The last hidden layer before its ReLU, [batch, n_features]."""
        check_shape(x, (self.channels, SIZE, SIZE), "x")
        return self.body(x)

    def readings(self, x: Tensor) -> list[Tensor]:
        """Of each factor, logits [batch, classes] if it is categorical, else its value [batch]."""
        parts = self.head(self.features(x)).split([max(n, 1) for n in self.n_classes], dim=1)
        return [part if n else part[:, 0] for part, n in zip(parts, self.n_classes, strict=True)]

    def forward(self, x: Tensor) -> Tensor:
        """Factors [batch, factors] from 0 to 1: the middle of the likeliest class, or the value."""
        columns = [
            (reading.argmax(1) + 0.5) / n if n else reading.clamp(0, 1)
            for reading, n in zip(self.readings(x), self.n_classes, strict=True)
        ]
        return torch.stack([column.float() for column in columns], dim=1)


@dataclass(frozen=True)
class SmallRegressor(Family):
    """The network of this file.

    Args:
        width: channels of the first layer.
    """

    image_size: ClassVar[int | None] = SIZE
    width: Count = 32

    def regressor(self, fits: Signature) -> FactorRegressor:
        """Images to factors.

        Raises:
            ValueError: the data isn't 32 × 32 images, or isn't described by factors.
        """
        channels = check_images(fits, self)
        if not isinstance(fits.condition, Factors):
            kind = type(fits.condition).__name__.lower() if fits.condition else "nothing"
            raise ValueError(
                f"the data has no factors, which a regressor reads: {fits} come with {kind}; pass data whose y is "
                "factors, such as faces"
            )
        return FactorRegressor(fits.condition.n_classes, channels, self.width)
