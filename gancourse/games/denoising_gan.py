"""Denoising diffusion GAN: few large steps from noise to data, each of them the sample of a conditional GAN."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from gancourse.batch import Batch
from gancourse.diffusion import VariancePreserving, mixed, posterior
from gancourse.games.game import GAN, Pair, Samples, View, is_conditional
from gancourse.games.terms import Term
from gancourse.rng import Noise


def states(x: Tensor, t: Tensor) -> Tensor:
    """Noisy samples [batch, ...] and their steps [batch] as the rows that networks are conditioned on.

    >>> states(torch.tensor([[0.5, -1.0]]), torch.tensor([2]))
    tensor([[ 0.5000, -1.0000,  2.0000]])
    """
    return torch.cat([x.flatten(1), t[:, None].to(x)], 1)


def step_back(x0: Tensor, y: Tensor, process: VariancePreserving, noise: Tensor) -> Tensor:
    """Samples of q(x_{t−1} | x_t, x₀), [batch, ...]; at the last step, where t − 1 is data, x₀ itself.

    Args:
        x0: data, or its estimate, [batch, ...].
        y: the noisy samples x_t and their steps, as of `states`.
        process: by which x_t is noisy.
        noise: standard normal, of the shape of x0.

    Source: Ho, Jain, Abbeel 2020, eqs 6 and 7; Xiao, Kreis, Vahdat 2022, eq. 6.
    """
    x, t = y[:, :-1].view_as(x0), y[:, -1].long()
    return posterior(x0, x, process.level(t), process.level_before(t)).sample(noise)


class DenoisingGAN(GAN):
    """The game of a GAN whose samples are one step less noisy than what it is conditioned on.

    The generator maps (z, x_t, t) to an estimate of x₀, of which x_{t−1} ~ q(x_{t−1} | x_t, x₀) is drawn; the
    discriminator scores pairs (x_{t−1}, x_t) at t. A large step has many possible results, which a denoiser without z
    averages; the latents let samples differ. Both networks get x_t and t as their condition, see `states`. The batch's
    own y isn't used.

    Args:
        generator: maps latents and states, [batch, numbers + 1], to data; `conditional`.
        discriminator: maps data and states to scores [batch]; `conditional`.
        process: of as many times as there are steps.
        objective: the losses of both, as functions of scores.
        terms: further losses of either player.
        n_critic: discriminator updates per generator update.
        views: changes of the discriminator's input, applied in this order.
        constraint: projects the discriminator onto the allowed weights.
        random_latents: whether latents are drawn; otherwise all of them are zero, and a step has one result for each
            x_t but for the noise of the posterior.

    Raises:
        ValueError: a network takes no states, or as for `GAN`.

    Source: Xiao, Kreis, Vahdat 2022 (denoising diffusion GANs), section 3 and eq. 6.
    """

    makes_data = False

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        process: VariancePreserving,
        objective: Pair,
        terms: Sequence[Term] = (),
        n_critic: int = 1,
        views: Sequence[View] = (),
        constraint: Callable[[nn.Module], None] | None = None,
        *,
        random_latents: bool = True,
    ) -> None:
        for network in (generator, discriminator):
            if not is_conditional(network):
                raise ValueError(
                    f"{type(network).__name__} doesn't see the noisy sample; pass a network with a condition"
                )
        super().__init__(generator, discriminator, objective, terms, n_critic, views, constraint)
        self.process, self.random_latents = process, random_latents

    def latents(self, noise: Noise) -> Tensor:
        """Latents of one batch, [batch, latent_size]; zeros if they aren't random."""
        latents = super().latents(noise)
        return latents if self.random_latents else torch.zeros_like(latents)

    def pairs(self, batch: Batch, noise: Noise) -> Batch:
        """Data at a random step: x is x_{t−1}, and y are x_t and t."""
        shape, t = batch.x.shape[1:], self.process.random_times(noise)
        earlier, now = self.process.level_before(t), self.process.level(t)
        x = mixed(batch.x, noise.normal("earlier noise", *shape), earlier)
        later = mixed(x, noise.normal("step noise", *shape), now.after(earlier))
        return Batch(x, states(later, t))

    def sample(self, batch: Batch, noise: Noise, z: Tensor | None = None) -> Samples:
        """Samples of x_{t−1} for the x_t and t of the batch's data with noise, which are their y."""
        z = self.latents(noise) if z is None else z
        y = self.pairs(batch, noise).y
        x0 = self.generator(z, y)
        return Samples(step_back(x0, y, self.process, noise.normal("posterior", *batch.x.shape[1:])), y, z)

    def seen(self, real: Batch, fake: Batch | Samples, noise: Noise, turn: str) -> tuple[Batch, Batch]:
        """The discriminator's input after the views: data at a random step, and the samples."""
        return super().seen(self.pairs(real, noise), fake, noise, turn)


class StepByStep(nn.Module):
    """A generator of data, of latents that hold all random numbers of a denoising GAN's steps.

    Args:
        generator: maps latents and states to estimates of data; its `condition` says what a sample is.
        process: of as many times as there are steps.
        random_latents: whether the generator's latents are drawn; otherwise they are zero.
    """

    def __init__(self, generator: nn.Module, process: VariancePreserving, random_latents: bool = True) -> None:
        super().__init__()
        self.generator, self.process, self.random_latents = generator, process, random_latents
        self.latent_size = process.n_times * (generator.latent_size + generator.condition.n_numbers)

    def forward(self, z: Tensor) -> Tensor:
        """Samples [batch, ...] of latents [batch, latent_size]; the first numbers are x_T."""
        n_latent, n_times = self.generator.latent_size, self.process.n_times
        latents, noises = z.split([n_times * n_latent, z.shape[1] - n_times * n_latent], 1)
        latents = latents.view(len(z), n_times, n_latent)
        # As many as steps: the start, and what all steps but the last one add.
        start, *added = noises.view(len(z), n_times, *self.generator.condition.sample).unbind(1)
        x = start
        for t, noise in zip(reversed(range(n_times)), [*added, torch.zeros_like(start)], strict=True):
            y = states(x, torch.full((len(z),), t, device=z.device))
            own = latents[:, t] if self.random_latents else torch.zeros_like(latents[:, t])
            x = step_back(self.generator(own, y), y, self.process, noise)
        return x
