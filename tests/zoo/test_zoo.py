"""The zoo: every network is what its card says."""

import dataclasses
import json
import shutil

import pytest
import torch

from gancourse import data, recipes, zoo
from gancourse.models import EnergyMLP
from gancourse.models.blocks import n_parameters
from gancourse.recipes import Arithmetic
from gancourse.training import CheckpointError
from tests import checkout

CLASSIFIERS = ("digits-classifier", "fashion-classifier")
ARITHMETIC = {
    **dict.fromkeys(("relativistic-digits", "stacked-digits"), " --channels-last --fused"),
    **dict.fromkeys(
        (
            *("faces-regressor", "faces-sketch-regressor", "progan-faces", "projection-digits", "resnet-digits"),
            "semi-supervised-digits",
        ),
        " --fast",
    ),
    **dict.fromkeys(
        ("biggan-faces", "dcgan-faces", "lapgan-faces", "stylegan2-faces"), " --fast --precision bf16-mixed"
    ),
}
GENERATORS = ("dcgan-digits", "dcgan-fashion", "vae-digits")


# A reader may have put runs of their own beside the course's networks.
NAMES = [name for name in sorted(zoo.cards()) if f"gancourse/zoo/{name}.json" in checkout.course_files()]


@pytest.mark.parametrize("name", NAMES)
def test_a_card_describes_its_network(name):
    card, network = zoo.card(name), zoo.load(name)
    assert card.recipe == recipes.recipe(name)
    arithmetic = ARITHMETIC.get(name, "")
    assert card.command == f"gancourse train {name}{arithmetic}"
    assert card.parameters == n_parameters(zoo.untrained(card.recipe)) == sum(p.numel() for p in network.parameters())
    assert set(card.techniques) >= ({"channels last", "fused Adam"} if arithmetic else set())
    assert bool(card.techniques) == bool(arithmetic)
    assert card.seconds > 0
    assert card.versions.keys() == {"torch", "gancourse"}
    assert (zoo.FOLDER / f"{name}.safetensors").stat().st_size <= 2_000_000
    assert not network.training


def test_the_zoo_holds_what_the_chapters_need_and_stays_small():
    assert {*CLASSIFIERS, *GENERATORS} <= set(NAMES)
    assert sum((zoo.FOLDER / f"{name}.safetensors").stat().st_size for name in NAMES) <= 40_000_000


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_is_as_accurate_as_its_card_says(name):
    measured = zoo.evaluate(zoo.load(name), zoo.card(name).recipe)
    for key, value in zoo.card(name).metrics.items():
        assert measured[key] == pytest.approx(value, abs=0.002)  # half precision moves at most 4 of 2,000 images


@pytest.mark.slow
@pytest.mark.parametrize("name", GENERATORS)
def test_a_generators_distance_is_what_its_card_says(name):
    measured = zoo.evaluate(zoo.load(name), zoo.card(name).recipe)
    for key, value in zoo.card(name).metrics.items():
        assert measured[key] == pytest.approx(value, rel=0.02)


@pytest.mark.parametrize("name", GENERATORS)
def test_a_trained_generator_is_nearer_to_the_data_than_an_untrained_one(name):
    recipe = zoo.card(name).recipe
    trained = zoo.evaluate(zoo.load(name), recipe, 500)
    untrained = zoo.evaluate(zoo.untrained(recipe), recipe, 500)
    distances = [key for key in trained if key.startswith(("fid", "kid"))]
    assert len(distances) == 2
    for key in distances:
        assert trained[key] < untrained[key] / 5
    for key in set(trained) - set(distances):  # shares, density and score: more is better
        assert trained[key] >= untrained[key]


def test_an_evaluation_names_the_protocol_of_every_value():
    found = zoo.evaluate(zoo.load("dcgan-digits"), recipes.recipe("dcgan-digits"), 200)
    pairs = [
        f"{m}(digits-classifier, 200/200)" for m in ("fid", "kid", "precision@3", "recall@3", "density@3", "coverage@3")
    ]
    assert list(found) == [*pairs, "is(digits-classifier, 200, 2 splits)"]


def test_real_data_is_judged_better_than_samples_of_the_zoo():
    source = data.digits()
    real, other = source.first(1000).x, data.digits("test").first(1000).x
    held_out = zoo.judge("digits", real, other)
    made = zoo.judge("digits", real, zoo.samples(zoo.load("dcgan-digits"), 1000))
    assert held_out["fid(digits-classifier, 1k/1k)"] < made["fid(digits-classifier, 1k/1k)"]
    assert held_out["coverage@3(digits-classifier, 1k/1k)"] > made["coverage@3(digits-classifier, 1k/1k)"]


def test_samples_do_not_depend_on_the_batch():
    generator = zoo.load("dcgan-digits")
    many = zoo.samples(generator, 700)
    assert many.shape == (700, 1, 28, 28)
    torch.testing.assert_close(zoo.samples(generator, 700, seed=0), many)
    assert not torch.equal(zoo.samples(generator, 700, seed=1), many)


def test_sampling_leaves_a_network_in_its_mode():
    generator = zoo.untrained(recipes.recipe("dcgan-digits")).train()
    zoo.samples(generator, 2)
    assert generator.training


def test_half_precision_hardly_changes_an_image():
    recipe = recipes.recipe("dcgan-digits")
    network = zoo.untrained(recipe).eval()
    rounded = zoo.untrained(recipe).eval()
    rounded.load_state_dict(
        {k: v.half().to(v) if v.is_floating_point() else v for k, v in network.state_dict().items()}
    )
    torch.testing.assert_close(zoo.samples(network, 4), zoo.samples(rounded, 4), atol=1e-3, rtol=0)


def test_added_networks_come_back(tmp_path):
    recipe = recipes.recipe("ring")
    network = zoo.untrained(recipe)
    made = zoo.add(network, recipe, {"modes": 3}, 1.4, tmp_path)
    assert zoo.card("ring", tmp_path) == made
    for a, b in zip(network.parameters(), zoo.load("ring", tmp_path).parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-3, rtol=1e-3)


def test_a_card_says_what_differs_from_the_catalogue_and_how_it_was_computed(tmp_path):
    recipe = recipes.recipe("ring").changed(steps=7, width=8, terms=())
    made = zoo.add(zoo.untrained(recipe), recipe, {}, 1.0, tmp_path, Arithmetic(fast=True), ("fused Adam",))
    assert made.command == "gancourse train ring --width 8 --terms --steps 7 --fast"
    assert zoo.card("ring", tmp_path) == made
    assert made.recipe == recipe


def test_a_training_that_no_command_reproduces_is_refused_and_leaves_nothing(tmp_path):
    network, recipe = zoo.untrained(recipes.recipe("ring")), recipes.recipe("ring")
    for other, message in (
        (dataclasses.replace(recipe, name="mine"), "recipe 'mine' not found"),
        (dataclasses.replace(recipe, about="another line"), "more than options can say"),
        (recipe.changed(family=EnergyMLP()), "an option 'code-size' that the other hasn't"),
    ):
        with pytest.raises(ValueError, match=message):
            zoo.add(network, other, {}, 0.0, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_weight_that_half_precision_cannot_hold_is_refused(tmp_path):
    network = zoo.untrained(recipes.recipe("ring"))
    next(network.parameters()).data[0, 0] = 1e6
    with pytest.raises(ValueError, match="half precision can't"):
        zoo.add(network, recipes.recipe("ring"), {}, 0.0, tmp_path)


def test_damaged_or_exchanged_weights_are_refused(tmp_path):
    for suffix in (".json", ".safetensors"):
        shutil.copy(zoo.FOLDER / f"digits-classifier{suffix}", tmp_path)
    path = tmp_path / "digits-classifier.safetensors"
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(CheckpointError, match="damaged or not what its card describes"):
        zoo.load("digits-classifier", tmp_path)


def test_an_unknown_name_suggests_the_nearest(tmp_path):
    with pytest.raises(ValueError, match="did you mean 'dcgan-digits'"):
        zoo.load("dcgan-digit")
    with pytest.raises(ValueError, match="there is none at all"):
        zoo.load("dcgan-digits", tmp_path)


def test_evaluating_more_images_than_there_are_is_refused():
    with pytest.raises(ValueError, match="asked for 20000 of 10000 images"):
        zoo.evaluate(lambda z: z, recipes.recipe("dcgan-digits"), 20_000)


def test_features_do_not_depend_on_the_order():
    images = data.digits("test").first(20).x
    torch.testing.assert_close(zoo.features("digits", images.flip(0)).flip(0), zoo.features("digits", images))


def test_cards_are_json_without_surprises():
    for name in NAMES:
        assert set(json.loads((zoo.FOLDER / f"{name}.json").read_text())) == {
            *("name", "recipe", "command", "metrics", "parameters", "seconds", "versions", "sha256", "techniques")
        }


def frozen_in_training():
    """A generator in training mode, one BatchNorm of which is frozen."""
    generator = zoo.untrained(recipes.recipe("dcgan-digits")).train()
    norms = [layer for layer in generator.modules() if isinstance(layer, torch.nn.BatchNorm2d)]
    norms[0].eval()
    return generator, norms


def test_sampling_leaves_each_submodule_in_its_mode_also_if_it_fails():
    generator, norms = frozen_in_training()
    modes = [layer.training for layer in generator.modules()]
    zoo.samples(generator, 2)
    assert [layer.training for layer in generator.modules()] == modes
    extract = zoo.Extractor("generator", generator)
    extract(torch.zeros(2, generator.latent_size))
    assert [layer.training for layer in generator.modules()] == modes
    norms[-1].register_forward_pre_hook(lambda *_: 1 / 0)
    for attempt in (lambda: zoo.samples(generator, 2), lambda: extract(torch.zeros(2, generator.latent_size))):
        with pytest.raises(ZeroDivisionError):
            attempt()
        assert [layer.training for layer in generator.modules()] == modes


def test_samples_of_a_network_in_training_are_those_of_evaluation_and_leave_its_statistics():
    generator, norms = frozen_in_training()
    with torch.no_grad():
        for norm in norms:
            norm.running_mean += 1
    means = [norm.running_mean.clone() for norm in norms]
    samples = zoo.samples(generator, 3)
    assert all(torch.equal(norm.running_mean, mean) for norm, mean in zip(norms, means, strict=True))
    torch.testing.assert_close(samples, zoo.samples(generator.eval(), 3), rtol=0, atol=0)
