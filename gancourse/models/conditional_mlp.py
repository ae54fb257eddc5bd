"""Fully connected networks for points that have a condition, such as a class.

`ConditionalMLP` shows the condition to both networks. The discriminator of `AuxiliaryMLP` doesn't see it; a second head
on its features recognises it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from gancourse.models.blocks import check_shape
from gancourse.models.conditioning import (
    ConditionalBatchNorm,
    ConditionalChain,
    Projection,
    Unconditional,
    check_classes,
    check_condition,
    encoded,
)
from gancourse.models.family import Family, check_points
from gancourse.signature import Condition, Signature
from gancourse.values import Count

GeneratorCondition = Literal["concatenation", "batch-norm"]
DiscriminatorCondition = Literal["concatenation", "projection", "none"]


class Generator(nn.Module):
    """Maps latents [batch, latent_size] and conditions y to points [batch, dimensions].

    Args:
        latent_size: numbers in a latent.
        hidden: units of each hidden layer.
        depth: hidden layers.
        dimensions: of a point.
        condition: what y is.
        how: "concatenation" of latent and condition, or "batch-norm": conditional BatchNorm in each hidden layer.

    Raises:
        ValueError: when called, if y is missing or no such condition.

    >>> from gancourse.signature import Classes
    >>> generator = Generator(latent_size=4, condition=Classes(("a", "b")))
    >>> generator(torch.zeros(3, 4), torch.tensor([0, 1, 1])).shape
    torch.Size([3, 2])
    """

    conditional = True

    def __init__(
        self,
        latent_size: int = 8,
        hidden: int = 64,
        depth: int = 2,
        dimensions: int = 2,
        *,
        condition: Condition,
        how: GeneratorCondition = "concatenation",
    ) -> None:
        super().__init__()
        self.latent_size, self.condition, self.how = latent_size, condition, how
        sizes = [latent_size + (condition.size if how == "concatenation" else 0)] + [hidden] * depth
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise(sizes):
            layers.append(nn.Linear(n_in, n_out))
            layers += [ConditionalBatchNorm(n_out, condition.size)] if how == "batch-norm" else []
            layers.append(nn.ReLU())
        self.layers = ConditionalChain(*layers, nn.Linear(sizes[-1], dimensions))

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Points [batch, dimensions]."""
        check_shape(z, (self.latent_size,), "z")
        condition = encoded(self.condition, y, len(z), self).to(z)
        return self.layers(torch.cat([z, condition], 1) if self.how == "concatenation" else z, condition)


class Discriminator(nn.Module):
    """Maps points [batch, dimensions] and conditions y to scores [batch] (logits, high = real).

    Args:
        hidden: units of each hidden layer.
        depth: hidden layers.
        dimensions: of a point.
        condition: what y is; not used by "none".
        how: "concatenation" of point and condition, "projection" of the condition on the last hidden layer, or "none":
            it doesn't see the condition, and is called with x alone.

    Raises:
        ValueError: when called, if y is missing or no such condition.

    >>> from gancourse.signature import Classes
    >>> discriminator = Discriminator(condition=Classes(("a", "b")), how="projection")
    >>> discriminator(torch.zeros(3, 2), torch.tensor([0, 1, 1])).shape
    torch.Size([3])
    """

    def __init__(
        self,
        hidden: int = 64,
        depth: int = 2,
        dimensions: int = 2,
        *,
        condition: Condition | None = None,
        how: DiscriminatorCondition = "none",
    ) -> None:
        super().__init__()
        if condition is None and how != "none":
            raise ValueError(f"a discriminator with {how} needs a condition; pass condition=…, or how='none'")
        self.dimensions, self.condition, self.how = dimensions, condition, how
        size = condition.size if condition is not None else 0
        sizes = [dimensions + (size if how == "concatenation" else 0)] + [hidden] * depth
        self.body = nn.Sequential(
            *(layer for n_in, n_out in pairwise(sizes) for layer in (nn.Linear(n_in, n_out), nn.ReLU()))
        )
        self.head = Projection(sizes[-1], size) if how == "projection" else Unconditional(sizes[-1])

    @property
    def conditional(self) -> bool:
        """Whether it sees the condition."""
        return self.how != "none"

    def features(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """The last hidden layer, [batch, hidden]; depends on y with "concatenation" only."""
        check_shape(x, (self.dimensions,), "x")
        if self.how == "concatenation":
            x = torch.cat([x, encoded(self.condition, y, len(x), self).to(x)], 1)
        return self.body(x)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Scores [batch]."""
        features = self.features(x, y)
        if self.how == "projection":
            return self.head(features, encoded(self.condition, y, len(x), self).to(features))
        return self.head(features)


@dataclass(frozen=True)
class ConditionalMLP(Family):
    """Networks for points of any number of dimensions, both of which see the condition.

    Args:
        latent_size: numbers in a latent.
        width: units of each hidden layer.
        depth: hidden layers of each network.
        generator_condition: how the generator sees the condition: concatenation with the latent, or conditional
            batch-norm.
        discriminator_condition: how the discriminator sees it: concatenation with the point, projection, or none.

    >>> from gancourse.signature import Classes
    >>> ConditionalMLP(width=16).discriminator(Signature((3,), Classes(("a", "b")))).how
    'projection'
    """

    latent_size: Count = 8
    width: Count = 64
    depth: Count = 2
    generator_condition: GeneratorCondition = "concatenation"
    discriminator_condition: DiscriminatorCondition = "projection"

    def generator(self, fits: Signature) -> Generator:
        """Latents and conditions to points.

        Raises:
            ValueError: the data isn't points, or has no conditions.
        """
        n, condition = check_points(fits, self), check_condition(fits, self)
        return Generator(self.latent_size, self.width, self.depth, n, condition=condition, how=self.generator_condition)

    def discriminator(self, fits: Signature) -> Discriminator:
        """Points and conditions to scores; errors as for `generator`."""
        n, condition = check_points(fits, self), check_condition(fits, self)
        return Discriminator(self.width, self.depth, n, condition=condition, how=self.discriminator_condition)


@dataclass(frozen=True)
class AuxiliaryMLP(Family):
    """Networks for points, of which the generator sees the condition and a head of the discriminator recognises it.

    Args:
        latent_size: numbers in a latent, besides the condition.
        width: units of each hidden layer.
        depth: hidden layers of each network.
        generator_condition: how the generator sees the condition: concatenation with the latent, or conditional
            batch-norm.
    """

    latent_size: Count = 8
    width: Count = 64
    depth: Count = 2
    generator_condition: GeneratorCondition = "concatenation"

    def generator(self, fits: Signature) -> Generator:
        """Latents and conditions to points.

        Raises:
            ValueError: the data isn't points, or has no conditions.
        """
        n, condition = check_points(fits, self), check_condition(fits, self)
        return Generator(self.latent_size, self.width, self.depth, n, condition=condition, how=self.generator_condition)

    def discriminator(self, fits: Signature) -> Discriminator:
        """Points to scores, without the condition.

        Raises:
            ValueError: the data isn't points.
        """
        return Discriminator(self.width, self.depth, check_points(fits, self))

    def class_head(self, fits: Signature) -> nn.Module:
        """The discriminator's features to logits of the classes, [batch, classes].

        Raises:
            ValueError: the data isn't points, or its y isn't classes.
        """
        check_points(fits, self)
        return nn.Linear(self.width, check_classes(fits, self))

    def recogniser(self, fits: Signature, n_out: int) -> nn.Module:
        """The discriminator's features to n_out numbers, [batch, n_out]; errors as for `discriminator`."""
        check_points(fits, self)
        return nn.Sequential(nn.Linear(self.width, self.width), nn.ReLU(), nn.Linear(self.width, n_out))
