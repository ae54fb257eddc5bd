"""Processes against the papers' formulas, written with NumPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from gancourse.diffusion import (
    DATA,
    Level,
    RectifiedFlow,
    VariancePreserving,
    continuous_betas,
    cosine_betas,
    linear_betas,
    mixed,
)
from gancourse.rng import Noise
from gancourse.values import from_json, to_json

FLOW = RectifiedFlow()
LINEAR, COSINE = VariancePreserving(), VariancePreserving("cosine")
PROCESSES = [LINEAR, COSINE, VariancePreserving("continuous", 4), FLOW]


def test_linear_betas_and_what_is_left_of_the_signal_are_those_of_ddpm():
    betas = np.linspace(1e-4, 0.02, 1000)
    assert_close(LINEAR.betas.numpy(), betas, rtol=1e-12, atol=0)
    assert_close(LINEAR.alpha_bars.numpy(), np.cumprod(1 - betas), rtol=1e-10, atol=0)
    assert_close(LINEAR.alpha_bars[-1].item(), 4.04e-5, rtol=2e-3, atol=0)


def test_cosine_alpha_bars_are_the_squared_cosine_up_to_the_clipped_step():
    t = np.arange(1, 1001) / 1000
    curve = np.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2 / math.cos(0.008 / 1.008 * math.pi / 2) ** 2
    assert_close(COSINE.alpha_bars.numpy()[:-1], curve[:-1], rtol=1e-9, atol=0)
    assert COSINE.betas[-1] == 0.999
    assert_close(COSINE.alpha_bars[-1].item(), 2.4e-9, rtol=0.03, atol=0)


def test_the_continuous_schedule_ends_alike_for_all_numbers_of_steps():
    for n in (1, 4, 1000):
        assert_close((1 - continuous_betas(n)).prod().log().item(), -10.05)
    # DDPM's linear β are these, to first order in 1/T.
    assert_close(continuous_betas(1000), linear_betas(1000), rtol=0, atol=2.5e-4)


def test_a_linear_schedule_of_fewer_steps_ends_with_about_as_little_signal():
    full = LINEAR.alpha_bars[-1].log().item()
    assert_close(VariancePreserving("linear", 200).alpha_bars[-1].log().item(), full, rtol=0.05, atol=0)
    unscaled = (1 - torch.linspace(1e-4, 0.02, 200)).prod().log().item()
    assert unscaled > full / 4  # what not scaling them would leave


def test_posterior_variances_are_equation_7():
    betas, bars = LINEAR.betas.numpy(), LINEAR.alpha_bars.numpy()
    before = np.concatenate([[1.0], bars[:-1]])
    assert_close(LINEAR.posterior_variances.numpy(), betas * (1 - before) / (1 - bars))
    assert LINEAR.posterior_variances[0] == 0


def test_tables_are_copies():
    LINEAR.betas.zero_()
    assert LINEAR.betas[0] == 1e-4


@pytest.mark.parametrize("process", PROCESSES)
def test_levels_have_variance_one_or_lie_on_the_line(process):
    signal, noise = process.level(process.times(4))
    kept = signal + noise if process == FLOW else signal.square() + noise.square()
    assert_close(kept, torch.ones(4, dtype=torch.float64))
    assert signal.dtype == torch.float64


@pytest.mark.parametrize("process", PROCESSES)
def test_a_step_after_a_level_is_the_later_level(process):
    later, earlier = process.times(2)
    s, t = process.level(earlier), process.level(later)
    step = t.after(s)
    assert_close(step.signal * s.signal, t.signal)
    assert_close(((step.signal * s.noise).square() + step.noise.square()).sqrt(), t.noise)
    assert_close(t.after(DATA), t)


def test_a_step_between_neighbours_has_variance_beta():
    t = torch.arange(1000)
    assert_close(LINEAR.level(t).after(LINEAR.level_before(t)).noise.square(), LINEAR.betas)


def test_a_step_to_less_noise_is_refused():
    with pytest.raises(ValueError, match="earlier level is noisier"):
        LINEAR.level(torch.tensor(3)).after(LINEAR.level(torch.tensor(4)))


@pytest.mark.parametrize("process", PROCESSES)
def test_every_sample_of_a_batch_of_images_has_its_own_time(process):
    random = torch.Generator().manual_seed(0)
    x0, noise = torch.randn(2, 4, 3, 5, 5, generator=random)
    t = process.times(4).flip(0)
    x = process.noised(x0, noise, t)
    for i, (signal, scale) in enumerate(zip(*process.level(t), strict=True)):
        assert_close(x[i], signal.item() * x0[i] + scale.item() * noise[i])
    assert x.dtype == x0.dtype


def test_the_ratio_of_signal_to_noise_at_the_end_of_three_schedules():
    last = torch.tensor(999)
    assert_close(LINEAR.snr(last).item(), 4.04e-5, rtol=2e-3, atol=0)
    assert_close(COSINE.snr(last).item(), 2.4e-9, rtol=0.03, atol=0)
    assert FLOW.snr(torch.tensor(1.0)) == 0


@pytest.mark.parametrize("process", PROCESSES)
def test_a_process_is_a_value_that_json_keeps(process):
    assert from_json(to_json(process)) == process


def test_sub_sequences_of_the_times():
    assert LINEAR.times(50).tolist() == list(range(980, -1, -20))
    assert LINEAR.times(50, "trailing").tolist() == list(range(999, 0, -20))
    assert LINEAR.times(3, "linspace").tolist() == [999, 500, 0]
    for spacing in ("leading", "trailing", "linspace"):
        assert LINEAR.times(1000, spacing).tolist() == list(range(999, -1, -1)), spacing
    assert LINEAR.times(1, "linspace").tolist() == [999]
    assert FLOW.times(5, "linspace").tolist() == torch.linspace(1, 0.001, 5, dtype=torch.float64).tolist()


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize("n_steps", [0, -1, 2.0, True, "4"])
def test_a_wrong_number_of_steps_is_refused(process, n_steps):
    with pytest.raises(ValueError, match=r"n_steps is .*; pass an integer"):
        process.times(n_steps)


def test_more_steps_than_times_are_refused():
    with pytest.raises(ValueError, match="n_steps is 1001; pass an integer from 1 to 1000"):
        LINEAR.times(1001)


@pytest.mark.parametrize(("process", "typed"), [(LINEAR, "trailling"), (FLOW, "trailling")])
def test_an_unknown_spacing_suggests_the_nearest(process, typed):
    with pytest.raises(ValueError, match="did you mean 'trailing'"):
        process.times(4, typed)


@pytest.mark.parametrize("call", ["level", "level_before", "scaled_time", "snr"])
@pytest.mark.parametrize(
    ("t", "message"),
    [
        (torch.tensor([0.5]), "times are torch.float32; expected integers"),
        (torch.tensor([True]), "times are torch.bool; expected integers"),
        (torch.tensor([-1]), "times run from -1 to -1; expected 0 … 999"),
        (torch.tensor([0, 1000]), "times run from 0 to 1000; expected 0 … 999"),
    ],
)
def test_wrong_times_of_ddpm_are_refused(call, t, message):
    with pytest.raises(ValueError, match=message):
        getattr(LINEAR, call)(t)


@pytest.mark.parametrize("call", ["level", "scaled_time", "snr"])
@pytest.mark.parametrize(
    ("t", "message"),
    [
        (torch.tensor([1]), "times are torch.int64; expected floats"),
        (torch.tensor([0.0, 1.5]), "times run from 0 to 1.5"),
        (torch.tensor([float("nan")]), "times run from nan"),
    ],
)
def test_wrong_times_of_a_flow_are_refused(call, t, message):
    with pytest.raises(ValueError, match=message):
        getattr(FLOW, call)(t)


def test_networks_see_times_up_to_1000():
    assert LINEAR.scaled_time(torch.tensor([0, 999])).tolist() == [0, 999]
    assert VariancePreserving("continuous", 4).scaled_time(torch.tensor([3])).tolist() == [750]
    assert FLOW.scaled_time(torch.tensor([0.0, 1.0])).tolist() == [0, 1000]


@pytest.mark.parametrize("process", PROCESSES)
def test_random_times_are_valid_and_spread_over_the_range(process):
    t = process.random_times(Noise((0,), 4000))
    process.level(t)
    # Uniform: the mean's standard error is 289/√4000 = 4.6 for 1000 times; 6 of them fail for one seed in 500 million.
    last = process.scaled_time(process.times(1, "trailing")).item()
    assert abs(process.scaled_time(t).mean().item() - last / 2) < 6 * 4.6


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (lambda: linear_betas(0), "n_times is 0"),
        (lambda: linear_betas(10, 0.02, 0.01), "expected 0 < first ≤ last < 1"),
        (lambda: cosine_betas(10, -1), "offset is -1"),
        (lambda: continuous_betas(2, 0), "expected 0 < first ≤ last"),
        (lambda: VariancePreserving("quadratic"), "schedule is 'quadratic'; pass one of linear, cosine"),
        (lambda: VariancePreserving(n_times=0), "n_times is 0"),
    ],
)
def test_wrong_schedules_are_refused(schedule, message):
    with pytest.raises(ValueError, match=message):
        schedule()


def test_shapes_that_differ_are_refused():
    with pytest.raises(ValueError, match="expected equal shapes"):
        mixed(torch.zeros(2, 3), torch.zeros(2, 1), DATA)
    with pytest.raises(ValueError, match="pass one a sample"):
        mixed(torch.zeros(2, 3), torch.zeros(2, 3), Level(torch.ones(3), torch.ones(3)))
