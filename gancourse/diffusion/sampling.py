"""Samplers: generators of the states on the way from noise to data.

Each yields x after every step, n_steps times; the last one is x₀. They use a process's levels only, so that all of them
work with all processes. To differentiate nothing, iterate within `torch.no_grad()`, as `sample` does.

Defaults of diffusers 0.42 that differ (tests hold them to what is said here):

- Clipping of x̂₀: here only by `clipped`; `DDPMScheduler` and `DDIMScheduler` clip to [−1, 1] (`clip_sample=True`).
- New ε̂ after clipping: here always; there only with `use_clipped_model_output=True`.
- Variance of `ddpm`: here "large", β; there "fixed_small", β̃.
- Spacing of times: here "leading" for DDPM's process, as in DDPM's and DDIM's schedulers there, and "trailing" for a
  flow; Euler's and Heun's schedulers there have "linspace".
- Next time of a sub-sequence: here its next element; DDPM's and DDIM's schedulers step to t − ⌊T/n⌋, which for
  "linspace" is another time.
- End of the sub-sequence: data, ᾱ = 1, in both (`set_alpha_to_one=True`).
- β of `heun`: here those of the process, 0.0001 … 0.02; `HeunDiscreteScheduler` has 0.00085 … 0.012.
- Last time of a flow: here 1/n, then 0; `FlowMatchEulerDiscreteScheduler` has 0.001, then 0, which is "linspace" here.
- Tables: here in double precision; there in single precision, which costs the smallest β and β̃ all but four digits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from gancourse.diffusion.denoisers import Denoiser
from gancourse.diffusion.steps import checked_times, ddim_step, ddpm_step, ode_step, step_noise, steps_between
from gancourse.names import lookup
from gancourse.rng import Noise


def ddpm(denoiser: Denoiser, x: Tensor, times: Tensor, noise: Noise, variance: str = "large") -> Iterator[Tensor]:
    """Ancestral sampling: each step draws from p(x_s | x_t); the last one adds no noise.

    Args:
        denoiser: estimates x₀ and ε.
        x: where to begin: standard normal, [batch, ...].
        times: decreasing, as from `process.times(n_steps)`.
        noise: for as many samples; each step folds its index in, so that samples depend on the key alone.
        variance: "large" (β) or "small" (β̃); see `ddpm_step`.

    Yields:
        x after each step, [batch, ...]; the last one is x₀.

    Raises:
        ValueError: times aren't decreasing or not the process's, noise is for another number of samples, or the
            variance is unknown.

    Source: Ho et al. 2020, algorithm 2.
    """
    for index, t, now, earlier in steps_between(denoiser.process, times):
        step = ddpm_step(x, denoiser(x, t), now, earlier, variance)
        x = step.sample(step_noise(noise, index, x)) if step.variance > 0 else step.mean
        yield x


def ddim(
    denoiser: Denoiser, x: Tensor, times: Tensor, noise: Noise | None = None, eta: float = 0.0
) -> Iterator[Tensor]:
    """DDIM: as `ddpm`, with as much new noise as η says; with η = 0 it solves the probability-flow ODE.

    Args:
        denoiser: estimates x₀ and ε.
        x: where to begin: standard normal, [batch, ...].
        times: decreasing, as from `process.times(n_steps)`.
        noise: for as many samples; may be left out if eta is 0.
        eta: η in [0, 1].

    Yields:
        x after each step, [batch, ...]; the last one is x₀.

    Raises:
        ValueError: as for `ddpm`; or eta is outside [0, 1], or above 0 without noise.

    Source: Song, Meng, Ermon 2021, eq. 12.

    >>> from gancourse.diffusion import RectifiedFlow, of_network
    >>> flow = RectifiedFlow()
    >>> halve = of_network(lambda x, time: x / 2, flow, "data")
    >>> [x.item() for x in ddim(halve, torch.tensor([[4.0]]), flow.times(2))]
    [3.0, 1.5]
    """
    if eta > 0 and noise is None:
        raise ValueError(f"eta is {eta} but there is no noise; pass noise, or eta=0")
    for index, t, now, earlier in steps_between(denoiser.process, times):
        step = ddim_step(denoiser(x, t), now, earlier, eta)
        x = step.sample(step_noise(noise, index, x)) if step.variance > 0 else step.mean
        yield x


def euler(denoiser: Denoiser, x: Tensor, times: Tensor, noise: Noise | None = None) -> Iterator[Tensor]:
    """Euler's method for the probability-flow ODE, in the process's own coordinates.

    For both processes these are steps of DDIM with η = 0: a denoiser that is held constant moves x straight.

    Args:
        denoiser: estimates x₀ and ε.
        x: where to begin: standard normal, [batch, ...].
        times: decreasing, as from `process.times(n_steps)`.
        noise: not used: the ODE is deterministic.

    Yields:
        x after each step, [batch, ...]; the last one is x₀.

    Raises:
        ValueError: times aren't decreasing or not the process's.

    Source: Song, Meng, Ermon 2021, eq. 13; Liu, Gong, Liu 2023, section 2.1.
    """
    process = denoiser.process
    for _, t, now, earlier in steps_between(process, times):
        x = ode_step(process, x, process.ode_slope(*denoiser(x, t)), now, earlier)
        yield x


def heun(denoiser: Denoiser, x: Tensor, times: Tensor, noise: Noise | None = None) -> Iterator[Tensor]:
    """Heun's method for the probability-flow ODE: 2n − 1 calls of the denoiser for n times; error O(n⁻²).

    The last step, to data, is Euler's: a denoiser isn't defined where there is no noise.

    Args:
        denoiser: estimates x₀ and ε.
        x: where to begin: standard normal, [batch, ...].
        times: decreasing, as from `process.times(n_steps)`.
        noise: not used: the ODE is deterministic.

    Yields:
        x after each step, [batch, ...]; the last one is x₀.

    Raises:
        ValueError: times aren't decreasing or not the process's.

    Source: Karras et al. 2022, algorithm 1, in the process's coordinates.
    """
    process = denoiser.process
    times = checked_times(times)
    for index, t, now, earlier in steps_between(process, times):
        slope = process.ode_slope(*denoiser(x, t))
        if index + 1 < len(times):
            ahead = ode_step(process, x, slope, now, earlier)
            slope = (slope + process.ode_slope(*denoiser(ahead, times[index + 1]))) / 2
        x = ode_step(process, x, slope, now, earlier)
        yield x


Sampler = Callable[..., Iterator[Tensor]]

samplers: dict[str, Sampler] = {"ddpm": ddpm, "ddim": ddim, "euler": euler, "heun": heun}
"""Samplers by name: each is called with (denoiser, x, times, noise), `ddpm` also with `variance`, `ddim` with `eta`."""


def sampler(name: str) -> Sampler:
    """Sampler of that name.

    Raises:
        ValueError: there is none; the message suggests the nearest.
    """
    return lookup(samplers, name, "sampler")


def sample(
    denoiser: Denoiser,
    noise: Noise,
    shape: tuple[int, ...],
    n_steps: int = 50,
    method: str = "ddim",
    spacing: str | None = None,
    **options: float | str,
) -> Tensor:
    """Samples x₀ that depend on the noise's key alone, [n, ...].

    Args:
        denoiser: estimates x₀ and ε.
        noise: for n samples: the start and what each step adds.
        shape: of one sample.
        n_steps: number of steps.
        method: name of the sampler.
        spacing: of the times; None for the process's default.
        options: of the sampler: `variance` of ddpm, `eta` of ddim.

    Raises:
        ValueError: a name is unknown, or a number is out of range.
        TypeError: the sampler has no such option.

    >>> from gancourse.diffusion import RectifiedFlow, of_network
    >>> zero = of_network(lambda x, time: torch.zeros_like(x), RectifiedFlow(), "data")
    >>> sample(zero, Noise((0,), n=2), (3,), n_steps=5).abs().max().item()
    0.0
    """
    start = noise.normal("x", *shape)
    states = sampler(method)(denoiser, start, denoiser.process.times(n_steps, spacing), noise, **options)
    with torch.no_grad():
        *_, x0 = states
    return x0
