"""A folder of notebooks gets the verdicts it deserves, whatever the notebooks try."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest

from gancourse.checks import Row, exercises, report, table
from tests import checkout

FOLDER = checkout.ROOT / "exercises"
generate = checkout.script("exercises/generate.py")
CHAPTER_2 = ["ex-02-discriminator-loss", "ex-02-generator-loss", "ex-02-training-step"]
CHAPTER_3 = ["ex-03-optimal-discriminator", "ex-03-jsd", "ex-03-fgan-bound", "ex-03-optimal-logit"]


def solved(name: str) -> nbformat.NotebookNode:
    return generate.read(FOLDER / "src" / f"{name}.md")


def cell_of(notebook: nbformat.NotebookNode, grade_id: str) -> nbformat.NotebookNode:
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def grade(notebook: nbformat.NotebookNode, path: Path, timeout_s: int = 60) -> dict[str, Row]:
    path.write_text(nbformat.writes(notebook), encoding="utf-8")
    return {row.exercise: row for row in report(path, timeout_s=timeout_s)}


def test_solved_notebooks_pass_blank_ones_are_not_attempted_and_the_table_counts_them(tmp_path: Path) -> None:
    (tmp_path / "09_dcgan.ipynb").write_text(nbformat.writes(solved("09_dcgan")), encoding="utf-8")
    (tmp_path / "02_gan_game.ipynb").write_text(checkout.text("exercises/02_gan_game.ipynb"), encoding="utf-8")
    rows = report(tmp_path)
    states = {"02_gan_game": "not attempted", "09_dcgan": "passed"}
    graded = [(e.label, states[e.notebook]) for e in exercises.values() if e.notebook in states]
    assert sorted((row.exercise, row.state) for row in rows if row.exercise) == sorted(graded)
    absent = {e.notebook for e in exercises.values()} - set(states)
    assert {row.notebook: row.state for row in rows if not row.exercise} == dict.fromkeys(absent, "missing")
    assert [row.passed for row in rows] == [row.state in ("passed", "missing") for row in rows]
    n_passed = sum(state == "passed" for _, state in graded)
    text = table(rows)
    assert text.endswith(f"{n_passed} of {len(graded)} exercises passed")
    assert " ".join(text.split()).count("does nothing so far; replace the line") == len(graded) - n_passed


@pytest.mark.slow
def test_a_crash_a_syntax_error_a_faked_check_and_a_shadowing_folder_spoil_nobody_elses_verdict(tmp_path: Path) -> None:
    notebook = solved("03_optimal_discriminator")
    cell_of(notebook, CHAPTER_3[0]).source = "def optimal_discriminator(p_data, p_g):\n    import os\n    os._exit(0)"
    cell_of(notebook, CHAPTER_3[1]).source = "def jensen_shannon(p, q, dx:\n    return 0"
    cell_of(notebook, CHAPTER_3[2]).source = "def f_gan_bound(t_real, t_fake, conjugate):\n    return t_real.mean()"
    cell_of(notebook, f"{CHAPTER_3[2]}-check").source = f'print("{CHAPTER_3[2]}: right.")'
    (tmp_path / "gancourse").mkdir()  # must not stand in for the package
    (tmp_path / "gancourse" / "__init__.py").write_text("raise RuntimeError('shadow')")
    rows = grade(notebook, tmp_path / "03_optimal_discriminator.ipynb")
    assert [rows[label].state for label in CHAPTER_3] == ["failed", "failed", "failed", "passed"]
    assert "kernel died" in rows[CHAPTER_3[0]].message
    assert "SyntaxError" in rows[CHAPTER_3[1]].message
    assert "f_gan_bound(" in rows[CHAPTER_3[2]].message


@pytest.mark.slow
def test_an_error_in_the_cell_of_the_imports_is_shown_beside_what_it_causes(tmp_path: Path) -> None:
    notebook = solved("02_gan_game")
    imports = next(c for c in notebook.cells if c.cell_type == "code")
    imports.source = f"import torch, tensorflow_of_old\n{imports.source}"
    cell_of(notebook, CHAPTER_2[1]).source = ""
    cell_of(notebook, CHAPTER_2[2]).source = "def training_step(:\n    pass"
    rows = grade(notebook, tmp_path / "02_gan_game.ipynb")
    assert [rows[label].state for label in CHAPTER_2] == ["failed", "not attempted", "failed"]
    assert all("cell 1 raised ModuleNotFoundError: No module named" in rows[label].message for label in CHAPTER_2)
    assert "NameError: name 'softplus'" in rows[CHAPTER_2[0]].message
    assert "non_saturating_loss isn't defined" in rows[CHAPTER_2[1]].message
    assert "the cell of the answer raised SyntaxError" in rows[CHAPTER_2[2]].message


@pytest.mark.slow
def test_replaced_checks_deleted_checks_and_killed_kernels_do_not_pass(tmp_path: Path) -> None:
    notebook = solved("02_gan_game")
    attack = """
import os, signal, sys, gancourse.checks
import gancourse.checks.ch02_gan_game.losses as losses
from gancourse.checks.engine import comparison, marking, registry
fake = lambda *a, **k: print("right")
gancourse.checks.check = marking.mark = marking._judge = registry.find = check = fake
gancourse.checks.Exercise.verify = comparison.Values.__call__ = comparison.compare_values = fake
for loaded in registry.exercises_of("02_gan_game").values():
    object.__setattr__(loaded, "steps", [])
losses.discriminator_loss = lambda real, fake: real
def discriminator_loss(real, fake):
    return real
exit()
"""
    cell_of(notebook, CHAPTER_2[0]).source = attack
    notebook.cells.remove(cell_of(notebook, f"{CHAPTER_2[0]}-check"))
    cell_of(notebook, CHAPTER_2[1]).source += "\nimport os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
    rows = grade(notebook, tmp_path / "02_gan_game.ipynb")
    assert [rows[label].state for label in CHAPTER_2] == ["failed", "failed", "passed"]
    assert "expected" in rows[CHAPTER_2[0]].message
    assert "kernel died" in rows[CHAPTER_2[1]].message


@pytest.mark.slow
def test_an_endless_loop_fails_alone_and_lost_metadata_does_not_matter_to_who_has_none(tmp_path: Path) -> None:
    notebook = solved("03_optimal_discriminator")
    cell_of(notebook, CHAPTER_3[0]).source = "def optimal_discriminator(p_data, p_g):\n    while True:\n        pass"
    cell_of(notebook, CHAPTER_3[1]).source = "def jensen_shannon(p, q, dx):\n    raise SystemExit(0)"
    notebook.cells.remove(cell_of(notebook, CHAPTER_3[2]))
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id", "").startswith(CHAPTER_3[3]):
            del cell.metadata["nbgrader"]
    rows = grade(notebook, tmp_path / "03_optimal_discriminator.ipynb", timeout_s=5)
    assert [rows[label].state for label in CHAPTER_3] == ["failed", "failed", "not attempted", "passed"]
    assert "still running after 5 s" in rows[CHAPTER_3[0]].message
    assert "raised SystemExit" in rows[CHAPTER_3[1]].message
    assert "f_gan_bound isn't defined" in rows[CHAPTER_3[2]].message


def test_missing_corrupt_and_foreign_notebooks_get_one_line_each(tmp_path: Path) -> None:
    (tmp_path / "02_gan_game.ipynb").write_text("{not json")
    other = json.loads(checkout.text("exercises/03_optimal_discriminator.ipynb"))
    other["metadata"]["kernelspec"] = {"name": "ir", "display_name": "R", "language": "R"}
    (tmp_path / "03_optimal_discriminator.ipynb").write_text(json.dumps(other))
    (tmp_path / "homework.ipynb").write_text("{}")
    rows = {row.notebook: row for row in report(tmp_path)}
    here = {"02_gan_game": "unreadable", "03_optimal_discriminator": "unreadable", "homework": "foreign"}
    absent = {e.notebook for e in exercises.values()} - set(here)
    assert {name: row.state for name, row in rows.items()} == here | dict.fromkeys(absent, "missing")
    assert "can't be read as a notebook" in rows["02_gan_game"].message
    assert "a notebook in R; expected Python" in rows["03_optimal_discriminator"].message
    assert {name for name, row in rows.items() if not row.passed} == {"02_gan_game", "03_optimal_discriminator"}
    text = " ".join(table(rows.values()).split())
    assert all(" ".join(row.message.split()) in text for row in rows.values())


def test_an_empty_file_and_valid_json_that_is_no_notebook_are_unreadable(tmp_path: Path) -> None:
    for text in ("", "[]", "{}", '{"cells": 3, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}'):
        path = tmp_path / "02_gan_game.ipynb"
        path.write_text(text)
        assert [row.state for row in report(path)] == ["unreadable"], text


def test_a_folder_that_does_not_exist_is_an_error_that_says_what_to_pass(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="pass the folder with your notebooks"):
        report(tmp_path / "nowhere")


def test_a_long_message_is_wrapped_below_its_row_and_not_a_word_is_lost() -> None:
    lines = table([Row("02_gan_game", CHAPTER_2[0], "failed", "word " * 50 + "\nsecond line")]).splitlines()
    assert max(map(len, lines)) <= 110
    assert " ".join(lines[2:-1]).split() == ["word"] * 50 + ["second", "line"]
