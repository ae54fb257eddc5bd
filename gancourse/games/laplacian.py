"""The game of LAPGAN: a pair of players for each level of a Laplacian pyramid, independent of the other levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from gancourse.batch import Batch
from gancourse.games.game import Player, TwoNetworks
from gancourse.games.wrapper import Wrapper
from gancourse.laplacian import down, up
from gancourse.rng import Noise


class LaplacianGAN:
    """One GAN a level: of coarse images at the top, of bands under the condition of low-pass images below it.

    Of real images I_k, the low-pass image is l_k = u(d(I_k)) and the band h_k = I_k − l_k. A band's networks are
    `conditional`, and called as generator(z, l_k) and discriminator(h_k, l_k). No level sees what another one
    generates, so the levels could be trained at different times; here they take turns.

    Args:
        pairs: a GAN, or a wrapper of one, for each level, the coarsest first.

    Raises:
        ValueError: there is no pair.

    Source: Denton, Chintala, Szlam, Fergus 2015, section 2.3; levels are numbered as there, 0 being the finest.

    >>> from gancourse import models, objectives
    >>> from gancourse.games import GAN
    >>> from gancourse.signature import Signature
    >>> family, fits = models.LAPGAN(width=8), Signature((3, 16, 16))
    >>> networks = zip(family.generators(fits, 2), family.discriminators(fits, 2))
    >>> [player.name for player in LaplacianGAN([GAN(*pair, objectives.hinge) for pair in networks]).players]
    ['discriminator 1', 'generator 1', 'discriminator 0', 'generator 0']
    """

    def __init__(self, pairs: Sequence[TwoNetworks | Wrapper]) -> None:
        if not pairs:
            raise ValueError("the list of pairs is empty; pass one GAN for each level, the coarsest first")
        self.games = tuple(pairs)
        self.players = tuple(self._at_level(player, k) for k, pair in self._numbered() for player in pair.players)

    def _numbered(self) -> list[tuple[int, TwoNetworks | Wrapper]]:
        """The pairs with the numbers of their levels, from the coarsest to 0."""
        return [(len(self.games) - 1 - i, pair) for i, pair in enumerate(self.games)]

    def _at_level(self, player: Player, k: int) -> Player:
        def terms(batch: Batch, noise: Noise) -> dict[str, Tensor]:
            return player.terms(self.level(batch, k), noise)

        return player._replace(name=f"{player.name} {k}", terms=terms)

    def level(self, batch: Batch, k: int) -> Batch:
        """What the networks of level k are trained on: bands and, as y, low-pass images; at the top, images without y.

        Args:
            batch: real images, [batch, channels, height, width]; their own y is not used.
            k: number of the level, 0 for the finest.

        Raises:
            ValueError: the data isn't images, or there is no such level.
        """
        if not 0 <= k < len(self.games):
            raise ValueError(f"level {k} of {len(self.games)}; pass one from 0, the finest, to {len(self.games) - 1}")
        image = batch.x
        if image.ndim != 4:
            raise ValueError(
                f"x has shape {tuple(image.shape)}; a pyramid takes images [batch, channels, height, width]"
            )
        for _ in range(k):
            image = down(image)
        if k == len(self.games) - 1:
            return Batch(image)
        low = up(down(image), tuple(image.shape[-2:]))
        return Batch(image - low, low)

    @property
    def settings(self) -> Mapping[str, bool | int | float | str]:
        """The settings of all levels, each with its level in its name."""
        return {f"{n} {k}": value for k, pair in self._numbered() for n, value in getattr(pair, "settings", {}).items()}

    @property
    def differentiable(self) -> bool:
        """Whether the terms of all levels are functions of all players' weights."""
        return all(getattr(pair, "differentiable", True) for pair in self.games)
