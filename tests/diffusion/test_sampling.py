"""Samplers against closed forms, against each other, and against a general solver of differential equations."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from torch.testing import assert_close

from gancourse import data, theory
from gancourse.diffusion import (
    DATA,
    Denoiser,
    Estimate,
    RectifiedFlow,
    VariancePreserving,
    ddim,
    ddim_step,
    ddpm,
    ddpm_step,
    euler,
    heun,
    of_density,
    posterior,
    sample,
    sampler,
    samplers,
)
from gancourse.processes import Part
from gancourse.rng import Noise

LINEAR, COSINE, FLOW = VariancePreserving(), VariancePreserving("cosine"), RectifiedFlow()
PROCESSES = [LINEAR, COSINE, FLOW]
RING = theory.NoisyMixture.of(data.ring(std=0.2)).standardised()
NOISE = Noise((0, "sampler"), 64)
START = NOISE.normal("start", 2)


def point(process, at=0.7):
    """The exact denoiser of data that are one point: its noise is known."""
    mixture = theory.NoisyMixture(torch.tensor([[at, -at]]), 0.0, torch.ones(1))
    return of_density(mixture, process)


def gaussian(process, std):
    """The exact denoiser of a centred normal distribution."""
    return of_density(theory.NoisyMixture(torch.zeros(1, 2), std, torch.ones(1)), process)


def run(name, denoiser, n_steps, x=START, **options):
    return list(sampler(name)(denoiser, x, denoiser.process.times(n_steps), NOISE, **options))


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize("name", samplers)
def test_a_sampler_yields_every_state_and_ends_at_the_data(process, name):
    states = run(name, point(process), 7)
    assert len(states) == 7
    assert all(x.shape == START.shape and x.dtype == START.dtype for x in states)
    assert_close(states[-1], torch.tensor([[0.7, -0.7]]).expand(64, 2), rtol=0, atol=1e-5)


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize("name", ["ddim", "euler", "heun"])
def test_on_the_way_to_a_point_every_state_is_at_its_level_with_the_same_noise(process, name):
    times = process.times(10)
    denoiser = point(process)
    x = START.double()
    noise = denoiser(x, times[0]).noise
    at = torch.tensor([[0.7, -0.7]], dtype=torch.float64).expand(64, 2)
    states = list(sampler(name)(denoiser, x, times))
    for t, state in zip(times[1:], states, strict=False):
        assert_close(state, process.noised(at, noise, t))


def test_the_level_before_t_in_place_of_the_previous_element_would_be_noticed():
    # A real mistake: with a sub-sequence, x barely changes while the time jumps, so that the noise seems to grow.
    denoiser, x = point(LINEAR), START.double()
    sizes = []
    for t in LINEAR.times(10):
        estimate = denoiser(x, t)
        sizes.append((estimate.noise.std() / START.std()).item())
        x = ddim_step(estimate, LINEAR.level(t), LINEAR.level_before(t)).mean
    assert sizes[0] < 1.01
    assert sizes[-1] > 50


@pytest.mark.parametrize("process", PROCESSES)
def test_ddim_with_eta_one_is_ddpm_with_the_small_variance(process):
    denoiser, x = of_density(RING, process), START.double()
    times = process.times(12)
    both = zip(ddim(denoiser, x, times, NOISE, eta=1.0), ddpm(denoiser, x, times, NOISE, "small"), strict=True)
    for a, b in both:
        assert_close(a, b)


@pytest.mark.parametrize("process", PROCESSES)
def test_euler_is_ddim_without_noise(process):
    denoiser, x = of_density(RING, process), START.double()
    for a, b in zip(ddim(denoiser, x, process.times(12)), euler(denoiser, x, process.times(12)), strict=True):
        assert_close(a, b)


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize(("name", "options"), [("ddpm", {}), ("ddpm", {"variance": "small"}), ("ddim", {"eta": 0.5})])
def test_the_last_step_adds_no_noise(process, name, options):
    denoiser = of_density(RING, process)
    states = run(name, denoiser, 5, START.double(), **options)
    assert_close(states[-1], denoiser(states[-2], process.times(5)[-1]).x0)


def test_the_posterior_is_that_of_equations_6_and_7():
    betas = np.linspace(1e-4, 0.02, 1000)
    bars = np.cumprod(1 - betas)
    t = torch.tensor([1, 500, 999])
    x0, x = torch.randn(2, 3, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    step = posterior(x0, x, LINEAR.level(t), LINEAR.level_before(t))
    for row, i in enumerate(t.tolist()):
        mean = np.sqrt(bars[i - 1]) * betas[i] / (1 - bars[i]) * x0[row].numpy()
        mean += np.sqrt(1 - betas[i]) * (1 - bars[i - 1]) / (1 - bars[i]) * x[row].numpy()
        assert_close(step.mean[row].numpy(), mean)
        assert_close(step.variance[row].item(), betas[i] * (1 - bars[i - 1]) / (1 - bars[i]))


@pytest.mark.parametrize("process", PROCESSES)
def test_steps_of_the_true_posterior_reach_the_earlier_level(process):
    # Linear in x₀ and x: moments follow from the coefficients, without sampling.
    later, earlier = process.times(3)[:2]
    now, before = process.level(later), process.level(earlier)
    one, zero = torch.ones(1, 1, dtype=torch.float64), torch.zeros(1, 1, dtype=torch.float64)
    of_x0, of_x = posterior(one, zero, now, before).mean, posterior(zero, one, now, before).mean
    variance = posterior(one, one, now, before).variance
    assert_close((of_x0 + of_x * now.signal).squeeze(), before.signal)
    assert_close((of_x.square() * now.noise.square() + variance).squeeze(), before.noise.square())


@pytest.mark.parametrize("process", [LINEAR, COSINE])
def test_ddpm_with_the_large_variance_is_exact_for_data_of_variance_one(process):
    now, before = process.level(torch.tensor(400)), process.level(torch.tensor(380))
    x = torch.ones(1, 2, dtype=torch.float64)
    step = ddpm_step(x, gaussian(process, 1.0)(x, torch.tensor(400)), now, before, "large")
    assert_close((step.mean[0, 0].square() + step.variance).item(), 1.0)
    small = ddpm_step(x, gaussian(process, 1.0)(x, torch.tensor(400)), now, before, "small")
    assert (small.mean[0, 0].square() + small.variance).item() < 0.999


def normal_width(process, name, n_steps, std=0.5):
    """Standard deviation of a deterministic sampler's samples from normal data: what x = 1 becomes."""
    return run(name, gaussian(process, std), n_steps, torch.ones(1, 2, dtype=torch.float64))[-1][0, 0].item()


@pytest.mark.parametrize(("process", "end"), [(LINEAR, 1e-4), (FLOW, 1e-4)])
def test_samples_of_normal_data_have_their_width_and_heun_converges_faster(process, end):
    errors = {(m, n): abs(normal_width(process, m, n) - 0.5) for m in ("euler", "heun") for n in (50, 100)}
    assert errors["heun", 100] < errors["euler", 100] / 4
    assert errors["euler", 100] < 0.02
    assert 1.7 < errors["euler", 50] / errors["euler", 100] < 2.3
    if process == FLOW:
        assert normal_width(process, "heun", 1000) == pytest.approx(0.5, abs=end)


def in_flow(t, x):
    """The velocity of the ring's flow, from its score: v = E[ε | x] − E[x₀ | x]."""
    level = torch.tensor(1 - t, dtype=torch.float64), torch.tensor(t, dtype=torch.float64)
    x0, noise = RING.expectations(torch.from_numpy(x).reshape(-1, 2), *level)
    return (noise - x0).numpy().ravel()


def in_ratio(ratio, y):
    """E[ε | x] of variance-preserving noise, in y = x/α and σ/α."""
    signal = torch.tensor((1 + ratio**2) ** -0.5, dtype=torch.float64)
    return RING.expectations(signal * torch.from_numpy(y).reshape(-1, 2), signal, ratio * signal).noise.numpy().ravel()


@pytest.mark.parametrize("process", [LINEAR, FLOW])
def test_heun_converges_with_order_two_to_what_a_general_solver_finds(process):
    # To the last time above data: the last step is Euler's.
    x, end = START[:16].double(), process.times(20)[-1] if process == FLOW else torch.tensor(100)
    first = process.times(1, "trailing")[0]
    (scale, begin), (last_scale, stop) = (process.ode_coordinates(process.level(t)) for t in (first, end))
    slope = in_flow if process == FLOW else in_ratio
    times = (begin.item(), stop.item())
    solution = solve_ivp(slope, times, (x / scale).numpy().ravel(), method="DOP853", rtol=1e-9, atol=1e-9)
    exact = last_scale * torch.from_numpy(solution.y[:, -1]).reshape(-1, 2)
    errors = []
    for n in (100, 200):
        line = torch.linspace(first.item(), end.item(), n + 1, dtype=torch.float64)
        times = line if process == FLOW else line.round().long()
        *_, before_last, _ = heun(of_density(RING, process), x, times)
        errors.append((before_last - exact).abs().mean().item())
    assert errors[1] < 2e-3
    assert 2.8 < errors[0] / errors[1] < 6


# Noise


@pytest.mark.parametrize(("name", "options"), [("ddpm", {}), ("ddim", {"eta": 1.0}), ("ddim", {}), ("heun", {})])
def test_samples_depend_on_the_key_alone(name, options):
    denoiser = of_density(RING, LINEAR)
    torch.manual_seed(1)
    first = sample(denoiser, NOISE, (2,), 5, name, **options)
    torch.manual_seed(2)
    assert torch.equal(first, sample(denoiser, NOISE, (2,), 5, name, **options))
    assert not torch.equal(first, sample(denoiser, Noise((1, "sampler"), 64), (2,), 5, name, **options))


def test_two_processes_draw_the_halves_of_one_batch():
    denoiser = of_density(RING, LINEAR)
    halves = [sample(denoiser, Noise(NOISE.key, 32, part=Part(i, 2)), (2,), 5, "ddpm") for i in range(2)]
    assert_close(torch.cat(halves), sample(denoiser, NOISE, (2,), 5, "ddpm"))


def test_every_step_draws_new_noise():
    estimate = Denoiser(LINEAR, lambda x, t: Estimate(torch.zeros_like(x), torch.zeros_like(x)))
    times = LINEAR.times(3)
    states = list(ddim(estimate, START, times, NOISE, eta=1.0))
    a, b = states[0] / states[0].std(), states[1] / states[1].std()
    assert (a * b).mean().abs() < 0.5  # 5.7 standard errors of 1/√128


# Errors


@pytest.mark.parametrize("eta", [-0.1, 1.1, float("nan")])
def test_eta_out_of_range_is_refused(eta):
    with pytest.raises(ValueError, match=r"eta is .*; expected a number from 0"):
        list(ddim(point(LINEAR), START, LINEAR.times(3), NOISE, eta=eta))


def test_eta_without_noise_is_refused():
    with pytest.raises(ValueError, match=r"eta is 0.5 but there is no noise"):
        list(ddim(point(LINEAR), START, LINEAR.times(3), eta=0.5))


@pytest.mark.parametrize("name", samplers)
@pytest.mark.parametrize("times", [torch.tensor([1, 2]), torch.tensor([5, 5]), torch.tensor([], dtype=torch.long)])
def test_times_that_do_not_decrease_are_refused(name, times):
    with pytest.raises(ValueError, match="expected decreasing ones"):
        list(sampler(name)(point(LINEAR), START, times, NOISE))


@pytest.mark.parametrize("name", samplers)
def test_times_of_another_process_are_refused(name):
    with pytest.raises(ValueError, match="expected integers"):
        list(sampler(name)(point(LINEAR), START, FLOW.times(3), NOISE))


def test_other_mistakes_are_refused():
    with pytest.raises(ValueError, match="noise for 64 samples, x has 3"):
        list(ddpm(point(LINEAR), START[:3], LINEAR.times(3), NOISE))
    with pytest.raises(ValueError, match="variance 'larg' not found; did you mean 'large'"):
        list(ddpm(point(LINEAR), START, LINEAR.times(3), NOISE, "larg"))
    with pytest.raises(ValueError, match="sampler 'dddim' not found; did you mean"):
        sample(point(LINEAR), NOISE, (2,), 5, "dddim")
    with pytest.raises(TypeError, match="eta"):
        sample(point(LINEAR), NOISE, (2,), 5, "heun", eta=0.5)
    with pytest.raises(ValueError, match="there is no noise at the present level"):
        posterior(START, START, DATA, DATA)
