"""Tests leave the checkout as it was, and don't mind what a reader has made there."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import nbformat
import pytest

from tests import checkout

FILLED, PLAYED, STORED = (
    "exercises/02_gan_game.ipynb",
    "book/04_equilibrium.ipynb",
    "book/03_optimal_discriminator.ipynb",
)
ADA = Path("/", "home", "ada")  # a folder of one machine, which no file of the course may spell out


def pytest_in(folder: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and output of pytest in another checkout."""
    # Sessions that run at the same time clean up each other's temporary folders, unless these are their own.
    own = f"--basetemp={folder.with_name('temporary')}"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", own, *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "GIT_"))}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def install(folder: Path, *names: str) -> Path:
    """Copy the parts under test into another checkout, as they lie in this one."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(checkout.ROOT / name, folder / name)
    return folder


# What tests leave


LITTER = """
import os
from pathlib import Path

HERE = Path(__file__).parent

def test_new():
    (HERE / "runs" / "ring").mkdir(parents=True)
    (HERE / "runs" / "ring" / "log.jsonl").write_text("{}")

def test_changed():
    (HERE / "notes.md").write_text("other")

def test_gone():
    (HERE / "old.log").unlink()
"""
TIDY = """
from pathlib import Path

def test_tidy(tmp_path):
    (tmp_path / "samples.png").write_bytes(b"")
    for name in (".pytest_cache", "__pycache__", ".hypothesis"):
        (Path(__file__).parent / name).mkdir(exist_ok=True)
        (Path(__file__).parent / name / "x").write_text("cached")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout that holds nothing but our conftest.py, and what a reader left."""
    folder = install(tmp_path / "project", "conftest.py", "tests/__init__.py", "tests/checkout.py")
    (folder / "pytest.ini").write_text("[pytest]\npythonpath = .\naddopts = --import-mode=importlib\n")
    (folder / "book").mkdir()
    (folder / "book" / "_toc.yml").write_text("root: index\n")
    for name in ("notes.md", "old.log"):
        (folder / name).write_text("mine")
    return folder


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "two workers"])
def test_what_tests_left_changed_and_deleted_fails_the_session_by_name(project: Path, workers: tuple[str, ...]):
    (project / "test_litter.py").write_text(LITTER)
    code, said = pytest_in(project, "test_litter.py", *workers)
    assert code == pytest.ExitCode.TESTS_FAILED
    for line in ("new: runs", "new: runs/ring", "new: runs/ring/log.jsonl", "changed: notes.md", "gone: old.log"):
        assert line in said.splitlines(), said
    assert "3 passed, 1 error in" in said


def test_caches_and_temporary_folders_do_not_count(project: Path):
    (project / "test_tidy.py").write_text(TIDY)
    code, said = pytest_in(project, "test_tidy.py")
    assert (code, "1 passed in" in said) == (0, True), said


# What readers made


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The course in a git repository of its own."""
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    for name in [name for name in os.environ if name.startswith("GIT_")]:  # set in hooks, they mean another repository
        monkeypatch.delenv(name)
    folder = checkout.copy(tmp_path / "repository", lambda name: not name.startswith(("tests/", "gancourse/")))
    install(folder, "conftest.py", "tests/__init__.py", "tests/checkout.py")
    for arguments in (["init", "--quiet"], ["add", "--all", "--force"]):
        subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)
    return folder


def checkout_of(repository: Path) -> ModuleType:
    """The module that says which files are the course's, for another checkout."""
    spec = importlib.util.spec_from_file_location("checkout_elsewhere", repository / "tests" / "checkout.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def save_as_jupyter_does(path: Path, notebook: nbformat.NotebookNode) -> None:
    """Write a notebook with the kernel's version, as every notebook editor does."""
    notebook.metadata["language_info"] = {"name": "python", "version": "3.12.1", "mimetype": "text/x-python"}
    nbformat.write(notebook, path)


def play(repository: Path) -> None:
    """Do what readers do."""
    filled = nbformat.read(repository / FILLED, as_version=4)
    for cell in filled.cells:
        if cell.cell_type == "code":
            cell.source += "\n# my answer"
            cell.outputs = [nbformat.v4.new_output("stream", text=f"right, in {ADA}\n")]
    save_as_jupyter_does(repository / FILLED, filled)
    played = nbformat.read(repository / PLAYED, as_version=4)
    played.cells.append(nbformat.v4.new_code_cell("1 / 0", execution_count=99))
    save_as_jupyter_does(repository / PLAYED, played)
    text = repository / "book" / "src" / "04_equilibrium.md"
    text.write_text(text.read_text("utf-8") + "\n```{code-cell}\n1 / 0\n```\n", "utf-8")  # by jupytext
    shutil.copy(repository / PLAYED, repository / "book" / "04_equilibrium-Copy1.ipynb")
    save_as_jupyter_does(repository / "book" / "Untitled.ipynb", nbformat.v4.new_notebook())
    for name in ("book/scratch.py", "runs/ring/recipe.json", "_build/html/index.html", "samples.png", "train.log"):
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_text(f"raise SystemExit('{ADA}')\n")


def test_what_a_reader_made_or_edited_is_not_the_course_s(repository: Path):
    names = checkout_of(repository).course_files()
    originals = {
        name: (repository / name).read_text("utf-8") for name in (FILLED, PLAYED, "book/src/04_equilibrium.md")
    }
    play(repository)
    elsewhere = checkout_of(repository)
    assert elsewhere.course_files() == names
    assert elsewhere.readers_notebooks() == {FILLED, PLAYED}
    assert {name: elsewhere.text(name) for name in originals} == originals


def test_a_notebook_that_is_gone_is_tested_as_git_has_it(repository: Path):
    original = (repository / FILLED).read_text("utf-8")
    (repository / FILLED).unlink()
    assert checkout_of(repository).text(FILLED) == original


def test_what_an_author_edited_and_made_again_is_tested_as_it_lies_there(repository: Path):
    elsewhere = checkout_of(repository)
    source = repository / "exercises" / "src" / "02_gan_game.md"
    source.write_text(source.read_text("utf-8") + "\nA last remark.\n", "utf-8")
    assert FILLED not in elsewhere.readers_notebooks()  # not made yet, so that the comparison finds it stale
    (repository / FILLED).write_text(elsewhere._blank("02_gan_game"), "utf-8")
    stored = nbformat.read(repository / STORED, as_version=4)
    stored.cells[0].source += "\n\nA new remark."
    execute = elsewhere.script("book/execute.py")
    written = nbformat.writes(execute.normalise(stored, "03_optimal_discriminator")) + "\n"
    (repository / STORED).write_text(written, "utf-8")
    again = checkout_of(repository)
    assert again.readers_notebooks() == set()
    assert "A last remark." in again.text(FILLED)
    assert "A new remark." in again.text(STORED)


def test_a_download_without_git_holds_the_course_s_files_and_not_what_was_built_or_trained(repository: Path):
    names = checkout_of(repository).course_files()
    shutil.rmtree(repository / ".git")
    play(repository)
    elsewhere = checkout_of(repository)
    assert elsewhere.tracked() is None
    # Without a list of the files, notes and scripts can't be told from the course's; they don't matter to any test.
    assert elsewhere.course_files() - names == {"book/scratch.py", "samples.png", "train.log"}
    assert names <= elsewhere.course_files()


@pytest.mark.slow
def test_a_reader_s_chapter_is_run_as_git_has_it_and_stray_files_are_left_alone(repository: Path):
    checkout.copy(repository, lambda name: name.startswith("gancourse/"))
    play(repository)
    code, said = pytest_in(repository, "--nbval", "book", "-k", "04_equilibrium or scratch or Untitled")
    assert code == 0, said
    assert f"edited, so git's version is tested: {PLAYED}" in said
    assert f"{PLAYED} ." in said
    assert "scratch" not in said
    assert "Copy1" not in said
