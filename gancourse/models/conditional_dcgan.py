"""Convolutional networks for 28 × 28 images that have a condition, such as a class; in the manner of the DCGAN.

All discriminators of this file share their layers up to the features: three strided convolutions without BatchNorm,
and a sum over space after the last ReLU, as in the projection discriminator. They differ in where the condition enters,
so that ways of conditioning are compared at equal size. `ConditionalDCGAN` shows the condition to both networks. The
discriminator of `AuxiliaryDCGAN` doesn't see it; a second head on its features recognises it.

Source: Radford, Metz, Chintala 2016, section 3, for the generator and its initial weights; Miyato and Koyama 2018, and
their code, for the sum over space, the projection, conditional BatchNorm and the discriminator's initial weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from gancourse.models.blocks import check_shape
from gancourse.models.conditioning import (
    Concatenation,
    ConditionalBatchNorm,
    ConditionalChain,
    Projection,
    Unconditional,
    check_classes,
    check_condition,
    encoded,
    label_channels,
)
from gancourse.models.family import Family, check_images
from gancourse.models.spectral import spectral_normalised
from gancourse.signature import Condition, Signature
from gancourse.values import Count

SIZE = 28
LEAK = 0.2

GeneratorCondition = Literal["concatenation", "batch-norm"]
DiscriminatorCondition = Literal["concatenation", "label-channels", "projection", "none"]
DiscriminatorNorm = Literal["none", "spectral"]


def _initialise_generator(network: nn.Module) -> None:
    """Initialise as the DCGAN: weights from N(0, 0.02²), BatchNorm's scales from N(1, 0.02²), and biases to zero.

    Conditional BatchNorm keeps its start: a scale of 1 and a shift of 0 for every class.
    """
    for module in network.modules():
        if isinstance(module, nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, 0.02)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d) and module.affine:
            nn.init.normal_(module.weight, 1.0, 0.02)


def _initialise_by_glorot(network: nn.Module) -> None:
    """Initialise weights by Glorot's uniform rule, and biases to zero.

    Without BatchNorm, the DCGAN's small weights would make each layer's numbers several times smaller than its input's,
    and the scores of a head with a hidden layer almost constant.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


class Generator(nn.Module):
    """Maps latents [batch, latent_size] and conditions y to images [batch, channels, 28, 28] in [−1, 1].

    Args:
        latent_size: numbers in a latent.
        width: channels at 14 × 14.
        channels: of an image.
        condition: what y is.
        how: "concatenation" of latent and condition (label channels of an image of one pixel), or "batch-norm":
            conditional BatchNorm in both hidden layers.

    Raises:
        ValueError: when called, if y is missing or no such condition.

    >>> from gancourse.signature import Classes
    >>> generator = Generator(latent_size=16, width=8, condition=Classes(("a", "b")))
    >>> generator(torch.zeros(2, 16), torch.tensor([0, 1])).shape
    torch.Size([2, 1, 28, 28])
    """

    conditional = True

    def __init__(
        self,
        latent_size: int = 64,
        width: int = 32,
        channels: int = 1,
        *,
        condition: Condition,
        how: GeneratorCondition = "concatenation",
    ) -> None:
        super().__init__()
        self.latent_size, self.condition, self.how = latent_size, condition, how

        def norm(n: int) -> nn.Module:
            return ConditionalBatchNorm(n, condition.size) if how == "batch-norm" else nn.BatchNorm2d(n)

        self.layers = ConditionalChain(
            nn.ConvTranspose2d(latent_size + (condition.size if how == "concatenation" else 0), 2 * width, 7),
            norm(2 * width),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1),
            norm(width),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(width, channels, 4, stride=2, padding=1),
            nn.Tanh(),
        )
        _initialise_generator(self)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Images [batch, channels, 28, 28]."""
        check_shape(z, (self.latent_size,), "z")
        condition = encoded(self.condition, y, len(z), self).to(z)
        latent = torch.cat([z, condition], 1) if self.how == "concatenation" else z
        return self.layers(latent[:, :, None, None], condition)


class SumOverSpace(nn.Module):
    """Sums of each channel over height and width: [batch, channels, height, width] to [batch, channels]."""

    def forward(self, x: Tensor) -> Tensor:
        """The sums, not the means."""
        return x.sum((2, 3))


class Discriminator(nn.Module):
    """Maps images [batch, channels, 28, 28] and conditions y to scores [batch] (logits, high = real).

    Args:
        width: channels at 14 × 14; the features are 4 · width numbers.
        channels: of an image.
        condition: what y is; not used by "none".
        how: "concatenation" of features and condition before a hidden layer, "label-channels" at the input,
            "projection" of the condition on the features, or "none": it doesn't see the condition, and is called with x
            alone.

    Raises:
        ValueError: when called, if y is missing or no such condition.

    >>> from gancourse.signature import Classes
    >>> discriminator = Discriminator(width=8, condition=Classes(("a", "b")), how="label-channels")
    >>> discriminator(torch.zeros(2, 1, 28, 28), torch.tensor([0, 1])).shape
    torch.Size([2])
    """

    def __init__(
        self,
        width: int = 32,
        channels: int = 1,
        *,
        condition: Condition | None = None,
        how: DiscriminatorCondition = "none",
    ) -> None:
        super().__init__()
        if condition is None and how != "none":
            raise ValueError(f"a discriminator with {how} needs a condition; pass condition=…, or how='none'")
        self.channels, self.condition, self.how, self.n_features = channels, condition, how, 4 * width
        size = condition.size if condition is not None else 0
        self.body = nn.Sequential(
            nn.Conv2d(channels + (size if how == "label-channels" else 0), width, 4, stride=2, padding=1),
            nn.LeakyReLU(LEAK, inplace=True),
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
            nn.LeakyReLU(LEAK, inplace=True),
            nn.Conv2d(2 * width, self.n_features, 3, stride=2, padding=1),
            nn.ReLU(inplace=True),
            SumOverSpace(),
        )
        heads = {"concatenation": Concatenation, "projection": Projection}
        self.head = heads[how](self.n_features, size) if how in heads else Unconditional(self.n_features)
        _initialise_by_glorot(self)

    @property
    def conditional(self) -> bool:
        """Whether it sees the condition."""
        return self.how != "none"

    def features(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Sums over space of the last ReLU, [batch, 4 · width]; depends on y with "label-channels" only."""
        check_shape(x, (self.channels, SIZE, SIZE), "x")
        if self.how == "label-channels":
            x = label_channels(x, encoded(self.condition, y, len(x), self))
        return self.body(x)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Scores [batch]."""
        features = self.features(x, y)
        if self.how in ("concatenation", "projection"):
            return self.head(features, encoded(self.condition, y, len(x), self).to(features))
        return self.head(features)


@dataclass(frozen=True)
class ConditionalDCGAN(Family):
    """Networks for 28 × 28 images of any number of channels, both of which see the condition.

    Args:
        latent_size: numbers in a latent.
        width: channels at 14 × 14.
        generator_condition: how the generator sees the condition: concatenation with the latent, or conditional
            batch-norm.
        discriminator_condition: how the discriminator sees it: concatenation with the features, label-channels,
            projection, or none.
        discriminator_norm: none, or spectral for normalised weights; BatchNorm wouldn't fit penalties on gradients.

    >>> from gancourse.signature import Classes
    >>> ConditionalDCGAN(width=8).discriminator(Signature((3, 28, 28), Classes(("a", "b")))).how
    'projection'
    """

    image_size: ClassVar[int | None] = SIZE
    latent_size: Count = 64
    width: Count = 32
    generator_condition: GeneratorCondition = "batch-norm"
    discriminator_condition: DiscriminatorCondition = "projection"
    discriminator_norm: DiscriminatorNorm = "none"

    def generator(self, fits: Signature) -> Generator:
        """Latents and conditions to images.

        Raises:
            ValueError: the data isn't 28 × 28 images, or has no conditions.
        """
        channels, condition = check_images(fits, self), check_condition(fits, self)
        return Generator(self.latent_size, self.width, channels, condition=condition, how=self.generator_condition)

    def discriminator(self, fits: Signature) -> Discriminator:
        """Images and conditions to scores; errors as for `generator`."""
        channels, condition = check_images(fits, self), check_condition(fits, self)
        discriminator = Discriminator(self.width, channels, condition=condition, how=self.discriminator_condition)
        return spectral_normalised(discriminator) if self.discriminator_norm == "spectral" else discriminator


@dataclass(frozen=True)
class AuxiliaryDCGAN(Family):
    """Networks for 28 × 28 images, of which the generator sees the condition and the discriminator recognises it.

    Args:
        latent_size: numbers in a latent, besides the condition.
        width: channels at 14 × 14.
        generator_condition: how the generator sees the condition: concatenation with the latent, or conditional
            batch-norm.
        discriminator_norm: none, or spectral for normalised weights of the discriminator, without its second head.
    """

    image_size: ClassVar[int | None] = SIZE
    latent_size: Count = 64
    width: Count = 32
    generator_condition: GeneratorCondition = "concatenation"
    discriminator_norm: DiscriminatorNorm = "none"

    def generator(self, fits: Signature) -> Generator:
        """Latents and conditions to images.

        Raises:
            ValueError: the data isn't 28 × 28 images, or has no conditions.
        """
        channels, condition = check_images(fits, self), check_condition(fits, self)
        return Generator(self.latent_size, self.width, channels, condition=condition, how=self.generator_condition)

    def discriminator(self, fits: Signature) -> Discriminator:
        """Images to scores, without the condition.

        Raises:
            ValueError: the data isn't 28 × 28 images.
        """
        discriminator = Discriminator(self.width, check_images(fits, self))
        return spectral_normalised(discriminator) if self.discriminator_norm == "spectral" else discriminator

    def class_head(self, fits: Signature) -> nn.Module:
        """The discriminator's features to logits of the classes, [batch, classes].

        Raises:
            ValueError: the data isn't 28 × 28 images, or its y isn't classes.
        """
        check_images(fits, self)
        head = nn.Linear(4 * self.width, check_classes(fits, self))
        _initialise_by_glorot(head)
        return head

    def recogniser(self, fits: Signature, n_out: int) -> nn.Module:
        """The discriminator's features to n_out numbers, [batch, n_out]; errors as for `discriminator`."""
        check_images(fits, self)
        hidden = 4 * self.width
        head = nn.Sequential(nn.Linear(hidden, hidden), nn.LeakyReLU(LEAK), nn.Linear(hidden, n_out))
        _initialise_by_glorot(head)
        return head
