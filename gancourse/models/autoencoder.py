"""Encoders, and a discriminator whose score is minus an autoencoder's reconstruction error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from gancourse.models import dcgan
from gancourse.models.blocks import check_shape
from gancourse.models.family import Family, check_images
from gancourse.signature import Signature
from gancourse.values import Count


class ImageEncoder(nn.Module):
    """Maps images [batch, channels, 28, 28] in [−1, 1] to [batch, n_out], with the layers of a DCGAN's discriminator.

    Args:
        n_out: numbers per image; twice the latent size for the posterior of a VAE.
        width: channels at 14 × 14.
        channels: of the images.

    >>> import torch
    >>> ImageEncoder(n_out=6, width=4)(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 6])
    """

    def __init__(self, n_out: int, width: int = 64, channels: int = 1) -> None:
        super().__init__()
        self.features = dcgan.Discriminator(width, channels).body
        self.channels = channels
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(2 * width * 49, n_out))
        nn.init.normal_(self.head[1].weight, 0.0, 0.02)
        nn.init.zeros_(self.head[1].bias)

    def forward(self, x: Tensor) -> Tensor:
        """Codes [batch, n_out]."""
        check_shape(x, (self.channels, 28, 28), "x")
        return self.head(self.features(x))


class AutoencoderCritic(nn.Module):
    """Scores data by minus its reconstruction error: D(x) = −mean |decoder(encoder(x)) − x|^power.

    High score = real, as everywhere in this package; the energy of the papers is −D(x).

    Args:
        encoder: maps data [batch, ...] to codes.
        decoder: maps codes to data.
        power: 2 for the mean squared error (EBGAN), 1 for the mean absolute error (BEGAN).

    Raises:
        ValueError: power is neither 1 nor 2; when called, if the reconstruction's shape is not the data's.

    Source: Zhao, Mathieu, LeCun 2017 (EBGAN), eq. 3; Berthelot, Schumm, Metz 2017 (BEGAN), section 3.1.

    >>> import torch
    >>> AutoencoderCritic(nn.Identity(), nn.Identity())(torch.ones(3, 2))
    tensor([-0., -0., -0.])
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, power: int = 2) -> None:
        super().__init__()
        if power not in (1, 2):
            raise ValueError(f"power is {power}; pass 2 for squared or 1 for absolute errors")
        self.encoder, self.decoder, self.power = encoder, decoder, power

    def features(self, x: Tensor) -> Tensor:
        """The autoencoder's code, [batch, ...]."""
        return self.encoder(x)

    def forward(self, x: Tensor) -> Tensor:
        """Scores [batch], none above zero."""
        reconstruction = self.decoder(self.encoder(x))
        if reconstruction.shape != x.shape:
            raise ValueError(
                f"the autoencoder maps {tuple(x.shape)} to {tuple(reconstruction.shape)}; they must agree: pass an "
                "encoder and a decoder that fit"
            )
        return -(reconstruction - x).abs().pow(self.power).flatten(1).mean(1)


@dataclass(frozen=True)
class ConvolutionalVAE(Family):
    """A DCGAN's generator as decoder and its discriminator's layers as encoder, for 28 × 28 images.

    Args:
        latent_size: numbers in a latent.
        width: channels at 14 × 14.
    """

    image_size: ClassVar[int | None] = dcgan.SIZE
    latent_size: Count = 64
    width: Count = 32

    def decoder(self, fits: Signature) -> dcgan.Generator:
        """Latents to images.

        Raises:
            ValueError: the data isn't 28 × 28 images.
        """
        return dcgan.Generator(self.latent_size, self.width, check_images(fits, self))

    def encoder(self, fits: Signature) -> ImageEncoder:
        """Images to means and log variances of latents; errors as for `decoder`."""
        return ImageEncoder(2 * self.latent_size, self.width, check_images(fits, self))
