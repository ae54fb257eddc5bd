"""Experiments: resumable, side by side, rows that say what they are."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gancourse import experiments
from gancourse.errors import NotFiniteError
from gancourse.experiments import Experiment, guidelines, play, rows, run, summary, trials
from gancourse.experiments.trials import Trial
from gancourse.processes import LostProcessError
from gancourse.recipes import recipe

TINY = Trial(recipe("ring").changed(steps=3, width=4, batch_size=4))


def tiny(n_seeds):
    return Experiment(
        "tiny",
        "is it quick?",
        {"a": TINY, "b": TINY.changed(width=5)},
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
    first, again, other = (play(tiny(2), "a", seed) for seed in (0, 0, 1))
    assert first["metrics"] == again["metrics"] != other["metrics"]
    assert first["seed"] != other["seed"]


def test_a_diverged_run_is_a_row_that_says_so():
    wild = Experiment("wild", "?", {"a": TINY.changed(learning_rate=1e30)}, range(1), 50, guidelines.play)
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


PENDING: set[str] = set()
"""Experiments that have not been run yet; a name is removed here when its rows are committed."""


def test_only_experiments_without_rows_are_pending():
    assert {name for name in experiments.experiments if not rows(name)} == PENDING


def test_committed_rows_are_complete():
    for name in experiments.experiments.keys() - PENDING:
        chosen = experiments.experiment(name)
        found = {(row["method"], row["seed"]): row for row in rows(name)}
        assert found.keys() == set(chosen.runs)
        for (method, _), row in found.items():
            settings = chosen.methods[method]
            if hasattr(settings, "trial"):  # seconds alone say when it ends
                assert len(row["trace"]) == len(settings.trial.at_seconds)
                assert row["steps"] == row["trace"][-1]["steps"]
            elif getattr(settings, "at_seconds", ()):  # the training goes on beyond the recipe's steps
                at_steps = {*settings.at_steps, settings.recipe.steps}
                assert {p["steps"] for p in row["trace"] if p["due"] == "steps"} == at_steps
                assert len([p for p in row["trace"] if p["due"] == "seconds"]) == len(settings.at_seconds)
            elif hasattr(settings, "recipe"):
                assert row["steps"] == settings.recipe.steps
            elif "diverged" in row:
                assert row["steps"] < settings.steps
            else:
                assert row["steps"] == settings.steps


def test_a_training_is_measured_when_it_is_asked_for_and_at_its_end_and_seen_unchanged():
    def measure(built):
        return {"step": built.trainer.step}

    def entry(measurement):
        return {"steps": measurement.steps, "due": measurement.due}

    quiet, looked_at = (trials.row_of(TINY.changed(at_steps=at), measure, entry) for at in ((), (1, 2)))
    assert quiet == {"steps": 3, "metrics": {"step": 3}, "trace": [{"steps": 3, "due": "steps"}]}
    assert [seen["steps"] for seen in looked_at["trace"]] == [1, 2, 3]
    assert "trace" not in trials.row_of(TINY, measure)


def test_what_was_measured_before_a_training_diverged_is_kept():
    def measure(built):
        if built.trainer.step > 1:
            raise NotFiniteError("a sample is nan at step 2")
        return {"fid": 1.0}

    found = trials.row_of(TINY.changed(at_steps=(1, 2)), measure, lambda measurement: {"steps": measurement.steps})
    assert found == {"steps": 1, "metrics": {}, "trace": [{"steps": 1}], "diverged": "a sample is nan at step 2"}


ENDLESS = """
import signal, sys
from gancourse.experiments import Experiment, guidelines, run
from gancourse.experiments.trials import Trial
from gancourse.recipes import recipe

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells start what is in the background without it
    long = Trial(recipe("ring").changed(steps=10**9, width=4, batch_size=4))
    for row in run(Experiment("long", "?", {"a": long}, range(4), 50, guidelines.play), 2, sys.argv[1]):
        print(row)
"""


def children(pid):
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout.split()
    return [int(child) for child in found]


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes as Linux shows them")
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_experiment_that_is_ended_leaves_no_workers_behind(tmp_path, end):
    script = tmp_path / "endless.py"
    script.write_text(ENDLESS)
    parent = subprocess.Popen([sys.executable, script, tmp_path], start_new_session=True, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while len(workers := children(parent.pid)) < 3 and time.monotonic() < deadline:  # two, and a tracker of resources
        time.sleep(0.2)
    time.sleep(3)
    assert len(workers) >= 3
    assert parent.poll() is None
    (os.killpg if end == signal.SIGINT else os.kill)(parent.pid, end)  # Ctrl-C reaches the whole group
    try:
        parent.communicate(timeout=30)
    finally:
        parent.kill()
        parent.communicate()
    deadline = time.monotonic() + 20
    while any(map(is_running, workers)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not any(map(is_running, workers))


def test_a_worker_that_is_killed_ends_the_experiment_with_one_line(tmp_path):
    kills = dataclasses.replace(tiny(1), play=kill)
    with pytest.raises(LostProcessError, match=r"a run was killed, .* run the same command again to continue"):
        list(run(kills, workers=1, folder=tmp_path))


def kill(method, settings, n_samples):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_number_of_workers_below_zero_is_refused(tmp_path):
    with pytest.raises(ValueError, match="workers is -1; pass at least 1, or 0"):
        list(run(tiny(1), workers=-1, folder=tmp_path))
