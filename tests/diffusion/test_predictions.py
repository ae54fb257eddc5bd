"""Targets: definitions by derivatives, and every conversion there and back."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from gancourse.diffusion import DATA, Level, RectifiedFlow, VariancePreserving, converted, target, targets

LEVELS = {
    "ddpm": VariancePreserving().level(torch.tensor([0, 500, 999])),
    "flow": RectifiedFlow().level(torch.tensor([0.01, 0.5, 0.99])),
}
RANDOM = torch.Generator().manual_seed(0)
X0, NOISE = torch.randn(2, 3, 4, generator=RANDOM, dtype=torch.float64)


def noisy(level):
    return level.signal[:, None] * X0 + level.noise[:, None] * NOISE


@pytest.mark.parametrize("level", LEVELS.values(), ids=LEVELS)
@pytest.mark.parametrize("name", targets)
def test_data_and_noise_follow_from_every_target(name, level):
    prediction = target(name).of(X0, NOISE, level)
    assert_close(target(name).estimate(noisy(level), prediction, level), (X0, NOISE))


@pytest.mark.parametrize("level", LEVELS.values(), ids=LEVELS)
@pytest.mark.parametrize("to", targets)
@pytest.mark.parametrize("source", targets)
def test_every_target_follows_from_every_other(source, to, level):
    prediction = target(source).of(X0, NOISE, level)
    assert_close(converted(prediction, noisy(level), level, source, to), target(to).of(X0, NOISE, level))


def test_v_is_the_derivative_of_x_by_the_angle_of_signal_and_noise():
    angle = torch.tensor(0.7, dtype=torch.float64)
    x0, noise = torch.tensor([[0.3]], dtype=torch.float64), torch.tensor([[-1.2]], dtype=torch.float64)
    derivative = torch.autograd.functional.jacobian(lambda a: a.cos() * x0 + a.sin() * noise, angle)
    assert_close(target("v").of(x0, noise, Level(angle.cos(), angle.sin())), derivative)


def test_the_velocity_is_the_derivative_of_x_by_the_time_of_a_flow():
    flow, t = RectifiedFlow(), torch.tensor(0.3, dtype=torch.float64)
    derivative = torch.autograd.functional.jacobian(lambda t: flow.noised(X0, NOISE, t), t)
    assert_close(target("velocity").of(X0, NOISE, flow.level(t)), derivative)


def test_v_is_the_noise_at_data_and_minus_the_data_at_noise():
    half_turn = Level(torch.tensor(0.0), torch.tensor(1.0))
    assert_close(target("v").of(X0, NOISE, DATA), NOISE)
    assert_close(target("v").of(X0, NOISE, half_turn), -X0)


@pytest.mark.parametrize("level", LEVELS.values(), ids=LEVELS)
@pytest.mark.parametrize("name", targets)
def test_weighted_errors_of_all_targets_are_those_of_the_data(name, level):
    prediction = target(name).of(X0, NOISE, level) + 0.1
    errors = (target(name).estimate(noisy(level), prediction, level).x0 - X0).square().mean(1)
    assert_close(target(name).data_weight(level) * 0.01, errors)


def test_the_plain_loss_of_the_noise_weights_errors_of_the_data_by_the_ratio_of_signal_to_noise():
    level = LEVELS["ddpm"]
    assert_close(1 / target("noise").data_weight(level), level.snr)


def test_predictions_in_single_precision_stay_single():
    level = LEVELS["ddpm"]
    estimate = target("v").estimate(noisy(level).float(), NOISE.float(), level)
    assert estimate.x0.dtype == estimate.noise.dtype == torch.float32


@pytest.mark.parametrize(
    ("name", "t"), [("noise", 1.0), ("data", 0.0)], ids=["noise where no signal is left", "data without noise"]
)
def test_a_target_that_does_not_determine_data_and_noise_is_refused(name, t):
    level = RectifiedFlow().level(torch.tensor(t))
    with pytest.raises(ValueError, match=f"predicting the {name} doesn't determine x₀ and ε where the signal is"):
        target(name).estimate(X0, X0, level)
    assert converted(X0, X0, level, name, name) is X0
    for other in ("v", "velocity"):
        assert all(torch.isfinite(part).all() for part in target(other).estimate(X0, X0, level))


def test_unknown_targets_and_other_shapes_are_refused():
    with pytest.raises(ValueError, match="target 'velocty' not found; did you mean 'velocity'"):
        target("velocty")
    with pytest.raises(ValueError, match="target 'epsilon' not found"):
        converted(X0, X0, DATA, "epsilon", "v")
    with pytest.raises(ValueError, match=r"the prediction has shape \(3, 1\), x \(3, 4\)"):
        target("v").estimate(X0, X0[:, :1], DATA)


def test_taking_the_wrong_sign_of_v_would_be_noticed():
    level = LEVELS["ddpm"]
    wrong = -target("v").of(X0, NOISE, level)
    assert (target("v").estimate(noisy(level), wrong, level).x0 - X0).abs().max() > 0.1


@pytest.mark.parametrize("process", [VariancePreserving(), RectifiedFlow()])
@pytest.mark.parametrize("name", targets)
def test_shapes_alone_can_be_computed_with(process, name):
    # The meta device, on which costs are calculated.
    x, t = X0.to("meta"), process.times(3).to("meta")
    level = process.level(t)
    assert process.noised(x, x, t).shape == x.shape
    assert process.scaled_time(t).is_meta
    assert target(name).estimate(x, target(name).of(x, x, level), level).x0.shape == x.shape
