"""A ring of Gaussians in the plane with noise added, and ways back: what the figure to drag shows, in closed form."""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from gancourse.data import ring
from gancourse.diffusion import (
    Denoiser,
    Process,
    RectifiedFlow,
    VariancePreserving,
    ddim_step,
    ddpm_step,
    guided,
    of_density,
)
from gancourse.diffusion.steps import steps_between
from gancourse.theory import NoisyMixture

MODES = {"wide": 0.2, "narrow": 0.02}  # standard deviation on the ring of radius 2, before it is standardised
CLASS = (7, 0, 1)  # neighbours on the ring; the second is the middle one
PROCESSES: dict[str, Process] = {"DDPM": VariancePreserving(), "DDIM": VariancePreserving(), "flow": RectifiedFlow()}
COUNTS = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000)  # of steps
N_SAMPLES = 200
DATA_STEP, NOISE_STEP = 2000, 2001  # draws that no step of a sampler has
WORD = 2**32


@cache
def mixture(modes: str) -> NoisyMixture:
    """The ring of eight Gaussians with variance 1."""
    return NoisyMixture.of(ring(std=MODES[modes])).standardised()


class Walk(NamedTuple):
    """How a noisy x is led back.

    Args:
        modes: which data: "wide" or "narrow".
        method: "DDPM", "DDIM" or "flow".
        n_steps: how often the denoiser is called.
        guidance: scale s; 0 is no class, 1 the class, above 1 guided.
        time: of the noisy x, above 0; 1 is noise.
    """

    modes: str
    method: str
    n_steps: int
    guidance: float
    time: float = 1.0

    @property
    def process(self) -> Process:
        """The forward process."""
        return PROCESSES[self.method]

    @property
    def level(self) -> tuple[Tensor, Tensor]:
        """Signal α and noise σ at the time."""
        return self.process.level(self._times(1)[0])

    @property
    def denoiser(self) -> Denoiser:
        """The exact one, guided towards the class."""
        whole = mixture(self.modes)
        conditional = of_density(whole.components(CLASS), self.process)
        return guided(conditional, of_density(whole, self.process), scale=self.guidance)

    def _times(self, n_steps: int) -> Tensor:
        if isinstance(self.process, VariancePreserving):
            # As of a process that ends here: both ends of its times, and never more steps than it has times.
            n_times = 1 + math.floor(self.time * (self.process.n_times - 1) + 0.5)
            return VariancePreserving(n_times=n_times).times(min(n_steps, n_times), "linspace")
        return self.process.times(n_steps) * self.time

    @property
    def times(self) -> Tensor:
        """When the denoiser is called, decreasing: at most `n_steps` times."""
        return self._times(self.n_steps)

    def states(self, x: Tensor, first: int = 0) -> list[Tensor]:
        """The points x [n, 2] and what follows them after each step.

        Args:
            x: where to begin.
            first: number of the first of them; DDPM's noise depends on the numbers of sample and step alone.
        """
        states, denoiser = [x], self.denoiser
        for index, t, now, earlier in steps_between(self.process, self.times):
            estimate = denoiser(x, t)
            if self.method == "DDPM":
                step = ddpm_step(x, estimate, now, earlier)
                x = step.sample(normals(index, first, len(x))) if earlier.noise > 0 else step.mean
            else:
                x = ddim_step(estimate, now, earlier).mean
            states.append(x)
        return states


def spiral(n: int = N_SAMPLES) -> Tensor:
    """Points spread evenly over a standard normal distribution of the plane, float64 [n, 2]: along a golden spiral."""
    index = torch.arange(n, dtype=torch.float64)
    radius, angle = (-2 * (1 - (index + 0.5) / n).log()).sqrt(), index * (math.pi * (3 - math.sqrt(5)))
    return torch.stack([radius * angle.cos(), radius * angle.sin()], 1)


def _scrambled(words: Tensor) -> Tensor:
    """A one-to-one map of 32-bit numbers without visible order: the last part of Appleby's MurmurHash3."""
    words = (words ^ (words >> 16)) * 0x85EBCA6B % WORD
    words = (words ^ (words >> 13)) * 0xC2B2AE35 % WORD
    return words ^ (words >> 16)


def normals(step: int, first: int, n: int) -> Tensor:
    """Standard normal numbers of the samples first … first + n − 1 at a step, float64 [n, 2].

    The script has no torch: it computes the same numbers from integers, by Box and Muller's transformation.
    """
    # Products may exceed 64 bits: what they leave modulo 2³² is right.
    words = _scrambled((torch.arange(2 * first, 2 * (first + n)) + step * 0x9E3779B1) % WORD)
    uniform = ((words.double() + 0.5) / WORD).view(n, 2)
    radius, angle = (-2 * uniform[:, 0].log()).sqrt(), 2 * math.pi * uniform[:, 1]
    return torch.stack([radius * angle.cos(), radius * angle.sin()], 1)


def noisy_data(walk: Walk) -> Tensor:
    """Data at the walk's level of noise, equally many of each mode, float64 [n, 2]."""
    data, (signal, noise) = mixture(walk.modes), walk.level
    own = data.means.double()[torch.arange(N_SAMPLES) % len(data.means)]
    x0 = own + data.std * normals(DATA_STEP, 0, N_SAMPLES)
    return signal * x0 + noise * normals(NOISE_STEP, 0, N_SAMPLES)


def one_step(z: Tensor, means: Tensor, std: float) -> Tensor:
    """Map standard normal z [n, 2] to a mixture of equally probable Gaussians exactly: a generator without training.

    The plane is cut into as many sectors as there are modes. Within a sector, radius and angle of z are independent, so
    that the sector's angle, stretched to a full turn, makes a standard normal point again. The map jumps from sector to
    sector; a network is continuous, and can only be steep there.

    Args:
        z: latents.
        means: centres of the modes, [modes, 2].
        std: standard deviation of each mode along each axis.
    """
    turns = torch.atan2(z[:, 1], z[:, 0]) / (2 * math.pi) * len(means) + 0.5
    sector, angle = turns.floor(), 2 * math.pi * (turns - turns.floor())
    offsets = torch.stack([angle.cos(), angle.sin()], 1) * z.norm(dim=1, keepdim=True)
    return means.to(z)[sector.long() % len(means)] + std * offsets


def mapped(walk: Walk, z: Tensor) -> Tensor:
    """What the one-step map makes of latents z [n, 2]: of the class, if there is guidance."""
    data = mixture(walk.modes)
    return one_step(z, data.means[list(CLASS)] if walk.guidance > 0 else data.means, data.std)
