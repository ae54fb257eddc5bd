"""Networks that grow while they are trained: from coarse to fine, a level at a time."""

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

    The networks have the layers of all levels from the start. They read how many of them count at present from a
    buffer of one number named `level`, in the network itself or in modules of it: `register_buffer("level",
    torch.zeros(()))`. A fraction fades the next level in. Resuming needs no state, averages copy the level with the
    other buffers, and after a training the networks keep their last one.

    Args:
        game: the inner game; each of its players' networks that has a level gets it.
        level: maps the number of whole steps made before to the level, the same in all players' turns. A player that
            makes several updates a step, as by `n_critic`, makes all of them at one level.

    Raises:
        ValueError: generator or discriminator has no level, a level is not one number, or the inner game grows
            already; when playing, if the function gives no finite number ≥ 0.

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
            raise ValueError("the game is a Growing already, whose level would be overwritten; one is enough")
        self.level = level
        for name, network in (("generator", self.generator), ("discriminator", self.discriminator)):
            if not _levelled(network):
                raise ValueError(
                    f"the {name} has no buffer named 'level'; its layers must read one to grow: "
                    'register_buffer("level", …)'
                )
        self.levelled = [module for player in game.players for module in _levelled(player.network)]
        if sizes := {tuple(module.level.shape) for module in self.levelled if module.level.numel() != 1}:
            raise ValueError(f"levels of shape {sorted(sizes)}; expected buffers of one number")
        self.players = tuple(self._grown(player) for player in game.players)

    @property
    def settings(self) -> Mapping[str, bool | int | float | str]:
        """The inner game's, and that it grows."""
        return super().settings | {"growing": True}

    def _grown(self, player: Player) -> Player:
        def terms(batch: Batch, noise: Noise) -> dict[str, Tensor]:
            self.set_level(noise.update // player.updates)
            return player.terms(batch, noise)

        return player._replace(terms=terms)

    def set_level(self, step: int) -> None:
        """Give all networks the level of a step.

        Raises:
            ValueError: the level is no finite number ≥ 0.
        """
        level = self.level(step)
        if not 0 <= level < math.inf:
            raise ValueError(f"the level at step {step} is {level}; expected a finite number ≥ 0")
        for module in self.levelled:
            # Not in place: a graph that another update still needs may hold the level of before.
            module.level = torch.full_like(module.level, level)


def _levelled(network: nn.Module) -> list[nn.Module]:
    """The modules that have a level."""
    return [module for module in network.modules() if "level" in dict(module.named_buffers(recurse=False))]
