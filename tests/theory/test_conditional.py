"""The conditional game's value: a game for each class, and what a discriminator of x alone can't see."""

import math

import pytest
import torch
from torch.testing import assert_close

from gancourse.data import Mixture, two_classes
from gancourse.objectives import minimax
from gancourse.theory import QuadratureError, box, conditional_value, interval, jensen_shannon, optimal_logit

GRID = interval(-12.0, 12.0, 2001)
HALF = torch.ones(2, dtype=torch.float64) / 2


def normal(mean):
    return Mixture(torch.tensor([[float(mean)]], dtype=torch.float64), 1.0).log_density


DATA = [normal(-2), normal(2)]


def test_it_is_the_mean_divergence_of_the_classes_less_2_log_2():
    """Numbers of an independent computation: d2l-neu's derivation, run to six digits."""
    generated = [normal(0), normal(2)]
    value = conditional_value(DATA, generated, HALF, GRID)
    divergences = torch.stack([jensen_shannon(p, q, GRID) for p, q in zip(DATA, generated, strict=True)])
    assert_close(value, 2 * divergences.mean() - 2 * math.log(2))
    assert value.item() == pytest.approx(-1.049464, abs=5e-7)
    assert divergences.mean().item() == pytest.approx(0.168415, abs=5e-7)
    assert -value.item() / 2 == pytest.approx(0.524732, abs=5e-7)  # mean cross-entropy of the best discriminator


def marginal(densities):
    return lambda x: torch.stack([d(x) for d in densities]).logsumexp(0) - math.log(len(densities))


def test_swapped_labels_are_invisible_in_the_marginals():
    swapped = DATA[::-1]
    assert jensen_shannon(marginal(DATA), marginal(swapped), GRID).item() == pytest.approx(0, abs=1e-12)
    value = conditional_value(DATA, swapped, HALF, GRID)
    assert (value.item() + 2 * math.log(2)) / 2 == pytest.approx(0.632720, abs=5e-7)
    generated = [normal(0), normal(2)]
    assert jensen_shannon(marginal(DATA), marginal(generated), GRID).item() == pytest.approx(0.122736, abs=5e-7)


def test_it_is_least_where_every_class_is_right():
    assert conditional_value(DATA, DATA, HALF, GRID).item() == pytest.approx(-2 * math.log(2), abs=1e-9)


def test_no_discriminator_of_pairs_reaches_more_and_the_best_reaches_it():
    """At D* and at shifted logits, by the objective's own formulas on the grid."""
    weights, generated = torch.tensor([0.3, 0.7], dtype=torch.float64), [normal(0), normal(1)]
    value = conditional_value(DATA, generated, weights, GRID)

    def reached(shift):
        total = 0.0
        for p, q, weight in zip(DATA, generated, weights, strict=True):
            a, b = p(GRID.points), q(GRID.points)
            logit = optimal_logit(a, b) + shift
            real = minimax.discriminator(logit, torch.full_like(logit, -torch.inf))
            fake = minimax.discriminator(torch.full_like(logit, torch.inf), logit)
            total -= weight * (GRID.integrate(a.exp() * real).value + GRID.integrate(b.exp() * fake).value)
        return total

    assert_close(reached(0.0), value)
    assert max(reached(0.2), reached(-0.2)) < value - 1e-3


def test_a_class_of_share_epsilon_costs_at_most_2_epsilon_log_2():
    """Why rare classes are served badly: here the rare one is entirely wrong."""
    for share in (0.5, 0.1, 0.01):
        weights = torch.tensor([1 - share, share], dtype=torch.float64)
        far = interval(-20.0, 60.0, 8001)
        cost = conditional_value(DATA, [DATA[0], normal(50)], weights, far) + 2 * math.log(2)
        assert cost.item() == pytest.approx(2 * share * math.log(2), abs=1e-6)


def test_other_labels_than_the_data_s_cost_even_if_every_class_is_right():
    """The joint game then also compares p(c) with r(c): 2 JS of two Bernoulli distributions."""
    p, r = torch.tensor([0.5, 0.5]).double(), torch.tensor([0.9, 0.1]).double()
    value = conditional_value(DATA, DATA, p, GRID, generated_weights=r)
    m = (p + r) / 2
    divergence = ((p * (p / m).log()).sum() + (r * (r / m).log()).sum()) / 2
    assert_close(value, 2 * divergence - 2 * math.log(2))
    alone = torch.tensor([1.0, 0.0]).double()
    assert conditional_value(DATA, DATA, alone, GRID).item() == pytest.approx(-2 * math.log(2), abs=1e-9)


def test_it_is_differentiable_and_works_in_the_plane():
    mixture = two_classes(4.0)
    mixture = Mixture(mixture.means.double(), mixture.std)
    grid = box([-8.0, -7.0], [8.0, 7.0], 121)
    own = [lambda x, c=c: mixture.component_log_density(x, c) for c in range(2)]

    def value(shift):
        return conditional_value(own, [lambda x, p=p: p(x - shift) for p in own], HALF, grid)

    shift, h = torch.tensor(1.0, dtype=torch.float64, requires_grad=True), 1e-5
    (derivative,) = torch.autograd.grad(value(shift), shift)
    differences = (value(1 + h) - value(1 - h)) / (2 * h)
    assert_close(derivative, differences, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((DATA, DATA[:1], HALF), r"weights has shape \(2,\) for 2 densities of data and 1 generated ones; pass one of"),
        ((DATA, DATA, HALF[:1]), r"weights has shape \(1,\) for 2 densities"),
        ((DATA, DATA, 2 * HALF), "weights are .*; expected probabilities that sum to 1"),
        ((DATA, DATA, torch.tensor([1.5, -0.5])), "weights are .*; expected probabilities"),
    ],
)
def test_what_does_not_fit_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        conditional_value(*arguments, GRID)
    with pytest.raises(ValueError, match="generated_weights are"):
        conditional_value(DATA, DATA, HALF, GRID, 2 * HALF)


def test_a_grid_that_is_too_small_is_named():
    with pytest.raises(QuadratureError, match="the data's density has mass"):
        conditional_value(DATA, DATA, HALF, interval(-1.0, 1.0))
