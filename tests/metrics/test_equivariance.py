"""Translation equivariance: exact movements by parts of a pixel, and decibels with a closed form."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch.testing import assert_close
from torchmetrics.functional.image import peak_signal_noise_ratio

from gancourse.metrics import translated, translation_equivariance


def waves(size=16):
    at = torch.arange(size, dtype=torch.float64) * 2 * math.pi / size
    return (torch.sin(3 * at) + torch.cos(at)[:, None]).expand(2, 3, size, size)


@pytest.mark.parametrize("size", [15, 16])
def test_movements_are_scipy_s_of_the_fourier_transform(size):
    x = waves(size)
    theirs = np.fft.ifft2(ndimage.fourier_shift(np.fft.fft2(x[0, 0].numpy()), (-1.7, 0.4))).real
    assert_close(translated(x, 0.4, -1.7)[0, 0], torch.from_numpy(theirs))


def test_a_movement_by_whole_pixels_is_a_roll_and_two_add_up():
    x = waves()
    assert_close(translated(x, 2, -3), x.roll((2, -3), (3, 2)))
    assert_close(translated(translated(x, 0.3, 0.0), 0.7, 1.0), x.roll((1, 1), (3, 2)))


def test_a_function_of_each_pixel_s_place_is_punished_as_the_peak_signal_to_noise_ratio_says():
    x = waves()
    ramp = torch.linspace(0, 1, 16, dtype=torch.float64)
    shifts = torch.tensor([[0.25, -0.5]])
    value = translation_equivariance(lambda x: x * ramp, x, shifts, margin=3, peak=2.0)
    inside = (..., slice(3, 13), slice(3, 13))
    moved, expected = translated(x, 0.25, -0.5) * ramp, translated(x * ramp, 0.25, -0.5)
    theirs = peak_signal_noise_ratio(moved[inside], expected[inside], data_range=2.0)
    assert value == pytest.approx(theirs.item(), rel=1e-5)
    assert translation_equivariance(lambda x: 2 * x, x, shifts, margin=3) > 250  # linear, and the same everywhere


def test_the_peak_is_the_range_of_the_outputs_unless_it_is_given():
    x, shifts = waves(), torch.tensor([[0.5, 0.5]])
    by_range = translation_equivariance(lambda x: x.relu(), x, shifts, margin=0)
    inside = x.relu()
    extent = (inside.max() - inside.min()).item()
    assert by_range == pytest.approx(translation_equivariance(lambda x: x.relu(), x, shifts, 0, peak=extent))


@pytest.mark.parametrize(("shifts", "margin"), [(torch.zeros(3), 0), (torch.zeros(0, 2), 0), (torch.zeros(1, 2), 8)])
def test_wrong_shifts_and_margins_are_refused(shifts, margin):
    with pytest.raises(ValueError, match=r"expected \[n, 2\] and a margin below half the size"):
        translation_equivariance(lambda x: x, waves(), shifts, margin)
