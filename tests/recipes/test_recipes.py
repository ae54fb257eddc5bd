"""Recipes: complete, consistent, and the same after a trip through JSON."""

import dataclasses
import json
from typing import get_args

import pytest
import torch
from gancourse.recipes.build import networks
from gancourse.recipes.recipe import Penalty
from torch.testing import assert_close

from gancourse import objectives, recipes
from gancourse.recipes import ClassifierRecipe, GANRecipe, build, from_json, to_json


@pytest.mark.parametrize("name", sorted(recipes.recipes))
def test_a_recipe_survives_json(name):
    recipe = recipes.recipe(name)
    assert from_json(json.loads(json.dumps(to_json(recipe)))) == recipe
    assert recipe.name == name


@pytest.mark.parametrize(
    ("values", "message"),
    [({}, "its kind must be one of gan, classifier, vae"), ({"kind": "vae"}, "not a recipe"), ({"kind": "x"}, "kind")],
)
def test_what_is_no_recipe_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        from_json(values)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"decay": "fast"}, "decay is 'fast'; pass one of constant, linear, cosine"),
        ({"steps": "abc"}, "steps is 'abc'; expected int"),
        ({"batch_size": 0}, "batch_size is 0; expected at least 1"),
        ({"learning_rate": float("nan")}, "learning_rate is nan; expected a finite number"),
        ({"penalty": "r3"}, "penalty is 'r3'; pass one of none, r1, r2, r1-r2, gradient-penalty"),
        ({"guidelines": {}}, "guidelines is {}; expected Guidelines"),
    ],
)
def test_a_field_that_no_training_could_use_is_named(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(recipes.recipe("ring"), **changes)


def test_the_seed_decides_the_starting_weights():
    recipe = dataclasses.replace(recipes.recipe("ring"), width=8)
    first, again = networks(recipe), networks(recipe)
    other = networks(dataclasses.replace(recipe, seed=1))
    for a, b, c in zip(*((n[0].state_dict().values()) for n in (first, again, other)), strict=True):
        assert torch.equal(a, b)
        assert not torch.equal(a, c)


def test_building_leaves_torchs_global_randomness_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    build(dataclasses.replace(recipes.recipe("ring"), width=8))
    assert torch.equal(torch.rand(1), expected)


def test_the_result_is_the_averaged_generator_where_there_is_one():
    recipe = dataclasses.replace(recipes.recipe("ring"), width=8)
    built = build(recipe)
    assert built.result is built.trainer.averages["generator"].network
    plain = build(dataclasses.replace(recipe, average_kimg=0.0))
    assert plain.result is plain.trainer.game.generator


def test_the_result_of_a_vae_is_its_decoder_the_very_network_of_the_gan():
    from gancourse.zoo.cards import blank

    recipe = dataclasses.replace(recipes.recipe("vae-digits"), full=False)
    built = build(recipe)
    assert built.result is built.trainer.game.decoder
    ours, theirs = (blank(recipes.recipe(name)).state_dict() for name in ("vae-digits", "dcgan-digits"))
    assert {k: v.shape for k, v in ours.items()} == {k: v.shape for k, v in theirs.items()}
    assert recipes.recipe("vae-digits").full == recipes.recipe("dcgan-digits").full  # trained on the same digits


@pytest.mark.parametrize(("data", "family"), [("ring", "dcgan"), ("digits", "mlp")])
def test_a_family_that_cannot_make_the_data_is_refused(data, family):
    with pytest.raises(ValueError, match="mlp makes points, dcgan makes images"):
        build(GANRecipe("x", "", data, family=family))


@pytest.mark.parametrize("decay", ["constant", "linear", "cosine"])
def test_a_recipes_decay_reaches_the_optimiser(decay):
    recipe = ClassifierRecipe("x", "", "digits", steps=4, batch_size=2, decay=decay)
    trainer = build(recipe).trainer
    rates = [trainer.optimisers["classifier"].param_groups[0]["lr"] / recipe.learning_rate for _ in trainer.steps(4)]
    expected = {"constant": [1, 1, 1, 1], "linear": [1, 0.75, 0.5, 0.25], "cosine": [1, 0.853553, 0.5, 0.146447]}
    assert rates == pytest.approx(expected[decay], abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_the_ring_recipe_finds_all_modes(seed):
    """Three fixed seeds; offline eight of eight seeds found them all."""
    from gancourse import zoo

    built = build(dataclasses.replace(recipes.recipe("ring"), seed=seed))
    for _ in built.trainer.steps(built.recipe.steps):
        pass
    found = zoo.evaluate(built.result, built.recipe, 2000)
    assert found["modes"] == 8
    assert found["share within 3σ"] > 0.7


def test_an_untrained_generator_finds_few_modes():
    from gancourse import zoo

    built = build(recipes.recipe("ring"))
    assert zoo.evaluate(built.result, built.recipe, 2000)["modes"] < 8


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", sorted(recipes.recipes))
def test_cuda_starts_where_the_cpu_does_and_resumes_bit_equal(name, tmp_path):
    from gancourse.training import load_checkpoint, save_checkpoint

    recipe = dataclasses.replace(recipes.recipe(name), full=False, batch_size=16)
    cuda, cpu = torch.device("cuda"), torch.device("cpu")
    losses = [next(build(recipe, device).trainer.steps(1)).losses for device in (cpu, cuda)]
    for player, terms in losses[0].items():
        for term, value in terms.items():
            assert losses[1][player][term] == pytest.approx(value, abs=1e-4)
    whole, stopped, resumed = (build(recipe, cuda).trainer for _ in range(3))
    for _ in whole.steps(3):
        pass
    stopped.update()
    save_checkpoint(tmp_path / "c.safetensors", stopped)
    load_checkpoint(tmp_path / "c.safetensors", resumed)
    for _ in resumed.until(3):
        pass
    for player in whole.players:
        for a, b in zip(
            whole.players[player].network.parameters(), resumed.players[player].network.parameters(), strict=True
        ):
            assert torch.equal(a, b)


def test_every_penalty_can_be_asked_for_by_a_recipe():
    assert set(get_args(Penalty)) == {"none", "r1-r2", *objectives.penalties}


def test_a_discriminator_without_batch_norm_leaves_the_generator_s_alone():
    def kinds(network):
        return {type(module).__name__ for module in network.modules()}

    recipe = dataclasses.replace(recipes.recipe("dcgan-digits"), width=8)
    assert all("BatchNorm2d" in kinds(network) for network in networks(recipe))
    generator, discriminator = networks(dataclasses.replace(recipe, discriminator_norm="none"))
    assert "BatchNorm2d" in kinds(generator)
    assert "BatchNorm2d" not in kinds(discriminator)
    _, normalised = networks(dataclasses.replace(recipe, discriminator_norm="spectral"))
    assert "SpectralNorm" in kinds(normalised)
    assert "BatchNorm2d" not in kinds(normalised)


def test_stacked_digits_get_networks_of_three_channels_and_an_independent_score_a_sample():
    recipe = dataclasses.replace(recipes.recipe("stacked-digits"), width=8, full=False)
    built = build(recipe)
    x = built.data.first(6).x
    assert x.shape == (6, 3, 28, 28)
    scores = built.trainer.game.discriminator(x)
    assert_close(scores[:2], built.trainer.game.discriminator(x[:2]))
    terms = next(built.trainer.steps(1)).losses["discriminator"]
    assert set(terms) == {"adversarial", "r1", "r2"}
