"""Agreement, purity and variety within classes, against plain loops and exhaustive search."""

import itertools

import pytest
import torch
from torch.testing import assert_close

from gancourse import data, metrics
from gancourse.metrics import code_purity, intra_class_precision_recall, label_agreement, precision_recall
from gancourse.rng import Noise


def draw(high, n=300, seed=0):
    return torch.randint(high, (n,), generator=torch.Generator().manual_seed(seed))


def test_agreement_is_what_a_plain_loop_counts():
    predicted, labels = draw(4), draw(4, seed=1)
    result = label_agreement(predicted, labels, 5)
    pairs = list(zip(predicted.tolist(), labels.tolist(), strict=True))
    assert result.share == sum(p == y for p, y in pairs) / 300
    for c in range(4):
        own = [p == c for p, y in pairs if y == c]
        assert result.by_class[c].item() == pytest.approx(sum(own) / len(own), abs=1e-6)
    assert result.by_class[4].isnan()


def test_agreement_of_right_labels_is_one_and_of_shifted_ones_zero():
    labels = draw(10)
    assert label_agreement(labels, labels, 10).share == 1
    assert label_agreement(labels, (labels + 1) % 10, 10).share == 0


def test_labels_that_are_ignored_agree_by_chance():
    """Of 100,000 samples and ten classes; five standard errors are 0.005."""
    assert label_agreement(draw(10, 100_000), draw(10, 100_000, 1), 10).share == pytest.approx(0.1, abs=0.005)


def test_purity_is_the_best_of_all_assignments():
    for n_codes, n_classes in ((4, 4), (3, 5), (5, 3)):
        labels = draw(n_classes)
        codes = torch.where(draw(3, seed=2) > 0, (2 * labels + 1) % n_codes, draw(n_codes, seed=3))
        result = code_purity(codes, labels, n_codes, n_classes)
        best = 0
        for order in itertools.permutations(range(max(n_codes, n_classes)), n_codes):
            best = max(best, sum(order[c] == y for c, y in zip(codes.tolist(), labels.tolist(), strict=True)))
        assert result.share == best / 300
        assert result.share == (result.classes[codes] == labels).double().mean().item()
        assigned = result.classes[result.classes >= 0].tolist()
        assert len(set(assigned)) == len(assigned) == min(n_codes, n_classes)


def test_purity_doesn_t_depend_on_the_numbers_of_the_codes():
    labels, order = draw(6), torch.tensor([3, 5, 0, 1, 4, 2])
    codes = torch.where(draw(4, seed=2) > 0, labels, draw(6, seed=3))
    ours, theirs = code_purity(codes, labels, 6, 6), code_purity(order[codes], labels, 6, 6)
    assert ours.share == theirs.share
    assert torch.equal(theirs.classes[order], ours.classes)
    assert code_purity(order[labels], labels, 6, 6).share == 1


def test_two_codes_of_one_class_count_once():
    """Which the purity of clusters would call perfect."""
    labels = torch.tensor([0, 0, 0, 0])
    assert code_purity(torch.tensor([0, 0, 0, 1]), labels, 2, 2).share == 0.75


def test_recall_within_classes_sees_a_class_without_variety_and_agreement_doesn_t():
    """A generator of each class's centre: perfect for a classifier, and no variety."""
    ring = data.ring(std=0.3)
    real, labels, _ = ring(Noise((0,), 1600))
    good, good_labels, _ = ring(Noise((1,), 1600))
    narrow = ring.means[labels] + 0.1 * (real - ring.means[labels])
    for x, y, recall in ((good, good_labels, 0.9), (narrow, labels, 0.2)):
        result = intra_class_precision_recall(real, labels, x, y)
        assert result.keys() == set(range(8))
        values = [values.recall for values in result.values()]
        assert (min(values) > recall) if recall > 0.5 else (max(values) < recall)
    of_narrow = label_agreement(ring.posterior(narrow).argmax(1), labels, 8).share
    assert of_narrow > label_agreement(ring.posterior(good).argmax(1), good_labels, 8).share


def test_each_class_s_values_are_those_of_its_own_samples():
    x, y = torch.randn(60, 3, generator=torch.Generator().manual_seed(0)), torch.arange(60) % 3
    z = torch.randn(50, 3, generator=torch.Generator().manual_seed(1))
    result = intra_class_precision_recall(x, y, z, torch.arange(50) % 3, k=2)
    for c in range(3):
        assert result[c] == precision_recall(x[c::3], z[c::3], k=2)


def test_within_classes_swapped_labels_are_seen_and_in_all_samples_not():
    x, y, _ = data.two_classes(6.0)(Noise((0,), 1000))
    z, labels, _ = data.two_classes(6.0)(Noise((1,), 1000))
    right, swapped = (metrics.intra_class_frechet(x, y, z, given) for given in (labels, 1 - labels))
    assert max(right.values()) < 0.1
    assert min(swapped.values()) > 30
    assert_close(metrics.frechet_distance(x, z), metrics.frechet_distance(x, z.flip(0)))


INTEGERS = torch.tensor([0, 1, 2])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: label_agreement(INTEGERS, INTEGERS[:2], 3),
            "predicted has 3 rows, labels 2; pass one of each a sample",
        ),
        (lambda: label_agreement(INTEGERS, INTEGERS, 2), "predicted run from 0 to 2; expected 0 to 1"),
        (lambda: label_agreement(INTEGERS, INTEGERS - 1, 3), "labels run from -1 to 1; expected 0 to 2"),
        (lambda: label_agreement(torch.zeros(3, 2), INTEGERS, 3), r"predicted are torch.float32 \(3, 2\); expected"),
        (
            lambda: label_agreement(INTEGERS[:0], INTEGERS[:0], 3),
            r"predicted are torch.int64 \(0,\); expected integers",
        ),
        (lambda: code_purity(INTEGERS, INTEGERS, 2, 3), "codes run from 0 to 2; expected 0 to 1"),
        (
            lambda: intra_class_precision_recall(torch.zeros(3, 2), INTEGERS, torch.zeros(3, 2), INTEGERS),
            "class 0 has 1 real and 1 generated samples; each needs more than k = 3",
        ),
        (
            lambda: intra_class_precision_recall(torch.zeros(3, 2), INTEGERS.float(), torch.zeros(3, 2), INTEGERS),
            r"3 real features but labels torch.float32 \(3,\); pass one integer a sample",
        ),
    ],
)
def test_what_does_not_fit_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
