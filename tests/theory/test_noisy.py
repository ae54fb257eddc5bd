"""Noisy mixtures against torch.distributions, autograd and quadrature."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal
from torch.testing import assert_close

from gancourse import data
from gancourse.theory import NoisyMixture

LEVELS = [(1.0, 0.1), (0.8, 0.6), (0.7, 0.3), (0.0, 1.0), (1.0, 0.0)]
UNEVEN = NoisyMixture(torch.tensor([[-1.0, 0.5], [0.4, 0.0], [1.5, -1.0]]), 0.3, torch.tensor([0.2, 0.5, 0.3]))
X = torch.randn(50, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def levels(signal, noise):
    return torch.tensor(signal, dtype=torch.float64), torch.tensor(noise, dtype=torch.float64)


def oracle(mixture, signal, noise):
    """The noisy mixture as a distribution of torch."""
    std = math.sqrt((signal * mixture.std) ** 2 + noise**2)
    components = Independent(Normal(signal * mixture.means.double(), std), 1)
    return MixtureSameFamily(Categorical(mixture.weights.double()), components)


@pytest.mark.parametrize(("signal", "noise"), LEVELS)
def test_density_and_score_are_those_of_torch_and_autograd(signal, noise):
    x = X.clone().requires_grad_()
    log_density = oracle(UNEVEN, signal, noise).log_prob(x)
    assert_close(UNEVEN.log_density(X, *levels(signal, noise)), log_density.detach())
    (score,) = torch.autograd.grad(log_density.sum(), x)
    assert_close(UNEVEN.score(X, *levels(signal, noise)), score)


def test_narrow_modes_keep_their_digits():
    ring = NoisyMixture.of(data.ring()).standardised()
    x = (ring.means.double()[:, None] + 0.02 * X[None, :10]).flatten(0, 1).requires_grad_()
    log_density = oracle(ring, 0.99995, 0.01).log_prob(x)
    (score,) = torch.autograd.grad(log_density.sum(), x)
    level = levels(0.99995, 0.01)
    assert_close(ring.log_density(x.detach(), *level), log_density.detach(), rtol=1e-8, atol=1e-8)
    assert_close(ring.score(x.detach(), *level), score, rtol=1e-8, atol=1e-6)


@pytest.mark.parametrize(("signal", "noise"), LEVELS)
def test_expectations_mix_to_x_and_give_the_score(signal, noise):
    x0, epsilon = UNEVEN.expectations(X, *levels(signal, noise))
    assert_close(signal * x0 + noise * epsilon, X)
    assert_close(epsilon, -noise * UNEVEN.score(X, *levels(signal, noise)))


def test_the_expected_data_are_bayes_rule_by_quadrature():
    mixture = NoisyMixture(torch.tensor([[-1.0], [1.2]]), 0.4, torch.tensor([0.3, 0.7]))
    x0 = torch.linspace(-5, 5, 4001, dtype=torch.float64)
    prior = oracle(mixture, 1.0, 0.0).log_prob(x0[:, None]).exp()
    for x in (-1.5, 0.1, 2.0):
        joint = prior * Normal(0.8 * x0, 0.6).log_prob(torch.tensor(x, dtype=torch.float64)).exp()
        expected = (joint * x0).sum() / joint.sum()
        point = torch.tensor([[x]], dtype=torch.float64)
        assert_close(mixture.expectations(point, *levels(0.8, 0.6)).x0.squeeze(), expected)


def test_every_sample_has_its_own_level():
    signal, noise = torch.rand(2, 50, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    single = [UNEVEN.expectations(X[i : i + 1], signal[i], noise[i]).x0 for i in range(50)]
    assert_close(UNEVEN.expectations(X, signal, noise).x0, torch.cat(single))


def test_probabilities_of_components_are_those_of_the_data_without_noise():
    ring = data.ring(std=0.6)
    assert_close(NoisyMixture.of(ring).posterior(X, *levels(1.0, 0.0)), ring.posterior(X))


def test_standardised_data_have_mean_zero_and_variance_one():
    ring = NoisyMixture.of(data.ring()).standardised()
    assert_close(ring.std, 0.02 / math.sqrt(2.0004), rtol=1e-6, atol=0)
    uneven = UNEVEN.standardised()
    mean = uneven.weights @ uneven.means
    variance = uneven.std**2 + (uneven.weights @ uneven.means.square()).mean() - mean.square().mean()
    assert_close(mean, torch.zeros(2))
    assert_close(variance.item(), 1.0)


def test_components_are_the_data_of_a_class():
    two = UNEVEN.components([0, 2])
    assert_close(two.weights, torch.tensor([0.4, 0.6]))
    one = UNEVEN.components([1])
    assert_close(one.log_density(X, *levels(0.8, 0.6)), oracle(one, 0.8, 0.6).log_prob(X))


def test_points_are_allowed_where_there_is_noise():
    points = NoisyMixture(UNEVEN.means, 0.0, UNEVEN.weights)
    assert torch.isfinite(points.score(X, *levels(0.8, 0.6))).all()
    with pytest.raises(ValueError, match="points without noise have no density"):
        points.score(X, *levels(1.0, 0.0))


def test_results_have_the_precision_of_x():
    assert UNEVEN.log_density(X.float(), *levels(0.8, 0.6)).dtype == torch.float32
    assert UNEVEN.expectations(X.float(), *levels(0.8, 0.6)).noise.dtype == torch.float32


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NoisyMixture(torch.zeros(2), 1.0, torch.ones(2) / 2), "expected \\[modes, dimensions\\]"),
        (lambda: NoisyMixture(torch.zeros(2, 1), 1.0, torch.ones(3) / 3), "expected \\[modes, dimensions\\]"),
        (lambda: NoisyMixture(torch.zeros(2, 1), -1.0, torch.ones(2) / 2), "std is -1.0"),
        (lambda: NoisyMixture(torch.zeros(2, 1), 1.0, torch.ones(2)), "expected probabilities that sum to 1"),
        (lambda: UNEVEN.components([]), "pass some of 0 … 2"),
        (lambda: UNEVEN.components([3]), "pass some of 0 … 2"),
        (lambda: UNEVEN.score(X[:, :1], *levels(1.0, 1.0)), "expected \\[batch, 2\\]"),
        (lambda: UNEVEN.score(X, torch.ones(3), torch.ones(3)), "pass one, or one a sample"),
    ],
)
def test_mistakes_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
