"""The experiment "wgan-family": what it measures, and when."""

import pytest

from gancourse import experiments
from gancourse.experiments import rows, wgan_family
from gancourse.experiments.wgan_family import live, methods, play
from gancourse.models.spectral import is_normalised
from gancourse.recipes import build
from gancourse.recipes.terms import Drift

METRIC = "fid(digits-classifier, 50/50)"
SHORT = methods["no constraint"].changed(at_steps=(1, 3), at_seconds=(), width=4, steps=3)


def test_it_measures_after_the_steps_that_were_asked_for_and_no_others():
    found = list(live(SHORT, 50))
    assert [m["steps"] for m in found] == [1, 3]
    assert all(m["due"] == "steps" and m[METRIC] > 0 for m in found)
    assert found[0]["seconds"] < found[1]["seconds"]


def test_it_goes_on_until_the_last_second_that_was_asked_for():
    found = list(live(SHORT.changed(at_steps=(1,), at_seconds=(0.0, 0.3), steps=1), 50))
    assert [m["due"] for m in found] == ["seconds", "seconds"]  # the first step is late already
    assert found[-1]["seconds"] >= 0.3


def test_a_row_keeps_its_measurements_and_tells_the_last():
    row = play("a", SHORT, 50)
    assert row["steps"] == 3
    assert row["metrics"] == {METRIC: row["trace"][-1][METRIC]}


def test_two_runs_of_one_seed_agree_and_another_seed_differs():
    first, again, other = (list(live(SHORT.changed(seed=s), 50))[-1][METRIC] for s in (0, 0, 1))
    assert first == again != other


def test_a_run_that_diverges_is_a_row_that_says_so():
    row = play("a", SHORT.changed(terms=(Drift(1e308),), learning_rate=1e30), 50)
    assert "at step " in row["diverged"]
    assert row["metrics"] == {}


@pytest.mark.parametrize("method", methods)
def test_every_method_has_its_own_constraint_and_makes_a_step(method):
    training = build(methods[method].recipe.changed(width=4)).trainer
    game = training.game
    next(training.steps(1))
    largest = max(w.abs().max().item() for w in game.discriminator.parameters())
    assert (largest <= 0.0100001) == (method == "weight clipping")
    assert any(is_normalised(m) for m in game.discriminator.modules()) == method.startswith("spectral norm")
    assert [term.name for term in game.terms["discriminator"]] == {
        "WGAN-GP": ["gradient_penalty"],
        "R1": ["r1"],
        "lazy R1": ["r1"],
        "relativistic, R1 + R2": ["r1", "r2"],
    }.get(method, [])
    assert game.objective.relative == method.startswith("relativistic")


def test_the_stored_rows_are_of_the_settings_that_the_experiment_has_now():
    chosen = experiments.experiment("wgan-family")
    assert chosen.play is wgan_family.play
    found = rows(chosen.name)
    assert found
    for row in found:
        settings = chosen.methods[row["method"]]
        assert row["seed"] in chosen.seeds
        if "diverged" not in row:
            assert set(settings.at_steps) <= {m["steps"] for m in row["trace"]}
            assert all(any(m["seconds"] >= s for m in row["trace"]) for s in settings.at_seconds)
