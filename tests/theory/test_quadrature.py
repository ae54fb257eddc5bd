import math

import pytest
import torch
from torch.testing import assert_close

from gancourse.data import Mixture, ring
from gancourse.theory import QuadratureError, box, interval


def test_polynomials_of_degree_one_are_integrated_exactly_in_three_dimensions():
    grid = box([0.0, -1.0, 2.0], [2.0, 3.0, 5.0], 5)
    x, y, z = grid.points.T
    assert_close(grid.integrate(x + 2 * y - z + 1).value, torch.tensor(24 * (1 + 2 - 3.5 + 1), dtype=torch.float64))


def test_integral_of_a_gaussian_is_exact_to_rounding():
    grid = interval(-9.0, 9.0, 201)
    integral = grid.integrate((-(grid.points[:, 0] ** 2) / 2).exp())
    assert_close(integral.value.item(), math.sqrt(2 * math.pi), rtol=1e-14, atol=0)
    assert integral.error < 1e-12


def test_stated_error_covers_the_true_error_of_a_kinked_function():
    grid = interval(-1.0, math.pi, 301)
    integral = grid.integrate(grid.points[:, 0].abs())
    true_error = abs(integral.value.item() - (1 + math.pi**2) / 2)
    assert 0 < true_error < 2 * integral.error


def test_integral_is_differentiable():
    grid, slope = interval(0.0, 1.0), torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    grid.checked(slope * grid.points[:, 0]).backward()
    assert_close(slope.grad.item(), 0.5)


def test_mixtures_of_the_course_have_mass_one():
    for mixture, side, n in ((ring(std=0.2), 4.0, 201), (Mixture(torch.zeros(1, 2), 1.5), 12.0, 201)):
        grid = box([-side, -side], [side, side], n)
        log_density = grid.evaluate(mixture.log_density)
        assert_close(grid.integrate(log_density.exp()).value.item(), 1.0, rtol=0, atol=1e-6)


def test_lost_mass_is_an_error_that_names_the_density_and_the_grid():
    broad = Mixture(torch.zeros(1, 1), 1.0)
    with pytest.raises(
        QuadratureError, match=r"p_g has mass 0\.682689 on the grid from \[-1\.0\] to \[1\.0\].*expected 1"
    ):
        interval(-1.0, 1.0).evaluate(broad.log_density, "p_g")


def test_mass_between_the_points_is_an_error():
    narrow = Mixture(torch.full((1, 1), 0.05), 0.001)
    with pytest.raises(QuadratureError, match="wider or finer grid"):
        interval(-1.0, 1.0, 101).evaluate(narrow.log_density)


def test_density_that_is_not_a_number_is_an_error():
    with pytest.raises(QuadratureError, match="mass nan"):
        interval(-1.0, 1.0).evaluate(lambda x: x[:, 0] * math.nan)


def test_integral_that_has_not_converged_is_an_error():
    grid = interval(0.0, 1.0, 11)
    with pytest.raises(QuadratureError, match="twice the step changes it by"):
        grid.checked((30 * grid.points[:, 0]).sin())


def test_looser_tolerance_lets_a_coarse_integral_pass():
    grid = interval(0.0, 1.0, 11, tolerance=1.0)
    grid.checked((30 * grid.points[:, 0]).sin())


@pytest.mark.parametrize(
    ("low", "high", "n", "message"),
    [
        ([0.0], [0.0], 5, "low < high"),
        ([0.0], [1.0, 2.0], 5, "low < high"),
        ([], [], 5, "low < high"),
        ([0.0], [1.0], 4, "odd number"),
        ([0.0], [1.0], 1, "odd number"),
    ],
)
def test_boxes_that_make_no_grid_are_refused(low, high, n, message):
    with pytest.raises(ValueError, match=message):
        box(low, high, n)


def test_values_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"shape \(3,\); expected one number per point, \[5\]"):
        interval(0.0, 1.0, 5).integrate(torch.zeros(3))
