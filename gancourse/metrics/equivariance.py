"""Equivariance: whether a moved input makes a moved output, in decibels."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.metrics.features import Numbers, tensor


def translated(x: Tensor, right: float, down: float) -> Tensor:
    """Periodic images moved by any part of a pixel: exact for images without frequencies of half the rate.

    Args:
        x: [..., height, width].
        right: pixels.
        down: pixels.

    >>> translated(torch.tensor([[1.0, 2.0, 3.0]]), 1.0, 0.0).round()
    tensor([[3., 1., 2.]])
    """
    height, width = x.shape[-2:]
    rows = torch.fft.fftfreq(height, dtype=torch.float64, device=x.device)[:, None]
    columns = torch.fft.rfftfreq(width, dtype=torch.float64, device=x.device)
    phase = torch.exp(-2j * math.pi * (rows * down + columns * right))
    return torch.fft.irfft2(torch.fft.rfft2(x.double()) * phase, s=(height, width)).to(x)


def translation_equivariance(
    function: Callable[[Tensor], Tensor], x: Numbers, shifts: Numbers, margin: int, peak: float | None = None
) -> float:
    """Peak signal-to-noise ratio, in decibels, of function(moved x) as an approximation of the moved function(x).

    It is infinite without any error. Move by parts of pixels: convolutions of stride 1 commute with whole ones, aliases
    or not. Only the middle of the images counts, as the borders depend on what lies outside.

    Args:
        function: maps images to images of the same size.
        x: images without high frequencies, [n, channels, size, size].
        shifts: pixels to the right and down, [n_shifts, 2].
        margin: pixels at each border that don't count.
        peak: range of the values, 2 for images in [−1, 1]; that of the outputs if left out.

    Raises:
        ValueError: nothing is left within the margin, or there are no shifts.

    Source: Karras et al. 2021 (StyleGAN3), appendix E.1 (EQ-T).

    >>> x = torch.cos(2 * math.pi * torch.arange(16.0) / 16).expand(1, 1, 16, 16)
    >>> translation_equivariance(lambda x: 3 * x, x, torch.tensor([[0.5, 0.0]]), margin=2) > 100
    True
    """
    x, shifts = tensor(x, "x"), tensor(shifts, "shifts")
    if shifts.ndim != 2 or shifts.shape[1] != 2 or not len(shifts) or not 0 <= 2 * margin < x.shape[-1]:
        raise ValueError(
            f"shifts {tuple(shifts.shape)} and a margin of {margin} of {x.shape[-1]} pixels; expected [n, 2] and a "
            "margin below half the size"
        )
    inside = (..., *(slice(margin, x.shape[-1] - margin),) * 2)
    plain, squares = function(x), []
    for right, down in shifts.tolist():
        error = function(translated(x, right, down)) - translated(plain, right, down)
        squares.append(error[inside].double().square().mean())
    peak = (plain[inside].max() - plain[inside].min()).item() if peak is None else peak
    mean = torch.stack(squares).mean().item()
    return 10 * math.log10(peak**2 / mean) if mean else math.inf
