import math

import pytest
import torch
from scipy import stats
from torch.testing import assert_close

from gancourse.metrics import mode_coverage

EIGHT = torch.stack([torch.tensor([math.cos(k * math.pi / 4), math.sin(k * math.pi / 4)]) for k in range(8)]) * 2
STD = 0.1


def at(*modes):
    """Samples exactly at these modes."""
    return EIGHT[list(modes)]


def draw(n, std=STD, seed=0, modes=8):
    random = torch.Generator().manual_seed(seed)
    centres = EIGHT[torch.randint(modes, (n,), generator=random)]
    return centres + std * torch.randn(n, 2, generator=random)


def test_coverage_is_what_a_plain_loop_counts():
    samples = draw(500, std=0.25)
    counts, nearest = [0] * 8, [0] * 8
    for x, y in samples.tolist():
        distance, mode = min((math.dist((x, y), centre), k) for k, centre in enumerate(EIGHT.tolist()))
        counts[mode] += distance <= 3 * STD
        nearest[mode] += 1
    found = mode_coverage(samples, EIGHT, STD)
    good = sum(counts)
    assert found.counts.tolist() == counts
    assert found.modes == sum(c > 0 for c in counts)
    assert found.share == good / 500
    assert_close(found.reverse_kl, stats.entropy(nearest, [1 / 8] * 8))


@pytest.mark.parametrize(
    ("modes", "kl"), [([0], math.log(8)), ([1, 5], math.log(4)), ([0, 1, 2, 3], math.log(2)), (range(8), 0.0)]
)
def test_equal_shares_of_k_modes_of_eight_have_reverse_kl_log_eight_over_k(modes, kl):
    found = mode_coverage(at(*modes).repeat(5, 1), EIGHT, STD)
    assert (found.modes, found.share) == (len(modes), 1.0)
    assert_close(found.reverse_kl, kl, rtol=1e-12, atol=1e-12)


def test_the_radius_belongs_to_its_mode_and_what_lies_beyond_does_not():
    means = torch.zeros(1, 2, dtype=torch.float64)
    points = torch.tensor([[0.75, 0.0], [0.0, -0.75], [0.7501, 0.0]], dtype=torch.float64)
    assert mode_coverage(points, means, std=0.25).counts.tolist() == [2]
    assert mode_coverage(points, means, std=0.25, n_std=4).counts.tolist() == [3]


def test_no_good_sample_means_no_mode_and_no_share_but_still_a_nearest_mode():
    found = mode_coverage(torch.tensor([[100.0, 1.0]] * 4), EIGHT, STD)
    assert (found.modes, found.share) == (0, 0.0)
    assert_close(found.reverse_kl, math.log(8))
    assert found.counts.tolist() == [0] * 8


def test_order_of_the_samples_does_not_matter_and_that_of_the_modes_orders_the_counts():
    samples, order = draw(200, std=0.2), torch.tensor([3, 1, 0, 2, 7, 6, 4, 5])
    a, b, c = (
        mode_coverage(samples, EIGHT, STD),
        mode_coverage(samples.flip(0), EIGHT, STD),
        mode_coverage(samples, EIGHT[order], STD),
    )
    assert a.modes == b.modes == c.modes
    assert a.share == b.share == c.share
    assert a.counts[order].tolist() == c.counts.tolist()
    assert_close([b.reverse_kl, c.reverse_kl], [a.reverse_kl] * 2)


def test_units_do_not_matter():
    samples = draw(200, std=0.2)
    a, b = mode_coverage(samples, EIGHT, STD), mode_coverage(1024 * samples, 1024 * EIGHT, 1024 * STD)
    assert a.counts.tolist() == b.counts.tolist()


def test_repeating_the_samples_changes_no_share():
    a, b = (mode_coverage(x, EIGHT, STD) for x in (draw(100), draw(100).repeat(3, 1)))
    assert (b.counts == 3 * a.counts).all()
    assert (a.modes, a.share) == (b.modes, b.share)
    assert_close(a.reverse_kl, b.reverse_kl)


def test_distances_stay_exact_far_from_the_origin():
    # A fast matrix formula for distances is wrong by more than the modes' width here, even in double precision.
    samples, offset = draw(2000).double(), 2.0**30  # a power of two, so that nothing is rounded but the samples
    near = mode_coverage((samples + offset) - offset, EIGHT.double(), STD)
    assert mode_coverage(samples + offset, EIGHT.double() + offset, STD).counts.tolist() == near.counts.tolist()
    assert 0.9 < near.share < 1


def test_centres_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="means have numbers that are not finite"):
        mode_coverage(at(0, 1), torch.full((2, 2), torch.nan), STD)


# Seeds 0 to 4; each alarms at p < 1e-4, so all five together falsely with probability 5e-4.
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n_std", [1.0, 2.0, 3.0])
def test_of_the_true_mixture_the_stated_share_is_good(seed, n_std):
    expected = 1 - math.exp(-(n_std**2) / 2)

    def p_value(std):
        share = mode_coverage(draw(20_000, std, seed), EIGHT, STD, n_std).share
        return stats.binomtest(round(share * 20_000), 20_000, expected).pvalue

    assert p_value(STD) > 1e-4
    assert p_value(1.15 * STD) < 1e-4  # the twin that must fail


@pytest.mark.parametrize("seed", range(5))
def test_a_generator_that_lost_modes_is_told_from_one_that_did_not(seed):
    # 800 even draws miss one of eight modes with probability 8 (7/8)^800 < 1e-45.
    assert mode_coverage(draw(800, seed=seed), EIGHT, STD).modes == 8
    collapsed = mode_coverage(draw(800, seed=seed, modes=5), EIGHT, STD)
    assert collapsed.modes == 5
    assert collapsed.reverse_kl > math.log(8 / 5) - 1e-12


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"samples": torch.zeros(3)}, r"samples \(3,\) and means \(8, 2\); expected"),
        ({"samples": torch.zeros(3, 3)}, r"samples \(3, 3\) and means \(8, 2\)"),
        ({"samples": torch.zeros(0, 2)}, "with at least one sample"),
        ({"means": torch.zeros(2)}, r"means \(2,\)"),
        ({"means": torch.zeros(0, 2)}, "0 modes, std 0.1, n_std 3.0; expected at least one mode"),
        ({"std": 0.0}, "std 0.0, n_std 3.0; expected .* positive numbers"),
        ({"std": math.nan}, "std nan"),
        ({"n_std": -1.0}, "n_std -1.0"),
        ({"samples": torch.full((3, 2), torch.nan)}, "not finite; check whether the training diverged"),
    ],
)
def test_what_cannot_be_counted_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        mode_coverage(**({"samples": torch.zeros(3, 2), "means": EIGHT, "std": STD} | change))
