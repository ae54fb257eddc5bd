"""Fully connected networks for points in the plane."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from torch import Tensor, nn

from gancourse.models.blocks import Flatten, check_shape
from gancourse.models.dropout import Dropout
from gancourse.models.minibatch import MinibatchDiscrimination

Norm = Callable[[int], nn.Module]
"""Makes a normalising layer for so many features, e.g. `nn.LayerNorm`."""


def _layers(
    sizes: list[int], activation: type[nn.Module], norm: Norm | None = None, dropout: float = 0.0
) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for i, (n_in, n_out) in enumerate(pairwise(sizes)):
        layers.append(nn.Linear(n_in, n_out))
        if i == len(sizes) - 2:
            break  # the output is left as it is
        layers += [norm(n_out)] if norm else []
        layers.append(activation())
        layers += [Dropout(dropout, i)] if dropout else []
    return layers


class Generator(nn.Module):
    """Maps latents [batch, latent_size] to points [batch, dimensions].

    Args:
        latent_size: numbers in a latent.
        hidden: units of each hidden layer.
        depth: hidden layers.
        dimensions: of a point.
        norm: makes what normalises each hidden layer.
        activation: what follows each hidden layer. Data in separate clusters needs a function with plateaus and steep
            steps between them: tanh makes those with moderate weights, ReLU doesn't (chapter 5 measures it).
        latent_scale: what latents are multiplied by first; more than one means steeper steps from the start.

    >>> import torch
    >>> Generator(latent_size=4)(torch.zeros(3, 4)).shape
    torch.Size([3, 2])
    """

    def __init__(
        self,
        latent_size: int = 8,
        hidden: int = 64,
        depth: int = 2,
        dimensions: int = 2,
        norm: Norm | None = None,
        activation: type[nn.Module] = nn.ReLU,
        latent_scale: float = 1.0,
    ) -> None:
        super().__init__()
        self.latent_size, self.latent_scale = latent_size, latent_scale
        self.layers = nn.Sequential(*_layers([latent_size] + [hidden] * depth + [dimensions], activation, norm))

    def forward(self, z: Tensor) -> Tensor:
        """Points [batch, dimensions]."""
        check_shape(z, (self.latent_size,), "z")
        return self.layers(self.latent_scale * z)


class Discriminator(nn.Module):
    """Maps points [batch, dimensions] to scores [batch] (logits, high = real).

    Args:
        hidden: units of each hidden layer.
        depth: hidden layers.
        dimensions: of a point; m times as many for packs of m points.
        dropout: share of hidden numbers that are dropped.
        n_kernels: of minibatch discrimination before the last layer; 0 for none.
        norm: makes what normalises each hidden layer.

    >>> import torch
    >>> Discriminator()(torch.zeros(3, 2)).shape
    torch.Size([3])
    """

    def __init__(
        self,
        hidden: int = 64,
        depth: int = 2,
        dimensions: int = 2,
        dropout: float = 0.0,
        n_kernels: int = 0,
        norm: Norm | None = None,
    ) -> None:
        super().__init__()
        self.dimensions = dimensions
        sizes = [dimensions] + [hidden] * depth
        *body, last = _layers([*sizes, 1], nn.ReLU, norm, dropout)
        if n_kernels:
            last = nn.Linear(sizes[-1] + n_kernels, 1)
            body.append(MinibatchDiscrimination(sizes[-1], n_kernels))
        self.layers = nn.Sequential(*body, last, Flatten())

    def features(self, x: Tensor) -> Tensor:
        """What the last layer sees, [batch, hidden] (and n_kernels more, if there are any)."""
        check_shape(x, (self.dimensions,), "x")
        return self.layers[:-2](x)

    def forward(self, x: Tensor) -> Tensor:
        """Scores [batch]."""
        check_shape(x, (self.dimensions,), "x")
        return self.layers(x)


class Encoder(nn.Module):
    """Maps points [batch, dimensions] to [batch, n_out]: latents, or means and log variances of latents.

    >>> import torch
    >>> Encoder(n_out=8)(torch.zeros(3, 2)).shape
    torch.Size([3, 8])
    """

    def __init__(self, n_out: int = 8, hidden: int = 64, depth: int = 2, dimensions: int = 2) -> None:
        super().__init__()
        self.dimensions = dimensions
        self.layers = nn.Sequential(*_layers([dimensions] + [hidden] * depth + [n_out], nn.ReLU))

    def forward(self, x: Tensor) -> Tensor:
        """Codes [batch, n_out]."""
        check_shape(x, (self.dimensions,), "x")
        return self.layers(x)
