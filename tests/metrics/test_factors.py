"""Overlap of factors: against the total variation distance, and its edges."""

import math

import pytest
import torch
from scipy.spatial.distance import cityblock
from torch.testing import assert_close

from gancourse.errors import NotFiniteError
from gancourse.metrics import factor_overlap


def draw(n, seed, columns=2):
    return torch.rand(n, columns, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_it_is_one_minus_the_total_variation_distance_of_the_histograms():
    real, generated = draw(300, 0), draw(200, 1).square()
    overlap = factor_overlap(real, generated, [3, 0], bins=7)
    for column, parts in enumerate((3, 7)):
        p, q = (torch.histc(x[:, column], parts, 0, 1) / len(x) for x in (real, generated))
        assert_close(overlap[column].item(), 1 - cityblock(p, q) / 2)


def test_equal_sets_overlap_whole_and_shares_count_not_sizes():
    real = draw(50, 0)
    assert_close(factor_overlap(real, real, [4, 0]), torch.ones(2, dtype=torch.float64))
    assert_close(factor_overlap(real, real.repeat(3, 1), [4, 0]), torch.ones(2, dtype=torch.float64))


def test_one_class_of_eight_overlaps_by_an_eighth_and_disjoint_sets_by_nothing():
    real = (torch.arange(8.0)[:, None] + 0.5) / 8
    assert_close(factor_overlap(real, torch.full((5, 1), 0.01), [8]).item(), 1 / 8)
    assert factor_overlap(torch.zeros(3, 1), torch.ones(3, 1), [0]).item() == 0
    assert factor_overlap(torch.zeros(3, 1), torch.ones(3, 1), [2]).item() == 0


@pytest.mark.parametrize(
    ("real", "generated", "n_classes", "message"),
    [
        (torch.zeros(3, 2), torch.zeros(3, 1), [0], "real factors have shape"),
        (torch.zeros(3, 1), torch.zeros(3), [0], "generated factors have shape"),
        (torch.zeros(0, 1), torch.zeros(3, 1), [0], "n at least 1"),
        (torch.zeros(3, 1), torch.full((3, 1), 1.5), [0], "from 1.5 to 1.5; expected 0 to 1"),
        (torch.zeros(3, 1), torch.zeros(3, 1), [1], "expected at least 2"),
    ],
)
def test_what_is_wrong_is_named(real, generated, n_classes, message):
    with pytest.raises(ValueError, match=message):
        factor_overlap(real, generated, n_classes)


def test_nan_is_an_error_of_its_own():
    with pytest.raises(NotFiniteError, match="generated factors"):
        factor_overlap(torch.zeros(3, 1), torch.full((3, 1), math.nan), [0])
