"""One step of a sampler, from a noise level to a lower one: pure functions of a denoiser's estimates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from gancourse.diffusion.forward import DATA, Level, Process, any_of, fitted, mixed
from gancourse.diffusion.predictions import Estimate
from gancourse.names import lookup
from gancourse.rng import Noise


class Gaussian(NamedTuple):
    """A normal distribution with independent coordinates.

    Args:
        mean: [batch, ...].
        variance: of each coordinate, float64, [] or [batch].
    """

    mean: Tensor
    variance: Tensor

    def sample(self, noise: Tensor) -> Tensor:
        """The mean + sd · noise, for standard normal noise of the mean's shape."""
        return self.mean + fitted(self.variance.sqrt(), self.mean) * noise


def posterior(x0: Tensor, x: Tensor, now: Level, earlier: Level) -> Gaussian:
    """q(x_s | x_t, x₀), the step back to a less noisy level s for known data.

    For neighbouring times of a variance-preserving process, the coefficients are √ᾱ_{t−1} β_t/(1 − ᾱ_t) of x₀ and
    √α_t (1 − ᾱ_{t−1})/(1 − ᾱ_t) of x_t, and the variance is β̃_t.

    Args:
        x0: data, or its estimate, [batch, ...].
        x: noisy data, of the same shape.
        now: level of x, of all samples or of each; noise above 0.
        earlier: level to go to.

    Raises:
        ValueError: the earlier level is noisier, or there is no noise now.

    Source: Ho et al. 2020, eqs 6 and 7; Kingma et al. 2021, appendix A, for levels that aren't neighbours.

    >>> from gancourse.diffusion import VariancePreserving
    >>> process = VariancePreserving()
    >>> x = torch.zeros(2, 3)
    >>> t = torch.tensor([0, 9])
    >>> step = posterior(x, x, process.level(t), process.level_before(t))
    >>> torch.testing.assert_close(step.variance, process.posterior_variances[t])
    """
    if any_of(now.noise <= 0):
        raise ValueError("there is no noise at the present level; pass the level of a noisy x")
    step = now.after(earlier)
    of_x0 = earlier.signal * (step.noise / now.noise).square()
    of_x = step.signal * (earlier.noise / now.noise).square()
    mean = fitted(of_x0, x) * x0 + fitted(of_x, x) * x
    return Gaussian(mean, (step.noise * earlier.noise / now.noise).square())


def ddpm_step(x: Tensor, estimate: Estimate, now: Level, earlier: Level, variance: str = "large") -> Gaussian:
    """p(x_s | x_t) of an ancestral step: the posterior's mean at x̂₀, with a fixed variance.

    Args:
        x: noisy data, [batch, ...].
        estimate: the denoiser's at x.
        now: level of x.
        earlier: level to go to.
        variance: "large" for that of the forward step, β_t; "small" for that of the posterior, β̃_t. They are the two
            extremes: right for data of variance 1, and for data that are one point. "large" is 0 at the last step too.

    Raises:
        ValueError: there is no such variance.

    Source: Ho et al. 2020, section 3.2 and algorithm 2.
    """
    step = posterior(estimate.x0, x, now, earlier)
    known = {"large": now.after(earlier).noise.square(), "small": step.variance}
    fixed_variance = lookup(known, variance, "variance")
    # No noise is added to data.
    return step._replace(variance=torch.where(earlier.noise > 0, fixed_variance, torch.zeros_like(fixed_variance)))


def ddim_step(estimate: Estimate, now: Level, earlier: Level, eta: float = 0.0) -> Gaussian:
    """p(x_s | x_t) of DDIM: x̂₀ and ε̂ mixed at the earlier level, part of the noise being new.

    The new part has variance η² β̃; with η = 1 the step is DDPM's with the small variance.

    Args:
        estimate: the denoiser's at x, [batch, ...].
        now: level of x.
        earlier: level to go to: that of the previous element of the sub-sequence, not of t − 1.
        eta: η in [0, 1]; 0 is deterministic.

    Raises:
        ValueError: eta is outside [0, 1].

    Source: Song, Meng, Ermon 2021, eqs 12 and 16.
    """
    if not 0 <= eta <= 1:
        raise ValueError(f"eta is {eta}; expected a number from 0 (deterministic) to 1 (as random as DDPM)")
    variance = (eta * now.after(earlier).noise * earlier.noise / now.noise).square()
    # The difference may be below 0 by rounding where η = 1.
    direction = (earlier.noise.square() - variance).clamp(min=0).sqrt()
    return Gaussian(mixed(*estimate, Level(earlier.signal, direction)), variance)


def ode_step(process: Process, x: Tensor, slope: Tensor, now: Level, earlier: Level) -> Tensor:
    """Move x along a slope dy/dτ of the probability-flow ODE, straight in the process's coordinates, [batch, ...].

    Args:
        process: which coordinates.
        x: the state now, [batch, ...].
        slope: of y, such as `process.ode_slope(x0, noise)`, of the same shape.
        now: level of x.
        earlier: level to go to.
    """
    (scale, time), (next_scale, next_time) = process.ode_coordinates(now), process.ode_coordinates(earlier)
    return fitted(next_scale / scale, x) * x + fitted(next_scale * (next_time - time), x) * slope


def checked_times(times: Tensor) -> Tensor:
    """The times, if there are any and they decrease.

    Raises:
        ValueError: they don't.
    """
    if times.ndim != 1 or not len(times) or not (times.diff() < 0).all():
        raise ValueError(f"times are {times.tolist()}; expected decreasing ones, as from process.times(n_steps)")
    return times


def steps_between(process: Process, times: Tensor) -> Iterator[tuple[int, Tensor, Level, Level]]:
    """Index, time, level and next level of each step; the last one leads to data."""
    levels = [*(process.level(t) for t in checked_times(times.cpu())), DATA]
    yield from zip(range(len(times)), times.cpu(), levels[:-1], levels[1:], strict=True)


def step_noise(noise: Noise, index: int, x: Tensor) -> Tensor:
    """Standard normal numbers for a step, which depend on the noise's key and the step alone."""
    if noise.n != len(x):
        raise ValueError(f"noise for {noise.n} samples, x has {len(x)}; pass noise for as many")
    return noise.fold_in("step", index).normal("x", *x.shape[1:]).to(x)
