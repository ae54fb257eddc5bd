"""Experiments: resumable, side by side, rows that say what they are."""

import dataclasses
import json

import pytest

from gancourse import experiments
from gancourse.experiments import Experiment, guidelines, play, rows, run, summary
from gancourse.recipes import recipe

TINY = dataclasses.replace(recipe("ring"), steps=3, width=4, batch_size=4)


def tiny(n_seeds):
    return Experiment(
        "tiny",
        "is it quick?",
        {"a": TINY, "b": dataclasses.replace(TINY, width=5)},
        range(n_seeds),
        50,
        guidelines.play,
    )


def test_an_experiment_goes_on_where_it_stopped(tmp_path):
    first = list(run(tiny(1), workers=2, folder=tmp_path))
    assert sorted((row["method"], row["seed"]) for row in first) == [("a", 0), ("b", 0)]
    assert list(run(tiny(1), workers=2, folder=tmp_path)) == []
    found = rows("tiny", tmp_path)
    assert len(found) == 2
    assert all({"metrics", "seconds", "versions", "steps"} <= row.keys() for row in found)


def test_a_row_depends_on_its_seed_alone():
    first, again = play(tiny(1), "a", 0), play(tiny(1), "a", 0)
    other = play(tiny(2), "a", 1)
    assert first["metrics"] == again["metrics"]
    assert first["seed"] != other["seed"]


def test_a_diverged_run_is_a_row_that_says_so():
    wild = Experiment("wild", "?", {"a": dataclasses.replace(TINY, learning_rate=1e30)}, range(1), 50, guidelines.play)
    row = play(wild, "a", 0)
    assert "is nan at step" in row["diverged"] or "is inf at step" in row["diverged"]
    assert row["metrics"] == {}


def test_the_summary_is_mean_and_standard_error_and_counts_divergence():
    table = [{"method": "a", "seed": s, "metrics": {"m": v}} for s, v in enumerate((1.0, 2.0, 6.0))]
    table.append({"method": "a", "seed": 3, "metrics": {}, "diverged": "…"})
    mean, error, n, diverged = summary(table, "m")["a"]
    assert (mean, n, diverged) == (3.0, 3, 1)
    assert error == pytest.approx((7.0 / 3) ** 0.5)


def test_a_line_that_is_no_row_is_named(tmp_path):
    (tmp_path / "tiny.jsonl").write_text(json.dumps({"method": "a", "seed": 0, "metrics": {}}) + "\n{\n")
    with pytest.raises(ValueError, match=r"tiny\.jsonl:2 is not a row"):
        rows("tiny", tmp_path)


def test_committed_rows_are_complete():
    for name, chosen in experiments.experiments.items():
        found = {(row["method"], row["seed"]): row for row in rows(name)}
        assert found.keys() == {(method, seed) for method in chosen.methods for seed in chosen.seeds}
        for (method, _), row in found.items():
            settings = chosen.methods[method]
            if hasattr(settings, "steps"):
                assert row["steps"] == settings.steps
            elif hasattr(settings, "recipe"):
                assert row["steps"] == settings.recipe.steps
            else:  # measured on the way, several times
                assert {p["steps"] for p in row["trace"] if p["due"] == "steps"} == set(settings.at_steps)
