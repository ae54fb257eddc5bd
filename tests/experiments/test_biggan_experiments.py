"""The experiments "batch-width", "attention" and "orthogonal", at a few steps."""

import json

import pytest
from torch.testing import assert_close

from gancourse import experiments
from gancourse.experiments import attention, batch_width, orthogonal
from gancourse.models import SelfAttention
from gancourse.recipes import build

TINY = {"width": 2, "latent_size": 4, "embedding_size": 4, "average_kimg": 0.002}


def test_batches_and_widths_are_all_pairs_and_rates_stay():
    recipes = [trial.recipe for trial in batch_width.methods.values()]
    sizes = {(r.training.batch_size, r.play.family.width) for r in recipes}
    assert sizes == {(batch, width) for batch in batch_width.BATCHES for width in batch_width.WIDTHS}
    same = {r.changed(batch_size=1, width=1, steps=1, average_kimg=1.0) for r in recipes}
    assert len(same) == 1
    half_lives = {1000 * r.training.average_kimg / r.training.batch_size for r in recipes}
    assert half_lives == {batch_width.HALF_LIFE}


def test_each_batch_is_measured_at_equal_steps_and_at_equal_images():
    for trial in batch_width.methods.values():
        steps, at_images = trial.at_steps
        assert steps == batch_width.STEPS
        assert at_images * trial.recipe.training.batch_size == batch_width.IMAGES
        assert trial.recipe.steps == max(trial.at_steps)


def test_a_row_of_batch_width_names_each_metric_s_moment():
    trial = batch_width.methods["batch 8, width 4"].changed(steps=3, at_steps=(3, 2), seed=1, **TINY)
    row = batch_width.play("a", trial, 60)
    assert [(entry["steps"], entry["images"]) for entry in row["trace"]] == [(2, 16), (3, 24)]
    early, late = (entry["fid(faces-regressor, 60/60)"] for entry in row["trace"])
    assert row["metrics"]["fid(faces-regressor, 60/60) after equal images"] == early
    assert row["metrics"]["fid(faces-regressor, 60/60) after equal steps"] == late
    assert row["metrics"]["live fid(faces-regressor, 60/60) after equal steps"] != late
    json.dumps(row)


@pytest.mark.parametrize("method", attention.methods)
def test_methods_differ_in_attention_only(method):
    trial = attention.methods[method]
    assert trial.changed(attention="none") == attention.methods["no attention"]
    networks = [player.network for player in build(trial.recipe.changed(**TINY)).trainer.game.players]
    layers = [[m for m in network.modules() if isinstance(m, SelfAttention)] for network in networks]
    assert [len(each) for each in layers] == ([0, 0] if method == "no attention" else [1, 1])


def test_all_forms_but_none_start_from_equal_weights():
    starts = [
        [w for player in build(trial.recipe.changed(**TINY)).trainer.game.players for w in player.network.parameters()]
        for name, trial in attention.methods.items()
        if name != "no attention"
    ]
    for other in starts[1:]:
        for first, second in zip(starts[0], other, strict=True):
            assert_close(first, second, rtol=0, atol=0)


def test_a_row_of_attention_has_the_shares_of_both_networks():
    trial = attention.methods["softmax over queries"].changed(steps=2, batch_size=4, **TINY)
    row = attention.play("a", trial, 60)
    assert set(row["shares"]) == {"γ, generator", "γ, discriminator"}
    assert row["steps"] == 2
    assert {"fid(faces-regressor, 60/60)", "agreement(faces-regressor, 60)"} <= row["metrics"].keys()
    json.dumps(row)


@pytest.fixture
def short():
    orthogonal._common.cache_clear()
    yield {
        name: trial.changed(
            steps=3,
            batch_size=4,
            learning_rate=0.01,
            terms=tuple(term.changed(weight=1.0) for term in trial.recipe.play.terms),
            **TINY,
        )
        for name, trial in orthogonal.methods.items()
    }
    orthogonal._common.cache_clear()


def test_regularisers_start_from_one_checkpoint_and_differ_afterwards(short, monkeypatch):
    monkeypatch.setattr(orthogonal, "THRESHOLDS", (0.5,))
    rows = {name: orthogonal.play(name, trial, 60) for name, trial in short.items()}
    assert orthogonal._common.cache_info().misses == 1
    assert orthogonal._common.cache_info().hits == 2
    for row in rows.values():
        assert row["steps"] == 3
        assert [(entry["threshold"], entry["rule"]) for entry in row["trace"]] == [
            (0.5, rule) for rule in orthogonal.RULES
        ]
        json.dumps(row)
    off = [row["metrics"]["off-diagonal"] for row in rows.values()]
    assert len(set(off)) == 3


def test_what_methods_have_in_common_is_trained_without_any_regulariser(short):
    commons = {trial.changed(terms=()) for trial in short.values()}
    assert len(commons) == 1
    weights = [trial.recipe.play.terms for trial in orthogonal.methods.values()]
    assert [[term.weight for term in terms] for terms in weights] == [[], [1e-4], [1e-4]]


def test_all_three_are_in_the_catalogue_with_three_seeds_or_more():
    for module in (batch_width, attention, orthogonal):
        assert experiments.experiment(module.table.name) is module.table
        assert len(module.table.seeds) >= 3
