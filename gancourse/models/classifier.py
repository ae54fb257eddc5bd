"""A small convolutional classifier, whose features the metrics compare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from gancourse.models.blocks import check_shape
from gancourse.models.family import Family, check_images
from gancourse.signature import Signature


class Classifier(nn.Module):
    """Maps images [batch, channels, 28, 28] in [−1, 1] to logits [batch, n_classes].

    >>> import torch
    >>> Classifier().features(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 64])
    """

    n_features = 64

    def __init__(self, n_classes: int = 10, channels: int = 1) -> None:
        super().__init__()
        self.channels = channels
        sizes = [(channels, 32, 2), (32, 64, 2), (64, 128, 1)]
        blocks: list[nn.Module] = []
        for n_in, n_out, stride in sizes:
            blocks += [nn.Conv2d(n_in, n_out, 3, stride, padding=1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU()]
        self.body = nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(512, self.n_features))
        self.head = nn.Sequential(nn.ReLU(), nn.Linear(self.n_features, n_classes))

    def features(self, x: Tensor) -> Tensor:
        """The last hidden layer before its ReLU, [batch, 64]."""
        check_shape(x, (self.channels, 28, 28), "x")
        return self.body(x)

    def forward(self, x: Tensor) -> Tensor:
        """Logits [batch, n_classes]."""
        return self.head(self.features(x))


@dataclass(frozen=True)
class SmallClassifier(Family):
    """The network of this file. Its sizes are fixed, so that features of different runs are comparable."""

    image_size: ClassVar[int | None] = 28

    def classifier(self, fits: Signature) -> Classifier:
        """Images to logits.

        Raises:
            ValueError: the data isn't 28 × 28 images, or has no classes.
        """
        channels = check_images(fits, self)
        if fits.condition is None:
            raise ValueError("the data has no labels; a classifier needs them")
        return Classifier(fits.condition.size, channels)
