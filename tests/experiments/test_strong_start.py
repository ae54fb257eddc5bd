"""The experiment "strong-start": what is played, its controls, and what the stored rows say."""

from dataclasses import replace

import pytest

from gancourse.experiments import rows, strong_start
from gancourse.experiments.strong_start import LOSSES, RATES, StrongStart, methods, play, table

SHORT = {"head_start": 2, "steps": 3}


@pytest.fixture(scope="module")
def stored() -> dict[str, list[dict]]:
    by_method: dict[str, list[dict]] = {}
    for row in rows(table.name):
        by_method.setdefault(row["method"], []).append(row)
    return by_method


def reached(stored, method: str, metric: str) -> list[float]:
    return [row["metrics"][metric] for row in stored[method] if row["metrics"]]


@pytest.mark.parametrize("method", methods)
def test_every_method_plays_and_its_row_is_the_same_again(method):
    settings = methods[method].changed(rate=1e-3, **SHORT)
    row = play(method, settings, 50)
    assert row == play(method, settings, 50)
    assert row["steps"] == 3
    assert row["trace"] == [{"steps": 3} | row["metrics"]]


def test_the_head_start_is_the_discriminators_alone_and_changes_the_game():
    long, short = (
        play("x", StrongStart("non-saturating", rate=1e-9, head_start=n, steps=1), 50)["metrics"] for n in (60, 1)
    )
    assert long == short, "without a step of G its samples are those of the untrained one"
    assert long["moved"] == 0
    a, b = (play("x", StrongStart("non-saturating", rate=1.0, head_start=n, steps=1), 50)["metrics"] for n in (60, 1))
    assert a != b


def test_one_random_direction_goes_on_and_random_directions_cancel():
    one, many = (
        play("x", replace(methods[f"Adam, {name}"], head_start=1, steps=100), 200)["metrics"]["moved"]
        for name in ("one random direction", "random directions")
    )
    assert one > 10 * many


def test_the_control_depends_on_its_seed():
    a, b = (
        play("x", replace(methods["Adam, one random direction"], steps=5, head_start=1, seed=seed), 50)["metrics"]
        for seed in (0, 1)
    )
    assert a != b


def test_a_row_has_an_early_entry_and_that_is_what_the_stored_one_has(stored):
    settings = methods["gradient descent 0.1, minimax"].changed(steps=strong_start.EARLY)
    trace = play("x", settings, table.n_samples)["trace"]
    assert trace[0]["moved"] == pytest.approx(stored["gradient descent 0.1, minimax"][0]["trace"][0]["moved"], abs=2e-3)


def test_an_unknown_signal_or_optimiser_is_refused():
    with pytest.raises(ValueError, match="signal is 'noise'"):
        StrongStart("minimax", "noise")
    with pytest.raises(ValueError, match="optimiser is 'adam'"):
        StrongStart("minimax", optimiser="adam")


def test_a_game_that_ends_early_is_a_row_that_says_when():
    row = play("x", methods["gradient descent 10, minimax"], 50)
    assert row["metrics"] == {}
    assert 0 < row["steps"] < 200
    assert "step" in row["diverged"]


# What chapter 2 says of the rows


def test_adam_hits_all_eight_clusters_with_either_loss_and_gradient_descent_at_most_one(stored):
    for loss in LOSSES:
        assert reached(stored, f"Adam, {loss}", "modes") == [8] * 5
        assert min(reached(stored, f"Adam, {loss}", "share")) > 0.2
        for rate in RATES:
            assert max(reached(stored, f"gradient descent {rate:g}, {loss}", "modes"), default=0) <= 1


def test_under_gradient_descent_the_non_saturating_loss_moves_the_samples_and_minimax_does_not(stored):
    assert max(reached(stored, "gradient descent 0.1, minimax", "moved")) < 0.05
    assert min(reached(stored, "gradient descent 0.1, non-saturating", "moved")) > 1
    for rate in (3, 10):
        assert reached(stored, f"gradient descent {rate}, minimax", "moved") == [], "every run ends early"


def test_distance_alone_proves_nothing_adam_moves_the_samples_along_one_random_direction_too(stored):
    early = {
        name: [row["trace"][0][metric] for row in stored[f"Adam, {name}"]]
        for name, metric in (
            ("one random direction", "moved"),
            ("random directions", "moved"),
            ("minimax", "nearer"),
        )
    }
    assert min(early["one random direction"]) > 1
    assert max(early["random directions"]) < 0.1
    assert max(early["minimax"]) < 0, "they are farther from the clusters than at the start"
