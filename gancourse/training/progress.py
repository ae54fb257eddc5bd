"""The record of a step that a trainer yields."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Step(NamedTuple):
    """One step of a game: its index from 0, and each player's losses, averaged over the batch."""

    index: int
    tensors: dict[str, dict[str, Tensor]]

    @property
    def losses(self) -> dict[str, dict[str, float]]:
        """Losses by player and term."""
        return {player: {name: t.item() for name, t in terms.items()} for player, terms in self.tensors.items()}
