"""The experiments on conditional GANs, at a few steps."""

import json

import pytest

from gancourse import data, experiments
from gancourse.experiments import conditionings, few_labels
from gancourse.models.blocks import n_parameters
from gancourse.recipes import build

TINY = {"width": 4, "steps": 2, "batch_size": 20, "average_kimg": 0.02}


@pytest.mark.parametrize("method", conditionings.methods)
def test_each_conditioning_gives_a_row(method):
    trial = conditionings.methods[method].changed(**TINY, seed=1)
    row = conditionings.play(method, trial, 200)
    names = {metric.split("(")[0] for metric in row["metrics"]}
    asked = "purity" if method.startswith("InfoGAN") else "agreement"
    assert {asked, "fid within classes", "recall@3 within classes", "fid"} <= names
    assert row["steps"] == 2
    json.dumps(row)


def test_the_conditionings_differ_in_their_conditions_alone():
    """Equal data, objective, penalties, training and size of what isn't the condition's."""
    own_recipe = {name: trial.recipe for name, trial in conditionings.methods.items()}
    base = own_recipe["projection"]
    shared = ("objective", "terms", "remedies", "n_critic", "generator_rate")
    for recipe in own_recipe.values():
        assert recipe.data == base.data
        assert recipe.training.changed(steps=1) == base.training.changed(steps=1)
        assert recipe.steps == 3_000
        assert all(getattr(recipe.play, field) == getattr(base.play, field) for field in shared)
        assert (recipe.play.family.width, recipe.play.family.latent_size) == (16, 64)
    counts = {
        name: [n_parameters(player.network) for player in build(recipe).trainer.players.values()][:2]
        for name, recipe in own_recipe.items()
    }
    of_d = [counts[name][0] for name in own_recipe]
    assert max(of_d) < 1.3 * min(of_d)
    of_g = {name: count[1] for name, count in counts.items()}
    assert of_g["projection"] == of_g["AC-GAN"] == of_g["label channels"] == of_g["D doesn't see the label"]


@pytest.mark.parametrize("method", few_labels.methods)
def test_each_way_to_use_few_labels_gives_a_row(method):
    trial = few_labels.methods[method].changed(**TINY, seed=1)
    row = few_labels.play(method, trial, 200)
    assert ("fid(digits-classifier, 200/200)" in row["metrics"]) == (method != "labels alone")
    assert 0 <= row["metrics"]["error(2k test)"] <= 1
    json.dumps(row)


def test_a_seed_is_a_draw_of_labels_which_all_methods_share():
    drawn = {}
    for trial in few_labels.methods.values():
        for seed in (0, 1):
            own = few_labels.with_own_labels(trial.changed(seed=seed)).recipe
            assert own.seed == seed
            drawn.setdefault(seed, set()).add(own.data.name)
    assert drawn == {seed: {f"few-labels:digits,100,{seed}"} for seed in (0, 1)}
    first, second = (data.load(f"few-labels:digits,100,{seed}").sources[0].x for seed in (0, 1))
    assert not (first == second).all()


def test_both_are_in_the_catalogue_and_resume_like_all_others(tmp_path):
    for table, play in ((conditionings.table, conditionings.play), (few_labels.table, few_labels.play)):
        assert experiments.experiment(table.name) is table
        assert table.play is play
    name = "feature matching"
    tiny = experiments.Experiment(
        "tiny", "?", {name: few_labels.methods[name].changed(**TINY)}, range(2), 100, few_labels.play
    )
    first = next(experiments.run(tiny, workers=1, folder=tmp_path))
    rest = list(experiments.run(tiny, workers=1, folder=tmp_path))
    assert {row["seed"] for row in (first, *rest)} == {0, 1}
    assert len(rest) == 1
