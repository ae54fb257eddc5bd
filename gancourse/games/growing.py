"""Progressive growing: networks whose layers are added level by level during training."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from gancourse.batch import Batch
from gancourse.games.game import Player, TwoNetworks
from gancourse.games.wrapper import Wrapper
from gancourse.rng import Noise


class Growing(Wrapper):
    """The inner game, with the level of its networks set before each update as a function of the step alone.

    The networks have the layers of all levels from the start. They read how many levels to use from a buffer of one
    number named `level`, in the network itself or in its modules: `register_buffer("level", torch.zeros(()))`. A
    fraction fades the next level in. Resuming needs no state, averages copy the level with the other buffers, and
    after training the networks stay at their last level.

    Args:
        game: the inner game; the level is set in each of its players' networks that has one.
        level: maps the number of complete steps so far to the level, the same in all players' turns. All updates of a
            player in one step, as with `n_critic`, are at one level.

    Raises:
        ValueError: generator or discriminator has no level, a level is not one number, or the inner game is a Growing
            already; during training, if the function doesn't return a finite number ≥ 0.

    Source: Karras et al. 2018 (progressive growing), section 2; a level of 2.3 there is the third resolution's layers
    with α = 0.3.

    >>> from gancourse import models, objectives
    >>> from gancourse.games import GAN
    >>> Growing(GAN(models.mlp.Generator(), models.mlp.Discriminator(), objectives.hinge), lambda step: step / 100)
    Traceback (most recent call last):
    ...
    ValueError: the generator has no buffer named 'level'; its layers must read one to grow: register_buffer("level", …)
    """

    def __init__(self, game: TwoNetworks | Wrapper, level: Callable[[int], float]) -> None:
        super().__init__(game)
        if "growing" in super().settings:
            raise ValueError("the game is a Growing already, whose level would be overwritten; use one Growing")
        self.level = level
        for name, network in (("generator", self.generator), ("discriminator", self.discriminator)):
            if not _modules_with_level(network):
                raise ValueError(
                    f"the {name} has no buffer named 'level'; its layers must read one to grow: "
                    'register_buffer("level", …)'
                )
        self.modules = [module for player in game.players for module in _modules_with_level(player.network)]
        if sizes := {tuple(module.level.shape) for module in self.modules if module.level.numel() != 1}:
            raise ValueError(f"levels of shape {sorted(sizes)}; expected buffers of one number")
        self.players = tuple(self._with_level(player) for player in game.players)

    @property
    def settings(self) -> Mapping[str, bool | int | float | str]:
        """The inner game's settings, and `growing`."""
        return super().settings | {"growing": True}

    def _with_level(self, player: Player) -> Player:
        def terms(batch: Batch, noise: Noise) -> dict[str, Tensor]:
            self.set_level(noise.update // player.updates)
            return player.terms(batch, noise)

        return player._replace(terms=terms)

    def set_level(self, step: int) -> None:
        """Set the level of a step in all networks.

        Raises:
            ValueError: the level is not a finite number ≥ 0.
        """
        level = self.level(step)
        if not 0 <= level < math.inf:
            raise ValueError(f"the level at step {step} is {level}; expected a finite number ≥ 0")
        for module in self.modules:
            # Not in place: the graph of another update may still refer to the previous level.
            module.level = torch.full_like(module.level, level)


def _modules_with_level(network: nn.Module) -> list[nn.Module]:
    """The modules that have a buffer `level`."""
    return [module for module in network.modules() if "level" in dict(module.named_buffers(recurse=False))]
