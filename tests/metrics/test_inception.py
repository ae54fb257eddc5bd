import math

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from gancourse import zoo
from gancourse.metrics import inception_score
from gancourse.zoo.judges import judge_by


def logits(n, c, seed=0, scale=3.0):
    return torch.randn(n, c, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) * scale


def assert_same(a, b):
    assert_close(torch.tensor(a), torch.tensor(b), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("splits", [1, 7, 10])
def test_score_and_deviation_are_those_of_torch_fidelity(splits):
    library = pytest.importorskip("torch_fidelity.metric_isc")
    x = logits(103, 10)
    theirs = library.isc_features_to_metric(x, splits=splits, shuffle=False)
    found = inception_score(x, splits)
    assert_same(found[:2], (theirs["inception_score_mean"], theirs["inception_score_std"]))


class Identity(nn.Module):
    def forward(self, x):
        return x


@pytest.mark.filterwarnings("ignore:std")  # theirs, of a single split
def test_the_score_is_that_of_torchmetrics():
    image = pytest.importorskip("torchmetrics.image.inception")
    with pytest.warns(UserWarning, match="buffer"):
        theirs = image.InceptionScore(Identity(), splits=1).set_dtype(torch.float64)
    theirs.update(logits(100, 10))
    assert_same(inception_score(logits(100, 10), 1).mean, theirs.compute()[0].item())


def test_sure_and_varied_is_the_number_of_classes_and_one_class_or_no_idea_is_one():
    sure = 1000 * torch.eye(5, dtype=torch.float64)
    assert_same(inception_score(sure.repeat(20, 1), 10)[:2], (5.0, 0.0))
    assert_same(inception_score(sure[:1].repeat(20, 1), 4).mean, 1.0)
    assert_same(inception_score(torch.zeros(20, 5), 4).mean, 1.0)


def test_it_is_exp_of_the_mutual_information_of_sample_and_class():
    p = torch.tensor([[0.5, 0.5], [1 - 1e-300, 1e-300]], dtype=torch.float64)
    q = p.mean(0)
    expected = math.exp(sum((row * (row / q).log()).sum() for row in p).item() / 2)
    assert_same(inception_score(p.log(), 1).mean, expected)


def test_sorted_samples_score_worse_than_shuffled_ones():
    x = 10 * torch.eye(5).repeat_interleave(20, 0)
    assert inception_score(x, 5).mean < 1.01
    assert inception_score(x, 5, seed=0).mean > 4
    assert inception_score(x, 5, seed=0)[:2] == inception_score(x, 5, seed=0)[:2]


def test_order_within_a_split_and_a_constant_added_to_logits_change_nothing():
    x = logits(40, 4)
    assert_same(inception_score(x.flip(0), 1).mean, inception_score(x, 1).mean)
    assert_same(inception_score(x + 500, 1).mean, inception_score(x, 1).mean)


@pytest.mark.parametrize("n", [10, 150, 1000])
def test_a_judge_s_score_of_few_samples_is_not_that_of_single_ones_and_says_its_parts(n):
    sure = 50 * torch.eye(10).repeat(n // 10, 1)
    extract = zoo.Extractor("sure", lambda images: images.flatten(1))
    values = judge_by(extract, torch.cat([sure, sure])[: n + 10], sure, lambda images: images)
    expected = {10: "is(sure, 10, 1 split)", 150: "is(sure, 150, 1 split)", 1000: "is(sure, 1k, 10 splits)"}[n]
    assert values[expected] > 9
    assert [name for name in values if name.startswith("is(")] == [expected]


@pytest.mark.parametrize(
    ("x", "splits", "message"),
    [
        (torch.zeros(5, 3), 6, "n_splits is 6 for 5 samples; expected 1 to 2: a part of one sample always scores 1"),
        (torch.zeros(10, 3), 10, "n_splits is 10 for 10 samples; expected 1 to 5"),
        (torch.zeros(1, 3), 2, "n_splits is 2 for 1 samples; expected 1 to 1"),
        (torch.zeros(5, 3), 0, "n_splits is 0"),
        (torch.zeros(5), 1, r"logits has shape \(5,\)"),
        (torch.full((5, 3), torch.nan), 1, "not finite"),
    ],
)
def test_what_has_no_score_is_refused(x, splits, message):
    with pytest.raises(ValueError, match=message):
        inception_score(x, splits)
