import math

import pytest
import torch

from gancourse.metrics import class_coverage


def test_reverse_kl_is_scipys_entropy_relative_to_equal_shares():
    stats = pytest.importorskip("scipy.stats")
    labels = torch.randint(30, (500,), generator=torch.Generator().manual_seed(0)) ** 2 // 30
    found = class_coverage(labels, 40)
    assert found.reverse_kl == pytest.approx(stats.entropy(found.counts.numpy(), [1] * 40), rel=1e-12)
    assert found.modes == len(set(labels.tolist()))
    assert int(found.counts.sum()) == 500


@pytest.mark.parametrize(("modes", "kl"), [(1000, 0.0), (500, math.log(2)), (1, math.log(1000))])
def test_equal_shares_of_k_of_1000_classes_have_reverse_kl_log_1000_over_k(modes, kl):
    found = class_coverage(torch.arange(modes).repeat(3), 1000)
    assert found.modes == modes
    assert found.reverse_kl == pytest.approx(kl, abs=1e-12)


def test_a_class_that_never_occurs_counts_nothing_and_makes_no_nan():
    assert math.isfinite(class_coverage(torch.tensor([3]), 5).reverse_kl)
    assert class_coverage(torch.tensor([3]), 5).counts.tolist() == [0, 0, 0, 1, 0]


# Seeds 0 to 19, n = 26,000 of 1,000 classes. 2n·KL is about χ² with 999 degrees of freedom: the mean over 20 seeds is
# 0.01921 ± 0.0002, with 1e-4 left to terms of higher order; alarm beyond 5 errors and that.
def test_samples_of_equal_shares_have_the_bias_that_the_page_says_and_a_thinned_class_shows():
    draws = [torch.randint(1000, (26_000,), generator=torch.Generator().manual_seed(seed)) for seed in range(20)]
    mean = sum(class_coverage(d, 1000).reverse_kl for d in draws) / 20
    assert abs(mean - 999 / 52_000) < 0.0015
    thinned = sum(class_coverage(d[d >= 50], 1000).reverse_kl for d in draws) / 20  # the twin: 50 classes are lost
    assert thinned > mean + 0.04


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (torch.tensor([0, 5]), "labels run from 0 to 5; expected 0 to 4"),
        (torch.tensor([-1, 2]), "labels run from -1 to 2"),
        (torch.tensor([0.0, 1.0]), "labels are torch.float32"),
        (torch.zeros(0).long(), "at least one"),
        (torch.zeros(2, 2).long(), r"\(2, 2\)"),
    ],
)
def test_labels_that_cannot_be_counted_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        class_coverage(labels, 5)
