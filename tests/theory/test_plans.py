"""Cheapest plans of costs of any scale, against POT and closed forms; n ≠ m unless a name says otherwise."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gancourse import plans, theory
from gancourse.metrics import sliced_wasserstein, wasserstein
from gancourse.rng import generator

SCALES = [1e-8, 1e-4, 1.0, 1e4, 1e8]
POWERS = [1.0, 2.0, 5.0]
SHIFT = torch.tensor([3.0, 4.0]).double()


def cloud(n, *key):
    # Multiples of 1/256, so that adding a far point's distance and the shift rounds nothing.
    return (torch.randn(n, 2, dtype=torch.float64, generator=generator(*key)) * 256).round() / 256


def shifted(n, far):
    """n points, one of them far, and each of them twice, shifted by 5: no plan is cheaper than the shift."""
    x = cloud(n, "shifted")
    x[0] += far
    return x, torch.cat([x, x]) + SHIFT


def pot(x, y, p, a=None, b=None):
    ot = pytest.importorskip("ot")
    distances = torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist").numpy()
    masses = ([] if side is None else side.numpy() for side in (a, b))
    return ot.emd2(*masses, (distances / distances.max()) ** p) ** (1 / p) * distances.max()


@pytest.mark.parametrize("p", POWERS)
@pytest.mark.parametrize("scale", SCALES)
def test_the_distance_is_that_of_pot_at_every_scale(scale, p):
    x, y = cloud(12, "x"), cloud(18, "y")
    expected = pytest.approx(pot(x, y, p) * scale, rel=1e-9)
    assert wasserstein(x * scale, y * scale, p) == expected
    assert theory.wasserstein(x * scale, y * scale, p).item() == expected
    result = theory.optimal_transport(x * scale, y * scale, p)
    assert result.distance == expected
    assert result.cost == pytest.approx(result.distance**p, rel=1e-9)
    assert result.dual_value == pytest.approx(result.cost, rel=1e-9)


@pytest.mark.parametrize("p", POWERS)
@pytest.mark.parametrize("scale", SCALES)
def test_weighted_points_have_pots_distance_at_every_scale(scale, p):
    x, y = cloud(9, "x"), cloud(14, "y")
    a, b = (torch.rand(n, dtype=torch.float64, generator=generator("masses", n)).pow(4) for n in (9, 14))
    a, b = a / a.sum(), b / b.sum()
    result = theory.optimal_transport(x * scale, y * scale, p, a, b)
    assert result.distance == pytest.approx(pot(x, y, p, a, b) * scale, rel=1e-9)
    assert result.dual_value == pytest.approx(result.cost, rel=1e-9)


@pytest.mark.parametrize("p", POWERS)
@pytest.mark.parametrize("far", [0.0, 2.0**10, 2.0**17, 2.0**27])
@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_a_shift_costs_its_length_beside_a_far_point_too(scale, far, p):
    x, y = (side * scale for side in shifted(10, far))
    expected = pytest.approx(5 * scale, rel=1e-9 if scale == 1 else 1e-7)  # the scaled points are rounded
    assert wasserstein(x, y, p) == expected
    assert theory.wasserstein(x, y, p).item() == expected
    line = pytest.approx(3 * scale, rel=1e-9 if scale == 1 else 1e-7)
    assert wasserstein(x[:, :1], y[:, :1], p) == line
    assert theory.wasserstein_1d(x[:, 0], y[:, 0], p).item() == line
    assert sliced_wasserstein(x[:, :1], y[:, :1], 3, p) == line


@pytest.mark.parametrize("p", [1.0, 2.0])
def test_equally_many_points_with_a_far_one_are_matched_exactly(p):
    x, _ = shifted(12, 2.0**27)
    for distance in (wasserstein, theory.wasserstein):
        assert float(distance(x, (x + SHIFT).flip(0), p)) == pytest.approx(5.0, rel=1e-9)


def test_a_far_pair_does_not_make_high_powers_vanish():
    # The near costs are (5 / 2²⁷)^100 = 1e-743 of the far ones.
    for n_copies in (1, 2):
        x, _ = shifted(6, 2.0**27)
        y = torch.cat([x] * n_copies) + SHIFT
        assert wasserstein(x, y, p=100) == pytest.approx(5.0, rel=1e-9)
        assert theory.wasserstein(x, y, p=100).item() == pytest.approx(5.0, rel=1e-9)
        assert theory.wasserstein_1d(x[:, 1], y[:, 1], p=100).item() == pytest.approx(4.0, rel=1e-9)


def test_gradients_are_those_of_the_shift_at_small_scales_and_high_powers():
    for scale, p in ((1e-8, 2.0), (1e-8, 60.0), (1e8, 60.0)):
        x, y = (side * scale for side in shifted(5, 0.0))
        x.requires_grad_()
        theory.wasserstein(x, y, p).backward()
        torch.testing.assert_close(x.grad, (-SHIFT / 5 / 5).expand(5, 2), rtol=1e-6, atol=0)


def test_a_cost_beyond_float64_is_refused_but_its_distance_is_not():
    for scale in (1e-8, 1e8):
        x, y = (side * scale for side in shifted(5, 0.0))
        with pytest.raises(plans.PlanError, match="to the power 60 are beyond float64's range"):
            theory.optimal_transport(x, y, 60.0)
        assert theory.wasserstein(x, y, 60.0).item() == pytest.approx(5 * scale, rel=1e-7)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 9), st.integers(1, 9), st.booleans())
def test_shortest_paths_and_the_linear_programme_agree(seed, n, m, ties):
    random = np.random.default_rng(seed)
    cost = random.random((n, m))
    cost = (3 * cost).round() if ties else cost
    a, b = random.random(n) + 1e-3, random.random(m) + 1e-3
    plan = plans.by_shortest_paths(cost, a, b)
    np.testing.assert_allclose(np.bincount(plan.rows, plan.masses, n), a / a.sum(), rtol=1e-12)
    np.testing.assert_allclose(np.bincount(plan.columns, plan.masses, m), b / b.sum(), rtol=1e-12)
    plans.check_gap(cost, plan, a, b)
    other = plans.value_of(cost, plans.cheapest_plan(cost, a, b))
    assert plans.value_of(cost, plan) == pytest.approx(other, rel=1e-9, abs=1e-15)


def test_a_plan_that_is_not_the_cheapest_is_refused():
    x, y = cloud(6, "x"), cloud(6, "y")
    cost = torch.cdist(x, y).numpy()
    equal = np.full(6, 1 / 6)
    straight = plans.by_shortest_paths(cost, equal, equal)._replace(columns=np.arange(6), rows=np.arange(6))
    with pytest.raises(plans.PlanError, match="a duality gap of 0"):
        plans.check_gap(cost, straight, equal, equal)


def test_masses_are_counted_exactly():
    # In floats, ten tenths are 0.9999999999999999, and 0.1 + 0.2 isn't 0.3.
    assert plans.whole_masses([0.1] * 10, [0.5, 0.5]) == ([1] * 10, [5, 5])
    a, b = plans.whole_masses([1e-30, 1.0], [1.0, 2.0])
    assert sum(a) == sum(b)
    assert a[0] / sum(a) == pytest.approx(1e-30)
    rows, columns, masses = plans.sorted_plan([0.1] * 10, [0.2] * 5)
    assert (rows.tolist(), columns.tolist()) == (list(range(10)), [i // 2 for i in range(10)])
    np.testing.assert_allclose(masses, 0.1, rtol=1e-15)


def test_points_without_weight_change_nothing_wherever_they_are():
    x, y = cloud(5, "x"), cloud(7, "y")
    b = torch.full((7,), 1 / 7).double()
    a = torch.tensor([0.0, 0.25, 0.25, 0.25, 0.25]).double()
    x[0] = 1e8
    for p in (1.0, 2.0):
        assert theory.wasserstein(x, y, p, a, b).item() == pytest.approx(theory.wasserstein(x[1:], y, p).item())
    assert math.isfinite(theory.witness(x, y, a, b)(x).sum().item())
