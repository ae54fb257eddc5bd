"""Shares and widths of modes: right for the truth, and noticed where they are wrong."""

from __future__ import annotations

import math

import pytest
import torch
from torch.testing import assert_close

from gancourse import data
from gancourse.errors import NotFiniteError
from gancourse.metrics import mode_widths
from gancourse.rng import Noise

RING = data.ring(std=0.2)


def draw(n, seed=0):
    return RING(Noise((seed, "widths"), n)).x


def test_samples_of_the_truth_have_its_shares_and_width():
    # 4 standard errors: each fails for one seed in 16,000.
    widths = mode_widths(draw(20_000), RING.means, 0.2)
    assert abs(widths.ratio - 1) < 4 * widths.ratio_error
    assert ((widths.shares - 1 / 8).abs() < 4 * widths.share_errors).all()
    # Of n normal samples in two dimensions the relative error is 1/√(4n).
    assert_close(widths.ratio_error, 1 / math.sqrt(80_000), rtol=0.05, atol=0)


def test_modes_a_tenth_too_narrow_are_noticed():
    component = draw(4_000)
    centres = RING.means[torch.cdist(component, RING.means).argmin(1)]
    widths = mode_widths(centres + 0.9 * (component - centres), RING.means, 0.2)
    assert widths.ratio + 4 * widths.ratio_error < 1
    assert_close(widths.ratio, 0.9, rtol=0.04, atol=0)


def test_the_standard_error_is_the_spread_over_redraws():
    # The spread of 200 ratios has a relative error of 5 %.
    repeats = [mode_widths(draw(400, seed), RING.means, 0.2) for seed in range(200)]
    spread = torch.tensor([r.ratio for r in repeats]).std().item()
    assert_close(spread, sum(r.ratio_error for r in repeats) / 200, rtol=0.2, atol=0)
    shares = torch.stack([r.shares for r in repeats])
    assert_close(shares[:, 0].std().item(), repeats[0].share_errors[0].item(), rtol=0.3, atol=0)


def test_a_shifted_mode_is_not_a_wide_one():
    x = draw(4_000)
    own = torch.cdist(x, RING.means).argmin(1)
    shifted = x + 0.1 * RING.means[own]
    assert_close(mode_widths(shifted, RING.means, 0.2).ratio, mode_widths(x, RING.means, 0.2).ratio)


def test_the_order_of_samples_and_a_common_scale_change_nothing():
    x = draw(500)
    widths = mode_widths(x, RING.means, 0.2)
    assert_close(mode_widths(x.flip(0), RING.means, 0.2), widths)
    assert_close(mode_widths(3 * x, 3 * RING.means, 0.6), widths, rtol=1e-5, atol=1e-6)


def test_missing_modes_have_share_zero():
    widths = mode_widths(torch.tensor([[2.0, 0.0], [2.1, 0.0], [1.9, 0.0]]), RING.means, 0.2)
    assert widths.shares.tolist() == [1.0] + [0.0] * 7
    assert widths.share_errors.sum() == 0


def test_mistakes_are_refused():
    with pytest.raises(ValueError, match="2 samples at 2 modes; pass at least one more"):
        mode_widths(RING.means[:2], RING.means, 0.2)
    with pytest.raises(ValueError, match="expected at least one mode, and positive numbers"):
        mode_widths(draw(20), RING.means, 0.0)
    with pytest.raises(NotFiniteError, match="not finite"):
        mode_widths(torch.full((3, 2), math.inf), RING.means, 0.2)
