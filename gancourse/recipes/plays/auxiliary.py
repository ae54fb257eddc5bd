"""A generator against a discriminator that also classifies samples: AC-GAN."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import nn

from gancourse.games import ACGAN, Remedy  # noqa: F401
from gancourse.models import Family  # noqa: F401
from gancourse.recipes.plays.adversarial import Adversarial
from gancourse.recipes.terms import Term  # noqa: F401
from gancourse.signature import Signature
from gancourse.values import Count, NonNegative, Positive  # noqa: F401

# The names that aren't used are in hints of inherited fields, which the package reference looks up in this module.


def check_single(fits: Signature, seen: Signature, who: str) -> None:
    """Check that the discriminator sees one sample at a time.

    Raises:
        ValueError: it sees packs.
    """
    if seen.shape != fits.shape:
        raise ValueError(f"{who} recognises the condition of one sample, not of {seen}; leave out packing")


@dataclass(frozen=True)
class AuxiliaryClassifying(Adversarial):
    """An AC-GAN.

    Args:
        family: the networks: anything with a generator, a discriminator and a head for classes.
        class_weight: of the cross-entropy of the classes in the discriminator's loss.
        generator_class_weight: of the cross-entropy of the classes in the generator's loss.
    """

    asks_for: ClassVar[tuple[str, ...]] = ("generator", "discriminator", "class_head")
    class_weight: NonNegative = 1.0
    generator_class_weight: NonNegative = 1.0

    def networks(self, fits: Signature, seen: Signature) -> tuple[nn.Module, ...]:
        """A generator, a discriminator and a head for classes.

        Raises:
            ValueError: the networks don't fit the data, its y isn't classes, or the discriminator sees packs.
        """
        check_single(fits, seen, "AC-GAN")
        return *self.family.pair(fits, seen), self.family.class_head(fits)

    def innermost(self, networks: tuple[nn.Module, ...], **settings: Any) -> ACGAN:
        """The AC-GAN."""
        weights = {"weight": self.class_weight, "generator_weight": self.generator_class_weight}
        return ACGAN(*networks, **settings, **weights)
