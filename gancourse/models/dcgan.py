"""The deep convolutional GAN for 28 × 28 images, with a switch for each of its guidelines.

Source: Radford, Metz, Chintala 2016, section 3. The paper's networks make 64 × 64 images from a 4 × 4 start; these
start at 7 × 7. BatchNorm in inner layers, ReLU and LeakyReLU(0.2), tanh at the end and weights from N(0, 0.02²) are
the paper's. Kernels of size 4 and the initial scales of BatchNorm are those of the authors' code; the paper's figure
has 5 × 5. Latents are normal, where the paper's are uniform.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor, nn

from gancourse.models.blocks import Flatten, check_shape
from gancourse.models.family import Family, check_images
from gancourse.models.spectral import spectral_normalised
from gancourse.signature import Signature
from gancourse.values import Count, Value

SIZE = 28
LEAK = 0.2


@dataclass(frozen=True)
class Guidelines(Value):
    """The paper's architecture guidelines; each can be broken on its own.

    Args:
        strided: up- and downsample by strided convolutions; otherwise nearest-neighbour upsampling and max pooling.
        batch_norm: "inside" is the guideline: in all layers but G's output and D's input; "everywhere"; or "nowhere".
        convolutional: no hidden fully connected layer; otherwise one of 256 units in each network.
        activations: ReLU in G and LeakyReLU in D; otherwise tanh in both.

    Raises:
        ValueError: batch_norm is none of the three.
    """

    strided: bool = True
    batch_norm: Literal["inside", "everywhere", "nowhere"] = "inside"
    convolutional: bool = True
    activations: bool = True

    def norm(self, channels: int, edge: bool = False) -> nn.Module:
        """BatchNorm2d where these guidelines have it; edge means that the layer is G's output or D's input."""
        has_norm = self.batch_norm == "everywhere" or (self.batch_norm == "inside" and not edge)
        return nn.BatchNorm2d(channels) if has_norm else nn.Identity()

    def activation(self, leak: float = 0.0) -> nn.Module:
        """The activation of G (no leak) or D."""
        return nn.LeakyReLU(leak, inplace=True) if self.activations else nn.Tanh()

    def up(self, n_in: int, n_out: int) -> nn.Module:
        """Doubles height and width."""
        if self.strided:
            return nn.ConvTranspose2d(n_in, n_out, 4, stride=2, padding=1)
        return nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(n_in, n_out, 3, padding=1))

    def down(self, n_in: int, n_out: int) -> nn.Module:
        """Halves height and width."""
        if self.strided:
            return nn.Conv2d(n_in, n_out, 4, stride=2, padding=1)
        return nn.Sequential(nn.Conv2d(n_in, n_out, 3, padding=1), nn.MaxPool2d(2))


def _initialise(network: nn.Module) -> None:
    """Initialise weights from N(0, 0.02²) as in the paper, BatchNorm's scales from N(1, 0.02²), and biases to zero."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, 0.0, 0.02)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02)


class Generator(nn.Module):
    """Maps latents [batch, latent_size] to images [batch, channels, 28, 28] in [−1, 1].

    >>> import torch
    >>> Generator(latent_size=16, width=8)(torch.zeros(2, 16)).shape
    torch.Size([2, 1, 28, 28])
    """

    def __init__(
        self, latent_size: int = 64, width: int = 64, channels: int = 1, guidelines: Guidelines | None = None
    ) -> None:
        super().__init__()
        g = guidelines or Guidelines()
        self.latent_size = latent_size
        hidden = [] if g.convolutional else [nn.Conv2d(latent_size, 256, 1), g.activation()]
        self.layers = nn.Sequential(
            *hidden,
            nn.ConvTranspose2d(latent_size if g.convolutional else 256, 2 * width, 7),
            g.norm(2 * width),
            g.activation(),
            g.up(2 * width, width),
            g.norm(width),
            g.activation(),
            g.up(width, channels),
            g.norm(channels, edge=True),
            nn.Tanh(),
        )
        _initialise(self)

    def forward(self, z: Tensor) -> Tensor:
        """Images [batch, channels, 28, 28]."""
        check_shape(z, (self.latent_size,), "z")
        return self.layers(z[:, :, None, None])  # a latent is an image of one pixel


class Discriminator(nn.Module):
    """Maps images [batch, channels, 28, 28] to scores [batch] (logits, high = real).

    >>> import torch
    >>> Discriminator(width=8)(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2])
    """

    def __init__(self, width: int = 64, channels: int = 1, guidelines: Guidelines | None = None) -> None:
        super().__init__()
        g = guidelines or Guidelines()
        self.channels = channels
        self.body = nn.Sequential(
            g.down(channels, width),
            g.norm(width, edge=True),
            g.activation(LEAK),
            g.down(width, 2 * width),
            g.norm(2 * width),
            g.activation(LEAK),
        )
        hidden = [nn.Conv2d(2 * width, 256, 7), g.activation(LEAK), nn.Conv2d(256, 1, 1)]
        head = [nn.Conv2d(2 * width, 1, 7)] if g.convolutional else hidden
        self.head = nn.Sequential(*head, Flatten())
        _initialise(self)

    def features(self, x: Tensor) -> Tensor:
        """Input of the last layer, [batch, 2 · width, 7, 7]."""
        check_shape(x, (self.channels, SIZE, SIZE), "x")
        return self.body(x)

    def forward(self, x: Tensor) -> Tensor:
        """Scores [batch]."""
        return self.head(self.features(x))


@dataclass(frozen=True)
class DCGAN(Family):
    """The networks of this file, for 28 × 28 images of any number of channels.

    Args:
        latent_size: numbers in a latent.
        width: channels at 14 × 14.
        guidelines: which of the guidelines hold.
        discriminator_norm: replaces the guidelines' BatchNorm in the discriminator; "guidelines" keeps it. BatchNorm
            makes scores depend on the rest of the batch, so it doesn't fit a penalty on gradients.

    >>> DCGAN(width=8).discriminator(Signature((3, 28, 28))).channels
    3
    """

    image_size: ClassVar[int | None] = SIZE
    latent_size: Count = 64
    width: Count = 32
    guidelines: Guidelines = dataclasses.field(default_factory=Guidelines)
    discriminator_norm: Literal["guidelines", "none", "spectral"] = "guidelines"

    def generator(self, fits: Signature) -> Generator:
        """Latents to images.

        Raises:
            ValueError: the data isn't 28 × 28 images.
        """
        return Generator(self.latent_size, self.width, check_images(fits, self), self.guidelines)

    def discriminator(self, fits: Signature) -> Discriminator:
        """Images to scores; errors as for `generator`."""
        guidelines = self.guidelines
        if self.discriminator_norm != "guidelines":
            guidelines = guidelines.changed(batch_norm="nowhere")
        discriminator = Discriminator(self.width, check_images(fits, self), guidelines)
        if self.discriminator_norm == "spectral":
            spectral_normalised(discriminator)
        return discriminator
