"""The deep convolutional GAN, with a switch for each of its guidelines.

Source: Radford, Metz, Chintala 2016, section 3. The paper's networks make 64 × 64 images from a 4 × 4 start, and so do
these; 32 × 32 takes one level less, and 28 × 28 starts at 7 × 7. BatchNorm in inner layers, ReLU and LeakyReLU(0.2),
tanh at the end and weights from N(0, 0.02²) are the paper's. Kernels of size 4 and the initial scales of BatchNorm are
those of the authors' code; the paper's figure has 5 × 5. Latents are normal, where the paper's are uniform.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from torch import Tensor, nn

from gancourse.models.batch_statistics import MinibatchStd
from gancourse.models.blocks import Flatten, check_shape
from gancourse.models.family import Family, check_square
from gancourse.models.spectral import spectral_normalised
from gancourse.signature import Signature
from gancourse.values import Count, Value

SIZE = 28
LARGEST_START = 7
LEAK = 0.2


def levels(size: int) -> tuple[int, int]:
    """Height and width that a generator of such images starts from, at most 7, and how often they are doubled.

    Raises:
        ValueError: there is no such start.

    >>> levels(28), levels(32), levels(64)
    ((7, 2), (4, 3), (4, 4))
    """
    start, n_doublings = size, 0
    while start > LARGEST_START and start % 2 == 0:
        start, n_doublings = start // 2, n_doublings + 1
    if start > LARGEST_START or not n_doublings:
        raise ValueError(
            f"size is {size}; expected a number up to {LARGEST_START}, doubled once or more: 28, 32, 64, …"
        )
    return start, n_doublings


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
    """Maps latents [batch, latent_size] to images [batch, channels, size, size] in [−1, 1].

    Args:
        latent_size: numbers in a latent.
        width: channels before the last layer; twice as many at each level before.
        channels: of the images.
        guidelines: which of the guidelines hold; None for all.
        size: height and width of the images.

    Raises:
        ValueError: no start fits the size.

    >>> import torch
    >>> Generator(latent_size=16, width=8)(torch.zeros(2, 16)).shape
    torch.Size([2, 1, 28, 28])
    """

    def __init__(
        self,
        latent_size: int = 64,
        width: int = 64,
        channels: int = 1,
        guidelines: Guidelines | None = None,
        size: int = SIZE,
    ) -> None:
        super().__init__()
        g = guidelines or Guidelines()
        self.latent_size = latent_size
        start, n_doublings = levels(size)
        widths = [2**level * width for level in reversed(range(n_doublings))]
        hidden = [] if g.convolutional else [nn.Conv2d(latent_size, 256, 1), g.activation()]
        first = nn.ConvTranspose2d(latent_size if g.convolutional else 256, widths[0], start)
        self.layers = nn.Sequential(*hidden, first, g.norm(widths[0]), g.activation())
        for n_in, n_out in pairwise(widths):
            self.layers.extend([g.up(n_in, n_out), g.norm(n_out), g.activation()])
        self.layers.extend([g.up(width, channels), g.norm(channels, edge=True), nn.Tanh()])
        _initialise(self)

    def forward(self, z: Tensor) -> Tensor:
        """Images [batch, channels, size, size]."""
        check_shape(z, (self.latent_size,), "z")
        return self.layers(z[:, :, None, None])  # a latent is an image of one pixel


class Discriminator(nn.Module):
    """Maps images [batch, channels, size, size] to scores [batch] (logits, high = real).

    Args:
        width: channels after the first layer; twice as many after each further one.
        channels: of the images.
        guidelines: which of the guidelines hold; None for all.
        size: height and width of the images.
        minibatch_std: whether the last part sees how much the samples of a batch vary; see `MinibatchStd`.

    Raises:
        ValueError: no start fits the size.

    >>> import torch
    >>> Discriminator(width=8)(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2])
    """

    def __init__(
        self,
        width: int = 64,
        channels: int = 1,
        guidelines: Guidelines | None = None,
        size: int = SIZE,
        minibatch_std: bool = False,
    ) -> None:
        super().__init__()
        g = guidelines or Guidelines()
        self.channels, self.size = channels, size
        last, n_halvings = levels(size)
        widths = [2**level * width for level in range(n_halvings)]
        self.body = nn.Sequential(g.down(channels, width), g.norm(width, edge=True), g.activation(LEAK))
        for n_in, n_out in pairwise(widths):
            self.body.extend([g.down(n_in, n_out), g.norm(n_out), g.activation(LEAK)])
        n_seen = widths[-1] + minibatch_std
        hidden = [nn.Conv2d(n_seen, 256, last), g.activation(LEAK), nn.Conv2d(256, 1, 1)]
        head = [nn.Conv2d(n_seen, 1, last)] if g.convolutional else hidden
        self.head = nn.Sequential(*[MinibatchStd()] * minibatch_std, *head, Flatten())
        _initialise(self)

    def features(self, x: Tensor) -> Tensor:
        """Input of the last layer, [batch, width at the last level, its height, its width]."""
        check_shape(x, (self.channels, self.size, self.size), "x")
        return self.body(x)

    def forward(self, x: Tensor) -> Tensor:
        """Scores [batch]."""
        return self.head(self.features(x))


@dataclass(frozen=True)
class DCGAN(Family):
    """The networks of this file, for images of any number of channels.

    Args:
        latent_size: numbers in a latent.
        width: channels at half the images' size; twice as many at each level below.
        guidelines: which of the guidelines hold.
        discriminator_norm: replaces the guidelines' BatchNorm in the discriminator; "guidelines" keeps it. BatchNorm
            makes scores depend on the rest of the batch, so it doesn't fit a penalty on gradients.
        minibatch_std: show the discriminator, as one more map, how much samples vary within groups of 4; the batch size
            must be a multiple of 4.

    >>> DCGAN(width=8).discriminator(Signature((3, 28, 28))).channels
    3
    """

    latent_size: Count = 64
    width: Count = 32
    guidelines: Guidelines = dataclasses.field(default_factory=Guidelines)
    discriminator_norm: Literal["guidelines", "none", "spectral"] = "guidelines"
    minibatch_std: bool = False

    def generator(self, fits: Signature) -> Generator:
        """Latents to images.

        Raises:
            ValueError: the data isn't square images of a possible size.
        """
        channels, size = check_square(fits, self)
        return Generator(self.latent_size, self.width, channels, self.guidelines, size)

    def discriminator(self, fits: Signature) -> Discriminator:
        """Images to scores; errors as for `generator`."""
        channels, size = check_square(fits, self)
        guidelines = self.guidelines
        if self.discriminator_norm != "guidelines":
            guidelines = guidelines.changed(batch_norm="nowhere")
        discriminator = Discriminator(self.width, channels, guidelines, size, self.minibatch_std)
        if self.discriminator_norm == "spectral":
            spectral_normalised(discriminator)
        return discriminator
