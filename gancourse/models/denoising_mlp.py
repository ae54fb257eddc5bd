"""Fully connected networks that predict from a point with noise what the noise, or the point, is."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.functional import silu

from gancourse.models.blocks import check_counts, check_shape
from gancourse.models.conditioning import check_classes
from gancourse.models.family import Family, check_points
from gancourse.models.time_embedding import TimeEmbedding
from gancourse.signature import Signature
from gancourse.values import Count

N_TIME = 32


class TimedLayers(nn.Module):
    """Residual layers that see the time, and a label if there are classes: [batch, n_in] to [batch, n_out].

    Args:
        n_in: numbers in the input.
        n_out: numbers in the output.
        hidden: units of each layer.
        depth: layers with a skip connection, between the first one and the last one.
        n_classes: of the labels; 0 for no labels. The label n_classes means "no class".

    Raises:
        ValueError: a count is below one; when called, if the input has another size, or as for `TimeEmbedding`.
    """

    def __init__(self, n_in: int, n_out: int, hidden: int = 128, depth: int = 3, n_classes: int = 0) -> None:
        super().__init__()
        check_counts(n_in=n_in, n_out=n_out, hidden=hidden, depth=depth)
        self.n_in, self.embedding = n_in, TimeEmbedding(N_TIME, n_classes)
        self.first, self.last = nn.Linear(n_in, hidden), nn.Linear(hidden, n_out)
        self.hidden = nn.ModuleList([nn.Linear(hidden, hidden) for _ in range(depth)])
        self.of_time = nn.ModuleList([nn.Linear(N_TIME, hidden) for _ in range(depth)])

    def features(self, x: Tensor, time: Tensor, y: Tensor | None = None) -> Tensor:
        """Input of the last layer, [batch, hidden]."""
        check_shape(x, (self.n_in,), "x")
        embedding, hidden = silu(self.embedding(time, y)), self.first(x)
        for layer, of_time in zip(self.hidden, self.of_time, strict=True):
            hidden = hidden + silu(layer(hidden) + of_time(embedding))
        return hidden

    def forward(self, x: Tensor, time: Tensor, y: Tensor | None = None) -> Tensor:
        """Numbers [batch, n_out]; times [batch] are from 0 to 1000."""
        return self.last(self.features(x, time, y))


class Denoiser(nn.Module):
    """Maps points with noise [batch, dimensions], times [batch] and labels [batch] to predictions of their shape.

    The last layer starts at zero, so that the first predictions are zero.

    Args:
        dimensions: of a point.
        hidden: units of each layer.
        depth: layers with a skip connection.
        n_classes: of the labels; 0 for no labels. The label n_classes means "no class".

    Raises:
        ValueError: as for `TimedLayers`.

    >>> import torch
    >>> Denoiser(hidden=8)(torch.zeros(3, 2), torch.tensor([0.0, 10.0, 999.0])).shape
    torch.Size([3, 2])
    """

    def __init__(self, dimensions: int = 2, hidden: int = 128, depth: int = 3, n_classes: int = 0) -> None:
        super().__init__()
        self.dimensions, self.n_classes = dimensions, n_classes
        self.layers = TimedLayers(dimensions, dimensions, hidden, depth, n_classes)
        nn.init.zeros_(self.layers.last.weight)
        nn.init.zeros_(self.layers.last.bias)

    @property
    def conditional(self) -> bool:
        """Whether it takes labels."""
        return self.n_classes > 0

    def forward(self, x: Tensor, time: Tensor, y: Tensor | None = None) -> Tensor:
        """Predictions [batch, dimensions]; times are from 0 to 1000."""
        return self.layers(x, time, y)


@dataclass(frozen=True)
class DenoisingMLP(Family):
    """The denoiser of this file, for points of any number of dimensions.

    Args:
        width: units of each layer.
        depth: layers with a skip connection.
        classes: whether the network sees the data's classes; it can be asked without one too.

    >>> import torch
    >>> DenoisingMLP(width=16).denoiser(Signature((3,)))(torch.zeros(2, 3), torch.zeros(2)).shape
    torch.Size([2, 3])
    """

    width: Count = 128
    depth: Count = 3
    classes: bool = False

    def denoiser(self, fits: Signature) -> Denoiser:
        """Points with noise, and times, to predictions.

        Raises:
            ValueError: the data isn't points, or it has no classes to see.
        """
        dimensions = check_points(fits, self)
        return Denoiser(dimensions, self.width, self.depth, check_classes(fits, self) if self.classes else 0)
