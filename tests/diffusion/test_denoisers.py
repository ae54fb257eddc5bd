"""Guidance in both conventions, clipping, and what a network is called with."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from gancourse import data, theory
from gancourse.diffusion import (
    Level,
    RectifiedFlow,
    VariancePreserving,
    clipped,
    clipped_estimate,
    guided,
    guided_prediction,
    of_density,
    of_network,
    scale_of_weight,
    targets,
)

PROCESSES = [VariancePreserving(), RectifiedFlow()]
RING = theory.NoisyMixture.of(data.ring(std=0.2)).standardised()
X = torch.randn(6, 2, generator=torch.Generator().manual_seed(0))


def pair(process):
    """The exact denoisers of one component, and of all."""
    return of_density(RING.components([1]), process), of_density(RING, process)


def batch_of_times(process):
    return process.times(6)


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize("weight", [-1.0, 0.0, 0.5, 3.0])
def test_both_conventions_of_guidance_are_one(process, weight):
    conditional, unconditional = pair(process)
    t = batch_of_times(process)
    by_weight = guided(conditional, unconditional, weight=weight)(X, t)
    assert_close(by_weight, guided(conditional, unconditional, scale=1 + weight)(X, t))
    c, u = conditional(X, t), unconditional(X, t)
    assert_close(by_weight.noise, (1 + weight) * c.noise - weight * u.noise)
    assert scale_of_weight(weight) == 1 + weight


@pytest.mark.parametrize("process", PROCESSES)
def test_scale_one_is_conditional_and_scale_zero_unconditional(process):
    conditional, unconditional = pair(process)
    t = batch_of_times(process)
    assert_close(guided(conditional, unconditional, scale=1)(X, t), conditional(X, t))
    assert_close(guided(conditional, unconditional, scale=0)(X, t), unconditional(X, t))


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize("name", targets)
def test_guidance_is_the_same_whatever_is_predicted(process, name):
    conditional, unconditional = pair(process)
    t = batch_of_times(process)[1:]  # at time 1 of a flow the noise doesn't determine the data
    x, level = X[1:].double(), process.level(t)
    predictions = [targets[name].of(*denoiser(x, t), level) for denoiser in (conditional, unconditional)]
    estimate = targets[name].estimate(x, guided_prediction(*predictions, scale=2.5), level)
    assert_close(estimate, guided(conditional, unconditional, scale=2.5)(x, t))


@pytest.mark.parametrize("process", PROCESSES)
def test_outside_its_interval_there_is_no_guidance(process):
    conditional, unconditional = pair(process)
    t = batch_of_times(process)
    part = guided(conditional, unconditional, scale=4, between=(200.0, 600.0))(X, t)
    whole, none = guided(conditional, unconditional, scale=4)(X, t), conditional(X, t)
    inside = (process.scaled_time(t) >= 200) & (process.scaled_time(t) <= 600)
    assert 0 < inside.sum() < 6
    assert_close(part.x0, torch.where(inside[:, None], whole.x0, none.x0))


def test_wrong_guidance_is_refused():
    conditional, unconditional = pair(PROCESSES[0])
    for numbers in ({}, {"scale": 1.0, "weight": 0.0}):
        with pytest.raises(ValueError, match="pass one of them: scale = 1 \\+ weight"):
            guided(conditional, unconditional, **numbers)
    with pytest.raises(ValueError, match="pass two of one"):
        guided(conditional, pair(PROCESSES[1])[1], scale=2)
    with pytest.raises(ValueError, match="pass the lower one first"):
        guided(conditional, unconditional, scale=2, between=(5, 1))


@pytest.mark.parametrize("process", PROCESSES)
def test_estimates_of_a_density_mix_to_x(process):
    t = batch_of_times(process)
    x0, noise = of_density(RING, process)(X.double(), t)
    assert_close(process.noised(x0, noise, t), X.double())


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize("name", ["v", "velocity"])
def test_a_network_is_called_with_scaled_times_of_each_sample(process, name):
    calls = []

    def network(x, time):
        calls.append(time)
        return torch.zeros_like(x)

    denoiser = of_network(network, process, name)
    t = batch_of_times(process)[0]
    denoiser(X, t)
    denoiser(X, t.expand(6))
    assert all(time.shape == (6,) and time.dtype == torch.float32 for time in calls)
    assert_close(calls[0], process.scaled_time(t).expand(6))
    assert_close(calls[0], calls[1])


def test_an_unknown_target_of_a_network_is_refused():
    with pytest.raises(ValueError, match="target 'nois' not found; did you mean 'noise'"):
        of_network(lambda x, time: x, PROCESSES[0], "nois")


@pytest.mark.parametrize("process", PROCESSES)
def test_a_clipped_estimate_is_within_limits_and_still_mixes_to_x(process):
    t = batch_of_times(process)
    x = 3 * X.double()
    x0, noise = clipped(of_density(RING, process), 0.5)(x, t)
    assert x0.abs().max() <= 0.5
    assert_close(process.noised(x0, noise, t), x)
    assert_close(clipped(of_density(RING, process), 9.0)(x, t), of_density(RING, process)(x, t))


def test_clipping_without_new_noise_leaves_the_level():
    # What DDIM would go on from: the estimates no longer mix to x.
    process, t, x = PROCESSES[0], torch.tensor([500]), torch.tensor([[3.0]])
    loose = of_network(lambda x, time: torch.zeros_like(x), process)(x, t)
    stale = process.noised(loose.x0.clamp(-1, 1), loose.noise, t)
    assert (stale - x).abs() > 1
    fresh = clipped(of_network(lambda x, time: torch.zeros_like(x), process))(x, t)
    assert_close(process.noised(*fresh, t), x)


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan")])
def test_a_wrong_limit_is_refused(limit):
    with pytest.raises(ValueError, match="pass a positive number"):
        clipped(pair(PROCESSES[0])[0], limit)
    with pytest.raises(ValueError, match="pass a positive number"):
        clipped_estimate(X, X, Level(torch.tensor(0.6), torch.tensor(0.8)), limit)
