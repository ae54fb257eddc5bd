"""Gaussian noise with reproducible draws."""

import copy
import math

import pytest
import torch
from scipy import stats

from gancourse import processes
from gancourse.models import GaussianNoise
from gancourse.processes import Part


def test_noise_is_normal_with_its_standard_deviation_and_new_in_each_call():
    """One fixed key; alarms falsely with probability 1e-4."""
    layer = GaussianNoise(0.5, "a")
    first, second = (layer(torch.ones(2000, 5)) - 1 for _ in range(2))
    assert stats.kstest(first.flatten() / 0.5, "norm").pvalue > 1e-4
    assert stats.kstest(first.flatten() / 0.55, "norm").pvalue < 1e-4  # the twin
    assert abs(stats.pearsonr(first.flatten(), second.flatten()).statistic) < 0.05


def test_in_evaluation_and_without_a_deviation_nothing_is_added_or_counted():
    for layer in (GaussianNoise(0.5, "a").eval(), GaussianNoise(0.0, "a")):
        assert torch.equal(layer(torch.ones(3)), torch.ones(3))
        assert layer.drawn == 0


def test_draws_are_the_key_s_and_continue_from_a_copy():
    layer, other = GaussianNoise(0.5, "a"), GaussianNoise(0.5, "b")
    x = torch.zeros(4, 3)
    assert not torch.equal(layer(x), other(x))
    resumed = copy.deepcopy(layer)
    assert torch.equal(layer(x), resumed(x))
    assert torch.equal(GaussianNoise(0.5, "b")(x), GaussianNoise(0.5, "b")(x))


def test_noise_of_parts_is_parts_of_the_noise():
    x = torch.zeros(6, 5)
    whole, parts = GaussianNoise(0.5, "a")(x), []
    for i in range(2):
        with processes.sharing(Part(i, 2)):
            parts.append(GaussianNoise(0.5, "a")(x[:3]))
    assert torch.equal(torch.cat(parts), whole)
    assert not torch.equal(parts[0], parts[1])


@pytest.mark.parametrize("std", [-0.1, math.inf, math.nan])
def test_what_is_no_deviation_is_refused(std):
    with pytest.raises(ValueError, match=r"the standard deviation of the noise is .*; expected a finite number ≥ 0"):
        GaussianNoise(std)
