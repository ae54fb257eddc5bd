"""Processes, targets and samplers against those of the library diffusers, with its float32 tables."""

from __future__ import annotations

import inspect
import warnings

import pytest
import torch
from torch.testing import assert_close

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what its own dependencies say
    from diffusers import (
        DDIMScheduler,
        DDPMScheduler,
        FlowMatchEulerDiscreteScheduler,
        FlowMatchHeunDiscreteScheduler,
        HeunDiscreteScheduler,
    )

from gancourse import data, theory
from gancourse.diffusion import (
    RectifiedFlow,
    VariancePreserving,
    clipped,
    ddim,
    ddim_step,
    ddpm_step,
    discrete,
    euler,
    heun,
    of_density,
    of_network,
    posterior,
    target,
)

LINEAR, COSINE, FLOW = VariancePreserving(), VariancePreserving("cosine"), RectifiedFlow()
BETAS = {"linear": "linear", "squaredcos_cap_v2": "cosine"}
RING = theory.NoisyMixture.of(data.ring(std=0.2)).standardised()
START = torch.randn(32, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def ddim_scheduler(**options):
    return DDIMScheduler(beta_start=1e-4, beta_end=0.02, **options)


def scaled(error, x):
    """Largest error, relative to the size of the states."""
    return (error.abs().max() / x.abs().max()).item()


@pytest.mark.parametrize("name", BETAS)
def test_tables_agree_to_the_digits_of_single_precision(name):
    theirs = DDPMScheduler(beta_schedule=name)
    ours = VariancePreserving(BETAS[name])
    assert_close(ours.betas.float(), theirs.betas, rtol=2e-6, atol=1e-9)
    assert_close(ours.alpha_bars[:-1].float(), theirs.alphas_cumprod[:-1], rtol=2e-4, atol=0)
    assert theirs.alphas_cumprod.dtype == torch.float32


def test_noisy_data_and_v_agree():
    theirs = DDPMScheduler()
    t = torch.tensor([0, 10, 500, 999]).repeat(8)
    noise = START.flip(0)
    # σ of the first time, √(1 − ᾱ₀), has 4 of its digits in single precision.
    assert_close(LINEAR.noised(START, noise, t), theirs.add_noise(START, noise, t), rtol=0, atol=1e-5)
    v = target("v").of(START, noise, LINEAR.level(t))
    assert_close(v, theirs.get_velocity(START, noise, t), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("theirs", "ours"), [("fixed_small", "small"), ("fixed_large", "large")])
def test_variances_of_ddpm_agree_to_the_digits_of_single_precision(theirs, ours):
    scheduler = DDPMScheduler(variance_type=theirs)
    for t in (1, 2, 10, 500, 999):
        now, before = LINEAR.level(torch.tensor(t)), LINEAR.level(torch.tensor(t - 1))
        step = ddpm_step(START, of_density(RING, LINEAR)(START, torch.tensor(t)), now, before, ours)
        # Theirs subtracts numbers near 1 in single precision.
        assert_close(step.variance.float(), scheduler._get_variance(t), rtol=1e-4, atol=1.2e-7)


def test_single_precision_costs_the_first_variance_a_few_digits():
    theirs = DDPMScheduler()._get_variance(1).item()
    ours = LINEAR.posterior_variances[1].item()
    assert 1e-6 < abs(theirs / ours - 1) < 1e-4
    # At time 0, where the variance is 0, theirs is clamped.
    assert DDPMScheduler()._get_variance(0).item() == pytest.approx(1e-20, rel=1e-6)


def test_the_mean_of_a_step_of_ddpm_agrees():
    scheduler = DDPMScheduler(clip_sample=False)
    scheduler.set_timesteps(1000)
    denoiser = of_density(RING, LINEAR)
    for t in (999, 500, 1):
        estimate = denoiser(START, torch.tensor(t))
        mean = posterior(estimate.x0, START, LINEAR.level(torch.tensor(t)), LINEAR.level(torch.tensor(t - 1))).mean
        random = torch.Generator().manual_seed(0)
        result = scheduler.step(estimate.noise, t, START, generator=random).prev_sample
        noise = torch.randn(START.shape, generator=torch.Generator().manual_seed(0), dtype=START.dtype)
        assert_close(mean + LINEAR.posterior_variances[t].sqrt() * noise, result, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("schedule", ["linear", "squaredcos_cap_v2"])
@pytest.mark.parametrize("spacing", ["leading", "trailing"])
def test_50_states_of_ddim_agree(schedule, spacing, monkeypatch):
    scheduler = ddim_scheduler(beta_schedule=schedule, clip_sample=False, timestep_spacing=spacing)
    scheduler.set_timesteps(50)
    monkeypatch.setattr(discrete, "alpha_bar_table", lambda name, n: scheduler.alphas_cumprod.double())
    process = VariancePreserving(BETAS[schedule])
    times = process.times(50, spacing)
    assert times.tolist() == scheduler.timesteps.tolist()
    denoiser = of_network(lambda x, time: torch.tanh(x) + time[:, None] / 2000, process)
    x = START
    for t, state in zip(times, ddim(denoiser, START, times), strict=True):
        noise = torch.tanh(x) + process.scaled_time(t) / 2000
        x = scheduler.step(noise, int(t), x).prev_sample
        assert scaled(state - x, x) < 1e-6


def test_with_linspace_ddim_of_diffusers_steps_to_a_time_that_is_not_in_the_sub_sequence():
    scheduler = ddim_scheduler(clip_sample=False, timestep_spacing="linspace")
    scheduler.set_timesteps(40)
    times = LINEAR.times(40, "linspace")
    assert times.tolist() == scheduler.timesteps.tolist()
    t, following = times[-4:-2]
    estimate = of_density(RING, LINEAR)(START, t)
    theirs = scheduler.step(estimate.noise, int(t), START).prev_sample
    assert (ddim_step(estimate, LINEAR.level(t), LINEAR.level(following)).mean - theirs).abs().max() > 1e-3
    assert_close(ddim_step(estimate, LINEAR.level(t), LINEAR.level(t - 25)).mean, theirs, rtol=0, atol=2e-5)


def test_states_from_tables_in_double_precision_agree_to_four_digits():
    scheduler = ddim_scheduler(clip_sample=False)
    scheduler.set_timesteps(50)
    *_, x0 = ddim(of_density(RING, LINEAR), START, LINEAR.times(50))
    x, denoiser = START, of_density(RING, LINEAR)
    for t in scheduler.timesteps:
        x = scheduler.step(denoiser(x, t).noise, int(t), x).prev_sample
    assert scaled(x0 - x, x) < 1e-4


@pytest.mark.parametrize("eta", [0.3, 1.0])
def test_the_variance_of_ddim_agrees(eta):
    scheduler = ddim_scheduler(clip_sample=False)
    scheduler.set_timesteps(10)
    noise = torch.randn(START.shape, generator=torch.Generator().manual_seed(1), dtype=START.dtype)
    t, earlier = LINEAR.times(10)[3:5]
    estimate = of_density(RING, LINEAR)(START, t)
    result = scheduler.step(estimate.noise, int(t), START, eta=eta, variance_noise=noise).prev_sample
    step = ddim_step(estimate, LINEAR.level(t), LINEAR.level(earlier), eta)
    assert_close(step.sample(noise), result, rtol=0, atol=1e-5)


def test_clipping_with_new_noise_agrees():
    scheduler = ddim_scheduler(clip_sample=True)
    scheduler.set_timesteps(10)
    denoiser = of_network(lambda x, time: 0.2 * x, LINEAR)
    states = ddim(clipped(denoiser, 1.0), START, LINEAR.times(10))
    x = START
    for t, state in zip(scheduler.timesteps, states, strict=True):
        x = scheduler.step(0.2 * x, int(t), x, use_clipped_model_output=True).prev_sample
        assert_close(state, x, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("scheduler", "ours"), [(FlowMatchEulerDiscreteScheduler, euler), (FlowMatchHeunDiscreteScheduler, heun)]
)
def test_states_of_a_flow_agree(scheduler, ours):
    theirs = scheduler()
    theirs.set_timesteps(20)
    times = FLOW.times(20, "linspace")
    assert_close(theirs.sigmas.double().unique().flip(0)[:-1], times, rtol=0, atol=1e-6)
    states = list(ours(of_density(RING, FLOW), START, times))
    x, denoiser = START, of_density(RING, FLOW)
    for t in theirs.timesteps:
        x0, noise = denoiser(x, (t / 1000).double())
        x = theirs.step(noise - x0, t, x).prev_sample
    assert_close(states[-1], x, rtol=0, atol=1e-5)


def test_the_defaults_that_differ_are_as_the_samplers_say():
    def default(scheduler, name):
        return inspect.signature(scheduler.__init__).parameters[name].default

    for scheduler in (DDPMScheduler, DDIMScheduler):
        assert default(scheduler, "clip_sample") is True
        assert default(scheduler, "timestep_spacing") == "leading"
    assert default(DDPMScheduler, "variance_type") == "fixed_small"
    assert default(DDIMScheduler, "set_alpha_to_one") is True
    assert default(HeunDiscreteScheduler, "timestep_spacing") == "linspace"
    assert (default(HeunDiscreteScheduler, "beta_start"), default(HeunDiscreteScheduler, "beta_end")) == (
        0.00085,
        0.012,
    )
    flow = FlowMatchEulerDiscreteScheduler()
    flow.set_timesteps(5)
    assert_close(flow.sigmas[-2:], torch.tensor([0.001, 0.0]))
