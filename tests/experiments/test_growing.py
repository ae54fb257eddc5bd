"""The experiments "growing" and "minibatch-std": pairs that differ in one thing, and what their rows hold."""

import pytest

from gancourse import experiments
from gancourse.experiments import growing, minibatch_std
from gancourse.models import MinibatchStd
from gancourse.recipes import build

TINY = {"width": 4, "batch_size": 4, "latent_size": 4}


def test_the_pair_differs_in_growing_only():
    grown, whole = growing.methods["grown"], growing.methods["whole"]
    assert grown.changed(remedies=()) == whole
    assert grown.recipe.play.remedies == (growing.PHASES,)


def test_a_row_s_trace_is_at_equal_seconds_and_each_metric_carries_its_protocol():
    trial = growing.methods["grown"].changed(at_seconds=(0.0, 0.5), **TINY)
    row = growing.play("grown", trial, 60)
    assert [entry["due"] for entry in row["trace"]] == ["seconds", "seconds"]
    assert row["trace"][-1]["seconds"] >= 0.5
    assert list(row["metrics"]) == [
        "fid(faces-regressor, 60/60)",
        "fid(pixels-8x8, 60/60)",
        "sliced W2(patches-7x7-at-32, 60/60)",
        "sliced W2(patches-7x7-at-16, 60/60)",
        "sliced W2(patches-7x7-at-8, 60/60)",
    ]
    assert row["steps"] > 1
    assert all(value > 0 for value in row["metrics"].values())


@pytest.mark.parametrize("method", growing.methods)
def test_every_method_grows_or_has_its_full_size_from_the_start(method):
    game = build(growing.methods[method].recipe.changed(**TINY)).trainer.game
    assert hasattr(game, "level") == method.endswith("grown")


def test_each_pair_of_minibatch_std_differs_in_the_layer_only():
    assert list(minibatch_std.methods)[:2] == list(minibatch_std.PAPER)
    for name in ("WGAN-GP", "GAN, R1"):
        without, with_layer = minibatch_std.methods[name], minibatch_std.methods[f"{name}, minibatch std"]
        assert without.changed(minibatch_std=True) == with_layer
        for trial, has_layer in ((without, False), (with_layer, True)):
            discriminator = build(trial.recipe.changed(width=4)).trainer.game.discriminator
            assert any(isinstance(layer, MinibatchStd) for layer in discriminator.modules()) == has_layer


def test_a_row_of_minibatch_std_holds_modes():
    trial = minibatch_std.methods["WGAN-GP, minibatch std"].changed(steps=2, **TINY)
    row = minibatch_std.play("a", trial, 50)
    assert 1 <= row["metrics"]["modes(digits-classifier, 50)"] <= 50


def test_both_are_in_the_catalogue():
    assert experiments.experiment("growing") is growing.table
    assert experiments.experiment("minibatch-std") is minibatch_std.table
