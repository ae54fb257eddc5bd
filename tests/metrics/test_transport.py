import pytest
import torch
from torch.testing import assert_close

from gancourse import theory
from gancourse.metrics import sliced_wasserstein, transport, wasserstein


def normal(n, d, seed=0, shift=0.0):
    return torch.randn(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) + shift


def assert_same(a, b, tolerance=1e-9):
    assert_close(torch.tensor(float(a)), torch.tensor(float(b)), rtol=tolerance, atol=tolerance)


SIZES = [(30, 30), (12, 18), (7, 11)]


@pytest.mark.parametrize("p", [1.0, 2.0])
@pytest.mark.parametrize(("n", "m"), SIZES)
def test_the_distance_is_that_of_pot_and_of_the_theory(n, m, p):
    ot = pytest.importorskip("ot")
    x, y = normal(n, 3), normal(m, 3, 1, shift=0.5)
    cost = ot.dist(x.numpy(), y.numpy(), metric="euclidean") ** p
    assert_same(wasserstein(x, y, p), ot.emd2([], [], cost) ** (1 / p))
    assert_same(wasserstein(x, y, p), theory.wasserstein(x, y, p))


@pytest.mark.parametrize("p", [1, 2, 3])
@pytest.mark.parametrize(("n", "m"), SIZES)
def test_on_a_line_it_is_that_of_pot_and_scipy(n, m, p):
    ot, stats = pytest.importorskip("ot"), pytest.importorskip("scipy.stats")
    x, y = normal(n, 1), normal(m, 1, 1, shift=0.5)
    assert_same(wasserstein(x, y, p), float(ot.wasserstein_1d(x[:, 0].numpy(), y[:, 0].numpy(), p=p)) ** (1 / p))
    if p == 1:
        assert_same(wasserstein(x, y), stats.wasserstein_distance(x[:, 0].numpy(), y[:, 0].numpy()))


@pytest.mark.parametrize("p", [1.0, 2.0])
@pytest.mark.parametrize(("n", "m"), SIZES)
def test_the_sliced_distance_is_that_of_pot_along_the_same_directions(n, m, p):
    ot = pytest.importorskip("ot")
    x, y = normal(n, 4), normal(m, 4, 1, shift=0.5)
    directions = transport._directions(4, 50, seed=3)
    theirs = ot.sliced_wasserstein_distance(x.numpy(), y.numpy(), projections=directions.numpy(), p=p)
    assert_same(sliced_wasserstein(x, y, 50, p, seed=3), theirs)


def test_a_shift_costs_its_length_and_sliced_its_mean_square_over_directions():
    x, shift = normal(40, 3), torch.tensor([3.0, 4.0, 0.0])
    assert_same(wasserstein(x, x + shift), 5.0)
    assert_same(wasserstein(x, x + shift, 2), 5.0)
    directions = transport._directions(3, 5000, seed=0)
    assert_same(directions.norm(dim=0).sub(1).abs().max(), 0.0)
    # E (s·u)² = |s|²/3, with a standard error over 5,000 directions of 1.3 % of it: five of them.
    assert sliced_wasserstein(x, x + shift, 5000) ** 2 == pytest.approx(25 / 3, rel=0.065)


def test_the_sliced_distance_is_never_above_the_exact_one():
    x, y = normal(60, 5), 2 * normal(60, 5, 1)
    for p in (1.0, 2.0):
        assert 0 < sliced_wasserstein(x, y, 200, p) < wasserstein(x, y, p)


def test_order_and_repetition_change_nothing_and_both_are_symmetric():
    x, y = normal(20, 3), normal(15, 3, 1)
    for distance in (wasserstein, sliced_wasserstein):
        expected = distance(x, y)
        assert_same(distance(x.flip(0), y.roll(3, 0)), expected)
        assert_same(distance(x.repeat(2, 1), y), expected, 1e-7)
        assert_same(distance(y, x), expected, 1e-7)
        assert distance(x, x.flip(0)) < 1e-12


def test_directions_depend_on_the_seed_alone():
    x, y = normal(20, 3), normal(20, 3, 1)
    assert sliced_wasserstein(x, y) == sliced_wasserstein(x, y)
    assert sliced_wasserstein(x, y) != sliced_wasserstein(x, y, seed=1)


# Seeds 0 to 9: two samples of one Gaussian lie near each other; a collapsed one doesn't.
@pytest.mark.parametrize("seed", range(10))
def test_a_collapsed_sample_is_farther_than_a_right_one(seed):
    x, y = normal(200, 2, seed).split(100)
    for distance in (wasserstein, sliced_wasserstein):
        assert distance(x, y) < 0.6 < distance(x, y[:1].expand(100, 2))


@pytest.mark.parametrize("distance", [wasserstein, sliced_wasserstein])
@pytest.mark.parametrize(
    ("x", "y", "p", "message"),
    [
        (torch.zeros(3, 2), torch.zeros(3, 1), 1, r"y \(3, 1\); expected"),
        (torch.zeros(0, 2), torch.zeros(3, 2), 1, r"x \(0, 2\)"),
        (torch.zeros(3), torch.zeros(3), 1, r"x \(3,\)"),
        (torch.zeros(3, 2), torch.zeros(3, 2), 0.5, "p is 0.5"),
        (torch.zeros(3, 2), torch.full((3, 2), torch.nan), 1, "not finite"),
        (torch.zeros(3, 2), torch.zeros(3, 2) * 1j, 1, "expected real numbers"),
    ],
)
def test_what_cannot_be_compared_is_refused(distance, x, y, p, message):
    with pytest.raises(ValueError, match=message):
        distance(x, y, p=p)


def test_no_direction_is_refused():
    with pytest.raises(ValueError, match="n_projections is 0"):
        sliced_wasserstein(torch.zeros(3, 2), torch.zeros(3, 2), 0)


@pytest.mark.parametrize("m", [5, 7])
@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_high_powers_neither_vanish_nor_overflow(m, size):
    x = torch.zeros(5, 2).double()
    y = torch.zeros(m, 2).double() + torch.tensor([3.0, 4.0])
    assert wasserstein(size * x, size * y, p=200) == pytest.approx(5 * size, rel=1e-9)
    assert wasserstein(size * x[:, :1], size * y[:, :1], p=200) == pytest.approx(3 * size, rel=1e-9)
