"""The straight process of flow matching, with times in [0, 1]."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gancourse.diffusion.forward import Coordinates, Level, Process, any_of, check_steps
from gancourse.names import lookup
from gancourse.rng import Noise


@dataclass(frozen=True)
class RectifiedFlow(Process):
    """The straight path from data to noise: x_t = (1 − t) x₀ + t ε at times t in [0, 1].

    Time runs from data to noise, as in diffusion; Lipman et al. and Liu et al. let it run the other way.

    Source: Lipman et al. 2023, eq. 22 with σ_min = 0; Liu, Gong, Liu 2023, eq. 1.

    >>> RectifiedFlow().level(torch.tensor(0.25))
    Level(signal=tensor(0.7500, dtype=torch.float64), noise=tensor(0.2500, dtype=torch.float64))
    """

    def _checked(self, t: Tensor) -> Tensor:
        if not t.is_floating_point():
            raise ValueError(f"times are {t.dtype}; expected floats in [0, 1]")
        if any_of(~((t >= 0) & (t <= 1))):  # not a number is no time
            raise ValueError(f"times run from {t.min().item():g} to {t.max().item():g}; expected [0, 1]")
        return t.double()

    def level(self, t: Tensor) -> Level:
        """1 − t and t at times t, [] or [batch].

        Raises:
            ValueError: times aren't floats in [0, 1].
        """
        t = self._checked(t)
        return Level(1 - t, t)

    def scaled_time(self, t: Tensor) -> Tensor:
        """1000 t, float32: the embeddings of time in most networks are made for 0 … 1000."""
        return (self._checked(t) * 1000).float()

    def random_times(self, noise: Noise) -> Tensor:
        """Numbers uniform in [0, 1), [n]: the draw "time" of the noise."""
        return noise.uniform("time")

    def times(self, n_steps: int, spacing: str | None = None) -> Tensor:
        """Decreasing times from 1, float64 [n_steps].

        Args:
            n_steps: number of times.
            spacing: "trailing", the default, for 1, 1 − 1/n … 1/n: n equal steps to data. "linspace" for equal
                steps from 1 to 0.001 and a short last one, as in diffusers' FlowMatchEulerDiscreteScheduler. There
                is no "leading": it would begin below 1, where x is no pure noise.

        Raises:
            ValueError: n_steps is below one, or there is no such spacing.

        >>> RectifiedFlow().times(4).tolist()
        [1.0, 0.75, 0.5, 0.25]
        """
        check_steps(n_steps, float("inf"))
        known = {"trailing": 1 / n_steps, "linspace": 0.001}
        last = lookup(known, spacing or "trailing", "spacing of a rectified flow")
        return torch.linspace(1, last, n_steps, dtype=torch.float64)

    def ode_coordinates(self, level: Level) -> Coordinates:
        """Coordinates y = x and τ = t, in which the ODE is dx/dt = ε̂ − x̂₀ (Liu, Gong, Liu 2023, eq. 1)."""
        return Coordinates(torch.ones_like(level.noise), level.noise)

    def ode_slope(self, x0: Tensor, noise: Tensor) -> Tensor:
        """ε̂ − x̂₀, the velocity."""
        return noise - x0
