import numpy as np
import pytest
import torch
from scipy import linalg
from torch import nn
from torch.testing import assert_close
from torchmetrics.image.fid import FrechetInceptionDistance

from gancourse.errors import NotFiniteError
from gancourse.metrics import Statistics, frechet, frechet_distance, frechet_extrapolated, intra_class_frechet


def features(n, d, seed=0, shift=0.0):
    """Correlated features with unequal scales."""
    random = torch.Generator().manual_seed(seed)
    mix = torch.randn(d, d, dtype=torch.float64, generator=random)
    return torch.randn(n, d, dtype=torch.float64, generator=random) @ mix + shift


def by_matrix_root(real, generated):
    """The textbook formula with scipy's matrix square root."""
    (mean_r, cov_r), (mean_g, cov_g) = ((x.mean(0), np.cov(x, rowvar=False)) for x in (real.numpy(), generated.numpy()))
    root = linalg.sqrtm(cov_r @ cov_g)
    return float(((mean_r - mean_g) ** 2).sum() + np.trace(cov_r + cov_g - 2 * root.real))


def assert_same(a, b, rtol=1e-9, atol=1e-9):
    assert_close(a, b, rtol=rtol, atol=atol)


@pytest.mark.parametrize(("n", "m", "d"), [(50, 50, 2), (200, 100, 16), (300, 500, 64)])
def test_distance_is_the_textbook_formula_by_scipy(n, m, d):
    real, generated = features(n, d), features(m, d, seed=1, shift=0.5)
    assert_same(frechet_distance(real, generated), by_matrix_root(real, generated), rtol=1e-7)


class Pixels(nn.Module):
    """Takes an image's pixels for its features."""

    num_features = 16

    def forward(self, x):
        return x.flatten(1)


def by_torchmetrics(real, generated):
    metric = FrechetInceptionDistance(Pixels(), normalize=True, input_img_size=(1, 4, 4)).set_dtype(torch.float64)
    metric.update(real.view(-1, 1, 4, 4), real=True)
    metric.update(generated.view(-1, 1, 4, 4), real=False)
    return metric.compute().item()


@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_distance_is_that_of_torchmetrics_on_the_same_features(shift):
    real, generated = features(150, 16).sigmoid(), (features(90, 16, seed=1) + shift).sigmoid()
    assert_same(frechet_distance(real, generated), by_torchmetrics(real, generated), rtol=1e-6)


def test_distance_is_that_of_torchmetrics_when_covariances_are_singular():
    real, generated = features(150, 16).sigmoid(), features(90, 16, seed=1).sigmoid()
    real[:, 3:9], generated[:, 8:] = 0.5, 0.25
    # Their way takes roots of eigenvalues that rounding leaves at 1e-17 instead of 0: seven digits are what it has.
    assert_same(frechet_distance(real, generated), by_torchmetrics(real, generated), rtol=1e-6, atol=1e-6)


def test_distance_is_that_of_torchmetrics_when_there_are_fewer_samples_than_features():
    real, generated = features(7, 16).sigmoid(), features(5, 16, seed=1).sigmoid()
    assert_same(frechet_distance(real, generated), by_torchmetrics(real, generated), rtol=1e-6, atol=1e-6)


def test_in_one_dimension_it_is_the_closed_form():
    real, generated = features(40, 1), features(70, 1, seed=1, shift=2.0)
    expected = (real.mean() - generated.mean()) ** 2 + (real.std() - generated.std()) ** 2
    assert_same(frechet_distance(real, generated), expected.item())


def test_for_uncorrelated_features_it_is_the_sum_over_dimensions():
    # Rows of a Hadamard matrix: columns are exactly uncorrelated, each with mean 0 and sample variance 8/7.
    h = torch.from_numpy(linalg.hadamard(8)[:, 1:5]).double()
    a, b, mean = torch.tensor([[1, 2, 0.5, 3], [2, 2, 1, 0], [1, 0, -2, 0.5]], dtype=torch.float64)
    assert_same(frechet_distance(h * a, h * b + mean), (mean.square().sum() + 8 / 7 * (a - b).square().sum()).item())


def test_a_subspace_of_many_dimensions_is_as_good_as_the_space_it_came_from():
    # Both covariances are singular in 40 dimensions; an isometry changes no distance.
    basis = torch.linalg.qr(features(40, 40)).Q[:, :3]
    real, generated = features(100, 3), features(100, 3, seed=1)
    assert_same(frechet_distance(real @ basis.T, generated @ basis.T), frechet_distance(real, generated))


@pytest.mark.parametrize(("n", "m", "d"), [(100, 80, 8), (5, 80, 8), (3, 2, 8)])
def test_rotating_shifting_or_reordering_both_sets_changes_nothing(n, m, d):
    real, generated = features(n, d), features(m, d, seed=1, shift=0.5)
    before = frechet_distance(real, generated)
    rotation = torch.linalg.qr(features(d, d, seed=2)).Q
    assert_same(frechet_distance(real @ rotation, generated @ rotation), before)
    assert_same(frechet_distance(real + 3, generated + 3), before)
    assert_same(frechet_distance(real.flip(0), generated.roll(1, 0)), before)
    assert_same(frechet_distance(generated, real), before)


def test_scaling_features_by_c_scales_the_distance_by_c_squared():
    real, generated = features(100, 8), features(80, 8, seed=1)
    assert_same(frechet_distance(10 * real, 10 * generated), 100 * frechet_distance(real, generated))


def test_a_shift_alone_costs_its_squared_length():
    real, shift = features(100, 8), torch.arange(8.0, dtype=torch.float64)
    assert_same(frechet_distance(real, real + shift), shift.square().sum().item())


@pytest.mark.parametrize("n", [2, 5, 100])
def test_a_set_has_no_distance_from_itself_and_no_distance_is_negative(n):
    real = features(n, 8)
    assert 0 <= frechet_distance(real, real.flip(0)) < 1e-10


def test_a_generator_that_makes_one_thing_is_as_far_as_the_data_s_variance():
    real = features(100, 8)
    assert_same(frechet_distance(real, real.mean(0).expand(50, 8)), real.var(0).sum().item())


def test_single_precision_features_are_compared_in_double():
    real, generated = features(100, 8).float() + 1000, features(100, 8, seed=1).float() + 1000
    assert_same(frechet_distance(real, generated), by_matrix_root(real.double(), generated.double()), rtol=1e-7)


# Seeds 0 to 9. To first order two samples of n from one Gaussian in d dimensions lie (2d + d(d + 1)/2)/n apart: 0.104
# for n = 500, d = 8. The distance is about a scaled χ² of 39 degrees of freedom (mean 0.105, deviation 0.024 over
# 3,000 other seeds), which passes 0.25 with probability 3e-6: ten seeds give a false alarm with probability 3e-5.
@pytest.mark.parametrize("seed", range(10))
def test_distance_tells_the_right_gaussian_from_a_shrunken_and_a_shifted_one(seed):
    real, same = torch.randn(2, 500, 8, generator=torch.Generator().manual_seed(seed))
    assert frechet_distance(real, same) < 0.25
    assert frechet_distance(real, 0.7 * same) > 0.25  # the twins that must fail: 8 · 0.3² = 0.72, and the bias
    assert frechet_distance(real, same + 0.3) > 0.25


# Seeds 0 to 99, whose mean has a standard error of 0.0024; alarm beyond 5 of them: false with probability 6e-7.
def test_the_bias_of_the_distance_is_what_theory_says():
    draws = [torch.randn(2, 500, 8, generator=torch.Generator().manual_seed(seed)) for seed in range(100)]
    mean = sum(frechet_distance(a, b) for a, b in draws) / 100
    assert abs(mean - (2 * 8 + 8 * 9 / 2) / 500) < 0.012


@pytest.mark.parametrize(
    ("real", "generated", "message"),
    [
        (torch.zeros(5, 3), torch.zeros(5, 4), "real has 3 features, generated 4; use one extractor"),
        (torch.zeros(1, 3), torch.zeros(5, 3), r"real has shape \(1, 3\); expected \[n, features\] with n ≥ 2"),
        (torch.zeros(5, 3), torch.zeros(0, 3), r"generated has shape \(0, 3\)"),
        (torch.zeros(5), torch.zeros(5, 3), r"real has shape \(5,\)"),
        (torch.zeros(5, 3), torch.zeros(5, 3, 1), r"generated has shape \(5, 3, 1\)"),
        (
            torch.zeros(5, 3),
            torch.full((5, 3), torch.nan),
            "generated has numbers that are not finite; check whether the",
        ),
        (torch.full((5, 3), torch.inf), torch.zeros(5, 3), "real has numbers that are not finite"),
    ],
)
def test_features_that_cannot_be_compared_are_refused(real, generated, message):
    with pytest.raises(ValueError, match=message):
        frechet_distance(real, generated)


# From statistics


@pytest.mark.parametrize(
    ("n", "m", "d"), [(50, 50, 2), (300, 500, 64), (800, 900, 300), (700, 100, 300), (40, 30, 300)]
)
def test_statistics_give_the_distance_of_their_features(n, m, d):
    real, generated = features(n, d), features(m, d, seed=1, shift=0.5)
    expected = frechet_distance(real, generated)
    for sides in ((Statistics.of(real), generated), (real, Statistics.of(generated))):
        assert_same(frechet_distance(*sides), expected, rtol=1e-6)
    # Of a singular covariance rounding leaves 1e-16 instead of 0, which enters by its root.
    assert_same(frechet_distance(Statistics.of(real), Statistics.of(generated)), expected, rtol=1e-6)


def test_the_fast_way_and_the_singular_values_agree_where_both_are_taken(monkeypatch):
    real, generated = features(700, 300), features(900, 300, seed=1)
    values = []
    for least in (0.0, 2.0):  # always the fast way, never
        monkeypatch.setattr(frechet, "WELL_CONDITIONED", least)
        values.append(frechet_distance(real, generated))
    assert_same(values[0], values[1], rtol=1e-9)
    assert_same(values[1], by_matrix_root(real, generated), rtol=1e-7)


def test_two_gaussians_that_are_given_have_the_closed_form():
    # Covariances with common axes: the distance is that of the means and of the deviations along each axis.
    axes = torch.linalg.qr(features(5, 5)).Q
    a, b = torch.tensor([[1, 2, 0, 3, 1], [2, 0, 0, 0.5, 1]], dtype=torch.float64)
    mean = torch.arange(5.0, dtype=torch.float64)
    one, other = (Statistics(9, m, (axes * s**2) @ axes.T) for m, s in ((0 * mean, a), (mean, b)))
    assert_same(
        frechet_distance(one, other), (mean.square().sum() + (a - b).square().sum()).item(), rtol=1e-7, atol=1e-7
    )


@pytest.mark.parametrize(
    ("statistics", "message"),
    [
        (Statistics(9, torch.zeros(3), torch.eye(3)), "in torch.float32; expected"),
        (Statistics(9, torch.zeros(3).double(), torch.eye(2).double()), r"a covariance \(2, 2\)"),
        (Statistics(9, torch.zeros(3).double(), -torch.eye(3).double()), "has the eigenvalue -1"),
        (Statistics(9, torch.zeros(3).double() / 0, torch.eye(3).double()), "not finite"),
        (Statistics(9, torch.zeros(3).double(), torch.eye(3).double().cumsum(1)), "isn't symmetric"),
        (Statistics(9, torch.zeros(2).double(), torch.eye(2).double()), "real has 2 features, generated 3"),
    ],
)
def test_statistics_that_cannot_be_are_refused(statistics, message):
    with pytest.raises(ValueError, match=message):
        frechet_distance(statistics, features(10, 3))


def test_a_distance_that_float64_cannot_hold_is_refused():
    with pytest.raises(NotFiniteError, match="larger than float64"):
        frechet_distance(features(10, 3), features(10, 3) + 1e200)


# Extrapolated


# Seeds 0 to 29; means over them with standard errors of about 0.0016 (extrapolated) and 0.0007: alarm beyond 5.
def test_extrapolation_takes_the_bias_out():
    d, n = 6, 500
    bias = (2 * d + d * (d + 1) / 2) / n
    pairs = [torch.randn(2, n, d, generator=torch.Generator().manual_seed(seed)).double() for seed in range(30)]
    for scale, truth in ((1.0, 0.0), (1.5, d * 0.25)):
        found = [frechet_extrapolated(x, scale * y) for x, y in pairs]
        plain = torch.tensor([frechet_distance(x, scale * y) for x, y in pairs])
        values = torch.tensor([f.value for f in found])
        assert abs(values.mean() - truth) < 5 * values.std() / 30**0.5 + 0.05 * bias
        assert plain.mean() - truth > bias / 2  # the twin: the plain distance keeps its bias


def test_extrapolation_is_a_line_in_one_over_n():
    real, generated = features(400, 3), features(400, 3, seed=1, shift=0.3)
    found = frechet_extrapolated(real, generated, sizes=(400, 100, 200))
    assert found.sizes == (100, 200, 400)
    assert_same(found.distances[-1], frechet_distance(real, generated))
    weights = 400 / np.array(found.sizes)
    slope, value = np.polyfit(1 / np.array(found.sizes), found.distances, 1, w=weights**0.5)
    assert_same((found.value, found.slope), (value, slope))


def test_the_standard_error_is_that_of_a_weighted_line():
    x, y, w = np.array([0.1, 0.2, 0.4, 0.5]), np.array([1.0, 1.3, 1.9, 2.5]), np.array([4.0, 2.0, 1.0, 1.0])
    _, covariance = np.polyfit(x, y, 1, w=w**0.5, cov=True)
    assert_same(frechet._line(x.tolist(), y.tolist(), w.tolist())[2], float(covariance[1, 1] ** 0.5))


def test_given_statistics_stay_whole_and_their_own_bias_stays():
    real, generated = features(400, 3), features(400, 3, seed=1)
    found = frechet_extrapolated(Statistics.of(real), generated, sizes=(100, 400))
    assert_same(found.distances[-1], frechet_distance(real, generated))
    assert found.slope < frechet_extrapolated(real, generated, sizes=(100, 400)).slope


@pytest.mark.parametrize("sizes", [(10,), (1, 10), (10, 51), (10, 10)])
def test_sizes_that_make_no_line_are_refused(sizes):
    with pytest.raises(ValueError, match="expected two or more different ones from 2 to 50"):
        frechet_extrapolated(features(50, 2), features(60, 2), sizes)


# Within classes


def test_distances_within_classes_see_labels_that_are_ignored():
    labels = torch.arange(300) % 3
    real = features(300, 4) + 5 * labels[:, None]
    assert intra_class_frechet(real, labels, real, labels) == {c: pytest.approx(0, abs=1e-9) for c in range(3)}
    ignored = labels.roll(1)
    assert frechet_distance(real, real) < 1e-9
    assert min(intra_class_frechet(real, labels, real, ignored).values()) > 50


def test_each_class_is_compared_by_itself():
    x, y = features(90, 4), features(60, 4, seed=1)
    a, b = torch.arange(90) % 3, torch.arange(60) % 3
    found = intra_class_frechet(x, a, y, b)
    assert_same(found[1], frechet_distance(x[1::3], y[1::3]))
    assert sorted(found) == [0, 1, 2]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (torch.zeros(5).long(), r"6 generated features but labels torch.int64 \(5,\)"),
        (torch.zeros(6), "pass one integer a sample"),
        (torch.tensor([0, 0, 0, 1, 1, 7]), r"the classes \[7\], which the real data lacks"),
        (torch.tensor([0, 0, 0, 0, 0, 1]), "class 1 has 3 real and 1 generated samples"),
    ],
)
def test_labels_that_fit_no_class_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        intra_class_frechet(features(6, 2), torch.tensor([0, 1] * 3), features(6, 2, seed=1), labels)
