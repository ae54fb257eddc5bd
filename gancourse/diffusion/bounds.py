"""DDPM's variational bound on minus the log likelihood, for data that are real numbers."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from gancourse.diffusion.denoisers import Denoiser
from gancourse.diffusion.forward import Level, mixed
from gancourse.diffusion.steps import ddpm_step, posterior, step_noise, steps_between
from gancourse.rng import Noise


class Bound(NamedTuple):
    """The bound's terms in nats per number, averaged over the data; their sum is at least the data's entropy.

    Args:
        prior: L_T, the divergence of q(x_T | x₀) from the standard normal.
        steps: L_{t−1}, one for each step but the last, in the order of the times, float64 [n_steps − 1].
        reconstruction: L_0, minus the log density of x₀ at the least noisy x: the last step.
        standard_error: of the sum, over the data.
    """

    prior: float
    steps: Tensor
    reconstruction: float
    standard_error: float

    @property
    def total(self) -> float:
        """The bound: at least −log p(x₀), averaged."""
        return self.prior + self.steps.sum().item() + self.reconstruction


def prior_term(x0: Tensor, level: Level) -> Tensor:
    """L_T: KL divergence of q(x_T | x₀) from N(0, I), in nats per number, [batch].

    Args:
        x0: data, [batch, ...].
        level: of the noisiest time, one for all.

    Returns:
        ½(α² x₀² + σ² − 1 − log σ²), averaged over a sample's numbers, float64.

    Source: Ho et al. 2020, eq. 5.

    >>> from gancourse.diffusion import RectifiedFlow
    >>> prior_term(torch.ones(1, 2), RectifiedFlow().level(torch.tensor(1.0)))
    tensor([0.], dtype=torch.float64)
    """
    signal, variance = level.signal.square(), level.noise.square()
    squared = x0.double().flatten(1).square().mean(1)
    return (signal * squared + variance - 1 - variance.log()) / 2


def gaussian_kl(squared_distance: Tensor, variance: Tensor, other_variance: Tensor) -> Tensor:
    """KL(N(m₁, v₁) ‖ N(m₂, v₂)) in nats per number, [batch].

    Args:
        squared_distance: (m₁ − m₂)², averaged over a sample's numbers, [batch].
        variance: v₁, [].
        other_variance: v₂, [].

    >>> gaussian_kl(torch.tensor([2.0]), torch.tensor(1.0), torch.tensor(1.0))
    tensor([1.])
    """
    ratio = variance / other_variance
    return (ratio - 1 - ratio.log() + squared_distance / other_variance) / 2


def _squared_distance(a: Tensor, b: Tensor) -> Tensor:
    return (a.double() - b.double()).flatten(1).square().mean(1)


def step_term(
    denoiser: Denoiser, x0: Tensor, x: Tensor, t: Tensor, now: Level, earlier: Level, variance: str
) -> Tensor:
    """The bound's term of one step, in nats per number, float64 [batch]: L_{t−1}, or L_0 if the step leads to data.

    Args:
        denoiser: estimates x₀ at x.
        x0: data, [batch, ...].
        x: noisy data at the level now, of the same shape.
        t: time of x, [].
        now: level of x.
        earlier: level to go to; `DATA` for the last step.
        variance: of the reverse step, "large" or "small".

    Returns:
        KL(q(x_s | x_t, x₀) ‖ p(x_s | x_t)), or −log N(x₀; x̂₀, σ²) at the last step.

    Source: Ho et al. 2020, eq. 5.
    """
    estimate = denoiser(x, t)
    reverse = ddpm_step(x, estimate, now, earlier, variance)
    squared = _squared_distance(posterior(x0, x, now, earlier).mean, reverse.mean)
    if earlier.noise == 0:
        fixed = now.after(earlier).noise.square()
        return (math.log(2 * math.pi) + fixed.log() + squared / fixed) / 2
    return gaussian_kl(squared, posterior(x0, x, now, earlier).variance, reverse.variance)


def variational_bound(denoiser: Denoiser, x0: Tensor, times: Tensor, noise: Noise, variance: str = "large") -> Bound:
    """The bound of ancestral sampling at these times, by one draw of noise for each time and sample.

    The data are real numbers, so that the last term is a log density: the bound may be negative. For the exact denoiser
    and the large variance, its gap to the entropy falls as 1/T; with the small variance it doesn't vanish.

    Args:
        denoiser: of any process; it is called once for each time.
        x0: data, [batch, ...], at least two; use double precision for long processes.
        times: decreasing; `process.times(process.n_times)` for DDPM's bound.
        noise: for as many samples; each step folds its index in.
        variance: of the reverse steps: "large" (β) or "small" (β̃); that of the last step is σ² of its level in both.

    Raises:
        ValueError: times aren't decreasing or not the process's, there is a single sample, the noise is for another
            number of samples, or the variance is unknown.

    Source: Ho et al. 2020, eq. 5.
    """
    if len(x0) < 2:
        raise ValueError(f"x0 has {len(x0)} samples; pass two or more: the standard error is over samples")
    terms = []
    for index, t, now, earlier in steps_between(denoiser.process, times):
        x = mixed(x0, step_noise(noise, index, x0), now)
        terms.append(step_term(denoiser, x0, x, t, now, earlier, variance))
    prior = prior_term(x0, denoiser.process.level(times[0]))
    total = prior + torch.stack(terms).sum(0)
    means = torch.stack(terms).mean(1)
    return Bound(prior.mean().item(), means[:-1], means[-1].item(), total.std().item() / math.sqrt(len(x0)))
