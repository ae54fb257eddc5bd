"""The variational bound of normal data against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence
from torch.testing import assert_close

from gancourse import theory
from gancourse.diffusion import (
    DATA,
    RectifiedFlow,
    VariancePreserving,
    gaussian_kl,
    of_density,
    prior_term,
    step_term,
    variational_bound,
)
from gancourse.rng import Noise

N = 4_000
NOISE = Noise((0, "bound"), N)


def normal(std):
    return theory.NoisyMixture(torch.zeros(1, 2), std, torch.ones(1))


def bound(process, std, variance, n_steps=None):
    x0 = std * NOISE.normal("data", 2).double()
    times = process.times(n_steps or process.n_times)
    return variational_bound(of_density(normal(std), process), x0, times, NOISE, variance)


def entropy(std):
    return 0.5 + math.log(std) + math.log(2 * math.pi) / 2


def closed_form(betas, std, variance):
    """The bound's terms in NumPy, for a centred normal distribution and its exact denoiser, by DDPM's own formulas."""
    bars = np.cumprod(1 - betas)
    before = np.concatenate([[1.0], bars[:-1]])
    small = betas * (1 - before) / (1 - bars)
    error = std**2 * (1 - bars) / (bars * std**2 + 1 - bars)  # variance of x₀ given x
    distance = before * (betas / (1 - bars)) ** 2 * error
    model = betas if variance == "large" else small
    steps = (small[1:] / model[1:] - 1 - np.log(small[1:] / model[1:]) + distance[1:] / model[1:]) / 2
    last = (np.log(2 * np.pi * betas[0]) + error[0] / betas[0]) / 2
    prior = (bars[-1] * std**2 + 1 - bars[-1] - 1 - np.log(1 - bars[-1])) / 2
    return prior, steps[::-1].copy(), last


@pytest.mark.parametrize("std", [0.3, 1.0])
@pytest.mark.parametrize("variance", ["large", "small"])
def test_the_bound_of_normal_data_is_its_closed_form(variance, std):
    process = VariancePreserving("linear", 100)
    measured = bound(process, std, variance)
    prior, steps, last = closed_form(process.betas.numpy(), std, variance)
    # Total: 5 standard errors, one seed in a million; single terms are averages of N squares of two numbers.
    assert abs(measured.total - (prior + steps.sum() + last)) < 5 * measured.standard_error
    assert_close(measured.steps.numpy(), steps, rtol=0.08, atol=1e-6)
    assert measured.standard_error < 0.04


@pytest.mark.parametrize("schedule", ["linear", "cosine", "continuous"])
def test_with_the_large_variance_the_bound_of_data_of_variance_one_is_their_entropy(schedule):
    measured = bound(VariancePreserving(schedule, 50), 1.0, "large")
    assert abs(measured.total - entropy(1.0)) < 5 * measured.standard_error


def gap(n_times, variance):
    """What the bound has above the entropy of a normal distribution of width 0.3."""
    prior, steps, last = closed_form(VariancePreserving("continuous", n_times).betas.numpy(), 0.3, variance)
    return prior + steps.sum() + last - entropy(0.3)


def test_with_the_large_variance_the_gap_to_the_entropy_falls_as_one_over_the_steps():
    assert 4.5 < gap(200, "large") / gap(1000, "large") < 5.5
    assert gap(1000, "large") < 0.005


def test_with_the_small_variance_it_does_not_vanish():
    # The signal-to-noise ratio of the last steps falls as 1/t: their terms add up to half of Euler's constant, 0.29.
    assert gap(200, "small") > 0.5
    assert 0.29 < gap(4000, "small") < gap(1000, "small") < 0.5
    measured = bound(VariancePreserving("continuous", 20), 0.3, "small")
    assert measured.total - entropy(0.3) > 5 * measured.standard_error


def test_a_worse_denoiser_has_a_larger_bound():
    process = VariancePreserving("linear", 50)
    x0 = 0.3 * NOISE.normal("data", 2).double()
    right = variational_bound(of_density(normal(0.3), process), x0, process.times(50), NOISE)
    wrong = variational_bound(of_density(normal(0.5), process), x0, process.times(50), NOISE)
    assert wrong.total > right.total + 5 * right.standard_error


def test_the_bound_holds_for_a_flow_too():
    flow = RectifiedFlow()
    measured = bound(flow, 0.3, "large", n_steps=100)
    assert measured.prior == 0
    assert -5 * measured.standard_error < measured.total - entropy(0.3) < 0.2


def test_the_first_term_of_three_schedules():
    x0 = torch.ones(1, 3)
    last = torch.tensor(999)
    linear = prior_term(x0, VariancePreserving().level(last)).item()
    assert_close(linear, 2.02e-5, rtol=0.01, atol=0)
    cosine = prior_term(x0, VariancePreserving("cosine").level(last)).item()
    assert_close(cosine, 1.2e-9, rtol=0.05, atol=0)
    assert prior_term(x0, RectifiedFlow().level(torch.tensor(1.0))).item() == 0


def test_the_divergence_of_normal_distributions_is_that_of_torch():
    p, q = Normal(torch.tensor(0.3), torch.tensor(0.7)), Normal(torch.tensor(-1.0), torch.tensor(1.9))
    assert_close(gaussian_kl(torch.tensor(1.3**2), p.variance, q.variance), kl_divergence(p, q))


def test_a_step_with_the_small_variance_is_the_change_of_signal_to_noise_times_the_error():
    process, t = VariancePreserving(), torch.tensor(300)
    x0 = 0.3 * NOISE.normal("data", 2).double()
    x = process.noised(x0, NOISE.normal("noise", 2).double(), t)
    now, earlier = process.level(t), process.level(t - 1)
    denoiser = of_density(normal(0.3), process)
    error = (denoiser(x, t).x0 - x0).square().mean(1)
    expected = (earlier.snr - now.snr) / 2 * error
    assert_close(step_term(denoiser, x0, x, t, now, earlier, "small"), expected)
    last = step_term(denoiser, x0, x, t, now, DATA, "small")
    assert_close(last, -Normal(denoiser(x, t).x0, (now.after(DATA).noise)).log_prob(x0).mean(1))


def test_mistakes_are_refused():
    process = VariancePreserving("linear", 4)
    denoiser = of_density(normal(1.0), process)
    with pytest.raises(ValueError, match="x0 has 1 samples; pass two or more"):
        variational_bound(denoiser, torch.zeros(1, 2), process.times(4), Noise((0,), 1))
    with pytest.raises(ValueError, match="noise for 3 samples, x has 2"):
        variational_bound(denoiser, torch.zeros(2, 2), process.times(4), Noise((0,), 3))
    with pytest.raises(ValueError, match="variance 'huge' not found"):
        variational_bound(denoiser, torch.zeros(2, 2), process.times(4), Noise((0,), 2), "huge")
