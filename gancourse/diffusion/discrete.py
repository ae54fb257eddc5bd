"""The variance-preserving process of DDPM, with integer times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from gancourse.diffusion.forward import Coordinates, Level, Process, any_of, check_steps
from gancourse.diffusion.schedules import alpha_bar_table, beta_table
from gancourse.names import lookup
from gancourse.rng import Noise
from gancourse.values import Count


@dataclass(frozen=True)
class VariancePreserving(Process):
    """The process of DDPM: x_t = √ᾱ_t x₀ + √(1 − ᾱ_t) ε at integer times t = 0 … T − 1.

    Data of variance 1 keep it. Tables are float64.

    Args:
        schedule: of β: linear (Ho et al. 2020), cosine (Nichol and Dhariwal 2021) or continuous (Song et al. 2021).
        n_times: T.

    Raises:
        ValueError: there is no such schedule, or n_times is below one.

    Source: Ho, Jain, Abbeel 2020, eqs 2 and 4.

    >>> process = VariancePreserving()
    >>> process.alpha_bars[-1]  # the signal doesn't vanish
    tensor(4.0358e-05, dtype=torch.float64)
    """

    schedule: Literal["linear", "cosine", "continuous"] = "linear"
    n_times: Count = 1000

    @property
    def betas(self) -> Tensor:
        """β_t, the variance of each step, float64 [T]."""
        return beta_table(self.schedule, self.n_times).clone()

    @property
    def alpha_bars(self) -> Tensor:
        """ᾱ_t, the share of the data's variance that is left, float64 [T]."""
        return alpha_bar_table(self.schedule, self.n_times).clone()

    @property
    def posterior_variances(self) -> Tensor:
        """β̃_t = β_t (1 − ᾱ_{t−1})/(1 − ᾱ_t), float64 [T]; 0 at time 0, where x₀ is known (Ho et al. 2020, eq. 7)."""
        bars = self.alpha_bars
        before = torch.cat([torch.ones(1, dtype=torch.float64), bars[:-1]])
        return self.betas * (1 - before) / (1 - bars)

    def _checked(self, t: Tensor) -> Tensor:
        if t.is_floating_point() or t.is_complex() or t.dtype == torch.bool:
            raise ValueError(f"times are {t.dtype}; expected integers 0 … {self.n_times - 1}")
        if any_of((t < 0) | (t >= self.n_times)):
            raise ValueError(f"times run from {int(t.min())} to {int(t.max())}; expected 0 … {self.n_times - 1}")
        return t.long()

    def level(self, t: Tensor) -> Level:
        """√ᾱ_t and √(1 − ᾱ_t) at integer times t, [] or [batch].

        Raises:
            ValueError: times aren't integers 0 … T − 1.
        """
        bars = alpha_bar_table(self.schedule, self.n_times).to(t.device)[self._checked(t)]
        return Level(bars.sqrt(), (1 - bars).sqrt())

    def level_before(self, t: Tensor) -> Level:
        """The level one step earlier, at t − 1; before time 0 it is that of data.

        >>> VariancePreserving().level_before(torch.tensor([0])).signal
        tensor([1.], dtype=torch.float64)
        """
        bars = alpha_bar_table(self.schedule, self.n_times).to(t.device)
        before = torch.cat([torch.ones_like(bars[:1]), bars])[self._checked(t)]
        return Level(before.sqrt(), (1 - before).sqrt())

    def scaled_time(self, t: Tensor) -> Tensor:
        """Times t · 1000/T, float32: 0 … 999 for T = 1000."""
        return (self._checked(t).double() * (1000 / self.n_times)).float()

    def random_times(self, noise: Noise) -> Tensor:
        """Integers uniform in 0 … T − 1, [n]: the draw "time" of the noise."""
        return noise.integers("time", self.n_times)

    def times(self, n_steps: int, spacing: str | None = None) -> Tensor:
        """A decreasing sub-sequence of the times, int64 [n_steps].

        Args:
            n_steps: length of the sub-sequence, at most T.
            spacing: "leading" for multiples of ⌊T/n⌋ from 0, as in DDIM, the default here and in diffusers'
                schedulers of DDPM and DDIM: it begins at (n − 1)⌊T/n⌋, not at T − 1. "trailing" begins at T − 1
                with steps of T/n, but ends above 0. "linspace" has both ends.

        Raises:
            ValueError: n_steps isn't 1 … T, or there is no such spacing.

        Source: Lin et al. 2024 (common diffusion noise schedules and sample steps are flawed), table 2.

        >>> process = VariancePreserving()
        >>> {name: process.times(4, name).tolist() for name in SPACINGS}
        {'leading': [750, 500, 250, 0], 'trailing': [999, 749, 499, 249], 'linspace': [999, 666, 333, 0]}
        """
        check_steps(n_steps, self.n_times)
        return lookup(SPACINGS, spacing or "leading", "spacing")(n_steps, self.n_times)

    def ode_coordinates(self, level: Level) -> Coordinates:
        """Coordinates y = x/α and τ = σ/α, in which the ODE is dy/dτ = ε̂ (Song, Meng, Ermon 2021, eq. 14)."""
        return Coordinates(level.signal, level.noise / level.signal)

    def ode_slope(self, x0: Tensor, noise: Tensor) -> Tensor:
        """ε̂."""
        return noise


def _leading(n_steps: int, n_times: int) -> Tensor:
    return torch.arange(n_steps).flip(0) * (n_times // n_steps)


def _trailing(n_steps: int, n_times: int) -> Tensor:
    # Numbers that lie half-way are rounded to even, as NumPy does.
    return torch.arange(n_steps, 0, -1, dtype=torch.float64).mul(n_times).div(n_steps).round().long() - 1


def _linspace(n_steps: int, n_times: int) -> Tensor:
    # One step alone begins at the noise.
    line = (
        torch.linspace(0, n_times - 1, n_steps, dtype=torch.float64) if n_steps > 1 else torch.tensor([n_times - 1.0])
    )
    return line.round().long().flip(0)


SPACINGS = {"leading": _leading, "trailing": _trailing, "linspace": _linspace}
"""Sub-sequences of n steps out of T times, by name."""
