"""Recipes: complete, consistent, and what they build."""

import json

import pytest
import torch
from torch.testing import assert_close

from gancourse import objectives, recipes
from gancourse.models import DCGAN, MLP, ResNet
from gancourse.objectives import penalties
from gancourse.recipes import Adversarial, Data, Recipe, Training, build, terms
from gancourse.values import Value, from_json, is_abstract, options, to_json


@pytest.mark.parametrize("name", sorted(recipes.recipes))
def test_a_recipe_survives_json(name):
    recipe = recipes.recipe(name)
    assert from_json(json.loads(json.dumps(to_json(recipe)))) == recipe
    assert recipe.name == name


@pytest.mark.parametrize("name", sorted(recipes.recipes))
def test_a_recipes_options_have_names_of_their_own_and_a_line_of_help_each(name):
    known = options(recipes.recipe(name))
    assert {"data", "full", "steps", "seed"} <= known.keys()
    assert not {"name", "about"} & known.keys()
    assert [option.name for option in known.values() if not option.about] == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"decay": "fast"}, "decay is 'fast'; pass one of constant, linear, cosine"),
        ({"steps": "abc"}, "steps is 'abc'; expected int"),
        ({"batch_size": 0}, "batch_size is 0; expected at least 1"),
        ({"learning_rate": float("nan")}, "learning_rate is nan; expected a finite number"),
        ({"beta1": 1.0}, "beta1 is 1.0; expected a finite number ≥ 0 and < 1"),
        ({"terms": ("r3",)}, "terms is 'r3'; expected Term"),
        ({"objective": "hinges"}, "objective 'hinges' not found; did you mean 'hinge'"),
        ({"full": True}, "ring has no full set"),
        ({"data": "rings"}, "data set 'rings' not found; did you mean 'ring'"),
        ({"guidelines": {}}, "option 'guidelines' not found"),
        ({"family": {}}, "family is {}; expected Family"),
    ],
)
def test_a_field_that_no_training_could_use_is_named(changes, message):
    with pytest.raises(ValueError, match=message):
        recipes.recipe("ring").changed(**changes)


def test_changes_need_only_fit_together_in_the_end():
    """The full set is asked for of data that has one, and given up with data that has none, in either order."""
    full = recipes.recipe("dcgan-digits")
    assert full.changed(data="ring", full=False).data == full.changed(full=False, data="ring").data == Data("ring")
    assert recipes.recipe("ring").changed(full=True, data="digits").data == Data("digits", full=True)


def networks(recipe):
    return [player.network for player in build(recipe).trainer.players.values()]


def test_the_seed_decides_the_starting_weights():
    recipe = recipes.recipe("ring").changed(width=8)
    first, again = networks(recipe), networks(recipe)
    other = networks(recipe.changed(seed=1))
    for a, b, c in zip(*((n[0].state_dict().values()) for n in (first, again, other)), strict=True):
        assert torch.equal(a, b)
        assert not torch.equal(a, c)


def test_building_leaves_torchs_global_randomness_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    build(recipes.recipe("ring").changed(width=8))
    assert torch.equal(torch.rand(1), expected)


def test_the_result_is_the_averaged_generator_where_there_is_one():
    recipe = recipes.recipe("ring").changed(width=8)
    built = build(recipe)
    assert built.result is built.trainer.averages["generator"].network
    plain = build(recipe.changed(average_kimg=0.0))
    assert plain.result is plain.trainer.game.generator


@pytest.mark.parametrize(("name", "player"), [("vae-digits", "vae"), ("digits-classifier", "classifier")])
def test_other_plays_keep_averaged_weights_too_if_asked_for(name, player):
    built = build(recipes.recipe(name).changed(full=False, average_kimg=1.0))
    kept = built.recipe.play.kept({player: built.trainer.averages[player].network})
    assert built.result is kept


def test_the_result_of_a_vae_is_its_decoder_the_very_network_of_the_gan():
    from gancourse.zoo import untrained

    recipe = recipes.recipe("vae-digits").changed(full=False)
    built = build(recipe)
    assert built.result is built.trainer.game.decoder
    ours, theirs = (untrained(recipes.recipe(name)).state_dict() for name in ("vae-digits", "dcgan-digits"))
    assert {k: v.shape for k, v in ours.items()} == {k: v.shape for k, v in theirs.items()}
    assert recipes.recipe("vae-digits").data == recipes.recipe("dcgan-digits").data  # trained on the same digits


@pytest.mark.parametrize(
    ("data", "family", "message"),
    [
        ("ring", DCGAN(), "DCGAN makes square images, not points of 2 numbers; take another recipe or other data"),
        ("digits", MLP(), "MLP makes points, not 28 × 28 images of 1 channel; take another"),
        ("digits", ResNet(), "ResNet makes 32 × 32 images, not 28 × 28 images of 1 channel"),
    ],
)
def test_a_family_that_cannot_make_the_data_is_refused(data, family, message):
    with pytest.raises(ValueError, match=message):
        build(Recipe("x", "", Data(data), Adversarial(family), Training()))


@pytest.mark.parametrize("decay", ["constant", "linear", "cosine"])
def test_a_recipes_decay_reaches_the_optimiser(decay):
    recipe = recipes.recipe("digits-classifier").changed(full=False, steps=4, batch_size=2, decay=decay)
    trainer = build(recipe).trainer
    rates = [trainer.optimisers["classifier"].param_groups[0]["lr"] for _ in trainer.steps(4)]
    rates = [rate / recipe.training.learning_rate for rate in rates]
    expected = {"constant": [1, 1, 1, 1], "linear": [1, 0.75, 0.5, 0.25], "cosine": [1, 0.853553, 0.5, 0.146447]}
    assert rates == pytest.approx(expected[decay], abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_the_ring_recipe_finds_all_modes(seed):
    """Three fixed seeds; offline eight of eight seeds found them all."""
    from gancourse import zoo

    built = build(recipes.recipe("ring").changed(seed=seed))
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

    recipe = recipes.recipe(name).offline().changed(batch_size=16)
    cuda, cpu = torch.device("cuda"), torch.device("cpu")
    losses = [next(build(recipe, device).trainer.steps(1)).losses for device in (cpu, cuda)]
    for player, values in losses[0].items():
        for term, value in values.items():
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
    """All functions of the module on penalties but the norm that they are made of."""
    public = {f.__name__ for f in vars(penalties).values() if getattr(f, "__module__", "") == penalties.__name__}
    written = {name for name in public if name in objectives.__all__} - {"gradient_norm"}
    kinds = [kind for kind in Value.kinds.values() if issubclass(kind, terms.CriticPenalty) and not is_abstract(kind)]
    assert {kind.function.__name__ for kind in kinds} == written
    assert {kind().of_game().name for kind in kinds} == written


def test_a_discriminator_without_batch_norm_leaves_the_generator_s_alone():
    def kinds(network):
        return {type(module).__name__ for module in network.modules()}

    def pair(recipe):
        players = build(recipe).trainer.players
        return players["generator"].network, players["discriminator"].network

    recipe = recipes.recipe("dcgan-digits").changed(width=8, full=False)
    assert all("BatchNorm2d" in kinds(network) for network in pair(recipe))
    generator, discriminator = pair(recipe.changed(discriminator_norm="none"))
    assert "BatchNorm2d" in kinds(generator)
    assert "BatchNorm2d" not in kinds(discriminator)
    _, normalised = pair(recipe.changed(discriminator_norm="spectral"))
    assert "SpectralNorm" in kinds(normalised)
    assert "BatchNorm2d" not in kinds(normalised)


def test_stacked_digits_get_networks_of_three_channels_and_an_independent_score_a_sample():
    recipe = recipes.recipe("stacked-digits").changed(width=8, full=False)
    built = build(recipe)
    x = built.source.first(6).x
    assert x.shape == (6, 3, 28, 28)
    scores = built.trainer.game.discriminator(x)
    assert_close(scores[:2], built.trainer.game.discriminator(x[:2]))
    losses = next(built.trainer.steps(1)).losses["discriminator"]
    assert set(losses) == {"adversarial", "r1", "r2"}
