"""Fully connected networks for points in the plane."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal

import torch
from torch import Tensor, nn

from gancourse.models.autoencoder import AutoencoderCritic
from gancourse.models.blocks import Flatten, check_shape, one_hot
from gancourse.models.dropout import Dropout
from gancourse.models.family import Family, check_points
from gancourse.models.minibatch import MinibatchDiscrimination
from gancourse.models.virtual_batch_norm import VirtualBatchNorm, WithReference
from gancourse.signature import Signature
from gancourse.values import Count, Positive, Range

Norm = Callable[[int], nn.Module]
"""Maps a number of features to a normalising layer, e.g. `nn.LayerNorm`."""


def _layers(
    sizes: list[int], activation: type[nn.Module], norm: Norm | None = None, dropout: float = 0.0
) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for i, (n_in, n_out) in enumerate(pairwise(sizes)):
        layers.append(nn.Linear(n_in, n_out))
        if i == len(sizes) - 2:
            break  # the output has no activation
        layers += [norm(n_out)] if norm else []
        layers.append(activation())
        layers += [Dropout(dropout, i)] if dropout else []
    return layers


class Generator(nn.Module):
    """Maps latents [batch, latent_size] to points [batch, dimensions]; with classes, also labels [batch].

    Args:
        latent_size: numbers in a latent.
        hidden: units of each hidden layer.
        depth: hidden layers.
        dimensions: of a point.
        norm: makes the normalising layer after each hidden layer.
        activation: after each hidden layer. Data in separate clusters needs a function with plateaus and steep
            steps between them: tanh has these with moderate weights, ReLU doesn't (chapter 5 measures it).
        latent_scale: factor on the latents; above one, the initial function is steeper.
        n_classes: of the labels that it is conditioned on, one-hot beside the latent; 0 for no labels.

    Raises:
        ValueError: when called, if a label is missing or out of range.

    >>> Generator(latent_size=4)(torch.zeros(3, 4)).shape
    torch.Size([3, 2])
    >>> Generator(latent_size=4, n_classes=8)(torch.zeros(3, 4), torch.tensor([0, 7, 1])).shape
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
        n_classes: int = 0,
    ) -> None:
        super().__init__()
        self.latent_size, self.latent_scale, self.n_classes = latent_size, latent_scale, n_classes
        sizes = [latent_size + n_classes] + [hidden] * depth + [dimensions]
        self.layers = nn.Sequential(*_layers(sizes, activation, norm))

    @property
    def conditional(self) -> bool:
        """Whether it takes labels."""
        return self.n_classes > 0

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Points [batch, dimensions]."""
        check_shape(z, (self.latent_size,), "z")
        return self.layers(_with_labels(self.latent_scale * z, y, self.n_classes, 1))


def _with_labels(x: Tensor, y: Tensor | None, n_classes: int, n_labels: int) -> Tensor:
    """Numbers [batch, n], followed by the one-hot labels."""
    if not n_classes:
        return x
    return torch.cat([x, one_hot(y, n_classes, (len(x), n_labels)).to(x).flatten(1)], 1)


class Discriminator(nn.Module):
    """Maps points [batch, dimensions] to scores [batch] (logits, high = real); with classes, also labels [batch].

    Args:
        hidden: units of each hidden layer.
        depth: hidden layers.
        dimensions: of a point; m times as many for packs of m points.
        dropout: share of hidden numbers that are dropped.
        n_kernels: of minibatch discrimination before the last layer; 0 for none.
        norm: makes the normalising layer after each hidden layer.
        n_classes: of the labels that it is conditioned on, one-hot beside the point; 0 for no labels.
        n_labels: labels beside each point; m for packs of m points, whose labels are [batch, m].

    Raises:
        ValueError: when called, if a label is missing or out of range.

    >>> Discriminator()(torch.zeros(3, 2)).shape
    torch.Size([3])
    >>> Discriminator(n_classes=8)(torch.zeros(3, 2), torch.tensor([0, 7, 1])).shape
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
        n_classes: int = 0,
        n_labels: int = 1,
    ) -> None:
        super().__init__()
        self.dimensions, self.n_classes, self.n_labels = dimensions, n_classes, n_labels
        sizes = [dimensions + n_classes * n_labels] + [hidden] * depth
        *body, last = _layers([*sizes, 1], nn.ReLU, norm, dropout)
        if n_kernels:
            last = nn.Linear(sizes[-1] + n_kernels, 1)
            body.append(MinibatchDiscrimination(sizes[-1], n_kernels))
        self.layers = nn.Sequential(*body, last, Flatten())

    @property
    def conditional(self) -> bool:
        """Whether it takes labels."""
        return self.n_classes > 0

    def features(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Input of the last layer, [batch, hidden + n_kernels]."""
        check_shape(x, (self.dimensions,), "x")
        return self.layers[:-2](_with_labels(x, y, self.n_classes, self.n_labels))

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Scores [batch]."""
        check_shape(x, (self.dimensions,), "x")
        return self.layers(_with_labels(x, y, self.n_classes, self.n_labels))


class Encoder(nn.Module):
    """Maps points [batch, dimensions] to [batch, n_out]: latents, or means and log variances of latents.

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


@dataclass(frozen=True)
class MLP(Family):
    """The networks of this file, for points of any number of dimensions.

    Args:
        latent_size: numbers in a latent.
        width: units of each hidden layer.
        depth: hidden layers of each network.
        activation: after the generator's hidden layers.
        latent_scale: factor on the latents.
        n_reference: size of the reference batch for virtual batch normalisation of the generator's hidden layers; 0 for
            no normalisation.
        dropout: share of the discriminator's hidden numbers that are dropped.
        n_kernels: of minibatch discrimination before the discriminator's last layer; 0 for none.

    >>> MLP(width=16).generator(Signature((3,)))(torch.zeros(2, 8)).shape
    torch.Size([2, 3])
    """

    latent_size: Count = 8
    width: Count = 64
    depth: Count = 2
    activation: Literal["relu", "tanh"] = "relu"
    latent_scale: Positive = 1.0
    n_reference: Annotated[int, Range(0)] = 0
    dropout: Annotated[float, Range(0, 0.99)] = 0.0
    n_kernels: Annotated[int, Range(0)] = 0

    def generator(self, fits: Signature) -> nn.Module:
        """Latents to points.

        Raises:
            ValueError: the data isn't points.
        """
        n = self.n_reference
        generator = Generator(
            self.latent_size,
            self.width,
            self.depth,
            check_points(fits, self),
            (lambda width: VirtualBatchNorm(width, n)) if n else None,
            nn.Tanh if self.activation == "tanh" else nn.ReLU,
            self.latent_scale,
        )
        # The reference latents are drawn once, with the weights.
        return WithReference(generator, torch.randn(n, self.latent_size)) if n else generator

    def discriminator(self, fits: Signature) -> nn.Module:
        """Points, or packs of them, to scores; errors as for `generator`."""
        return Discriminator(self.width, self.depth, check_points(fits, self), self.dropout, self.n_kernels)

    def encoder(self, fits: Signature, n_out: int) -> Encoder:
        """Points to n_out numbers; errors as for `generator`."""
        return Encoder(n_out, self.width, self.depth, check_points(fits, self))


@dataclass(frozen=True)
class EnergyMLP(Family):
    """A generator of points, and an autoencoder whose score of a point is minus its reconstruction error.

    Args:
        latent_size: numbers in a latent.
        width: units of each hidden layer.
        depth: hidden layers of the generator, the encoder and the decoder.
        code_size: numbers between encoder and decoder.
    """

    latent_size: Count = 8
    width: Count = 64
    depth: Count = 2
    code_size: Count = 8

    def generator(self, fits: Signature) -> Generator:
        """Latents to points.

        Raises:
            ValueError: the data isn't points.
        """
        return Generator(self.latent_size, self.width, self.depth, check_points(fits, self))

    def discriminator(self, fits: Signature) -> AutoencoderCritic:
        """Points to scores; errors as for `generator`."""
        n = check_points(fits, self)
        encoder = Encoder(self.code_size, self.width, self.depth, n)
        return AutoencoderCritic(encoder, Generator(self.code_size, self.width, self.depth, n))

    def encoder(self, fits: Signature, n_out: int) -> Encoder:
        """Points to n_out numbers; errors as for `generator`."""
        return Encoder(n_out, self.width, self.depth, check_points(fits, self))

    def pair(self, fits: Signature, seen: Signature) -> tuple[nn.Module, nn.Module]:
        """As for every family, but the discriminator's weights are drawn first, as in the stored results."""
        discriminator = self.discriminator(seen)
        return self.generator(fits), discriminator
