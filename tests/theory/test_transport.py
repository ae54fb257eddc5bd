"""Optimal transport: two computations of ours, two of scipy's, closed forms, and the proof by duality."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch.testing import assert_close

from gancourse.rng import generator
from gancourse.theory import (
    Witness,
    interval,
    jensen_shannon,
    kl,
    optimal_discriminator,
    optimal_transport,
    parallel_lines,
    total_variation,
    wasserstein,
    wasserstein_1d,
    witness,
)

seeds = st.integers(0, 10_000)
EXACT = {"rtol": 1e-9, "atol": 1e-9}


def cloud(n: int, *key: int | str, dimensions: int = 2) -> torch.Tensor:
    return torch.randn(n, dimensions, dtype=torch.float64, generator=generator(*key))


def masses(n: int, *key: int | str) -> torch.Tensor:
    return torch.rand(n, dtype=torch.float64, generator=generator(*key)).softmax(0)


def filled(x: torch.Tensor, weights: torch.Tensor | None) -> torch.Tensor:
    return torch.full((len(x),), 1 / len(x), dtype=torch.float64) if weights is None else weights


def cases():
    """Pairs of sets: equally many points, unequally many, and with weights."""
    yield cloud(40, 1), cloud(40, 2) + 1, None, None
    yield cloud(20, 3), 2 * cloud(35, 4), None, None
    yield cloud(25, 5, dimensions=3), cloud(18, 6, dimensions=3), masses(25, 7), masses(18, 8)


CASES = pytest.mark.parametrize(("x", "y", "a", "b"), list(cases()), ids=["equal", "unequal", "weighted"])


def test_one_point_moves_the_whole_distance():
    x, y = torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 4.0]])
    for p in (1.0, 2.0, 3.5):
        assert_close(optimal_transport(x, y, p).distance, 5.0, **EXACT)


def test_shifted_gaussians_are_as_far_apart_as_the_shift():
    levels = (torch.arange(1000, dtype=torch.float64) + 0.5) / 1000
    normal = math.sqrt(2) * torch.erfinv(2 * levels - 1)
    assert_close(wasserstein_1d(normal, normal + 0.7).item(), 0.7, **EXACT)
    # W1 between N(0, 1) and N(0, σ²) is |1 − σ| E|z|; 1000 quantiles lack a little of the tails
    assert_close(wasserstein_1d(normal, 3 * normal).item(), 2 * math.sqrt(2 / math.pi), rtol=2e-3, atol=0)
    assert_close(wasserstein_1d(normal, 3 * normal, p=2).item(), 2.0, rtol=1e-2, atol=0)


@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(1, 12), st.integers(1, 12), st.sampled_from([1.0, 2.0, 3.0]))
def test_sorting_agrees_with_the_linear_programme(seed, n, m, p):
    x, y = cloud(n, seed, "x", dimensions=1), cloud(m, seed, "y", dimensions=1)
    a, b = masses(n, seed, "a"), masses(m, seed, "b")
    assert_close(wasserstein_1d(x, y, p, a, b).item(), optimal_transport(x, y, p, a, b).distance, rtol=1e-7, atol=1e-7)
    assert_close(wasserstein_1d(x, y, p).item(), optimal_transport(x, y, p).distance, rtol=1e-7, atol=1e-7)


@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(1, 12), st.integers(1, 12))
def test_sorting_agrees_with_scipy(seed, n, m):
    x, y = cloud(n, seed, "x", dimensions=1)[:, 0], cloud(m, seed, "y", dimensions=1)[:, 0]
    a, b = masses(n, seed, "a"), masses(m, seed, "b")
    assert_close(wasserstein_1d(x, y).item(), stats.wasserstein_distance(x, y), **EXACT)
    assert_close(
        wasserstein_1d(x, y, 1.0, a, b).item(), stats.wasserstein_distance(x, y, a.numpy(), b.numpy()), **EXACT
    )


@CASES
def test_the_plane_agrees_with_scipy(x, y, a, b):
    expected = stats.wasserstein_distance_nd(x.numpy(), y.numpy(), a, b)
    assert_close(optimal_transport(x, y, 1.0, a, b).distance, expected, rtol=1e-7, atol=0)


@CASES
@pytest.mark.parametrize("p", [1.0, 2.0])
def test_the_plane_agrees_with_pot(x, y, a, b, p):
    ot = pytest.importorskip("ot")
    a, b = filled(x, a), filled(y, b)
    expected = ot.emd2(a.numpy(), b.numpy(), torch.cdist(x, y).pow(p).numpy())
    assert_close(optimal_transport(x, y, p, a, b).cost, float(expected), rtol=1e-8, atol=0)


@CASES
@pytest.mark.parametrize("p", [1.0, 2.0])
def test_the_potentials_prove_that_no_plan_is_cheaper(x, y, a, b, p):
    carried = optimal_transport(x, y, p, a, b)
    cost = torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist").pow(p)
    assert (carried.potential_x[:, None] + carried.potential_y <= cost + 1e-12).all()
    assert_close(carried.dual_value, carried.cost, **EXACT)


@CASES
def test_the_plan_carries_all_mass_of_one_to_the_other(x, y, a, b):
    plan = optimal_transport(x, y, 1.0, a, b).plan
    a, b = filled(x, a), filled(y, b)
    assert (plan >= 0).all()
    assert_close(plan.sum(1), a, **EXACT)
    assert_close(plan.sum(0), b, **EXACT)


def test_assignment_and_programme_agree():
    x, y = cloud(64, 1), cloud(64, 2) / 2
    equal = torch.full((64,), 1 / 64, dtype=torch.float64)  # told the weights, it can't know that they are equal
    assert_close(optimal_transport(x, y).cost, optimal_transport(x, y, 1.0, equal, equal).cost, **EXACT)


def test_a_plan_that_is_not_the_cheapest_has_a_gap():
    x, y = cloud(10, 1), cloud(10, 2)
    straight = torch.linalg.vector_norm(x - y, dim=1).mean().item()  # x_i to y_i, in the order they were drawn
    assert straight > optimal_transport(x, y).dual_value + 0.1


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_wasserstein_is_a_distance(seed):
    x, y, z = (cloud(15, seed, name) for name in "xyz")
    assert_close(wasserstein(x, x).item(), 0.0, **EXACT)
    assert_close(wasserstein(x, y).item(), wasserstein(y, x).item(), **EXACT)
    assert wasserstein(x, z) <= wasserstein(x, y) + wasserstein(y, z) + 1e-12


@settings(max_examples=20, deadline=None)
@given(seeds, st.floats(0.1, 10.0))
def test_order_rotation_shift_and_scale_do_what_they_should(seed, scale):
    x, y = cloud(15, seed, "x"), cloud(15, seed, "y")
    value = wasserstein(x, y).item()
    order = torch.randperm(15, generator=generator(seed))
    turn, _ = torch.linalg.qr(cloud(2, seed, "turn"))
    assert_close(wasserstein(x[order], y).item(), value, **EXACT)
    assert_close(wasserstein(x @ turn + 5, y @ turn + 5).item(), value, **EXACT)
    assert_close(wasserstein(scale * x, scale * y).item(), scale * value, **EXACT)


@pytest.mark.parametrize("p", [1.0, 2.0])
def test_a_shift_moves_w_p_by_its_length(p):
    x, shift = cloud(20, 1), torch.tensor([0.6, -0.8], dtype=torch.float64)
    assert_close(wasserstein(x, x + shift, p).item(), 1.0, **EXACT)


@CASES
def test_the_witness_attains_w1(x, y, a, b):
    f = witness(x, y, a, b)
    a, b = filled(x, a), filled(y, b)
    assert_close((a @ f(x) - b @ f(y)).item(), optimal_transport(x, y, 1.0, a, b).distance, **EXACT)


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_the_witness_is_nowhere_steeper_than_one(seed):
    f = witness(cloud(20, seed, "x"), cloud(20, seed, "y") + 1)
    u, v = 3 * cloud(500, seed, "u"), 3 * cloud(500, seed, "v")
    assert ((f(u) - f(v)).abs() <= torch.linalg.vector_norm(u - v, dim=1) + 1e-12).all()


def test_the_witness_has_slope_one_along_the_paths_of_the_mass():
    x, y = cloud(20, 1), cloud(20, 2) + 4
    f, plan = witness(x, y), optimal_transport(x, y).plan
    i, j = plan.nonzero(as_tuple=True)
    at = ((x[i] + y[j]) / 2).requires_grad_()
    (slope,) = torch.autograd.grad(f(at).sum(), at)
    towards_real = torch.nn.functional.normalize(x[i] - y[j])
    assert_close(slope, towards_real, rtol=1e-6, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_no_other_lipschitz_function_beats_the_witness(seed):
    x, y = cloud(15, seed, "x"), cloud(15, seed, "y")
    other = Witness(cloud(10, seed, "anchors"), cloud(10, seed, "heights", dimensions=1)[:, 0])  # 1-Lipschitz too
    assert (other(x).mean() - other(y).mean()).item() <= wasserstein(x, y).item() + 1e-12


def test_a_steeper_function_exceeds_w1():
    x, y = cloud(15, 1), cloud(15, 2) + 2
    f = witness(x, y)
    assert 1.5 * (f(x).mean() - f(y).mean()) > wasserstein(x, y) + 0.5


@pytest.mark.parametrize("dimensions", [1, 2])
@pytest.mark.parametrize("p", [1.0, 2.0])
def test_the_gradient_is_the_one_of_finite_differences(dimensions, p):
    x, y = cloud(8, 1, dimensions=dimensions).requires_grad_(), cloud(8, 2, dimensions=dimensions) + 1
    assert torch.autograd.gradcheck(lambda x, y: wasserstein(x, y, p), (x, y.requires_grad_()))


def test_each_point_is_pulled_with_the_force_of_its_mass():
    x, y = cloud(30, 1).requires_grad_(), cloud(30, 2) + 3
    wasserstein(x, y).backward()
    assert_close(30 * torch.linalg.vector_norm(x.grad, dim=1), torch.ones(30, dtype=torch.float64))


def test_the_slope_of_w1_at_distance_zero_is_finite():
    x = cloud(5, 1).requires_grad_()
    wasserstein(x, x.detach()).backward()
    assert_close(x.grad, torch.zeros_like(x))


def test_single_precision_positions_get_their_own_gradient():
    x = torch.zeros(2, 2, requires_grad=True)
    wasserstein(x, torch.ones(2, 2)).backward()
    assert x.grad.dtype == torch.float32


# Two parallel lines (Arjovsky et al. 2017, example 1). They have no densities, so the divergences are those of strips
# that are narrower than the gap between them; along the lines, and the strips, everything is the same.


def strip(centre: float, half_width: float):
    """Raised cosine: zero outside centre ± half_width."""

    def log_density(x):
        d = (x[:, 0] - centre) / half_width
        return torch.where(d.abs() < 1, (1 + (math.pi * d).cos()) / (2 * half_width), 0.0).log()

    return log_density


STRIPS = interval(-1.0, 2.0, 1201)


@pytest.mark.parametrize("theta", [-0.5, 0.25, 1.0])
def test_parallel_lines_have_the_closed_forms(theta):
    lines = parallel_lines(theta)
    u = torch.linspace(0, 1, 50, dtype=torch.float64)
    zero, moved = torch.stack([0 * u, u], 1), torch.stack([0 * u + theta, u], 1)
    assert_close(wasserstein(zero, moved).item(), lines.wasserstein, **EXACT)
    p, q = strip(0.0, 0.1), strip(theta, 0.1)
    assert_close(jensen_shannon(p, q, STRIPS).item(), lines.jensen_shannon, **EXACT)
    assert_close(total_variation(p, q, STRIPS).item(), lines.total_variation, **EXACT)
    assert kl(p, q, STRIPS).item() == kl(q, p, STRIPS).item() == lines.kl == lines.reverse_kl == math.inf


def test_parallel_lines_that_coincide_are_at_distance_zero():
    assert set(parallel_lines(0.0)) == {0.0}


def generator_slope(theta: float, half_width: float) -> float:
    """Largest slope in x of the generator's loss log(1 − D*) over the samples, by differences of D* itself."""
    p, q = strip(0.0, half_width), strip(theta, half_width)
    x = torch.linspace(theta - 0.99 * half_width, theta + 0.99 * half_width, 401, dtype=torch.float64)[:, None]
    loss = torch.log1p(-optimal_discriminator(p(x), q(x)))
    return (loss.diff() / x[:, 0].diff()).abs().max().item()


def test_without_overlap_jsd_is_log_two_and_the_best_discriminator_has_no_slope_while_w1_has_slope_one():
    assert_close(jensen_shannon(strip(0.0, 0.2), strip(0.5, 0.2), STRIPS).item(), math.log(2), **EXACT)
    assert generator_slope(0.5, 0.2) == 0.0
    theta = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    x = cloud(50, 1)
    wasserstein(x, x + theta * torch.tensor([1.0, 0.0])).backward()
    assert_close(theta.grad.item(), 1.0, **EXACT)


def test_with_overlap_jsd_is_below_log_two_and_the_best_discriminator_has_a_slope():
    assert jensen_shannon(strip(0.0, 0.4), strip(0.5, 0.4), STRIPS).item() < math.log(2) - 0.05
    assert generator_slope(0.5, 0.4) > 1.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: wasserstein(torch.zeros(3, 2), torch.zeros(3, 3)), "x has 2 dimensions, y 3"),
        (lambda: wasserstein(torch.zeros(3, 2), torch.zeros(0, 2)), "y is .* expected floats"),
        (lambda: wasserstein(torch.zeros(3, 2), torch.full((3, 2), math.nan)), "y has NaN"),
        (lambda: wasserstein(torch.arange(3), torch.zeros(3)), "x is torch.int64"),
        (lambda: wasserstein(torch.zeros(3), torch.zeros(3), p=0.5), "p is 0.5; W_p is a distance"),
        (lambda: wasserstein_1d(torch.zeros(3, 2), torch.zeros(3, 2)), "2 dimensions; sorting needs one"),
        (lambda: optimal_transport(torch.zeros(2), torch.zeros(2), 1.0, torch.ones(3) / 3), "expected 2 numbers"),
        (lambda: optimal_transport(torch.zeros(2), torch.zeros(2), 1.0, None, torch.ones(2)), "weights_y sums to 2"),
        (lambda: witness(torch.zeros(2, 2), torch.ones(2, 2))(torch.zeros(5)), r"expected \[batch, 2\]"),
    ],
)
def test_errors_say_what_was_given_and_expected(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("excess", [-9e-6, 9e-6])
def test_weights_that_sum_to_one_nearly_are_normalised(excess):
    x, y, a, b = cloud(6, 1), cloud(8, 2) + 3, masses(6, 3), masses(8, 4)
    exact = optimal_transport(x, y, 2.0, a, b)
    near = optimal_transport(x, y, 2.0, a * (1 + excess), b)
    assert_close(near.plan.sum().item(), 1.0, rtol=1e-12, atol=0)
    assert_close(near.cost, exact.cost, rtol=1e-12, atol=0)
    assert_close(near.dual_value, exact.cost, rtol=1e-12, atol=0)
    line = wasserstein_1d(x[:, 0], y[:, 0], 1.0, a * (1 + excess), b * (1 - excess))
    assert_close(line, wasserstein_1d(x[:, 0], y[:, 0], 1.0, a, b), rtol=1e-12, atol=0)


def test_a_witness_has_the_same_values_at_whole_positions():
    f = witness(torch.tensor([[2.5]]), torch.tensor([[0.25]]))
    assert_close(f(torch.tensor([[2], [1]])), f(torch.tensor([[2.0], [1.0]]).double()))
