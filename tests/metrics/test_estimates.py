import pytest
import torch
from torch.testing import assert_close

from gancourse.metrics import Estimate, bootstrap, frechet_distance


def pair(seed, n=200, d=3, shift=1.0):
    x, y = torch.randn(2, n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return x, 1.5 * y + shift


TRUTH = 3 * 1.0 + 3 * 0.25  # |shift|² + Σ (1.5 − 1)²


def shifted_mean(x, y):
    return (y.mean() - x.mean()).item()


def test_an_estimate_divides_by_the_number_of_parts():
    found = Estimate.of(torch.tensor([1.0, 2.0, 6.0], dtype=torch.float64))
    assert_close(torch.tensor(found[:2]), torch.tensor([3.0, (14 / 3) ** 0.5]))


def test_the_interval_of_a_mean_is_the_one_of_the_normal_distribution():
    x, y = pair(0, n=2000)
    found = bootstrap(shifted_mean, x, y, n_resamples=1000)
    half = 1.96 * ((x.var() + y.var()) / x.numel()).sqrt().item()  # all 6,000 numbers are independent
    # The quantiles of 1,000 resamples scatter by about 5 % of the half width.
    assert found.high - found.value == pytest.approx(half, rel=0.2)
    assert found.value - found.low == pytest.approx(half, rel=0.2)
    assert found.corrected == pytest.approx(found.value, abs=0.2 * half)


# 100 data sets, 100 resamples each. At a coverage of 90 % at least 78 intervals hold the truth with probability
# 0.9999; the level of the interval is 95 %, and bootstrap intervals of 200 samples fall a little short of theirs.
def test_intervals_of_a_frechet_distance_hold_the_truth_about_as_often_as_they_say():
    found = [bootstrap(frechet_distance, *pair(seed), n_resamples=100) for seed in range(100)]
    assert sum(f.low < TRUTH < f.high for f in found) >= 78
    # The twin: percentiles of the resamples, not reflected, have the bias twice. It shows where the bias is large.
    few = [bootstrap(frechet_distance, *pair(seed, n=40, d=12, shift=0.3), n_resamples=100) for seed in range(100)]
    truth = 12 * (0.09 + 0.25)
    reflected = sum(f.low < truth < f.high for f in few)
    percentile = sum(2 * f.value - f.high < truth < 2 * f.value - f.low for f in few)
    assert reflected > 50 > 5 >= percentile


def test_correction_takes_most_of_the_bias_out():
    found = [bootstrap(frechet_distance, *pair(seed, n=60, d=6), n_resamples=50) for seed in range(60)]
    truth = 6 * 1.25
    plain = sum(f.value for f in found) / 60 - truth
    corrected = sum(f.corrected for f in found) / 60 - truth
    assert plain > 0.2
    assert abs(corrected) < plain / 2


def test_resamples_depend_on_the_seed_alone_and_levels_are_nested():
    x, y = pair(0)
    first, again, other = (bootstrap(shifted_mean, x, y, 50, seed=s) for s in (0, 0, 1))
    assert first == again != other
    narrow = bootstrap(shifted_mean, x, y, 50, level=0.5)
    assert first.low < narrow.low < narrow.high < first.high


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_resamples": 9}, "n_resamples is 9"),
        ({"level": 1.0}, "level 1.0"),
        ({"real": torch.zeros(1, 3)}, "real has shape"),
    ],
)
def test_what_gives_no_interval_is_refused(change, message):
    x, y = pair(0)
    with pytest.raises(ValueError, match=message):
        bootstrap(**({"metric": shifted_mean, "real": x, "generated": y} | change))
