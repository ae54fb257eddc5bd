"""The base class of network families: frozen values that build networks for the shape of a data source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from gancourse.signature import Signature
from gancourse.values import Value


@dataclass(frozen=True)
class Sampling(Value):
    """What samples may be asked for besides their number, options of `gancourse sample`: of most networks, nothing."""

    no_truncation: ClassVar[str] = ""
    """Why latents of such networks aren't truncated, and what to pass instead; empty where they can be."""

    def of(self, network: nn.Module) -> nn.Module:
        """The network that makes such samples of the same latents.

        Raises:
            ValueError: this network can't.
        """
        return network


PLAIN = Sampling()


@dataclass(frozen=True)
class Family(Value):
    """Sizes and switches of a family of networks; no settings of training.

    A family has the methods that its play calls: `generator` and `discriminator` for adversarial training, `decoder`
    and `encoder` for a VAE, `classifier` for a classifier. Each takes a `Signature`, and raises a ValueError of one
    line if it can't build a network for it.
    """

    abstract: ClassVar[bool] = True
    image_size: ClassVar[int | None] = None
    """Height and width of the images, where these are fixed."""
    sampling: ClassVar[Sampling] = PLAIN
    """What samples may be asked for, at its default."""

    def pair(self, fits: Signature, seen: Signature) -> tuple[nn.Module, nn.Module]:
        """A generator and a discriminator; the generator is built first.

        Args:
            fits: signature of the generator's output.
            seen: signature of the discriminator's input: the same, unless samples are packed or otherwise changed.
        """
        return self.generator(fits), self.discriminator(seen)


def check_points(fits: Signature, family: object) -> int:
    """Number of coordinates of a point.

    Raises:
        ValueError: the data isn't points.
    """
    if len(fits.shape) != 1:
        raise ValueError(f"{type(family).__name__} makes points, not {fits}; take another recipe or other data")
    return fits.shape[0]


def check_images(fits: Signature, family: Family) -> int:
    """Number of channels of an image.

    Raises:
        ValueError: the data isn't images of the family's size.
    """
    size = family.image_size
    if not fits.is_image or (size is not None and fits.shape[1:] != (size, size)):
        raise ValueError(
            f"{type(family).__name__} makes {size} × {size} images, not {fits}; take another recipe or other data"
        )
    return fits.shape[0]


def check_square(fits: Signature, family: Family) -> tuple[int, int]:
    """Number of channels of an image, and its height and width.

    Raises:
        ValueError: the data isn't square images.
    """
    if not fits.is_image or fits.shape[1] != fits.shape[2]:
        raise ValueError(f"{type(family).__name__} makes square images, not {fits}; take another recipe or other data")
    return fits.shape[0], fits.shape[1]
