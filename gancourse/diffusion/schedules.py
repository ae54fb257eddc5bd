"""Variances of the steps of a variance-preserving process: β₀ … β_{T−1}, and what follows from them."""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor

from gancourse.names import lookup

LARGEST_BETA = 0.999
"""No step is noisier: the cosine schedule's last one would leave no signal (Nichol and Dhariwal 2021, section 3.2)."""


def _check_count(n_times: int) -> None:
    if type(n_times) is not int or n_times < 1:
        raise ValueError(f"n_times is {n_times!r}; pass an integer of at least 1")


def linear_betas(n_times: int = 1000, first: float = 1e-4, last: float = 0.02) -> Tensor:
    """β that grows linearly from `first` to `last` in 1000 steps; for another T, 1000/T times that, at most 0.999.

    So a short process ends with about as little signal as a long one.

    Args:
        n_times: number of steps T.
        first: β of the first step out of 1000.
        last: β of the last step out of 1000.

    Returns:
        β, float64 [n_times].

    Raises:
        ValueError: n_times is below one, or the numbers aren't increasing between 0 and 1.

    Source: Ho, Jain, Abbeel 2020, section 4, for T = 1000.

    >>> linear_betas()[[0, -1]].tolist()
    [0.0001, 0.02]
    """
    _check_count(n_times)
    if not 0 < first <= last < 1:
        raise ValueError(f"β from {first} to {last}; expected 0 < first ≤ last < 1")
    scale = 1000 / n_times
    betas = torch.linspace(first * scale, last * scale, n_times, dtype=torch.float64)
    return betas.clamp(max=LARGEST_BETA)


def cosine_betas(n_times: int = 1000, offset: float = 0.008) -> Tensor:
    """β for which ᾱ falls as a squared cosine; at most 0.999.

    Args:
        n_times: number of steps T.
        offset: s; keeps β₀ from being tiny.

    Returns:
        β, float64 [n_times].

    Raises:
        ValueError: n_times is below one, or the offset is negative.

    Source: Nichol and Dhariwal 2021, eq. 17.

    >>> cosine_betas(4)[-1].item()
    0.999
    """
    _check_count(n_times)
    if not offset >= 0:
        raise ValueError(f"offset is {offset}; expected a number ≥ 0")
    time = torch.arange(n_times + 1, dtype=torch.float64) / n_times
    squared = ((time + offset) / (1 + offset) * math.pi / 2).cos().square()
    return (1 - squared[1:] / squared[:-1]).clamp(max=LARGEST_BETA)


def continuous_betas(n_times: int = 1000, first: float = 0.1, last: float = 20.0) -> Tensor:
    """β of T equal steps of the variance-preserving SDE, whose rate grows linearly from `first` to `last`.

    Any T is possible: ᾱ after the last step doesn't depend on it. Denoising diffusion GANs take T = 4.

    Args:
        n_times: number of steps T.
        first: rate β(0).
        last: rate β(1).

    Returns:
        β, float64 [n_times]: 1 − exp(−∫ β(s) ds) over each step.

    Raises:
        ValueError: n_times is below one, or the rates aren't positive and increasing.

    Source: Song et al. 2021 (score SDE), appendix C; Xiao, Kreis, Vahdat 2022.

    >>> (1 - continuous_betas(4)).prod().log()  # −(0.1 + 20)/2
    tensor(-10.0500, dtype=torch.float64)
    """
    _check_count(n_times)
    if not 0 < first <= last < math.inf:
        raise ValueError(f"rates from {first} to {last}; expected 0 < first ≤ last")
    time = torch.arange(n_times + 1, dtype=torch.float64) / n_times
    integral = first * time + (last - first) * time.square() / 2
    return -torch.expm1(-integral.diff())


schedules = {"linear": linear_betas, "cosine": cosine_betas, "continuous": continuous_betas}
"""β of T steps, by the name of the schedule."""


@cache
def beta_table(schedule: str, n_times: int) -> Tensor:
    """β of a schedule of that name, float64 [n_times]; computed once, so don't change it in place.

    Raises:
        ValueError: there is no such schedule, or n_times is below one.
    """
    return lookup(schedules, schedule, "schedule")(n_times)


@cache
def alpha_bar_table(schedule: str, n_times: int) -> Tensor:
    """ᾱ_t = (1 − β₀) … (1 − β_t) of that schedule, float64 [n_times]; computed once, so don't change it in place."""
    return (1 - beta_table(schedule, n_times)).cumprod(0)
