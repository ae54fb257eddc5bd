"""Forward processes x_t = α_t x₀ + σ_t ε: a frozen value each, with the same methods.

Times of a variance-preserving process are integers 0 … T − 1, where 0 is the least noisy; papers count them from 1.
Times of a rectified flow are numbers in [0, 1]: 0 is data, 1 is noise.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from gancourse.rng import Noise
from gancourse.values import Value


def any_of(condition: Tensor) -> bool:
    """Whether a condition holds anywhere; False on the meta device, whose tensors have shapes but no numbers.

    >>> any_of(torch.tensor([False, True])), any_of(torch.ones(2, device="meta") > 0)
    (True, False)
    """
    return not condition.is_meta and bool(condition.any())


class Level(NamedTuple):
    """How noisy x is: x = signal · x₀ + noise · ε, with ε standard normal.

    Args:
        signal: α, float64: a number [] for the whole batch, or [batch].
        noise: σ, of the same shape.
    """

    signal: Tensor
    noise: Tensor

    @property
    def snr(self) -> Tensor:
        """Ratio of signal to noise, α²/σ²; infinite for data."""
        return (self.signal / self.noise).square()

    def after(self, earlier: Level) -> Level:
        """The step from a less noisy level to this one: x_t = signal · x_s + noise · ε, with s before t.

        Raises:
            ValueError: the earlier level is noisier.

        Source: Kingma et al. 2021 (variational diffusion models), appendix A.

        >>> from gancourse.diffusion import VariancePreserving
        >>> process = VariancePreserving()
        >>> step = process.level(torch.tensor(7)).after(process.level(torch.tensor(6)))
        >>> torch.testing.assert_close(step.noise**2, process.betas[7])
        """
        signal = self.signal / earlier.signal
        variance = self.noise.square() - (signal * earlier.noise).square()
        if any_of(variance < -1e-12):
            raise ValueError("the earlier level is noisier than the later one; pass the level of a smaller time")
        return Level(signal, variance.clamp(min=0).sqrt())


DATA = Level(torch.tensor(1.0, dtype=torch.float64), torch.tensor(0.0, dtype=torch.float64))
"""The level of data: all signal, no noise."""


def fitted(coefficient: Tensor, x: Tensor) -> Tensor:
    """A coefficient [] or [batch] in the shape and precision in which it multiplies x [batch, ...].

    Raises:
        ValueError: there is another number of coefficients than of samples.

    >>> fitted(torch.tensor([1.0, 2.0]), torch.zeros(2, 3, 8, 8)).shape
    torch.Size([2, 1, 1, 1])
    """
    if coefficient.ndim == 0:
        return coefficient.to(x)
    if coefficient.shape != x.shape[:1]:
        raise ValueError(f"{tuple(coefficient.shape)} times or levels for x {tuple(x.shape)}; pass one a sample")
    return coefficient.to(x).view(-1, *[1] * (x.ndim - 1))


def mixed(x0: Tensor, noise: Tensor, level: Level) -> Tensor:
    """The noisy x = α x₀ + σ ε.

    Args:
        x0: data, [batch, ...].
        noise: ε, of the same shape.
        level: of all samples, or of each.

    Raises:
        ValueError: shapes differ.
    """
    if noise.shape != x0.shape:
        raise ValueError(f"noise has shape {tuple(noise.shape)}, x0 {tuple(x0.shape)}; expected equal shapes")
    return fitted(level.signal, x0) * x0 + fitted(level.noise, x0) * noise


class Coordinates(NamedTuple):
    """Coordinates in which a process's probability-flow ODE is dy/dτ = slope: y = x / scale.

    Args:
        scale: what x is divided by, float64 [].
        time: τ, float64 [].
    """

    scale: Tensor
    time: Tensor


@dataclass(frozen=True)
class Process(Value):
    """What every forward process can do; samplers and losses use nothing else."""

    abstract: ClassVar[bool] = True

    @abstractmethod
    def level(self, t: Tensor) -> Level:
        """Signal and noise at times t, [] or [batch].

        Raises:
            ValueError: a time is out of range, or isn't the process's kind of number.
        """

    @abstractmethod
    def scaled_time(self, t: Tensor) -> Tensor:
        """Times as networks see them: float32 in 0 … 1000, of t's shape."""

    @abstractmethod
    def random_times(self, noise: Noise) -> Tensor:
        """A uniformly distributed time for each sample of the noise, [n]."""

    @abstractmethod
    def times(self, n_steps: int, spacing: str | None = None) -> Tensor:
        """The times at which a sampler calls the denoiser, decreasing, [n_steps]; after the last one comes data.

        Raises:
            ValueError: there are too few or too many steps, or there is no such spacing.
        """

    @abstractmethod
    def ode_coordinates(self, level: Level) -> Coordinates:
        """Scale and time of the probability-flow ODE at a level."""

    @abstractmethod
    def ode_slope(self, x0: Tensor, noise: Tensor) -> Tensor:
        """The ODE's right-hand side dy/dτ for a denoiser's x̂₀ and ε̂, [batch, ...]."""

    def noised(self, x0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """A sample of q(x_t | x₀): x_t = α_t x₀ + σ_t ε, as of DDPM's eq. 4.

        Args:
            x0: data, [batch, ...].
            noise: ε, standard normal, of the same shape.
            t: time of each sample, [batch], or of all, [].

        Raises:
            ValueError: shapes differ, or a time is out of range.

        >>> from gancourse.diffusion import RectifiedFlow
        >>> x0, noise = torch.ones(2, 1), torch.zeros(2, 1)
        >>> RectifiedFlow().noised(x0, noise, torch.tensor([0.0, 0.25]))[:, 0].tolist()
        [1.0, 0.75]
        """
        return mixed(x0, noise, self.level(t))

    def snr(self, t: Tensor) -> Tensor:
        """Ratio of signal to noise α²/σ² at times t, float64 of t's shape.

        >>> from gancourse.diffusion import VariancePreserving
        >>> VariancePreserving().snr(torch.tensor([999])).log10()
        tensor([-4.3940], dtype=torch.float64)
        """
        return self.level(t).snr


def check_steps(n_steps: int, most: float) -> None:
    """Complain unless n_steps is an integer from 1 to `most`.

    Raises:
        ValueError: it isn't.
    """
    if type(n_steps) is not int or not 1 <= n_steps <= most:
        expected = f"an integer from 1 to {most}, the number of times" if most < float("inf") else "an integer ≥ 1"
        raise ValueError(f"n_steps is {n_steps!r}; pass {expected}")
