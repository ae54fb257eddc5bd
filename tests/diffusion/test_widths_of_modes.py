"""What samplers make of the exact score: shares of the modes are right, their width depends on data and steps.

Deviations of 20,000 samples in two dimensions have a relative standard error of 1/√80,000 = 0.35 %.
"""

from __future__ import annotations

import pytest

from gancourse import data, theory
from gancourse.diffusion import RectifiedFlow, VariancePreserving, of_density, sample
from gancourse.metrics import mode_widths
from gancourse.rng import Noise

LINEAR = VariancePreserving()


def widths(std, method, n_steps, n, process=LINEAR, **options):
    """Shares and widths of samples from the exact score of the ring, scaled to variance one."""
    ring = theory.NoisyMixture.of(data.ring(std=std)).standardised()
    x = sample(of_density(ring, process), Noise((0, "widths"), n), (2,), n_steps, method, **options)
    measured = mode_widths(x, ring.means, ring.std)
    # Eight shares within 4 standard errors: fails for one seed in 2,000.
    assert ((measured.shares - 1 / 8).abs() < 4 * measured.share_errors).all()
    return measured


@pytest.mark.slow
def test_1000_steps_of_ddpm_reach_wide_modes_within_two_percent():
    # The truth is 1.008: fails for one seed in 1,500.
    assert abs(widths(0.2, "ddpm", 1000, 20_000).ratio - 1) < 0.02


@pytest.mark.slow
def test_1000_steps_of_ddim_reach_wide_modes_within_two_percent():
    # The truth is 0.999, with a standard error of 0.56 %: fails for one seed in 1,500.
    assert abs(widths(0.2, "ddim", 1000, 8_000).ratio - 1) < 0.02


def test_10_steps_of_ddim_do_not():
    measured = widths(0.2, "ddim", 10, 4_000)
    assert measured.ratio - 1 > 0.02 + 10 * measured.ratio_error


@pytest.mark.slow
def test_narrow_modes_have_the_right_shares_but_not_the_right_width():
    # The last noise level, 0.0100, is nearly the width of the modes, 0.0141; all errors are below 0.01.
    assert 0.88 < widths(0.02, "ddpm", 1000, 5_000).ratio < 0.96
    assert 0.68 < widths(0.02, "ddim", 50, 5_000).ratio < 0.76


def test_25_steps_of_heun_make_narrow_modes_of_a_flow_far_too_narrow():
    assert widths(0.02, "heun", 25, 4_000, RectifiedFlow()).ratio < 0.5
    assert abs(widths(0.2, "heun", 25, 4_000, RectifiedFlow()).ratio - 1) < 0.06
