"""The collapse detector: silent on equals, alarmed by planted collapses, indifferent to what isn't its business."""

import math

import pytest
import torch
from torch.testing import assert_close

from gancourse import data
from gancourse.errors import NotFiniteError
from gancourse.metrics import CollapseDetector
from gancourse.metrics.collapse import binomial_tail
from gancourse.rng import Noise

RING, GRID = data.ring(radius=1.0, std=0.01), data.grid()
N_TRIALS = 100


def reference(mixture):
    return mixture(Noise((0, "real"), 5000)).x


def sample(mixture, seed, n=1000):
    return mixture(Noise((seed, "fake"), n))


@pytest.mark.parametrize(("mixture", "modes"), [(RING, 8), (GRID, 25)])
def test_its_cells_are_the_modes_that_it_was_not_told_of(mixture, modes):
    assert all(CollapseDetector(reference(mixture), seed=s).n_cells == modes for s in range(10))


@pytest.mark.parametrize("mixture", [RING, GRID])
def test_identical_distributions_starve_a_cell_no_more_often_than_the_level_says(mixture):
    # At a level of 0.01 more than 5 of 100 trials have probability 5e-4; seeds 0 to 99.
    detector = CollapseDetector(reference(mixture))
    assert sum(detector(sample(mixture, s).x).starved > 0 for s in range(N_TRIALS)) <= 5


@pytest.mark.parametrize(("mixture", "dropped"), [(RING, 1), (RING, 4), (GRID, 2), (GRID, 13)])
def test_a_planted_collapse_is_found_and_measured(mixture, dropped):
    detector = CollapseDetector(reference(mixture))
    share = dropped / len(mixture.means)
    for seed in range(20):
        batch = sample(mixture, seed, 4000)
        found = detector(batch.x[batch.y >= dropped][:1000])
        assert found.collapsed
        assert found.starved == dropped
        assert found.lost == pytest.approx(share, abs=0.02 * math.sqrt(dropped))


def test_a_collapse_to_one_point_loses_all_but_one_cell():
    found = CollapseDetector(reference(RING))(RING.means[:1].expand(500, 2))
    assert (found.starved, found.cells) == (7, 8)
    assert found.lost == pytest.approx(7 / 8, abs=0.02)


@pytest.mark.parametrize(("n", "starved"), [(80, 0), (110, 1)])
def test_the_level_is_divided_by_the_number_of_cells(n, starved):
    """Of 8 equal cells, one gets nothing of n samples: probability (1 − 1/16)^n, compared with 0.01/8."""
    detector = CollapseDetector(torch.arange(8000.0)[:, None] % 8, n_cells=8)
    assert detector.n_cells == 8
    assert ((1 - 1 / 16) ** n < 0.01 / 8) == bool(starved)
    assert (1 - 1 / 16) ** n < 0.01
    fake = 1 + torch.arange(float(n))[:, None] % 7
    assert detector(fake).starved == starved


def test_samples_that_are_inaccurate_but_varied_raise_no_alarm():
    detector = CollapseDetector(reference(RING))
    for seed in range(20):
        blurred = sample(RING, seed).x + 0.1 * torch.randn(1000, 2, generator=torch.Generator().manual_seed(seed))
        assert detector(blurred).starved == 0


def test_the_unit_in_which_data_is_measured_does_not_matter():
    batch = sample(GRID, 0)
    fake = batch.x[batch.y > 5]
    plain = CollapseDetector(reference(GRID))(fake)
    scaled = CollapseDetector(100 * reference(GRID) + 7)(100 * fake + 7)
    assert (plain.starved, plain.cells) == (scaled.starved, scaled.cells) == (6, 25)


@pytest.mark.parametrize("offset", [0, 3e3, 1e6])
def test_a_collapse_far_from_the_origin_is_found(offset):
    # In single precision, squares of such offsets swallow the distances between clusters.
    random = torch.Generator().manual_seed(0)
    centres = torch.randn(8, 64, dtype=torch.float64, generator=random)
    which = torch.randint(8, (2000,), generator=random)
    real = centres[which] + 0.05 * torch.randn(2000, 64, dtype=torch.float64, generator=random) + offset
    detector = CollapseDetector(real[:1000])
    lost = detector(real[1000:][which[1000:] < 4])
    assert (detector(real[1000:]).starved, lost.starved, lost.cells) == (0, 4, 8)


def test_images_are_compared_by_their_pixels_and_the_loss_of_half_of_the_classes_is_found():
    digits = data.digits("train").first(10_000)
    detector = CollapseDetector(digits.x[:8000], n_cells=24)
    rest, labels = digits.x[8000:], digits.y[8000:]
    assert detector(rest).starved == 0
    found = detector(rest[labels < 5])
    assert found.collapsed
    assert found.lost > 0.1  # less than a half: in pixels, most clusters hold more than one class


@pytest.mark.parametrize(("n", "p"), [(5, 0.3), (40, 0.02), (1000, 0.06)])
def test_the_binomial_tail_is_the_sum_of_its_terms(n, p):
    counts = torch.tensor([0, 1, n // 2, n])
    expected = [sum(math.comb(n, j) * p**j * (1 - p) ** (n - j) for j in range(k + 1)) for k in counts.tolist()]
    assert_close(binomial_tail(counts, n, torch.full((4,), p, dtype=torch.float64)), torch.tensor(expected).double())


def test_the_binomial_tail_knows_the_certain_cases():
    counts = torch.tensor([0, 3])
    assert_close(binomial_tail(counts, 3, torch.zeros(2).double()), torch.ones(2).double())
    assert_close(binomial_tail(counts, 3, torch.ones(2).double()), torch.tensor([0.0, 1.0]).double())


def test_data_of_few_distinct_points_has_few_cells():
    assert CollapseDetector(torch.tensor([[0.0], [1.0]]).repeat(200, 1)).n_cells == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"real": torch.zeros(100, 2)}, "100 points for 32 cells"),
        ({"real": torch.zeros(100, 2), "n_cells": 1}, "100 points for 1 cells"),
        ({"real": torch.zeros(400, 2), "level": 0.0}, "level is 0.0"),
        ({"real": torch.zeros(400, 2), "tolerance": 1.0}, "tolerance 1.0"),
    ],
)
def test_a_detector_that_could_not_work_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        CollapseDetector(**arguments)


def test_samples_that_are_no_data_are_refused():
    detector = CollapseDetector(reference(RING))
    with pytest.raises(ValueError, match="expected at least one, of 2 numbers"):
        detector(torch.zeros(5, 3))
    with pytest.raises(ValueError, match="expected at least one"):
        detector(torch.zeros(0, 2))
    with pytest.raises(NotFiniteError, match="not finite"):
        detector(torch.full((5, 2), math.nan))
