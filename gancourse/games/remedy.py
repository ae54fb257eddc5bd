"""The base class of remedies: changes of a GAN as frozen values, for recipes and the command line."""

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
    """A change of a GAN; the methods of this base class change nothing, and remedies override them.

    A remedy named `UnrolledRemedy` is requested by `unrolled`, with its fields: `--remedies unrolled:steps=3`.
    """

    abstract: ClassVar[bool] = True

    def seen(self, seen: Signature) -> Signature:
        """Signature of the discriminator's input with this remedy, where it is `seen` without it."""
        return seen

    def views(self) -> Sequence[View]:
        """Changes of the discriminator's input."""
        return ()

    def views_of(self, discriminator: nn.Module) -> Sequence[View]:
        """The same, where they depend on the discriminator's network.

        Raises:
            ValueError: the network lacks what they need.
        """
        return self.views()

    def constraint(self) -> Callable[[nn.Module], None] | None:
        """Projection of the discriminator onto the allowed weights, after each of its updates."""
        return None

    def applied(self, game: TwoNetworks | Wrapper, family: Any, fits: Signature) -> TwoNetworks | Wrapper:
        """The changed game.

        Args:
            game: the game with the remedies before this one.
            family: makes further networks, as `family.encoder(fits, n_out)` or `family.discriminator(fits)`.
            fits: signature that these networks must fit.

        Raises:
            ValueError: the game or the family lacks a part that the remedy needs.
        """
        return game
