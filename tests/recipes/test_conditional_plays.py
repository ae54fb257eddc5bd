"""The plays of conditional GANs: what of them reaches the game, and what is refused."""

import pytest
import torch

from gancourse import data, recipes, zoo
from gancourse.games import ACGAN, FeatureMatching, InfoGAN, OneForward, PackingRemedy, SemiSupervised, SeveralRemedy
from gancourse.games.game import is_conditional
from gancourse.models import MLP, AuxiliaryMLP, ConditionalMLP
from gancourse.recipes import (
    Adversarial,
    Arithmetic,
    AuxiliaryClassifying,
    Data,
    InformationMaximising,
    Recipe,
    SemiSupervising,
    Training,
    build,
    recipe,
)
from gancourse.recipes.plays import in_parts
from gancourse.signature import Codes, Factors, Signature


def game_of(name, **changes):
    return build(recipe(name).changed(width=4, full=False, **changes)).trainer.game


def test_weights_and_codes_reach_the_games():
    acgan = game_of("acgan-digits", class_weight=0.5, generator_class_weight=2.0)
    assert type(acgan) is ACGAN
    assert (acgan.weight, acgan.generator_weight) == (0.5, 2.0)
    info = game_of("infogan-digits", n_categories=4, n_continuous=1, information_weight=0.5, continuous_weight=0.2)
    assert type(info) is InfoGAN
    assert info.codes == Codes(4, 1)
    assert info.weights == {"information": 0.5, "continuous_information": 0.2}
    semi = game_of("semi-supervised-digits", weight=0.3)
    assert type(semi) is FeatureMatching
    assert type(semi.inner) is SemiSupervised
    assert semi.inner.weight == 0.3


def test_only_plays_that_ask_for_a_class_get_conditional_generators():
    kinds = {name: is_conditional(game_of(name).generator) for name in ("projection-digits", "dcgan-digits")}
    assert kinds == {"projection-digits": True, "dcgan-digits": False}


@pytest.mark.parametrize("name", ["acgan-digits", "infogan-digits", "projection-digits"])
def test_fast_saves_passes_of_these_games_too(name):
    built = build(recipe(name).changed(width=4, full=False), arithmetic=Arithmetic(fast=True))
    assert {"one discriminator batch", "one generator forward", "folded generator"} <= set(built.techniques)
    assert isinstance(built.trainer.game, OneForward)
    next(built.trainer.steps(1))


def test_what_is_kept_of_an_acgan_is_the_generator_whose_average_is_asked_for():
    built = build(recipe("acgan-digits").changed(width=4, full=False))
    assert built.result is built.trainer.averages["generator"].network
    assert built.samples(3).shape == (3, 1, 28, 28)


class Sized(data.Mixture):
    """Points whose y is a factor."""

    @property
    def signature(self):
        return Signature((2,), Factors(("size",)))


@pytest.mark.parametrize(
    ("play", "fits", "message"),
    [
        (
            AuxiliaryClassifying(AuxiliaryMLP(), remedies=(PackingRemedy(2),)),
            None,
            "AC-GAN recognises the condition of o",
        ),
        (
            InformationMaximising(AuxiliaryMLP(), remedies=(PackingRemedy(2),)),
            None,
            "InfoGAN recognises the condition of",
        ),
        (
            AuxiliaryClassifying(AuxiliaryMLP(), remedies=(SeveralRemedy(2),)),
            None,
            "several discriminators need a plain",
        ),
        (
            InformationMaximising(AuxiliaryMLP(), remedies=(SeveralRemedy(2),)),
            None,
            "several discriminators need a plai",
        ),
        (
            AuxiliaryClassifying(AuxiliaryMLP()),
            Signature((2,), Factors(("size",))),
            "the data's y is of the kind factors",
        ),
        (
            AuxiliaryClassifying(AuxiliaryMLP()),
            Signature((2,)),
            "AuxiliaryMLP makes samples of a condition, but the data",
        ),
        (
            SemiSupervising(recipe("semi-supervised-digits").play.family),
            data.digits("test").signature,
            "semi-supervised learning needs unlabelled data of the labelled data's shape; pass data with few labels",
        ),
        (
            SemiSupervising(recipe("semi-supervised-digits").play.family, remedies=(PackingRemedy(2),)),
            data.load("few-labels:digits,10").signature,
            "NoisyDCGAN classifies samples, but the data's y is of the kind packs",
        ),
    ],
)
def test_what_does_not_fit_is_named(play, fits, message):
    with pytest.raises(ValueError, match=message):
        play.game(data.load("ring").signature if fits is None else fits)


@pytest.mark.parametrize(
    ("play", "family", "message"),
    [
        (
            AuxiliaryClassifying,
            MLP(),
            "AuxiliaryClassifying asks its family for generator and discriminator and class_he",
        ),
        (InformationMaximising, ConditionalMLP(), "ConditionalMLP makes no recogniser; take another family or another"),
        (SemiSupervising, MLP(), "MLP makes no classifying_discriminator; take another family or another play"),
    ],
)
def test_a_family_without_the_networks_of_a_play_is_refused(play, family, message):
    with pytest.raises(ValueError, match=message):
        play(family)


def test_packs_reach_a_conditional_discriminator_with_their_labels():
    play = Adversarial(ConditionalMLP(4, 8), remedies=(PackingRemedy(2),))
    own_recipe = Recipe("packed", "a test", Data("ring"), play, Training(batch_size=8))
    trainer = build(own_recipe).trainer
    assert trainer.game.discriminator.condition.size == 16
    for _ in trainer.steps(2):
        pass


# Semi-supervised learning keeps a classifier


def test_a_semi_supervised_classifier_makes_no_samples_and_is_measured_by_its_accuracy():
    own_recipe = recipe("semi-supervised-digits").changed(full=False, width=4)
    network = zoo.untrained(own_recipe)
    with pytest.raises(
        ValueError, match="a classifier is kept, which makes no samples; measure it with `gancourse eval"
    ):
        own_recipe.play.sample(network, own_recipe.source(), 3)
    (metric,) = zoo.evaluate(network, own_recipe, 300)
    assert metric == "accuracy(300 test)"
    test = data.digits("test").first(300)
    right = (network.eval()(test.x).argmax(1) == test.y).double().mean().item()
    assert zoo.evaluate(network, own_recipe, 300)[metric] == pytest.approx(right)
    assert own_recipe.target() == Data("digits")


def test_with_minibatch_discrimination_the_test_batches_are_of_a_hundred():
    own_recipe = recipe("semi-supervised-digits").changed(full=False, width=4, n_kernels=4)
    network, test = zoo.untrained(own_recipe), data.digits("test").first(300)
    guesses = in_parts(network, lambda x: network(x).argmax(1), test.x, size=100)
    right = (guesses == test.y).double().mean().item()
    assert zoo.evaluate(network, own_recipe, 300)["accuracy(300 test)"] == pytest.approx(right)


def test_averaged_weights_are_evaluated():
    built = build(recipe("semi-supervised-digits").changed(full=False, width=4))
    assert built.result is built.trainer.averages["discriminator"].network


@pytest.mark.slow
def test_a_short_semi_supervised_training_beats_chance_and_leaves_a_checkpoint(tmp_path):
    own_recipe = recipe("semi-supervised-digits").changed(
        full=False, width=8, steps=120, learning_rate=3e-3, average_kimg=0.5
    )
    for _ in recipes.train(own_recipe, tmp_path / "run"):
        pass
    (accuracy,) = zoo.trained(tmp_path / "run").evaluate(500).values()
    assert accuracy > 0.5  # offline 0.69 to 0.76 with three seeds


def test_the_recipe_s_labels_are_a_hundred_and_its_unlabelled_data_all():
    source = recipe("semi-supervised-digits").changed(full=False).source()
    labelled, everything = source.sources
    assert (len(labelled), len(everything)) == (100, 10_000)
    assert labelled.y.bincount().tolist() == [10] * 10
    assert torch.equal(everything.first(5).x, data.digits().first(5).x)
