"""Truncated latents against scipy's truncated normal distribution.

One draw of 400,000 numbers; a right sampler fails a Kolmogorov-Smirnov test at 0.001 in one of 1000 seeds.
"""

import numpy as np
import pytest
import scipy.stats
import torch
from torch import nn
from torch.testing import assert_close

from gancourse.models import Truncated, mlp, truncated

Z = torch.randn(400_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def p_value(x, threshold):
    return scipy.stats.kstest(x.numpy(), scipy.stats.truncnorm(-threshold, threshold).cdf).pvalue


@pytest.mark.parametrize("threshold", [0.02, 0.3, 0.5, 1.0, 2.0, 5.0])
def test_resampled_latents_have_the_truncated_normal_distribution(threshold):
    x = truncated(Z, threshold)
    assert x.abs().max() <= threshold
    assert p_value(x, threshold) > 0.001
    assert x.std().item() == pytest.approx(scipy.stats.truncnorm(-threshold, threshold).std(), rel=0.005)


@pytest.mark.parametrize("rule", ["clamp", "scale"])
def test_the_other_rules_have_not(rule):
    assert p_value(truncated(Z, 0.5, rule), 0.5) < 1e-100


def test_standard_deviations_at_one_half_are_those_of_the_three_rules():
    """By quadrature for the clamp, and by scipy for the others."""
    at = np.linspace(-0.5, 0.5, 100_001)
    inside = np.trapezoid(at**2 * scipy.stats.norm.pdf(at), at)
    expected = {
        "resample": scipy.stats.truncnorm(-0.5, 0.5).std(),
        "clamp": (inside + 0.25 * 2 * scipy.stats.norm.sf(0.5)) ** 0.5,
        "scale": 0.5 * scipy.stats.truncnorm(-2, 2).std(),
    }
    assert {rule: round(std, 3) for rule, std in expected.items()} == {"resample": 0.284, "clamp": 0.43, "scale": 0.44}
    for rule, std in expected.items():
        assert truncated(Z, 0.5, rule).std().item() == pytest.approx(std, rel=0.005)


def test_numbers_within_the_threshold_stay_and_those_beyond_keep_their_sign():
    x, within = truncated(Z, 0.5), Z.abs() <= 0.5
    assert torch.equal(x[within], Z[within])
    assert torch.equal(x.sign(), Z.sign())


def test_what_was_beyond_is_distributed_as_what_was_within():
    """A redrawn number says nothing of having been redrawn; that of the clamp does."""
    within = Z.abs() <= 0.5
    same = scipy.stats.ks_2samp(truncated(Z, 0.5)[~within].numpy(), Z[within].numpy())
    assert same.pvalue > 0.001
    assert scipy.stats.ks_2samp(truncated(Z, 0.5, "clamp")[~within].numpy(), Z[within].numpy()).pvalue < 1e-100


def test_extremes_are_finite():
    extremes = torch.tensor([0.0, -0.0, 1e-30, 40.0, -60.0])
    for threshold in (1e-6, 0.5, 39.0, 1e6):
        x = truncated(extremes, threshold)
        assert x.isfinite().all()
        assert x.abs().max() <= threshold
        assert x.dtype == torch.float32
    assert torch.equal(truncated(extremes, 1e6), extremes)


@pytest.mark.parametrize("threshold", [0.0, -0.5, float("nan"), float("inf")])
def test_a_threshold_that_is_not_positive_is_refused(threshold):
    with pytest.raises(ValueError, match=f"the truncation is {threshold}; pass a positive number, such as 0.5"):
        truncated(Z, threshold)
    with pytest.raises(ValueError, match=f"the truncation is {threshold}"):
        Truncated(mlp.Generator(), threshold)


def test_unknown_rules_and_networks_without_latents_are_refused():
    with pytest.raises(ValueError, match="the rule of truncation is 'clip'; pass 'resample', 'clamp' or 'scale'"):
        Truncated(mlp.Generator(), 0.5, "clip")
    with pytest.raises(ValueError, match="Linear has no latents to truncate; leave the truncation out"):
        Truncated(nn.Linear(2, 2), 0.5)


@pytest.mark.parametrize("n_classes", [0, 3])
def test_a_truncated_generator_makes_what_the_generator_makes_of_truncated_latents(n_classes):
    generator = mlp.Generator(4, 8, n_classes=n_classes) if n_classes else mlp.Generator(4, 8)
    wrapped, z = Truncated(generator, 0.5, "clamp"), torch.randn(6, 4)
    y = (torch.arange(6) % 3,) if n_classes else ()
    assert wrapped.conditional == bool(n_classes)
    assert wrapped.latent_size == 4
    assert_close(wrapped(z, *y), generator(z.clamp(-0.5, 0.5), *y), rtol=0, atol=0)
