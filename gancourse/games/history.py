"""Historical averaging: a penalty on the distance of a player's weights from their mean over updates."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gancourse.batch import Batch
from gancourse.games.game import Player, TwoNetworks, joined
from gancourse.games.wrapper import Wrapper, check_weight, merged, trainable
from gancourse.rng import Noise


class _History(nn.Module):
    """Mean of a network's weights over all updates so far."""

    count: Tensor

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.names = trainable(network)
        weights = dict(network.named_parameters())
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))
        for i, name in enumerate(self.names):
            self.register_buffer(f"mean_{i}", torch.zeros_like(weights[name].detach()))

    def distance(self, network: nn.Module) -> Tensor:
        """Squared distance of the weights from their mean, a scalar; in training mode, the mean is updated first."""
        weights = dict(network.named_parameters())
        current = [weights[name] for name in self.names]
        if self.training:
            self.count += 1
        squares = []
        for i, weight in enumerate(current):
            mean = getattr(self, f"mean_{i}")
            if self.training:
                mean += (weight.detach() - mean) / self.count
            # A copy: the next update changes the buffer, possibly before this one's gradient is computed.
            squares.append((weight - mean.clone()).square().sum())
        return sum(squares) * (self.count > 0)


class HistoricalAveraging(Wrapper):
    """Each player minimises its terms plus weight · ‖θ − (1/t) Σᵢ θᵢ‖², θᵢ its weights at its i-th update so far.

    The mean is in the player's memory, so checkpoints hold it; it is a constant in the gradient.

    Args:
        game: the inner game.
        weight: of the squared distance; 0 gives the inner game.

    Raises:
        ValueError: the weight is negative or not finite, or the game has no generator.

    Source: Salimans et al. 2016, section 3.3.

    >>> from gancourse import models, objectives
    >>> from gancourse.games import GAN
    >>> inner = GAN(models.mlp.Generator(), models.mlp.Discriminator(), objectives.minimax)
    >>> HistoricalAveraging(inner, weight=1.0).players[0].memory.count
    tensor(0)
    """

    def __init__(self, game: TwoNetworks | Wrapper, weight: float) -> None:
        super().__init__(game)
        check_weight(weight, "historical averaging")
        self.weight = weight
        self.players = tuple(self._with_averaging(player) if weight else player for player in game.players)

    def _with_averaging(self, player: Player) -> Player:
        history = _History(player.network)

        def terms(batch: Batch, noise: Noise) -> dict[str, Tensor]:
            penalty = self.weight * history.distance(player.network)
            return merged(player.terms(batch, noise), {"historical_averaging": penalty.expand(noise.n)})

        return player._replace(terms=terms, memory=joined(player.memory, history))
