import contextlib
import io
import math

import pytest
import torch
from torch.testing import assert_close

from gancourse.metrics import neighbours, precision_recall
from gancourse.metrics.neighbours import PrecisionRecall


def normal(n, d, seed=0, std=1.0, shift=0.0):
    random = torch.Generator().manual_seed(seed)
    return torch.randn(n, d, dtype=torch.float64, generator=random) * std + shift


def by_definition(real, generated, k):
    """All distances, by differences in float64, and the four formulas."""
    d = (real[:, None] - generated[None]).square().sum(2)
    own_real, own_generated = ((x[:, None] - x[None]).square().sum(2) for x in (real, generated))
    # The point itself is at distance 0: its k-th neighbour is the (k + 1)-th smallest.
    r, g = (own.sort(1).values[:, k] for own in (own_real, own_generated))
    return PrecisionRecall(
        (d <= r[:, None]).any(0).double().mean().item(),
        (d <= g[None]).any(1).double().mean().item(),
        (d < r[:, None]).double().sum(0).mean().item() / k,
        (d < r[:, None]).any(1).double().mean().item(),
    )


def by_prdc(real, generated, k):
    compute_prdc = pytest.importorskip("prdc").compute_prdc
    with contextlib.redirect_stdout(io.StringIO()):
        found = compute_prdc(real.numpy(), generated.numpy(), k)
    return PrecisionRecall(*(float(found[name]) for name in PrecisionRecall._fields))


def assert_same(found, expected):
    assert_close(torch.tensor(found), torch.tensor(expected), rtol=1e-12, atol=1e-12)


SETS = {
    "equal Gaussians": (normal(300, 8), normal(200, 8, 1)),
    "a narrow generator": (normal(300, 8), normal(200, 8, 1, std=0.5)),
    "a shifted one": (normal(300, 3), normal(200, 3, 1, shift=1.0)),
    "more generated than real": (normal(60, 64), normal(400, 64, 1)),
    "no more points than candidates": (normal(6, 2), normal(5, 2, 1)),
    "one feature": (normal(300, 1), normal(200, 1, 1)),
    "nothing in common": (normal(100, 4), normal(100, 4, 1, shift=50)),
}


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("name", SETS)
def test_the_four_values_are_those_of_their_definition_and_of_prdc(name, k):
    real, generated = SETS[name]
    found = precision_recall(real, generated, k)
    assert_same(found, by_definition(real, generated, k))
    assert_same(found, by_prdc(real, generated, k))


# Sets at which a float32 that nobody checks counts wrongly: spacings below its rounding.
HARD = {
    "far from the origin": (normal(300, 4, shift=1e6), normal(200, 4, 1, shift=1e6)),
    "two tight clusters far apart": tuple(
        torch.cat([normal(150, 4, s, std=1e-4), normal(150, 4, s + 1, std=1e-4, shift=100)]) for s in (0, 2)
    ),
    "an outlier": (torch.cat([normal(300, 4, std=1e-3), normal(1, 4, 1, shift=1e4)]), normal(200, 4, 2, std=1e-3)),
    "huge": (normal(300, 4, std=1e30), normal(200, 4, 1, std=1e30)),
    "tiny": (normal(300, 4, std=1e-30), normal(200, 4, 1, std=1e-30)),
    "features on a lattice, full of ties": (normal(300, 6).round(), normal(200, 6, 1).round()),
    "each real sample three times": (normal(100, 4).repeat(3, 1), normal(200, 4, 1)),
    "each generated sample five times": (normal(200, 4), normal(50, 4, 1).repeat(5, 1)),
}


@pytest.mark.parametrize("name", HARD)
def test_rounding_counts_nothing_wrong(name):
    real, generated = HARD[name]
    assert_same(precision_recall(real, generated, 3), by_definition(real, generated, 3))


def test_the_hard_sets_are_hard_for_plain_single_precision():
    wrong = 0
    for real, generated in HARD.values():
        x, y = (s.float() for s in (real, generated))
        d = (x.square().sum(1)[:, None] + y.square().sum(1) - 2 * x @ y.T).double()
        radii = torch.cdist(real, real, compute_mode="donot_use_mm_for_euclid_dist").sort(1).values[:, 3].square()
        density = (d < radii[:, None]).double().sum(0).mean().item() / 3
        wrong += abs(density - by_definition(real, generated, 3).density) > 1e-9
    assert wrong >= 4


@pytest.mark.parametrize("rows", [1, 7, 300])
def test_the_size_of_a_block_changes_nothing(rows, monkeypatch):
    real, generated = SETS["a narrow generator"]
    expected = precision_recall(real, generated)
    monkeypatch.setattr(neighbours, "ROWS", rows)
    monkeypatch.setattr(neighbours, "PAIRS", 5 * rows)
    assert_same(precision_recall(real, generated), expected)


def test_rotating_shifting_scaling_or_reordering_both_sets_changes_nothing():
    real, generated = SETS["equal Gaussians"]
    expected = precision_recall(real, generated)
    rotation = torch.linalg.qr(normal(8, 8, 5)).Q
    assert_same(precision_recall(real @ rotation, generated @ rotation), expected)
    assert_same(precision_recall(real + 7, generated + 7), expected)
    assert_same(precision_recall(3 * real, 3 * generated), expected)
    assert_same(precision_recall(real.flip(0), generated.roll(1, 0)), expected)


def test_swapping_the_sets_swaps_precision_and_recall():
    real, generated = SETS["a narrow generator"]
    one, other = precision_recall(real, generated), precision_recall(generated, real)
    assert_same((one.precision, one.recall), (other.recall, other.precision))
    assert one.precision > 0.9 > 0.5 > one.recall  # so that the swap isn't one of equal numbers


def test_precision_and_recall_are_those_of_torch_fidelity():
    # Its first set is the generated one. Whole numbers, so that its distances tie where ours do.
    calculate = pytest.importorskip("torch_fidelity.metric_prc").calculate_precision_recall_full
    tied = {
        "a lattice": HARD["features on a lattice, full of ties"],
        "one point": (torch.zeros(10, 2).double(), torch.zeros(12, 2).double()),
        "four points": tuple(torch.arange(4.0).double().repeat(n)[:, None] for n in (10, 12)),
    }
    for real, generated in (SETS | tied).values():
        assert_same(precision_recall(real, generated)[:2], calculate(generated, real, 3))


def test_a_set_covers_itself_and_its_density_is_one():
    # Of each ball's k neighbours the k-th lies on the rim and the centre within: k samples a ball, so density 1.
    x = normal(200, 5)
    assert_same(precision_recall(x, x, 3), (1.0, 1.0, 1.0, 1.0))


# Seeds 0 to 9. Of equal distributions the coverage is 1 − Π over i<k of (n−i)/(2n−i−…), about 1 − 2^−k = 0.875 for
# equal sizes (Naeem et al. 2020, eq. 10), with a deviation of about 0.015 for n = 500 over 300 other seeds;
# beyond 5 of them: a false alarm with probability 6e-6 for ten seeds.
@pytest.mark.parametrize("seed", range(10))
def test_coverage_of_the_right_distribution_is_what_theory_says_and_of_half_of_it_is_not(seed):
    real, same = normal(1000, 8, seed + 100).split(500)
    expected = 1 - math.prod((500 - i) / (1000 - 1 - i) for i in range(3))
    assert abs(precision_recall(real, same).coverage - expected) < 0.075
    half = torch.cat([same[:, :1].abs(), same[:, 1:]], 1)  # the twin that must fail: one half of the data is lost
    assert abs(precision_recall(real, half).coverage - expected) > 0.075


@pytest.mark.parametrize(
    ("real", "generated", "k", "message"),
    [
        (torch.zeros(5, 3), torch.zeros(5, 4), 3, "real has 3 features, generated 4; use one extractor"),
        (torch.zeros(3, 3), torch.zeros(5, 3), 3, r"real has shape \(3, 3\); expected \[n, features\] with n ≥ 4"),
        (torch.zeros(5, 3), torch.zeros(3, 3), 3, r"generated has shape \(3, 3\)"),
        (torch.zeros(5, 3), torch.zeros(5, 3), 0, "k is 0; expected at least 1"),
        (torch.zeros(5, 3), torch.full((5, 3), torch.nan), 3, "generated has numbers that are not finite"),
    ],
)
def test_what_cannot_be_compared_is_refused(real, generated, k, message):
    with pytest.raises(ValueError, match=message):
        precision_recall(real, generated, k)
