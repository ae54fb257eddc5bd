"""Denoisers: functions of a noisy x and its time, from a network or from a known density; guided or clipped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from gancourse.diffusion.forward import Level, Process
from gancourse.diffusion.predictions import Estimate, target


@dataclass(frozen=True)
class Denoiser:
    """What samplers call: x [batch, ...] and its times [batch] give estimates of x₀ and ε.

    Args:
        process: by which x is noisy.
        estimate: maps (x, t) to both estimates; t are times of the process.
    """

    process: Process
    estimate: Callable[[Tensor, Tensor], Estimate]

    def __call__(self, x: Tensor, t: Tensor) -> Estimate:
        """Estimates of x₀ and ε, each like x, at times t: [batch], or [] for all samples.

        Raises:
            ValueError: a time is out of range, or the network returns another shape.
        """
        return self.estimate(x, t.to(x.device).expand(len(x)) if t.ndim == 0 else t.to(x.device))


def of_network(network: Callable[[Tensor, Tensor], Tensor], process: Process, predicts: str = "noise") -> Denoiser:
    """The denoiser that a network is.

    Args:
        network: maps noisy x [batch, ...] and scaled times, float32 [batch] in 0 … 1000, to a prediction like x. For a
            network of labels, pass `lambda x, time: network(x, time, y)`.
        process: that it was trained for.
        predicts: name of the target: "noise", "data", "v" or "velocity".

    Raises:
        ValueError: there is no such target.

    >>> from gancourse.diffusion import RectifiedFlow
    >>> zero = of_network(lambda x, time: torch.zeros_like(x), RectifiedFlow(), "velocity")
    >>> zero(torch.ones(1, 2), torch.tensor(0.5)).x0
    tensor([[1., 1.]])
    """
    predicted = target(predicts)

    def estimate(x: Tensor, t: Tensor) -> Estimate:
        return predicted.estimate(x, network(x, process.scaled_time(t)), process.level(t))

    return Denoiser(process, estimate)


class NoisyDensity(Protocol):
    """A density of data whose denoiser is known exactly, such as `theory.NoisyMixture`."""

    def expectations(self, x: Tensor, signal: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """E[x₀ | x] and E[ε | x] at x [batch, ...] with levels [batch]."""


def of_density(density: NoisyDensity, process: Process) -> Denoiser:
    """The exact denoiser E[x₀ | x_t], which minimises every target's loss, for data of a known density.

    Args:
        density: has `expectations`.
        process: any.
    """

    def estimate(x: Tensor, t: Tensor) -> Estimate:
        return Estimate(*density.expectations(x, *process.level(t)))

    return Denoiser(process, estimate)


def scale_of_weight(weight: float) -> float:
    """The scale s = 1 + w of guidance that Ho and Salimans write with the weight w; w = 0 is no guidance.

    >>> scale_of_weight(0.5)
    1.5
    """
    return 1 + weight


def guided_prediction(conditional: Tensor, unconditional: Tensor, scale: float) -> Tensor:
    """Classifier-free guidance of one prediction: s · conditional + (1 − s) · unconditional.

    It may be of ε, x₀, v or the velocity: at one x, they are affine functions of each other, and the weights sum to 1.

    Args:
        conditional: prediction for the wanted y, [batch, ...].
        unconditional: prediction for no y, of the same shape.
        scale: s; 0 is unconditional, 1 conditional, above 1 guided. Ho and Salimans 2022 write s = 1 + w.

    Source: Saharia et al. 2022 (Imagen), eq. 2; Ho and Salimans 2022, eq. 6, with w = s − 1.

    >>> guided_prediction(torch.tensor([3.0]), torch.tensor([1.0]), scale=2.0)
    tensor([5.])
    """
    return scale * conditional + (1 - scale) * unconditional


def guided(
    conditional: Denoiser,
    unconditional: Denoiser,
    scale: float | None = None,
    weight: float | None = None,
    between: tuple[float, float] = (0.0, 1000.0),
) -> Denoiser:
    """A denoiser with classifier-free guidance, in either convention.

    Args:
        conditional: for the wanted y.
        unconditional: for no y, of the same process.
        scale: s of Imagen, Stable Diffusion and diffusers: s ε_c + (1 − s) ε_∅; 1 is no guidance.
        weight: w of Ho and Salimans: (1 + w) ε_c − w ε_∅; 0 is no guidance, and s = 1 + w. Pass one of the two.
        between: scaled times, in 0 … 1000, within which to guide; outside, the conditional denoiser is used alone
            (Kynkäänniemi et al. 2024).

    Raises:
        ValueError: neither or both of scale and weight are passed, the processes differ, or the interval is empty.

    Source: Ho and Salimans 2022, eq. 6.

    >>> from gancourse.diffusion import RectifiedFlow
    >>> constant = lambda value: of_network(lambda x, time: torch.full_like(x, value), RectifiedFlow(), "velocity")
    >>> guided(constant(3.0), constant(1.0), weight=1.0)(torch.zeros(1, 1), torch.tensor(1.0)).x0
    tensor([[-5.]])
    """
    if (scale is None) == (weight is None):
        raise ValueError(f"scale is {scale}, weight {weight}; pass one of them: scale = 1 + weight")
    if conditional.process != unconditional.process:
        raise ValueError(f"the denoisers are of {conditional.process} and {unconditional.process}; pass two of one")
    low, high = between
    if not low <= high:
        raise ValueError(f"guidance between scaled times {low} and {high}; pass the lower one first")
    s = scale_of_weight(weight) if scale is None else scale
    process = conditional.process

    def estimate(x: Tensor, t: Tensor) -> Estimate:
        with_y, without = conditional(x, t), unconditional(x, t)
        time = process.scaled_time(t).view(-1, *[1] * (x.ndim - 1))
        inside = (low <= time) & (time <= high)
        return Estimate(
            *(torch.where(inside, guided_prediction(c, u, s), c) for c, u in zip(with_y, without, strict=True))
        )

    return Denoiser(process, estimate)


def clipped_estimate(x: Tensor, x0: Tensor, level: Level, limit: float = 1.0) -> Estimate:
    """An estimate x̂₀ clipped to [−limit, limit], and the ε̂ that belongs to it: (x − α x̂₀)/σ.

    Without the new ε̂ the two would no longer mix to x, and DDIM's steps would leave the process's noise level.

    Args:
        x: noisy data, [batch, ...].
        x0: estimate of the data, of the same shape.
        level: at which x is; noise above 0.
        limit: largest value of the data.

    Raises:
        ValueError: the limit isn't positive, or there is no noise.

    >>> clipped_estimate(torch.tensor([[1.4]]), torch.tensor([[3.0]]), Level(*torch.tensor([0.6, 0.8])))
    Estimate(x0=tensor([[1.]]), noise=tensor([[1.]]))
    """
    if not limit > 0:
        raise ValueError(f"limit is {limit}; pass a positive number")
    clamped = x0.clamp(-limit, limit)
    return target("data").estimate(x, clamped, level)


def clipped(denoiser: Denoiser, limit: float = 1.0) -> Denoiser:
    """A denoiser whose x̂₀ stays within [−limit, limit], as images do; ε̂ is recomputed.

    Apply it last: guidance after clipping would leave the range again.

    Args:
        denoiser: any.
        limit: largest value of the data.

    Raises:
        ValueError: the limit isn't positive.

    Source: Ho et al. 2020's code; diffusers' `clip_sample`, which is on by default there.
    """
    if not limit > 0:
        raise ValueError(f"limit is {limit}; pass a positive number")
    process = denoiser.process

    def estimate(x: Tensor, t: Tensor) -> Estimate:
        return clipped_estimate(x, denoiser(x, t).x0, process.level(t), limit)

    return Denoiser(process, estimate)
