"""Looks at a training: when, what they leave, and that they change nothing."""

import json

import pytest
import torch

from gancourse import recipes
from gancourse.recipes import Built, Progress, build, recipe
from gancourse.training import Step, read_tensors
from gancourse.values import options
from gancourse.zoo.watching import PICTURES, ROWS, Watcher, rows_of

EACH = pytest.mark.parametrize("name", sorted(recipes.recipes))


def tiny(name, **changes):
    chosen = recipe(name).offline()
    small = {"width": 4, "widths": (4, 4, 4, 4), "batch_size": 4, "steps": 20 if name == "ring" else 3}
    small = {option: value for option, value in small.items() if option.replace("_", "-") in options(chosen)}
    return chosen.changed(**small | changes)


def watched(chosen, folder, steps=None):
    """Train with a watcher; the looks' rows."""
    watcher = Watcher(folder)
    return [watcher.look(p) for p in (steps or recipes.train(chosen, folder)) if watcher.is_due(p)]


def due(total, n=10):
    """The steps after which a look is due, by the watcher."""
    built = Built(recipe("ring").changed(steps=total), None, None)
    watcher = Watcher(None, n)
    return [i + 1 for i in range(total) if watcher.is_due(Progress(built, Step(i, {}), 0.0))]


@pytest.mark.parametrize("total", [1, 2, 9, 10, 11, 19, 20, 25, 99, 101, 3000])
def test_looks_are_due_at_each_tenth_and_at_the_end_and_never_more_than_ten(total):
    steps = due(total)
    assert steps[-1] == total
    assert len(steps) == min(10, total)
    assert all(abs(step - total * (k + 1) / len(steps)) < 1 for k, step in enumerate(steps))


def test_another_number_of_looks_can_be_asked_for():
    assert due(100, n=4) == [25, 50, 75, 100]


@EACH
def test_a_look_leaves_a_row_and_a_picture_at_each_tenth_and_the_end(name, tmp_path):
    chosen = tiny(name)
    rows = watched(chosen, tmp_path)
    assert [row["step"] for row in rows] == due(chosen.steps)
    assert rows_of(tmp_path / ROWS) == json.loads(json.dumps(rows))
    for row in rows:
        assert {"step", "seconds", "losses", "look_s"} <= row.keys()
        assert all(isinstance(v, float) for terms in row["losses"].values() for v in terms.values())
    if not chosen.play.makes_samples:
        assert not (tmp_path / PICTURES).exists()
        assert not any("metrics" in row or "variety" in row or "picture" in row for row in rows)
        return
    assert sorted(p.name for p in (tmp_path / PICTURES).iterdir()) == [f"step-{n:07}.png" for n in due(chosen.steps)]
    for row in rows:
        assert (tmp_path / row["picture"]).read_bytes().startswith(b"\x89PNG")
        assert row["metrics"]
        assert {"cells", "starved", "lost", "collapsed"} == row["variety"].keys()
    assert rows[0]["seconds"] <= rows[-1]["seconds"]


@EACH
def test_watching_changes_no_bit_of_the_training(name, tmp_path):
    chosen = tiny(name, steps=3)
    watched(chosen, tmp_path / "watched")
    for _ in recipes.train(chosen, tmp_path / "alone"):
        pass
    ours, theirs = (read_tensors(tmp_path / n / "checkpoint.safetensors")[0] for n in ("watched", "alone"))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_watcher_without_a_folder_measures_and_keeps_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    built = build(tiny("ring"))
    step = next(built.trainer.steps(1))
    row = Watcher(None).look(Progress(built, step, 0.0))
    assert row["metrics"]
    assert "picture" not in row
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_was_cut_and_resumed_repeats_no_row(tmp_path):
    """The cut falls after a look whose checkpoint was never written, so that the look is made a second time."""
    chosen = tiny("ring")
    whole = watched(chosen, tmp_path / "whole")
    watcher, steps = Watcher(tmp_path / "cut"), recipes.train(chosen, tmp_path / "cut", save_every_s=1e9)
    for progress in steps:
        if watcher.is_due(progress):
            watcher.look(progress)
        if progress.done == 7:
            break
    steps.close()
    assert [row["step"] for row in rows_of(tmp_path / "cut" / ROWS)] == [2, 4, 6]
    watched(chosen, tmp_path / "cut", recipes.resume(tmp_path / "cut"))
    lines = (tmp_path / "cut" / ROWS).read_text().splitlines()
    assert len(lines) == 13  # the file says what happened; of each step, the last row counts
    rows = rows_of(tmp_path / "cut" / ROWS)
    assert [row["step"] for row in rows] == due(20)
    same = ("step", "losses", "metrics", "variety", "picture")
    assert [[row[key] for key in same] for row in rows] == [[row[key] for key in same] for row in whole]
    for row in whole:
        assert (tmp_path / "cut" / row["picture"]).read_bytes() == (tmp_path / "whole" / row["picture"]).read_bytes()


def test_of_several_rows_of_one_step_the_last_counts_and_what_is_no_row_is_left_out(tmp_path):
    path = tmp_path / ROWS
    lines = [
        '{"step": 20, "losses": {}, "n": 1}',
        '{"step": 10, "losses": {}, "n": 2}',
        '{"step": 20, "losses": {}, "n": 3}',
        '{"step": 30, "los',
        "12",
        "{}",
        '{"step": "40", "losses": {}}',
        "",
    ]
    path.write_bytes("\n".join(lines).encode() + b"\xff\xfe\n")
    assert [row["n"] for row in rows_of(path)] == [2, 3]
    assert rows_of(tmp_path / "none") == []


def test_data_of_few_samples_has_pictures_and_distances_but_no_detector(tmp_path, monkeypatch):
    from gancourse import data
    from gancourse.data.catalogue import data_sets

    few = data.Images((torch.arange(12 * 784) % 251).byte().view(12, 1, 28, 28), torch.zeros(12).long(), "0")
    monkeypatch.setitem(data_sets, "digits", data_sets["digits"]._replace(load=lambda request: few))
    rows = watched(tiny("dcgan-digits", steps=1), tmp_path)
    assert "variety" not in rows[0]
    assert "fid(digits-classifier, 12/1k)" in rows[0]["metrics"]
    assert (tmp_path / rows[0]["picture"]).is_file()
