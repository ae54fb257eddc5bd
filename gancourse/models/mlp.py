"""Fully connected networks for points in the plane."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from gancourse.models.blocks import Flatten, check_shape


def _layers(sizes: list[int], activation: type[nn.Module]) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(sizes):
        layers += [nn.Linear(n_in, n_out), activation()]
    return layers[:-1]


class Generator(nn.Module):
    """Maps latents [batch, latent_size] to points [batch, dimensions].

    >>> import torch
    >>> Generator(latent_size=4)(torch.zeros(3, 4)).shape
    torch.Size([3, 2])
    """

    def __init__(self, latent_size: int = 8, hidden: int = 64, depth: int = 2, dimensions: int = 2) -> None:
        super().__init__()
        self.latent_size = latent_size
        self.layers = nn.Sequential(*_layers([latent_size] + [hidden] * depth + [dimensions], nn.ReLU))

    def forward(self, z: Tensor) -> Tensor:
        """Points [batch, dimensions]."""
        check_shape(z, (self.latent_size,), "z")
        return self.layers(z)


class Discriminator(nn.Module):
    """Maps points [batch, dimensions] to scores [batch] (logits, high = real).

    >>> import torch
    >>> Discriminator()(torch.zeros(3, 2)).shape
    torch.Size([3])
    """

    def __init__(self, hidden: int = 64, depth: int = 2, dimensions: int = 2) -> None:
        super().__init__()
        self.dimensions = dimensions
        self.layers = nn.Sequential(*_layers([dimensions] + [hidden] * depth + [1], nn.ReLU), Flatten())

    def forward(self, x: Tensor) -> Tensor:
        """Scores [batch]."""
        check_shape(x, (self.dimensions,), "x")
        return self.layers(x)
