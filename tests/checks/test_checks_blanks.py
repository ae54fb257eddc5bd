"""The blanks hold no solution, are what the sources give, and fail; the sources with solutions pass."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import nbformat
import pytest

from gancourse.checks import NotWritten, Wrong, exercises
from tests import checkout

FOLDER = checkout.ROOT / "exercises"
SOURCES = [
    path for path in sorted((FOLDER / "src").glob("*.md")) if f"exercises/src/{path.name}" in checkout.course_files()
]
generate = checkout.script("exercises/generate.py")


def blank_text(source: Path) -> str:
    """The students' notebook of a source, not what a student made of it."""
    return checkout.text(f"exercises/{source.stem}.ipynb")


def run_cells(notebook: nbformat.NotebookNode) -> dict:
    """Variables after running everything but the checks."""
    namespace: dict = {}
    for cell in notebook.cells:
        if cell.cell_type == "code" and not cell.source.startswith("check("):
            exec(compile(cell.source, "<cell>", "exec"), namespace)
    return namespace


def test_every_exercise_has_its_notebook() -> None:
    assert {p.stem for p in SOURCES} == {e.notebook for e in exercises.values()}


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.stem)
def test_every_solution_passes(source: Path) -> None:
    namespace = run_cells(generate.read(source))
    for exercise in (e for e in exercises.values() if e.notebook == source.stem):
        assert exercise.verify(namespace[exercise.function])


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.stem)
def test_every_blank_fails_and_says_that_it_is_blank(source: Path) -> None:
    namespace = run_cells(nbformat.reads(blank_text(source), as_version=4))
    for exercise in (e for e in exercises.values() if e.notebook == source.stem):
        with pytest.raises(NotWritten, match=f"not written yet: {exercise.function} does nothing so far"):
            exercise.verify(namespace[exercise.function])


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.stem)
def test_no_line_of_a_solution_is_in_the_blank(source: Path) -> None:
    blank = blank_text(source)
    inside, n_lines = False, 0
    for line in source.read_text(encoding="utf-8").splitlines():
        if line.strip() in (generate.BEGIN, generate.END):
            inside = line.strip() == generate.BEGIN
        elif inside and line.strip():
            n_lines += 1
            assert nbformat.v4.nbjson.json.dumps(line.strip(), ensure_ascii=False)[1:-1] not in blank
    assert n_lines
    assert "SOLUTION" not in blank


def test_generating_again_changes_nothing() -> None:
    for source in SOURCES:
        once, again = (generate.text(generate.blank(generate.read(source))) for _ in range(2))
        assert once == again
        assert once == blank_text(source), "run `make exercises`"


def test_check_flag_is_content_when_all_is_fresh(course: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr(generate, "HERE", course / "exercises")
    monkeypatch.setattr(sys, "argv", ["generate.py", "--check"])
    assert generate.main() == 0
    assert capsys.readouterr().out == ""


def test_check_flag_names_a_stale_blank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    (tmp_path / "src").mkdir()
    for name in (f"src/{SOURCES[0].name}", "nbgrader_config.py", f"{SOURCES[0].stem}.ipynb"):
        text = checkout.text(f"exercises/{name}").replace("easy", "hard")
        (tmp_path / name).write_text(text, encoding="utf-8")
    stale = tmp_path / f"{SOURCES[0].stem}.ipynb"
    stale.write_text(stale.read_text(encoding="utf-8").replace("hard", "easy"), encoding="utf-8")
    before = stale.read_text(encoding="utf-8")
    monkeypatch.setattr(generate, "HERE", tmp_path)
    monkeypatch.setattr(sys, "argv", ["generate.py", "--check"])
    assert generate.main() == 1
    assert "is stale" in capsys.readouterr().out
    assert stale.read_text(encoding="utf-8") == before
    monkeypatch.setattr(sys, "argv", ["generate.py"])
    assert generate.main() == 0
    assert stale.read_text(encoding="utf-8") != before


def answered(notebook: nbformat.NotebookNode) -> None:
    cell = next(cell for cell in notebook.cells if generate._role(cell)[1] == "answer")
    cell.source = cell.source.replace("...  #", "pass  #")


def half_answered(notebook: nbformat.NotebookNode) -> None:
    cell = next(cell for cell in notebook.cells if generate._role(cell)[1] == "answer")
    cell.source += "\n    x ="


def run(notebook: nbformat.NotebookNode) -> None:
    code = next(cell for cell in notebook.cells if cell.cell_type == "code")
    code.outputs = [nbformat.v4.new_output("stream", text="1")]


def noted(notebook: nbformat.NotebookNode) -> None:
    notebook.cells.append(nbformat.v4.new_markdown_cell("to do"))


@pytest.mark.parametrize("work", [answered, half_answered, run, noted])
def test_a_notebook_in_which_somebody_has_worked_is_kept(
    work, tmp_path: Path, course: Path, monkeypatch, capsys
) -> None:
    folder = shutil.copytree(course / "exercises", tmp_path / "exercises")
    path = folder / f"{SOURCES[0].stem}.ipynb"
    fresh = path.read_text(encoding="utf-8")
    notebook = nbformat.read(path, as_version=4)
    work(notebook)
    path.write_text(nbformat.writes(notebook), encoding="utf-8")
    monkeypatch.setattr(generate, "HERE", folder)
    monkeypatch.setattr(sys, "argv", ["generate.py"])
    assert generate.main() == 0
    assert capsys.readouterr().out == f"{path.name} kept: it has been filled in; move it away, or pass --overwrite\n"
    assert path.read_text(encoding="utf-8") == nbformat.writes(notebook)
    monkeypatch.setattr(sys, "argv", ["generate.py", "--overwrite"])
    assert generate.main() == 0
    assert capsys.readouterr().out == f"{path.name} written\n"
    assert path.read_text(encoding="utf-8") == fresh


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("### BEGIN SOLUTION", "### BEGN SOLUTION", "the markers of"),
        ("### END SOLUTION", "### END SOLUTON", "the markers of"),
        ("### BEGIN SOLUTION", "### begin solution", "the markers of"),
        ("### BEGIN SOLUTION", "# BEGIN SOLUTION", "the markers of"),
        ("### END SOLUTION", "### BEGIN SOLUTION", "the markers of"),
        ("    ### BEGIN SOLUTION\n", "", "the markers of"),
        ("    ### END SOLUTION", "    ### END SOLUTION\n    ### BEGIN SOLUTON\n    secret = 1", "mistyped marker"),
        ("import torch\n", "import torch\n### BEGIN SOLUTION\n### END SOLUTION\n", "isn't marked as an answer"),
        ("solution: true", "solution: false", "isn't marked as an answer"),
        ("grade_id: ex-02-generator-loss,", "grade_id: ex-02-generator,", "one answer and one check cell"),
        ("points: 2", "points: 3", "worth 2 points"),
        ("grade: true", "grade: false", "must be locked"),
        ("def discriminator_loss", "def discriminator_los", "must define discriminator_loss"),
        ('check("ex-02-discriminator-loss", d', 'check("ex-02-generator-loss", d', "isn't the line that follows"),
    ],
)
def test_a_source_that_would_leak_or_not_grade_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = (FOLDER / "src" / "02_gan_game.md").read_text(encoding="utf-8")
    assert old in text
    broken = tmp_path / "02_gan_game.md"
    broken.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(generate.SourceError, match=message):
        generate.read(broken)


def test_a_check_cell_in_a_blank_raises_without_a_traceback() -> None:
    assert NotWritten("not written yet")._render_traceback_() == ["NotWritten: not written yet"]
    assert issubclass(NotWritten, Wrong)
    assert issubclass(Wrong, AssertionError)
