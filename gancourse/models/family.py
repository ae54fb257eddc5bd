"""What network families have in common: frozen values that make networks for what a data source hands out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from gancourse.signature import Signature
from gancourse.values import Value


@dataclass(frozen=True)
class Family(Value):
    """Sizes and switches of a family of networks, and nothing of training.

    A family has the methods that its play asks for: `generator` and `discriminator` to be trained adversarially,
    `decoder` and `encoder` for a VAE, `classifier` for a classifier. Each takes a `Signature` and says in one line
    what it can't make.
    """

    abstract: ClassVar[bool] = True
    image_size: ClassVar[int | None] = None
    """Height and width of the images that it makes, where these are fixed."""

    def pair(self, fits: Signature, seen: Signature) -> tuple[nn.Module, nn.Module]:
        """A generator of what the data has, and then a discriminator of what it is shown.

        Args:
            fits: what the generator makes.
            seen: what the discriminator is shown: the same, unless samples are packed or the like.
        """
        return self.generator(fits), self.discriminator(seen)


def check_points(fits: Signature, family: object) -> int:
    """How many numbers a point has.

    Raises:
        ValueError: the data isn't points.
    """
    if len(fits.shape) != 1:
        raise ValueError(f"{type(family).__name__} makes points, not {fits}; take another recipe or other data")
    return fits.shape[0]


def check_images(fits: Signature, family: Family) -> int:
    """How many channels an image has.

    Raises:
        ValueError: the data isn't images of the family's size.
    """
    size = family.image_size
    if not fits.is_image or (size is not None and fits.shape[1:] != (size, size)):
        raise ValueError(
            f"{type(family).__name__} makes {size} × {size} images, not {fits}; take another recipe or other data"
        )
    return fits.shape[0]
