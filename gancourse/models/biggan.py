"""BigGAN: SAGAN's networks with a shared class embedding, latents that reach every block, and orthogonal weights.

Source: Brock, Donahue, Simonyan 2019, section 3 and appendix B; where the paper leaves it open, ajbrock/BigGAN-PyTorch.
The paper's table has the class embedding in the first layer too; the released weights and that code don't.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gancourse.models.attention import AttentionForm
from gancourse.models.blocks import check_shape
from gancourse.models.conditional_residual import Generator, discriminator_of, initialise, layout_of
from gancourse.models.conditioning import check_condition, encoded
from gancourse.models.family import Family
from gancourse.models.spectral import spectral_normalised
from gancourse.signature import Condition, Signature
from gancourse.values import Count


class Embedding(nn.Module):
    """A linear map of conditions, as rows of a table: for labels, one row for each class.

    It is no `nn.Linear`, so that neither `spectral_normalised` nor penalties on layers include it: the authors found
    that spectral norm on this table ruins some trainings, and leave it out of the orthogonal regularisation.

    Args:
        n_conditions: numbers in a condition, such as classes.
        size: numbers in an embedding.
    """

    def __init__(self, n_conditions: int, size: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.empty(n_conditions, size))
        nn.init.orthogonal_(self.table)

    def forward(self, condition: Tensor) -> Tensor:
        """Embeddings [batch, size] of conditions [batch, n_conditions]."""
        return condition @ self.table


class BigGANGenerator(Generator):
    """Maps latents [batch, latent_size] and conditions y to images.

    Each block's BatchNorms are conditioned on the embedding of y, which all blocks share, and with `skip_latents` on a
    chunk of the latent beside it; the first chunk is what the first layer sees.

    Args:
        latent_size: numbers in a latent; with `skip_latents`, equal chunks for the first layer and for each block.
        widths: channels at 4 × 4, 8 × 8, ….
        channels: of an image.
        embedding_size: numbers in the embedding of a condition.
        skip_latents: whether blocks see the latent.
        condition: what y is.
        attention: form of the self-attention.
        attention_at: resolution of the features that it is applied to.

    Raises:
        ValueError: the latent can't be cut into equal chunks; when called, if y is missing or no such condition.
    """

    def __init__(
        self,
        latent_size: int,
        widths: list[int],
        channels: int = 3,
        *,
        embedding_size: int,
        skip_latents: bool,
        condition: Condition,
        attention: AttentionForm = "released",
        attention_at: int = 64,
    ) -> None:
        n_chunks = len(widths) if skip_latents else 1
        if latent_size % n_chunks:
            raise ValueError(
                f"latent_size is {latent_size}, which can't be cut into {n_chunks} equal chunks, one for the first "
                f"layer and one for each block; pass a multiple of {n_chunks}"
            )
        chunk = latent_size // n_chunks
        super().__init__(
            latent_size,
            widths,
            channels,
            first_size=chunk,
            condition_size=embedding_size + (chunk if skip_latents else 0),
            condition=condition,
            attention=attention,
            attention_at=attention_at,
        )
        self.skip_latents, self.chunk_size = skip_latents, chunk
        self.embedding = Embedding(condition.size, embedding_size)

    def embedded(self, y: Tensor) -> Tensor:
        """Embeddings of conditions, [batch, embedding_size]; `of_embedding` makes images of them, or of mixtures."""
        return self.embedding(encoded(self.condition, y, len(y), self).to(self.embedding.table))

    def of_embedding(self, z: Tensor, embedding: Tensor) -> Tensor:
        """Images of latents and embeddings [batch, embedding_size], such as one between two classes."""
        check_shape(z, (self.latent_size,), "z")
        return self.images(*self._conditions(z, embedding))

    def conditions(self, z: Tensor, y: Tensor | None) -> tuple[Tensor, list[Tensor]]:
        """The first chunk of z, and for each block the embedding of y and the block's chunk."""
        return self._conditions(z, self.embedding(encoded(self.condition, y, len(z), self).to(z)))

    def _conditions(self, z: Tensor, embedding: Tensor) -> tuple[Tensor, list[Tensor]]:
        if not self.skip_latents:
            return z, [embedding] * len(self.blocks)
        first, *others = z.split(self.chunk_size, 1)
        return first, [torch.cat([embedding, chunk], 1) for chunk in others]


@dataclass(frozen=True)
class BigGAN(Family):
    """The networks of this file, for images of 32, 64, 128 or 256 pixels with classes or other conditions.

    The defaults are the paper's at 128 pixels.

    Args:
        latent_size: numbers in a latent; a multiple of the number of blocks plus one.
        width: channels of the last features, of which the others are multiples; at 32 pixels a quarter of all.
        embedding_size: numbers in the embedding of a condition that the generator's blocks share.
        skip_latents: whether each block sees a chunk of the latent, rather than the first layer all of it.
        attention: form of the self-attention: as released, as in the paper, with its softmax over queries (a mistake),
            of each place with itself alone (a control), or none.
        attention_at: resolution of the features that see themselves.

    >>> from gancourse.signature import Classes
    >>> fits = Signature((3, 32, 32), Classes(("a", "b")))
    >>> BigGAN(16, 4, 8, attention_at=16).generator(fits).chunk_size
    4
    """

    latent_size: Count = 120
    width: Count = 96
    embedding_size: Count = 128
    skip_latents: bool = True
    attention: AttentionForm = "released"
    attention_at: Count = 64

    def generator(self, fits: Signature) -> BigGANGenerator:
        """Latents and conditions to images.

        Raises:
            ValueError: the data isn't images of such a size, or has no conditions; attention has no place in it, or the
                latent can't be cut into equal chunks.
        """
        layout = layout_of(fits, self)
        generator = BigGANGenerator(
            self.latent_size,
            [multiple * self.width for multiple in layout.generator],
            fits.shape[0],
            embedding_size=self.embedding_size,
            skip_latents=self.skip_latents,
            condition=check_condition(fits, self),
            attention=self.attention,
            attention_at=self.attention_at,
        )
        initialise(generator, "orthogonal")
        return spectral_normalised(generator)

    def discriminator(self, fits: Signature) -> nn.Module:
        """Images and conditions to scores; errors as for `generator`."""
        return discriminator_of(fits, self, "orthogonal")
