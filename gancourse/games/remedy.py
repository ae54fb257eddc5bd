"""What every remedy is: a change of a GAN as a frozen value, so that recipes and command lines can ask for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import nn

from gancourse.games.game import TwoNetworks, View
from gancourse.games.wrapper import Wrapper
from gancourse.signature import Signature
from gancourse.values import Value


@dataclass(frozen=True)
class Remedy(Value):
    """A change of a GAN; each method changes nothing unless a remedy says so.

    A remedy named `UnrolledRemedy` is asked for by `unrolled`, with its fields: `--remedies unrolled:steps=3`.
    """

    abstract: ClassVar[bool] = True

    def seen(self, seen: Signature) -> Signature:
        """What the discriminator is shown, where it was shown `seen` without this remedy."""
        return seen

    def views(self) -> Sequence[View]:
        """What stands between the data and the discriminator."""
        return ()

    def constraint(self) -> Callable[[nn.Module], None] | None:
        """What puts the discriminator back among those it may choose, after each of its updates."""
        return None

    def applied(self, game: TwoNetworks | Wrapper, family: Any, fits: Signature) -> TwoNetworks | Wrapper:
        """The changed game.

        Args:
            game: the game with the remedies before this one.
            family: makes further networks, as `family.encoder(fits, n_out)` or `family.discriminator(fits)`.
            fits: what these must fit.

        Raises:
            ValueError: the game or the family lacks what the remedy needs.
        """
        return game
