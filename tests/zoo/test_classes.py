"""Samples of a class: asking for them by name, and how they are judged."""

import dataclasses
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from gancourse import data, recipes, zoo
from gancourse.data.catalogue import Entry, data_sets
from gancourse.models import Family
from gancourse.recipes import Adversarial, Data, Recipe, Training, recipe
from gancourse.rng import Noise
from gancourse.signature import Classes, Signature
from gancourse.zoo import JUDGES, Trained


class Lookup(nn.Module):
    """A generator that looks samples of the requested class up in data: at (label + shift), or of any class."""

    latent_size, conditional = 2, True

    def __init__(self, source, shift=0, ignores=False, n=5000):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.x, self.y, _ = source(Noise((7, "lookup"), n))
        self.shift, self.ignores, self.n_classes = shift, ignores, source.signature.condition.size

    def forward(self, z, y):
        random = (1e4 * z[:, 0].abs()).long()
        if self.ignores:
            return self.scale * self.x[random % len(self.x)]
        labels = (y + self.shift) % self.n_classes
        rows = [torch.nonzero(self.y == c)[:, 0] for c in range(self.n_classes)]
        picks = [rows[c][r % len(rows[c])] for c, r in zip(labels.tolist(), random, strict=True)]
        return self.scale * self.x[torch.stack(picks)]


def metrics_of(name, network, n):
    """Metrics of a recipe's network by the first words of their names."""
    return {metric.split("(")[0]: value for metric, value in zoo.evaluate(network, recipe(name), n).items()}


DIGITS = pytest.param("projection-digits", data.digits, 1000, id="digits")
POINTS = pytest.param("projection-two-classes", data.two_classes, 1000, id="points")


@pytest.mark.parametrize(("name", "source", "n"), [DIGITS, POINTS])
def test_data_itself_agrees_like_test_data_and_shifted_or_ignored_labels_don_t(name, source, n):
    source = source()
    n_classes = source.signature.condition.size
    right, shifted, ignored = (
        metrics_of(name, Lookup(source, **options), n) for options in ({}, {"shift": 1}, {"ignores": True})
    )
    own = right["agreement of test data"]
    assert own == shifted["agreement of test data"]
    assert right["agreement"] == pytest.approx(own, abs=0.04)  # 1,000 samples: over three standard errors
    assert shifted["agreement"] == pytest.approx((1 - own) / (n_classes - 1), abs=0.04)
    assert ignored["agreement"] == pytest.approx(1 / n_classes, abs=0.06)
    for wrong in (shifted, ignored):
        assert wrong["fid within classes"] > 5 * right["fid within classes"]
    assert right["recall@3 within classes"] > 0.6
    assert shifted["fid"] < shifted["fid within classes"] / 10  # all samples together look right


def test_one_sample_of_each_class_agrees_and_has_no_variety():
    """The control of a repeated image: agreement says nothing about variety."""
    source = data.digits()
    one = Lookup(source)
    keep = [int(torch.nonzero(one.y == c)[0]) for c in range(10)]
    one.x, one.y = one.x[keep], one.y[keep]
    result = metrics_of("projection-digits", one, 1000)
    assert result["agreement"] > 0.85
    assert result["recall@3 within classes"] < 0.05


class Coded(Lookup):
    """A generator whose category c means class 3c + 1."""

    def forward(self, z, y):
        return super().forward(z, (3 * y[:, 0].long() + 1) % 10)


def test_codes_are_judged_under_the_best_assignment_to_classes():
    coded, ignored = (
        metrics_of("infogan-digits", network, 1000)
        for network in (Coded(data.digits()), Coded(data.digits(), ignores=True))
    )
    assert "agreement" not in coded
    assert coded["purity"] > 0.9
    assert ignored["purity"] < 0.3
    assert coded["fid within classes"] < ignored["fid within classes"] / 3


def test_where_codes_and_classes_differ_in_number_there_is_the_purity_alone():
    source, own_recipe = data.digits(), recipe("infogan-digits").changed(n_categories=4)
    values = zoo.evaluate(Coded(source), own_recipe, 200)
    assert "purity(digits-classifier, 200)" in values
    assert not any("within classes" in name for name in values)
    without = zoo.evaluate(Coded(source), own_recipe.changed(n_categories=0), 200)
    assert not any("purity" in name for name in without)


def test_with_few_samples_nothing_is_said_of_each_class():
    values = metrics_of("projection-digits", Lookup(data.digits()), 30)
    assert "agreement" in values
    assert "fid within classes" not in values


def test_padded_digits_are_judged_as_the_others_are():
    judge = JUDGES["digits-32"]
    padded, plain = data.load("digits-32"), data.digits()
    x, y = padded.first(300)[:2]
    ours = judge.by_class(x, y, padded, False)
    assert ours == JUDGES["digits"].by_class(plain.first(300).x, y, plain, False)


def test_unconditional_networks_are_judged_as_before():
    values = zoo.evaluate(zoo.load("dcgan-digits"), recipe("dcgan-digits"), 200)
    assert not any("agreement" in name or "classes" in name for name in values)


# Asking for a class


@dataclass(frozen=True)
class Shown(Family):
    """A generator that shows its condition."""

    abstract = True

    def generator(self, fits):
        return Lookup(data.load("ring"))

    def discriminator(self, fits):
        return nn.Sequential(nn.Linear(2, 1), nn.Flatten(0))


def trained(condition=None, name="ring", monkeypatch=None):
    """A conditional network of a recipe, on data with another condition if one is passed."""
    own_recipe = Recipe("shown", "a test", Data(name), Adversarial(Shown()), Training())
    if condition is not None:

        class Other(data.Mixture):
            @property
            def signature(self):
                return Signature((2,), condition)

        ring = data.ring()
        monkeypatch.setitem(data_sets, "other", Entry("a test", lambda request: Other(ring.means, ring.std)))
        own_recipe = own_recipe.changed(data="other")
    return Trained(own_recipe, Lookup(data.load("ring")))


def test_labels_are_names_or_numbers_and_share_the_samples_equally(monkeypatch):
    named = trained(Classes(tuple("abcdefgh")), monkeypatch=monkeypatch)
    assert named.labels(["c"], 3).tolist() == [2, 2, 2]
    assert named.labels(["7", "a"], 5).tolist() == [7, 7, 7, 0, 0]
    swapped = trained(Classes(("1", "0", *"cdefgh")), monkeypatch=monkeypatch)
    assert swapped.labels(["0", "1", "2"], 3).tolist() == [1, 0, 2]  # a name comes before a number


def test_samples_of_a_label_are_of_that_class():
    ring, network = data.load("ring"), trained()
    samples = network.samples(40, 0, network.labels(["5"], 40))
    assert (ring.posterior(samples).argmax(1) == 5).all()


def test_infogan_s_labels_are_its_categories_and_its_numbers_are_drawn():
    own_recipe = recipe("infogan-ring").changed(width=8)
    network = zoo.untrained(own_recipe)
    play, source = own_recipe.play, own_recipe.source()
    y = Trained(own_recipe, network).labels(["3"], 6)
    samples = play.sample(network, source, 6, 0, y)
    codes = play._codes(6, 0)
    codes[:, 0] = 3
    assert torch.equal(play.sample(network, source, 6, 0, codes), samples)
    assert torch.equal(play.conditions(network, source, 6), play._codes(6, 0)[:, 0].long())
    assert torch.equal(play.sample(network, source, 6), play.sample(network, source, 6, 0, play._codes(6, 0)))
    with pytest.raises(ValueError, match=r"there are no categories; pass whole codes y, \[n, 3\]"):
        dataclasses.replace(play, n_categories=0, n_continuous=2).sample(network, source, 6, 0, y)


@pytest.mark.parametrize(
    ("words", "n", "message"),
    [
        (["8"], 4, "label '8' is no class; pass a number from 0 to 7, or one of 0, 1, 2, 3, 4, 5, 6, 7"),
        (["-1"], 4, "label '-1' is no class"),
        (["1.0"], 4, "label '1.0' is no class"),
        (["1", "2", "3"], 2, "3 labels for 2 samples; ask for at least one sample of each"),
        ([], 2, "0 labels for 2 samples"),
    ],
)
def test_what_is_no_label_is_named(words, n, message):
    with pytest.raises(ValueError, match=message):
        trained().labels(words, n)


def test_other_conditions_than_classes_have_no_labels(monkeypatch):
    from gancourse.signature import Factors

    with pytest.raises(ValueError, match="shown is conditioned on factors, not on classes; leave the label out"):
        trained(Factors(("size", "pose")), monkeypatch=monkeypatch).labels(["1"], 4)
    with pytest.raises(ValueError, match="dcgan-digits makes samples of no class; leave the label out, or take a cond"):
        zoo.trained("dcgan-digits").labels(["3"], 4)


def test_a_label_that_the_network_doesn_t_know_is_named_when_samples_are_made():
    own_recipe = recipe("projection-digits").changed(width=4)
    network = zoo.untrained(own_recipe)
    with pytest.raises(ValueError, match="labels run from 10 to 10; expected 0 to 9"):
        zoo.samples(network, 2, 0, torch.tensor([10, 10]))
    with pytest.raises(ValueError, match="Generator makes samples of a condition; pass y"):
        zoo.samples(network, 2)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("projection-digits", "ConditionalDCGAN makes samples of a condition, but the data has no labels or other y"),
        (
            "acgan-digits",
            "AuxiliaryDCGAN makes samples of a condition, but the data has no labels or other y; pass data",
        ),
        ("infogan-digits", None),  # it needs none
    ],
)
def test_a_conditional_family_needs_data_with_conditions(name, message, monkeypatch):
    unlabelled = data.Samples(data.digits("test").first(20).x)
    monkeypatch.setitem(data_sets, "unlabelled", Entry("a test", lambda request: unlabelled))
    own_recipe = recipe(name).changed(data="unlabelled", width=4)
    if message is None:
        next(recipes.build(own_recipe).trainer.steps(1))
        return
    with pytest.raises(ValueError, match=message):
        recipes.build(own_recipe)
