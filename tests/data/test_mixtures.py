import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy import stats
from torch.testing import assert_close

from gancourse.data import Mixture, grid, ring, two_classes
from gancourse.rng import Noise

# Statistical tests below use these seeds and alarm at p < 1e-4, so over five seeds falsely with probability 5e-4 each.
SEEDS = range(5)
ALARM = 1e-4

UNEQUAL = Mixture(
    torch.tensor([[-1.0, 0.0], [2.0, 1.0], [0.0, -3.0]], dtype=torch.float64), 0.5, torch.tensor([0.2, 0.5, 0.3])
)
LINE = Mixture(torch.tensor([[-1.5], [1.0]], dtype=torch.float64), 0.6)
SPACE = Mixture(torch.eye(3, dtype=torch.float64), 0.8, torch.tensor([0.7, 0.2, 0.1]))
EACH = pytest.mark.parametrize("mixture", [UNEQUAL, LINE, SPACE], ids=["plane", "line", "space"])


def somewhere(mixture, n=50):
    return 3 * torch.randn(n, mixture.means.shape[1], dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@EACH
def test_density_is_the_weighted_sum_of_scipy_s_normal_densities(mixture):
    x = somewhere(mixture)
    expected = sum(
        w * stats.multivariate_normal(mean, mixture.std**2 * np.eye(len(mean))).pdf(x.numpy())
        for w, mean in zip(mixture.weights.tolist(), mixture.means.numpy(), strict=True)
    )
    assert_close(mixture.density(x), torch.from_numpy(expected), rtol=1e-10, atol=0)
    assert_close(mixture.log_density(x), torch.from_numpy(np.log(expected)))


@pytest.mark.parametrize(
    "mixture", [LINE, UNEQUAL, ring(std=0.2), grid(3, std=0.3)], ids=["line", "plane", "ring", "grid"]
)
def test_density_integrates_to_one(mixture):
    line = torch.linspace(-6, 6, 401, dtype=torch.float64)  # every centre lies at least ten standard deviations inside
    cell = (line[1] - line[0]) ** mixture.means.shape[1]
    points = torch.cartesian_prod(*[line] * mixture.means.shape[1]).reshape(-1, mixture.means.shape[1])
    assert_close((mixture.density(points).sum() * cell).item(), 1.0, rtol=0, atol=1e-6)


@EACH
def test_score_is_the_derivative_of_the_log_density(mixture):
    x = somewhere(mixture).requires_grad_()
    (derivative,) = torch.autograd.grad(mixture.log_density(x).sum(), x)
    assert_close(mixture.score(x.detach()), derivative)


@EACH
def test_the_posterior_is_bayes_rule_with_scipy_s_densities(mixture):
    x = somewhere(mixture)
    joint = np.stack(
        [
            w * stats.multivariate_normal(mean, mixture.std**2 * np.eye(len(mean))).pdf(x.numpy())
            for w, mean in zip(mixture.weights.tolist(), mixture.means.numpy(), strict=True)
        ],
        1,
    )
    assert_close(mixture.posterior(x), torch.from_numpy(joint / joint.sum(1, keepdims=True)))


@EACH
def test_the_density_is_the_weighted_mean_of_its_components(mixture):
    x = somewhere(mixture)
    parts = torch.stack([mixture.component_log_density(x, i).exp() for i in range(len(mixture.means))], 1)
    assert_close(parts @ mixture.weights.to(parts), mixture.density(x))
    with pytest.raises(ValueError, match="component 9 is not one of 0 … "):
        mixture.component_log_density(x, 9)


def test_the_best_classifier_of_the_two_classes_is_right_with_probability_phi_of_one():
    """The posterior's is the sign of the first coordinate; of 100,000 samples, five standard errors are 0.006."""
    x, y, _ = two_classes()(Noise((0,), 100_000))
    right = two_classes().posterior(x).argmax(1) == y
    assert torch.equal(right, (x[:, 0] > 0) == (y == 1))
    assert right.double().mean().item() == pytest.approx(stats.norm.cdf(1), abs=0.006)
    # The logit of class 1 is linear: Bayes' rule for Gaussians of one width.
    assert_close(two_classes().posterior(x[:9])[:, 1], (2 * x[:9, 0]).sigmoid())


def test_score_of_one_gaussian_points_straight_to_its_centre():
    one = Mixture(torch.tensor([[1.0, 2.0]]), 0.5)
    x = torch.tensor([[1.0, 2.0], [3.0, 2.0], [-100.0, 50.0]])
    assert_close(one.score(x), (one.means - x) / 0.25)


def test_log_density_and_score_are_exact_where_the_density_underflows():
    x = torch.tensor([[100.0, 0.0]])
    assert ring().density(x) == 0
    # The nearest mode, at (2, 0), outweighs all others beyond what a float can hold.
    expected = -math.log(8) - math.log(2 * math.pi * 0.02**2) - 98**2 / (2 * 0.02**2)
    assert_close(ring().log_density(x), torch.tensor([expected]), rtol=1e-5, atol=0)
    assert_close(ring().score(x), torch.tensor([[-98 / 0.02**2, 0.0]]), rtol=1e-5, atol=1e-3)


@EACH
def test_a_point_s_density_does_not_depend_on_the_others(mixture):
    x = somewhere(mixture)
    assert_close(torch.cat([mixture.log_density(row[None]) for row in x]), mixture.log_density(x))
    assert_close(torch.cat([mixture.score(row[None]) for row in x]), mixture.score(x))


@EACH
def test_order_of_the_components_does_not_matter(mixture):
    back = Mixture(mixture.means.flip(0), mixture.std, mixture.weights.flip(0))
    x = somewhere(mixture)
    assert_close(back.log_density(x), mixture.log_density(x))
    assert_close(back.score(x), mixture.score(x))


@EACH
def test_stretching_space_by_c_divides_the_density_by_c_to_the_dimensions_and_the_score_by_c(mixture):
    x, c = somewhere(mixture), 3.0
    stretched = Mixture(c * mixture.means, c * mixture.std, mixture.weights)
    assert_close(stretched.density(c * x), mixture.density(x) / c ** x.shape[1])
    assert_close(stretched.score(c * x), mixture.score(x) / c)


def test_a_component_of_weight_zero_changes_nothing_but_is_allowed():
    more = Mixture(torch.cat([LINE.means, torch.tensor([[0.0]])]), LINE.std, torch.tensor([0.5, 0.5, 0.0]))
    x = somewhere(LINE)
    assert_close(more.log_density(x), LINE.log_density(x))
    assert_close(more.score(x), LINE.score(x))


def test_a_component_of_weight_zero_is_never_drawn_even_when_the_uniform_number_is_zero():
    mixture = Mixture(torch.tensor([[7.0], [1.0], [8.0]]), 1e-6, torch.tensor([0.0, 1.0, 0.0]))
    lowest = SimpleNamespace(
        n=1, device=torch.device("cpu"), uniform=lambda name: torch.zeros(1), normal=lambda name, d: torch.zeros(1, d)
    )
    x, component, _ = mixture(lowest)
    assert component.item() == 1
    assert x.item() == 1.0


def test_samples_have_the_means_type_and_come_with_their_component():
    for dtype in (torch.float32, torch.float64):
        x, component, _ = Mixture(ring(8).means.to(dtype), 0.02)(Noise((0,), 200))
        assert x.dtype == dtype
        assert x.shape == (200, 2)
        assert component.dtype == torch.int64
        assert_close(torch.cdist(x, ring(8).means.to(dtype)).argmin(1), component)


def test_samples_depend_on_the_noise_alone():
    assert_close(UNEQUAL(Noise((0,), 9)).x, UNEQUAL(Noise((0,), 9)).x, rtol=0, atol=0)
    assert (UNEQUAL(Noise((0,), 9)).x != UNEQUAL(Noise((0,), 9, update=1)).x).all()


@pytest.mark.cuda
def test_samples_on_cuda_are_those_of_the_cpu():
    on_cuda = UNEQUAL(Noise((0,), 64, device=torch.device("cuda")))
    assert on_cuda.x.device.type == on_cuda.y.device.type == "cuda"
    assert_close(on_cuda.y.cpu(), UNEQUAL(Noise((0,), 64)).y)
    assert_close(on_cuda.x.cpu(), UNEQUAL(Noise((0,), 64)).x)


def p_values(sampler, claimed):
    """How likely samples are, in four ways, if they come from the claimed mixture."""
    x, component, *_ = sampler
    deviation = ((x - claimed.means[component]) / claimed.std).numpy()
    counts = component.bincount(minlength=len(claimed.means)).numpy()
    return {
        "components": stats.chisquare(counts, len(x) * claimed.weights.double().numpy()).pvalue,
        "axes": stats.kstest(deviation.ravel(), "norm").pvalue,
        "radius": stats.kstest((deviation**2).sum(1), stats.chi2(deviation.shape[1]).cdf).pvalue,
        "independence": stats.pearsonr(deviation[:, 0], deviation[:, 1]).pvalue,
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_samples_follow_the_mixture(seed):
    # Four p-values a seed: each alarms at a quarter of the rate.
    found = p_values(UNEQUAL(Noise((seed,), 20_000)), UNEQUAL)
    assert min(found.values()) > ALARM / 4, found


@pytest.mark.parametrize("seed", SEEDS)
def test_the_test_notices_a_sampler_that_is_biased_too_wide_or_correlated(seed):
    noise = Noise((seed,), 20_000)
    biased = Mixture(UNEQUAL.means, UNEQUAL.std, torch.tensor([0.23, 0.48, 0.29]))
    assert p_values(biased(noise), UNEQUAL)["components"] < ALARM
    wide = p_values(Mixture(UNEQUAL.means, 1.05 * UNEQUAL.std, UNEQUAL.weights)(noise), UNEQUAL)
    assert wide["axes"] < ALARM
    assert wide["radius"] < ALARM
    x, component, _ = UNEQUAL(noise)
    sheared = x + 0.1 * (x - UNEQUAL.means[component]).flip(1)
    assert p_values((sheared, component), UNEQUAL)["independence"] < ALARM


def test_ring_lies_on_its_circle_with_equal_gaps():
    for n, radius in ((3, 1.0), (8, 2.0), (9, 0.5)):
        means = ring(n, radius).means
        assert_close(means.norm(dim=1), torch.full((n,), radius))
        gaps = (means - means.roll(1, 0)).norm(dim=1)
        assert_close(gaps, torch.full((n,), 2 * radius * math.sin(math.pi / n)))
    assert (len(ring().means), ring().std) == (8, 0.02)


def test_grid_is_centred_square_and_evenly_spaced():
    means = grid().means
    assert sorted(set(means[:, 0].tolist())) == sorted(set(means[:, 1].tolist())) == [-4, -2, 0, 2, 4]
    assert len(means.unique(dim=0)) == 25
    assert grid().std == 0.05
    assert_close(grid(2, spacing=3.0).means.abs(), torch.full((4, 2), 1.5))
    assert_close(grid(4).means.mean(0), torch.zeros(2))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"means": torch.zeros(3)}, r"means is torch.float32 \(3,\); expected floats \[modes, dimensions\]"),
        ({"means": torch.zeros(0, 2)}, r"means is torch.float32 \(0, 2\)"),
        ({"means": torch.zeros(2, 2, dtype=torch.int64)}, "means is torch.int64"),
        ({"std": 0.0}, "std is 0.0; pass a positive, finite standard deviation"),
        ({"std": -1.0}, "std is -1.0"),
        ({"std": math.nan}, "std is nan"),
        ({"std": math.inf}, "std is inf"),
        ({"weights": torch.ones(3) / 3}, "weights are .*; pass 2 numbers ≥ 0, one per mode"),
        ({"weights": torch.tensor([1.5, -0.5])}, "weights are .*; pass 2 numbers ≥ 0, one per mode"),
        ({"weights": torch.tensor([1.0, math.nan])}, "weights are .*; pass 2 numbers ≥ 0, one per mode"),
        ({"weights": torch.tensor([0.5, 0.4])}, "weights sum to 0.9; expected 1"),
    ],
)
def test_what_is_no_distribution_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Mixture(**({"means": torch.zeros(2, 2), "std": 1.0} | change))


@pytest.mark.parametrize("shape", [(3,), (3, 1), (3, 2, 1)])
@pytest.mark.parametrize("function", ["log_density", "density", "score"])
def test_points_of_another_dimension_are_refused(function, shape):
    with pytest.raises(ValueError, match=r"x has shape .* expected \[batch, 2\]"):
        getattr(ring(), function)(torch.zeros(shape))


def test_whole_points_have_the_density_of_the_same_floats():
    mixture = Mixture(torch.tensor([[0.5, 0.25], [2.0, 3.0]]), 0.4)
    points = torch.tensor([[0, 0], [1, 0], [2, 3]])
    for method in (mixture.density, mixture.log_density, mixture.posterior, mixture.score):
        assert_close(method(points), method(points.float()))
    assert_close(mixture.component_log_density(points, 1), mixture.component_log_density(points.float(), 1))
    ring_of_metz = ring()
    assert ring_of_metz.density(torch.tensor([[2, 0]])).item() == pytest.approx(
        1 / 8 / (2 * math.pi * 0.02**2), rel=1e-5
    )
