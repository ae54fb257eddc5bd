"""Data of which few samples have a label."""

import pytest
import torch

from gancourse import data
from gancourse.processes import Part
from gancourse.rng import Noise
from gancourse.signature import Classes

DIGITS = data.digits("test")


def labelled(source, n=400):
    """Different labelled samples among many draws, and their labels."""
    batch = source(Noise((0,), n))
    rows, index = batch.x.flatten(1).unique(dim=0, return_inverse=True)
    labels = torch.full((len(rows),), -1).index_put_((index,), batch.y)
    return rows, labels


def test_there_are_as_many_labels_as_asked_for_equally_many_of_each_class():
    rows, labels = labelled(data.few_labels(DIGITS, 30), 2000)
    assert labels.bincount().tolist() == [3] * 10
    everything = DIGITS.first(len(DIGITS))
    for row, label in zip(rows, labels, strict=True):
        (where,) = torch.nonzero((everything.x.flatten(1) == row).all(1))
        assert everything.y[where] == label


def test_unlabelled_samples_are_all_of_the_data_and_independent_of_the_labelled_ones():
    source = data.few_labels(DIGITS, 30)
    others = torch.cat([source(Noise((i,), 500)).other for i in range(4)]).flatten(1).unique(dim=0)
    assert len(others) > 1000  # of 2,000 different digits, 1,264 are expected in 2,000 draws
    one = source(Noise((0,), 64))
    assert not torch.equal(one.x, one.other)


def test_another_draw_labels_other_samples_and_the_same_one_the_same():
    first, again, *others = (labelled(data.few_labels(DIGITS, 30, draw))[0] for draw in (0, 0, 1, 2, 3, 4))
    assert torch.equal(first, again)
    shared = sum(int((first[:, None] == other[None]).all(2).any(1).sum()) for other in others)
    assert shared < 8  # of 4 · 30; 4 · 0.45 are expected, and 8 or more have a probability of 5e-4


def test_the_labels_of_more_labels_include_those_of_fewer():
    """So that curves over the number of labels are nested."""
    few, many = (labelled(data.few_labels(DIGITS, n), 4000)[0] for n in (20, 100))
    assert (few[:, None] == many[None]).all(2).any(1).all()


def test_two_processes_share_a_batch():
    source = data.few_labels(data.ring(), 16)
    halves = [source(Noise((0,), 3, part=Part(i, 2))) for i in range(2)]
    whole = source(Noise((0,), 6))
    for name in ("x", "y", "other"):
        assert torch.equal(torch.cat([getattr(half, name) for half in halves]), getattr(whole, name))


def test_the_catalogue_makes_one_and_its_test_set_keeps_all_labels():
    source = data.load("few-labels:digits,100")
    assert source.signature.shape == source.signature.other == (1, 28, 28)
    assert source.signature.condition == Classes(tuple("0123456789"))
    assert source.n_samples == 100
    assert data.domains("few-labels:digits,100,3") == ("digits",)
    test = data.load("few-labels:digits,100", "test")
    assert torch.equal(test.first(50).y, DIGITS.first(50).y)
    first, other = (labelled(data.load(f"few-labels:digits,20,{draw}"))[0] for draw in (0, 1))
    assert not torch.equal(first, other)
    assert data.load("few-labels:ring,16")(Noise((0,), 4)).other.shape == (4, 2)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("few-labels", "write few-labels:NAME,LABELS"),
        ("few-labels:digits", "few-labels:digits names no labels; write few-labels:NAME,LABELS or NAME,LABELS,DRAW"),
        ("few-labels:digits,many", "names no labels"),
        ("few-labels:digits,100,1,2", "names no labels"),
        ("few-labels:digits,105", "105 labels for 10 classes; pass a positive multiple of 10"),
        ("few-labels:digits,0", "0 labels for 10 classes"),
        ("few-labels:digits,20000", "samples, but 2000 labels of each class were asked for; pass fewer"),
        ("few-labels:digit,100", "did you mean 'digits'"),
    ],
)
def test_what_names_no_few_labels_is_refused(name, message):
    with pytest.raises(ValueError, match=message):
        data.load(name)


def test_data_without_classes_or_without_a_full_set_is_refused():
    with pytest.raises(ValueError, match="the data has no classes, of which few labels could be kept"):
        data.few_labels(data.Samples(torch.zeros(5, 2)), 2)
    with pytest.raises(ValueError, match="ring has no full set; pass full=False"):
        data.load("few-labels:ring,16", full=True)
