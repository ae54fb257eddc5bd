"""A generator whose codes a recogniser reads from its samples: InfoGAN."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import torch
from torch import Tensor, nn

from gancourse.data import Source
from gancourse.games import InfoGAN, Remedy, draw_codes  # noqa: F401
from gancourse.models import Family  # noqa: F401
from gancourse.recipes.plays.adversarial import Adversarial
from gancourse.recipes.plays.auxiliary import check_single
from gancourse.recipes.plays.play import check_request, generated
from gancourse.recipes.terms import Term  # noqa: F401
from gancourse.rng import Noise
from gancourse.signature import Codes, Signature
from gancourse.values import Count, NonNegative, Positive, Range  # noqa: F401

# The names that aren't used are in hints of inherited fields, which the package reference looks up in this module.


@dataclass(frozen=True)
class InformationMaximising(Adversarial):
    """An InfoGAN, which uses no labels.

    Args:
        family: the networks: anything with a generator, a discriminator and a recogniser of its features.
        n_categories: values of the code that is a category; 0 for no such code.
        n_continuous: codes that are numbers from −1 to 1.
        information_weight: of the category's information.
        continuous_weight: of the numbers' information.

    Raises:
        ValueError: there is no code, or just one category.
    """

    anonymous: ClassVar[bool] = True
    asks_for: ClassVar[tuple[str, ...]] = ("generator", "discriminator", "recogniser")
    n_categories: Annotated[int, Range(0)] = 10
    n_continuous: Annotated[int, Range(0)] = 2
    information_weight: NonNegative = 1.0
    continuous_weight: NonNegative = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        Codes(self.n_categories, self.n_continuous)

    @property
    def codes(self) -> Codes:
        """What the generator is conditioned on."""
        return Codes(self.n_categories, self.n_continuous)

    def networks(self, fits: Signature, seen: Signature) -> tuple[nn.Module, ...]:
        """A generator, a discriminator and a recogniser of codes.

        Raises:
            ValueError: the networks don't fit the data, or the discriminator sees packs.
        """
        check_single(fits, seen, "InfoGAN")
        fits = dataclasses.replace(fits, condition=self.codes)
        pair = self.family.pair(fits, fits)
        return *pair, self.family.recogniser(fits, self.n_categories + 2 * self.n_continuous)

    def innermost(self, networks: tuple[nn.Module, ...], **settings: Any) -> InfoGAN:
        """The InfoGAN."""
        weights = {"weight": self.information_weight, "continuous_weight": self.continuous_weight}
        return InfoGAN(*networks, self.codes, **settings, **weights)

    def classes(self, fits: Signature) -> tuple[str, ...]:
        """The categories' numbers."""
        return tuple(map(str, range(self.n_categories)))

    def conditions(self, network: nn.Module, source: Source, n: int, seed: int = 0) -> Tensor | None:
        """The categories of the samples, integers [n]; None if there are none."""
        return self._codes(n, seed)[:, 0].long() if self.n_categories else None

    def sample(self, network: nn.Module, source: Source, n: int, seed: int = 0, y: Tensor | None = None) -> Tensor:
        """What the generator makes of n latents and codes.

        Args:
            network: the generator.
            source: not used.
            n: how many.
            seed: which latents and codes.
            y: categories, integers [n], whose numbers are drawn; or whole codes, [n, 1 + n_continuous].

        Raises:
            ValueError: n or y is wrong.
        """
        check_request(network, n, y)
        if y is not None and len(y) != n:
            raise ValueError(f"y has {len(y)} rows; expected n = {n}")
        codes = self._codes(n, seed)
        if y is not None and y.ndim == 1:
            if not self.n_categories:
                raise ValueError(f"there are no categories; pass whole codes y, [n, {codes.shape[1]}]")
            y = torch.cat([y[:, None].to(codes), codes[:, 1:]], 1)
        return generated(network, n, seed, codes if y is None else y)

    def _codes(self, n: int, seed: int) -> Tensor:
        return draw_codes(self.codes, Noise((seed, "evaluation"), n))
