"""SAGAN: residual networks with self-attention, spectral norm in both networks, and classes in each BatchNorm.

It is also the baseline of BigGAN's paper, which ran it at several widths.

Source: Zhang, Goodfellow, Metaxas, Odena 2019, and their code, google/self-attention-gan; the discriminator is that of
Miyato and Koyama 2018, with attention.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from gancourse.models.attention import AttentionForm
from gancourse.models.conditional_residual import Generator, discriminator_of, initialise, layout_of
from gancourse.models.conditioning import ConditionalBatchNorm, check_condition, encoded
from gancourse.models.family import Family
from gancourse.models.spectral import LAYERS, spectral_norm
from gancourse.signature import Signature
from gancourse.values import Count


class SAGANGenerator(Generator):
    """Maps latents [batch, latent_size] and conditions y to images; each block is conditioned on y itself.

    Raises:
        ValueError: when called, if y is missing or no such condition.
    """

    def conditions(self, z: Tensor, y: Tensor | None) -> tuple[Tensor, list[Tensor]]:
        """The latent, and for each block y as numbers: for labels, a scale and a shift for each class and layer."""
        return z, [encoded(self.condition, y, len(z), self).to(z)] * len(self.blocks)


@dataclass(frozen=True)
class SAGAN(Family):
    """The networks of this file, for images of 32, 64, 128 or 256 pixels with classes or other conditions.

    Args:
        latent_size: numbers in a latent.
        width: channels of the last features, of which the others are multiples; at 32 pixels a quarter of all.
        attention: form of the self-attention: as released, as in the paper, with its softmax over queries (a mistake),
            of each place with itself alone (a control), or none.
        attention_at: resolution of the features that see themselves.

    >>> from gancourse.signature import Classes
    >>> fits = Signature((3, 32, 32), Classes(("a", "b")))
    >>> SAGAN(16, 4, attention_at=16).discriminator(fits).n_features
    16
    """

    latent_size: Count = 128
    width: Count = 64
    attention: AttentionForm = "released"
    attention_at: Count = 64

    def generator(self, fits: Signature) -> SAGANGenerator:
        """Latents and conditions to images.

        Raises:
            ValueError: the data isn't images of such a size, or has no conditions, or attention has no place in it.
        """
        layout = layout_of(fits, self)
        condition = check_condition(fits, self)
        generator = SAGANGenerator(
            self.latent_size,
            [multiple * self.width for multiple in layout.generator],
            fits.shape[0],
            first_size=self.latent_size,
            condition_size=condition.size,
            condition=condition,
            attention=self.attention,
            attention_at=self.attention_at,
        )
        initialise(generator, "glorot")
        # A table of scales by class is no linear map between layers; the authors leave it as it is.
        tables = {layer for n in generator.modules() if isinstance(n, ConditionalBatchNorm) for layer in n.children()}
        for layer in [m for m in generator.modules() if isinstance(m, LAYERS) and m not in tables]:
            spectral_norm(layer)
        return generator

    def discriminator(self, fits: Signature) -> nn.Module:
        """Images and conditions to scores; errors as for `generator`."""
        return discriminator_of(fits, self, "glorot")
