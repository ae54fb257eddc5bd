"""Alias-free layers: feature maps as samples of continuous images, filtered so that nothing above a cutoff is left.

A pointwise nonlinearity makes frequencies that the sampling rate can't hold. Here it is computed at a higher rate, and
what lies above the cutoff is filtered away before the rate is lowered again.

Source: Karras, Aittala, Laine, Härkönen, Hellsten, Lehtinen, Aila 2021 (StyleGAN3), sections 2 and 3. Kaiser 1974
for the window; the formulas are those of `scipy.signal.firwin`, which the tests compare.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

GAIN, LEAK, TAPS = math.sqrt(2), 0.2, 6


def attenuation(n_taps: int, width: float) -> float:
    """Decibels by which a filter of so many taps lowers what lies beyond its transition band.

    Args:
        n_taps: length of the filter.
        width: of the transition band, in units of half the sampling rate.

    >>> round(attenuation(12, 0.6), 1)
    55.3
    """
    return 2.285 * (n_taps - 1) * math.pi * width + 7.95


def kaiser_beta(decibels: float) -> float:
    """The shape of Kaiser's window for an attenuation.

    >>> round(kaiser_beta(55.3), 2), kaiser_beta(20.0)
    (5.14, 0.0)
    """
    if decibels > 50:
        return 0.1102 * (decibels - 8.7)
    return 0.5842 * (decibels - 21) ** 0.4 + 0.07886 * (decibels - 21) if decibels > 21 else 0.0


def low_pass(n_taps: int, cutoff: float, half_width: float, rate: float) -> Tensor:
    """A low-pass filter: the sinc function of the cutoff times Kaiser's window, which sums to one, float64 [n_taps].

    Args:
        n_taps: its length.
        cutoff: frequency that it halves in amplitude.
        half_width: of the transition band around the cutoff.
        rate: samples per unit of length; the cutoff lies below half of it.

    Raises:
        ValueError: the cutoff or the half-width isn't positive, or the cutoff lies at half the rate or above it.

    >>> low_pass(2, cutoff=1.0, half_width=0.5, rate=4.0).tolist()
    [0.5, 0.5]
    """
    if n_taps < 1 or not 0 < cutoff < rate / 2 or not half_width > 0:
        raise ValueError(
            f"{n_taps} taps, cutoff {cutoff}, half-width {half_width}, rate {rate}; expected at least 1 tap, a cutoff "
            "between 0 and half the rate, and a positive half-width"
        )
    beta = kaiser_beta(attenuation(n_taps, 4 * half_width / rate))
    position = torch.arange(n_taps, dtype=torch.float64) - (n_taps - 1) / 2
    window = torch.kaiser_window(n_taps, periodic=False, beta=beta, dtype=torch.float64)
    taps = torch.sinc(2 * cutoff / rate * position) * window
    return taps / taps.sum()


def _filtered(x: Tensor, taps: Tensor, padding: tuple[int, int], stride: int = 1) -> Tensor:
    """Each channel convolved with a filter along both axes, with so many zeros before and after each axis."""
    n, kernel = x.shape[1], taps.to(x.dtype).flip(0)
    for axis, shape in ((3, (1, 1, 1, -1)), (2, (1, 1, -1, 1))):
        pads = (*padding, 0, 0) if axis == 3 else (0, 0, *padding)
        steps = (1, stride) if axis == 3 else (stride, 1)
        weight = kernel.view(shape).expand(n, -1, -1, -1).contiguous()
        x = functional.conv2d(functional.pad(x, pads), weight, stride=steps, groups=n)
    return x


def raised(x: Tensor, taps: Tensor, up: int) -> Tensor:
    """Images at `up` times the sampling rate: zeros between the samples, and a filter; the canvas stays in place.

    Pixels are squares, so the centre of a pixel lies in the middle of the `up` new ones that it is replaced by. Zeros
    lie outside. The gain of `up` along each axis makes up for the zeros between the samples.

    Args:
        x: [batch, channels, height, width].
        taps: a low-pass filter at the new rate, whose length differs from `up` by an even number.
        up: a whole number.
    """
    if up == 1:
        return x
    n, channels, height, width = x.shape
    spread = x.new_zeros(n, channels, height, up, width, up)
    spread[:, :, :, 0, :, 0] = x
    before = (len(taps) + up) // 2 - 1
    return _filtered(spread.view(n, channels, height * up, width * up), up * taps, (before, len(taps) - 1 - before))


def lowered(x: Tensor, taps: Tensor, down: int) -> Tensor:
    """Images at a `down`-th of the sampling rate: a filter, and every `down`-th sample; the canvas stays in place.

    Args:
        x: [batch, channels, height, width], height and width multiples of `down`.
        taps: a low-pass filter at the old rate, whose length differs from `down` by an even number.
        down: a whole number.
    """
    if down == 1:
        return x
    before = (len(taps) - down) // 2
    return _filtered(x, taps, (before, before), stride=down)


class FilteredActivation(nn.Module):
    """A leaky ReLU times √2 that is computed at a higher sampling rate, between two low-pass filters.

    Args:
        rate: samples per unit of length of the input, a power of two.
        cutoff: what is kept of the input.
        half_width: of the transition band around it.
        new_rate: of the output; as the input's if left out.
        new_cutoff: what is kept of the output; as the input's if left out.
        new_half_width: of the transition band around it.
        times: the leaky ReLU's rate as a multiple of the higher one of the two.

    Source: Karras et al. 2021, section 3.2: twice the rate, Kaiser windows of 6 taps for each step of the rate. The
    paper's configuration G has a cutoff of rate / 2 − half_width, below the critical rate / 2.

    >>> FilteredActivation(16, 6.0, 2.0)(torch.zeros(1, 2, 8, 8)).shape
    torch.Size([1, 2, 8, 8])
    """

    taps_up: Tensor
    taps_down: Tensor

    def __init__(
        self,
        rate: int,
        cutoff: float,
        half_width: float,
        new_rate: int | None = None,
        new_cutoff: float | None = None,
        new_half_width: float | None = None,
        times: int = 2,
    ) -> None:
        super().__init__()
        new_rate, new_cutoff = new_rate or rate, new_cutoff or cutoff
        high = times * max(rate, new_rate)
        if high % (2 * rate) or high % (2 * new_rate):  # filters of an odd step would move images by half a sample
            raise ValueError(f"rates {rate} and {new_rate} are no even parts of {high}; pass powers of two")
        self.up, self.down = high // rate, high // new_rate
        self.register_buffer("taps_up", low_pass(TAPS * self.up, cutoff, half_width, high), persistent=False)
        down = low_pass(TAPS * self.down, new_cutoff, new_half_width or half_width, high)
        self.register_buffer("taps_down", down, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Images [batch, channels, …] at the new rate, of the same canvas."""
        x = GAIN * functional.leaky_relu(raised(x, self.taps_up, self.up), LEAK)
        return lowered(x, self.taps_down, self.down)


def cropped(x: Tensor, size: int) -> Tensor:
    """The middle of square images, size × size.

    Raises:
        ValueError: the images are smaller, or have no middle of that size.
    """
    margin, rest = divmod(x.shape[-1] - size, 2)
    if margin < 0 or rest:
        raise ValueError(f"images of {x.shape[-1]} pixels have no middle of {size}; pass a size of the same parity")
    return x[..., margin : margin + size, margin : margin + size]
