import numpy as np
import pytest
import torch
from torch.testing import assert_close

from gancourse.metrics import Moments, Statistics


def features(n, d, seed=0, shift=0.0):
    random = torch.Generator().manual_seed(seed)
    mix = torch.randn(d, d, dtype=torch.float64, generator=random)
    return torch.randn(n, d, dtype=torch.float64, generator=random) @ mix + shift


def streamed(batches, d):
    moments = Moments(d)
    for batch in batches:
        moments.update(batch)
    return moments.statistics()


def assert_same(a, b, tolerance=1e-12):
    assert a.n == b.n
    assert_close(a.mean, b.mean, rtol=tolerance, atol=tolerance)
    assert_close(a.covariance, b.covariance, rtol=tolerance, atol=tolerance)


def test_statistics_are_numpys_mean_and_sample_covariance():
    x = features(50, 4, shift=3.0)
    found = Statistics.of(x)
    assert_same(found, Statistics(50, torch.from_numpy(x.numpy().mean(0)), torch.from_numpy(np.cov(x.T.numpy()))))
    population = np.cov(x.T.numpy(), ddof=0)  # the twin that must fail
    assert not np.allclose(found.covariance.numpy(), population, rtol=1e-3)


@pytest.mark.parametrize("size", [1, 7, 50, 99])
def test_a_stream_has_the_same_statistics_whatever_its_batches_and_their_order(size):
    x = features(99, 5, shift=2.0)
    assert_same(streamed(x.split(size), 5), Statistics.of(x))
    assert_same(streamed(reversed(x.split(size)), 5), Statistics.of(x))


def test_streams_can_be_merged_whatever_the_order_empty_ones_included():
    x = features(60, 3)
    parts = [Moments(3) for _ in range(4)]
    for moments, batch in zip(parts, (x[:10], x[10:11], x[11:]), strict=False):
        moments.update(batch)
    for order in (parts, parts[::-1]):
        total = Moments(3)
        for part in order:
            total.merge(part)
        assert_same(total.statistics(), Statistics.of(x))


def test_a_large_offset_costs_no_digits():
    x, offset = features(200, 3), 2.0**30
    found = streamed((x + offset).split(20), 3)
    # The naive way, E x² − (E x)², is left with nothing: 2⁶⁰ has no digits for the variance.
    shifted = (x + offset).square().mean(0) - (x + offset).mean(0).square()
    assert_close(found.covariance, Statistics.of(x + offset - offset).covariance, rtol=1e-5, atol=1e-5)
    assert not torch.allclose(shifted, x.var(0), rtol=0.1)


def test_what_a_stream_returned_does_not_change_later():
    moments = Moments(2)
    moments.update(features(10, 2))
    before = moments.statistics()
    kept = before.mean.clone(), before.covariance.clone()
    moments.update(features(10, 2, 1))
    assert torch.equal(before.mean, kept[0])
    assert torch.equal(before.covariance, kept[1])


def test_a_batch_that_is_not_finite_changes_nothing():
    moments = Moments(2)
    moments.update(features(10, 2))
    with pytest.raises(ValueError, match="not finite"):
        moments.update(torch.full((3, 2), torch.nan))
    assert_same(moments.statistics(), Statistics.of(features(10, 2)))


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (lambda: Moments(0), "n_features is 0"),
        (lambda: Moments(2).update(torch.zeros(3, 4)), "the batch has 4 features, the stream 2"),
        (lambda: Moments(2).update(torch.zeros(0, 2)), r"shape \(0, 2\)"),
        (lambda: Moments(2).merge(Moments(3)), "one stream has 3 features, the other 2"),
        (lambda: Moments(2).statistics(), "the stream has 0 samples; a covariance needs at least 2"),
        (lambda: Statistics.of(torch.zeros(1, 2)), "n ≥ 2"),
    ],
)
def test_what_makes_no_statistics_is_refused(action, message):
    with pytest.raises(ValueError, match=message):
        action()
