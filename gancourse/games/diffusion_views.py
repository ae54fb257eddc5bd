"""Diffusion-GAN: the discriminator sees real and generated samples at random times of a diffusion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gancourse.batch import Batch
from gancourse.diffusion import VariancePreserving
from gancourse.games.game import View
from gancourse.games.remedy import Remedy
from gancourse.rng import Noise
from gancourse.values import Count, Share


def diffused(process: VariancePreserving, most: float = 1.0, clean: float = 0.0) -> View:
    """Data and samples at random times of a diffusion: at some, the discriminator can't tell one from the other.

    A real and a generated sample in the same row have the same time, and each its own noise. The generator's gradient
    goes through the mixing: it is multiplied by α, which is small at late times. Penalties are computed at the mixed
    samples, whose shape and condition don't change. The discriminator doesn't see the time.

    Args:
        process: mixes samples and noise.
        most: share of its times that occur, the least noisy ones; all of these are equally likely.
        clean: share of the samples that stay as they are.

    Raises:
        ValueError: a share is outside [0, 1], or so small that no time occurs.

    Source: Wang et al. 2023 (Diffusion-GAN), section 3.1; their times are adapted to the discriminator, and seen by it.

    >>> batch = Batch(torch.ones(4, 2))
    >>> real, fake = diffused(VariancePreserving(n_times=8)).function(batch, batch, Noise((0,), 4))
    >>> bool((real.x != fake.x).all())
    True
    """
    if not 0 <= clean <= 1 or not 0 <= most <= 1:
        raise ValueError(f"clean is {clean} and most is {most}; expected shares from 0 to 1")
    n_used = round(most * process.n_times)
    if not n_used:
        raise ValueError(f"most is {most} of {process.n_times} times, so none occurs; pass a larger share")

    def mix(real: Batch, fake: Batch, noise: Noise) -> tuple[Batch, Batch]:
        # The first rows: a view before this one may have made fewer samples of the batch.
        n, noise = len(real.x), noise.fold_in("diffused")
        t = (noise.uniform("time", rows=n) * n_used).long()
        is_clean = noise.uniform("clean", rows=n) < clean

        def mixed_with(x: Tensor, name: str) -> Tensor:
            noisy = process.noised(x, noise.normal(name, *x.shape[1:], rows=n), t)
            return torch.where(is_clean.view(-1, *[1] * (x.ndim - 1)), x, noisy)

        return real._replace(x=mixed_with(real.x, "noise on real")), fake._replace(
            x=mixed_with(fake.x, "noise on fake")
        )

    return View(mix)


@dataclass(frozen=True)
class DiffusedRemedy(Remedy):
    """A discriminator that sees real and generated samples at random times of a diffusion.

    Args:
        n_times: number of times of the diffusion, with linear β from 1e-4 to 0.02; all are equally likely.
        most: share of these times that occur, the least noisy ones: at 1, some samples are noise alone.
        clean: share of the samples that stay without noise.
    """

    n_times: Count = 1000
    most: Share = 0.5
    clean: Share = 0.25

    def views(self) -> Sequence[View]:
        """The noise."""
        return (diffused(VariancePreserving("linear", self.n_times), self.most, self.clean),)
