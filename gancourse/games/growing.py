"""Progressive growing: networks whose layers are added level by level during training."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from gancourse.batch import Batch
from gancourse.games.game import Player, TwoNetworks, View
from gancourse.games.remedy import Remedy
from gancourse.games.wrapper import Wrapper
from gancourse.rng import Noise
from gancourse.signature import Signature
from gancourse.values import NonNegative


def phases(n_levels: int, fade_kimg: float, stable_kimg: float) -> Callable[[int], float]:
    """The level as a function of the images so far: stable at 0, then for each further level a fade and a stable phase.

    Args:
        n_levels: the level rises from 0 to n_levels − 1, and stays there.
        fade_kimg: thousand images during which a level rises linearly by one; 0 for a jump.
        stable_kimg: thousand images during which it is constant.

    Raises:
        ValueError: there is no level, or a number of images isn't finite and ≥ 0.

    Source: Karras et al. 2018, section 2 and appendix A.1: 800 and 800 thousand images.

    >>> level = phases(3, fade_kimg=4, stable_kimg=2)
    >>> [level(images) for images in (0, 2000, 3000, 6000, 8000, 10000, 12000, 99000)]
    [0.0, 0.0, 0.25, 1.0, 1.0, 1.5, 2.0, 2.0]
    """
    if n_levels < 1 or not (0 <= fade_kimg < math.inf and 0 <= stable_kimg < math.inf):
        raise ValueError(
            f"{n_levels} levels, {fade_kimg} kimg of fading and {stable_kimg} of stable training; pass at least 1 "
            "level and numbers ≥ 0"
        )
    fade, stable = 1000 * fade_kimg, 1000 * stable_kimg

    def level(images: int) -> float:
        since = images - stable  # the first fade
        if since < 0:
            return 0.0
        n_before, rest = divmod(since, fade + stable) if fade + stable else (math.inf, 0.0)
        return float(min(n_before + (min(rest / fade, 1.0) if fade else 1.0), n_levels - 1))

    return level


def at_resolution(discriminator: nn.Module) -> View:
    """Real and generated images at the resolution that a growing discriminator currently takes; real ones fade as well.

    A real image is the mean over squares. During a fade it is (1 − α) times itself at half that resolution plus α times
    itself, as generated images are by their generator; of these, which repeat pixels up to full size, one pixel a
    square is taken. Penalties are computed at this resolution.

    Args:
        discriminator: has the attributes `resolution`, the height and width, and `alpha`, 1 except during a fade.

    Raises:
        ValueError: it has no such attributes; during training, if the images are no multiple of the resolution.

    Source: Karras et al. 2018, section 2 ("we interpolate between two resolutions of the real images").
    """
    if not (hasattr(discriminator, "resolution") and hasattr(discriminator, "alpha")):
        raise ValueError(
            f"{type(discriminator).__name__} has no resolution and alpha, so it doesn't grow; take a family that does, "
            "such as ProGAN"
        )

    def view(real: Batch, fake: Batch, noise: Noise) -> tuple[Batch, Batch]:
        resolution, alpha = discriminator.resolution, discriminator.alpha
        side = real.x.shape[-1] // resolution
        if real.x.shape != fake.x.shape or real.x.shape[-1] != side * resolution:
            raise ValueError(
                f"real images are {tuple(real.x.shape)} and generated ones {tuple(fake.x.shape)}; expected equal "
                f"shapes of a multiple of {resolution} pixels"
            )
        x = avg_pool2d(real.x, side) if side > 1 else real.x
        if alpha < 1:
            old = interpolate(avg_pool2d(x, 2), scale_factor=2.0)
            x = old + alpha * (x - old)
        return real._replace(x=x), fake._replace(x=fake.x[..., ::side, ::side])

    return View(view)


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
        in_images: the level is a function of the images so far instead: steps times batch size, over all processes.

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

    def __init__(self, game: TwoNetworks | Wrapper, level: Callable[[int], float], in_images: bool = False) -> None:
        super().__init__(game)
        if "growing" in super().settings:
            raise ValueError("the game is a Growing already, whose level would be overwritten; use one Growing")
        self.level, self.in_images = level, in_images
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
        """The inner game's settings, and `growing`, with `growing_in_images` where the level is a function of these."""
        return super().settings | {"growing": True} | ({"growing_in_images": True} if self.in_images else {})

    def around(self, game: TwoNetworks | Wrapper) -> Growing:
        """The same around another form of the inner game, such as a `OneForward` of it."""
        return Growing(game, self.level, self.in_images)

    def _with_level(self, player: Player) -> Player:
        def terms(batch: Batch, noise: Noise) -> dict[str, Tensor]:
            step = noise.update // player.updates
            self.set_level(step * noise.n * noise.part.count if self.in_images else step)
            return player.terms(batch, noise)

        return player._replace(terms=terms)

    def set_level(self, step: int) -> None:
        """Set the level of a step, or of a number of images, in all networks.

        Raises:
            ValueError: the level is not a finite number ≥ 0.
        """
        level = self.level(step)
        if not 0 <= level < math.inf:
            raise ValueError(
                f"the level at {'image' if self.in_images else 'step'} {step} is {level}; expected a finite number ≥ 0"
            )
        for module in self.modules:
            # Not in place: the graph of another update may still refer to the previous level.
            module.level = torch.full_like(module.level, level)


def _modules_with_level(network: nn.Module) -> list[nn.Module]:
    """The modules that have a buffer `level`."""
    return [module for module in network.modules() if "level" in dict(module.named_buffers(recurse=False))]


@dataclass(frozen=True)
class GrowingRemedy(Remedy):
    """Progressive growing: training at 4 × 4 first, and then at each further resolution, which fades in.

    Args:
        fade_kimg: thousand images during which a resolution fades in.
        stable_kimg: thousand images at a resolution before the next one fades in.
    """

    fade_kimg: NonNegative = 20.0
    stable_kimg: NonNegative = 20.0

    def views_of(self, discriminator: nn.Module) -> Sequence[View]:
        """Images at the resolution in use.

        Raises:
            ValueError: the discriminator doesn't grow.
        """
        return (at_resolution(discriminator),)

    def applied(self, game: TwoNetworks | Wrapper, family: Any, fits: Signature) -> Growing:
        """The game with growing networks; errors as for `Growing`."""
        return Growing(game, phases(game.discriminator.n_levels, self.fade_kimg, self.stable_kimg), in_images=True)
