import pytest
import torch
from torch import nn
from torch.testing import assert_close

from gancourse.metrics import kernel, kernel_distance, kernel_distance_subsets


def normal(n, d, seed=0, std=1.0, shift=0.0):
    random = torch.Generator().manual_seed(seed)
    return torch.randn(n, d, dtype=torch.float64, generator=random) * std + shift


def by_definition(x, y, unbiased):
    """A plain loop over pairs."""

    def k(a, b):
        return (a @ b / len(a) + 1) ** 3

    def within(s):
        pairs = [k(a, b) for i, a in enumerate(s) for j, b in enumerate(s) if i != j or not unbiased]
        return sum(pairs) / len(pairs)

    return (within(x) + within(y) - 2 * sum(k(a, b) for a in x for b in y) / (len(x) * len(y))).item()


def assert_same(a, b, tolerance=1e-10):
    assert_close(torch.tensor(a), torch.tensor(b), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("unbiased", [True, False])
def test_the_distance_is_its_definition(unbiased):
    x, y = normal(12, 3), normal(7, 3, 1, shift=0.5)
    assert_same(kernel_distance(x, y, unbiased), by_definition(x, y, unbiased))


class Identity(nn.Module):
    num_features = 8

    def forward(self, x):
        return x


def test_the_distance_is_that_of_torchmetrics():
    image = pytest.importorskip("torchmetrics.image.kid")
    x, y = normal(100, 8), normal(100, 8, 1, shift=0.5)
    with pytest.warns(UserWarning, match="buffer"):
        theirs = image.KernelInceptionDistance(Identity(), subsets=1, subset_size=100).set_dtype(torch.float64)
    theirs.update(x, real=True)
    theirs.update(y, real=False)
    assert_same(kernel_distance(x, y), theirs.compute()[0].item())


@pytest.mark.parametrize(("unbiased", "estimate"), [(True, "unbiased"), (False, "biased")])
def test_the_distance_is_that_of_torch_fidelity(unbiased, estimate):
    library = pytest.importorskip("torch_fidelity.metric_kid")
    x, y = normal(100, 8).numpy(), normal(100, 8, 1, shift=0.5).numpy()
    theirs = library.mmd2(*((a @ b.T / 8 + 1) ** 3 for a, b in ((x, x), (x, y), (y, y))), mmd_est=estimate)
    assert_same(kernel_distance(torch.from_numpy(x), torch.from_numpy(y), unbiased), float(theirs))


def test_a_kernel_of_degree_three_compares_the_first_three_moments():
    # In one dimension (ab + 1)³ = Σ w_i aⁱbⁱ with w = 1, 3, 3, 1: the squared distance of moments, so weighted.
    x, y = normal(30, 1), normal(50, 1, 1, shift=0.7)
    expected = sum(w * (x**i).mean().sub((y**i).mean()).square() for i, w in ((1, 3), (2, 3), (3, 1)))
    assert_same(kernel_distance(x, y, unbiased=False), expected.item())


@pytest.mark.parametrize("size", [1, 3, 100])
def test_the_size_of_a_block_changes_nothing(size, monkeypatch):
    x, y = normal(20, 4), normal(17, 4, 1)
    expected = kernel_distance(x, y)
    monkeypatch.setattr(kernel, "BLOCK", size)
    assert_same(kernel_distance(x, y), expected)


def test_order_and_rotation_change_nothing_and_the_distance_is_symmetric():
    x, y = normal(20, 4), normal(17, 4, 1)
    rotation = torch.linalg.qr(normal(4, 4, 2)).Q
    expected = kernel_distance(x, y)
    assert_same(kernel_distance(x.flip(0), y.roll(3, 0)), expected)
    assert_same(kernel_distance(x @ rotation, y @ rotation), expected)
    assert_same(kernel_distance(y, x), expected)


# Seeds 0 to 199, n = 50, d = 4: alarm beyond 5 standard errors of the mean, false with probability 6e-7.
def test_the_unbiased_distance_of_equal_distributions_averages_to_zero_and_the_biased_one_does_not():
    pairs = [normal(100, 4, seed).split(50) for seed in range(200)]
    unbiased, biased = (torch.tensor([kernel_distance(x, y, u) for x, y in pairs]) for u in (True, False))
    assert abs(unbiased.mean()) < 5 * unbiased.std() / 200**0.5
    # The twin: the pairs of points with themselves add (E k(x, x) − E k(x, x'))/n from each set. With |x|² = s and
    # E s = 4, E s² = 24, E s³ = 192: E (s/4 + 1)³ = 3 + 3 + 4.5 + 1 − … is computed here term by term.
    own = 192 / 64 + 3 * 24 / 16 + 3 * 4 / 4 + 1
    other = 1 + 3 * 4 / 16  # E (x·x'/4 + 1)³: odd terms vanish, E (x·x')² = 4
    assert abs(biased.mean() - 2 * (own - other) / 50) < 5 * biased.std() / 200**0.5
    assert biased.mean() > 5 * biased.std() / 200**0.5


def test_subsets_of_the_whole_have_the_whole_s_distance():
    x, y = normal(30, 4), normal(30, 4, 1)
    found = kernel_distance_subsets(x, y, subset_size=30, n_subsets=3)
    assert_same(found.mean, kernel_distance(x, y))
    assert found.standard_deviation < 1e-12


def test_subsets_scatter_about_the_distance_as_torch_fidelity_reports_it():
    library = pytest.importorskip("torch_fidelity.metric_kid")
    x, y = normal(500, 4), normal(400, 4, 1, shift=0.3)
    found = kernel_distance_subsets(x, y, subset_size=100, n_subsets=100)
    theirs = library.kid_features_to_metric(y, x, kid_subsets=100, kid_subset_size=100, verbose=False)
    # Other subsets: means of 100 that overlap, deviations of 100. Five standard errors of a difference of means.
    assert abs(found.mean - theirs["kernel_inception_distance_mean"]) < 5 * found.standard_deviation * (2 / 100) ** 0.5
    assert 0.7 < found.standard_deviation / theirs["kernel_inception_distance_std"] < 1.4
    assert_same(found.values.mean().item(), found.mean)


def test_subsets_depend_on_the_seed_alone():
    x, y = normal(50, 4), normal(50, 4, 1)
    first, again, other = (kernel_distance_subsets(x, y, 10, 5, seed).values for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (lambda x: kernel_distance(x, x[:1]), "generated has shape"),
        (lambda x: kernel_distance(x, x[:, :1]), "real has 2 features, generated 1"),
        (lambda x: kernel_distance(x, x / 0), "not finite"),
        (lambda x: kernel_distance_subsets(x, x, 6), "subset_size is 6 and n_subsets 100 for 5 real and 5 generated"),
        (lambda x: kernel_distance_subsets(x, x, 3, 0), "n_subsets 0"),
    ],
)
def test_what_cannot_be_compared_is_refused(action, message):
    with pytest.raises(ValueError, match=message):
        action(normal(5, 2))
