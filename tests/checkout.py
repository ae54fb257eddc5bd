"""Which files the tests are about: the course's own, as its authors left them.

Readers work in the checkout too: they fill in exercises, run chapters in JupyterLab, train into runs/, keep notes. What
only they have is not tested, and a notebook that they edited is tested as git has it. Without git, as in a download,
the files of the folder are the course's.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import nbformat

ROOT = Path(__file__).resolve().parents[1]
CACHES = frozenset(
    ("__pycache__", ".pytest_cache", ".hypothesis", ".ruff_cache", ".mypy_cache", ".ipynb_checkpoints", ".git")
)
# A download holds no list of its files: in these folders, nothing is the course's.
BUILT = frozenset(("_build", "build", "dist", "runs", "node_modules"))


@cache
def tracked() -> frozenset[str] | None:
    """Names of the files in git's index, relative to the root; None where git doesn't know this folder."""
    # A .git further up belongs to a repository into which somebody unpacked the course.
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        return None
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listing.returncode or not listing.stdout:  # such as a folder of another user, which git refuses to read
        return None
    return frozenset(filter(None, os.fsdecode(listing.stdout).split("\0")))


def in_git(name: str) -> str:
    """The text of a file as git's index has it."""
    shown = subprocess.run(["git", "show", f":./{name}"], cwd=ROOT, capture_output=True, check=True)
    return shown.stdout.decode("utf-8").replace("\r\n", "\n")


def export_index(folder: Path) -> list[Path]:
    """Write everything that git's index has into a folder; returns the files."""
    command = ["git", "checkout-index", "--all", f"--prefix={folder}/"]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    return sorted(path for path in folder.rglob("*") if path.is_file())


@cache
def chapters() -> tuple[str, ...]:
    """The chapters that the table of contents names."""
    return tuple(re.findall(r"^\s*- file: (\d\d_\w+)$", (ROOT / "book" / "_toc.yml").read_text("utf-8"), re.M))


@cache
def course_files() -> frozenset[str]:
    """Names of the course's files: those that git tracks, and the chapters that the table of contents names."""
    known = tracked()
    if known is None:
        own = (name for name in entries_below(ROOT) if not BUILT & set(Path(name).parts))
        known = frozenset(name for name in own if (ROOT / name).is_file() and not _is_stray_notebook(name))
    return known | {name for stem in _stems() for name in _pair(stem) if (ROOT / name).is_file()}


_PAIRS = {"book": "book/src", "exercises": "exercises/src"}  # where notebooks are, and where their sources


def _pair(stem: str) -> tuple[str, str]:
    """Notebook and source: book/02_gan_game → book/02_gan_game.ipynb, book/src/02_gan_game.md."""
    folder, name = stem.split("/")
    return f"{folder}/{name}.ipynb", f"{_PAIRS[folder]}/{name}.md"


def _stems() -> list[str]:
    return [f"{folder}/{chapter}" for folder in _PAIRS for chapter in chapters()]


def _is_stray_notebook(name: str) -> bool:
    return name.endswith(".ipynb") and Path(name).stem not in chapters()


def entries_below(root: Path) -> Iterator[str]:
    """Names of all files and folders below a folder, but for caches and environments, relative to it."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in CACHES and not _is_private(Path(folder, name)))
        for name in (*folders, *files):
            if name != ".git":  # a worktree's is a file
                yield Path(folder, name).relative_to(root).as_posix()


def _is_private(folder: Path) -> bool:
    """Whether a folder holds an environment, or what pip notes about an editable installation."""
    return folder.suffix == ".egg-info" or any((folder / mark).exists() for mark in ("pyvenv.cfg", "conda-meta"))


# Notebooks that a reader edited


@cache
def readers_notebooks() -> frozenset[str]:
    """Names of the notebooks that differ from git's and that `make` doesn't leave like this: a reader's."""
    known = tracked() or frozenset()
    names = sorted(name for stem in _stems() for name in _pair(stem)[:1] if name in known)
    return frozenset(name for name in names if _differs(name) and not _is_left_by_make(name))


def _differs(name: str) -> bool:
    return not (ROOT / name).is_file() or (ROOT / name).read_text("utf-8", errors="replace") != in_git(name)


def _is_left_by_make(name: str) -> bool:
    """Whether `make notebooks` or `make exercises` may have written this notebook, and nobody saved it since."""
    folder, stem = name.removesuffix(".ipynb").split("/")
    remade = {"book": _normalised, "exercises": _blank}[folder]
    try:
        return remade(stem) == (ROOT / name).read_text("utf-8")
    except Exception:  # whatever is wrong with a notebook or its source, make didn't leave it like this
        return False


def _normalised(stem: str) -> str:
    """The stored chapter, normalised once more, which changes nothing unless Jupyter has saved it."""
    notebook = nbformat.read(ROOT / "book" / f"{stem}.ipynb", as_version=4)
    return nbformat.writes(script("book/execute.py").normalise(notebook, stem)) + "\n"


def _blank(stem: str) -> str:
    """The blank that the source in the folder gives."""
    generate = script("exercises/generate.py")
    return generate.text(generate.blank(generate.read(ROOT / "exercises" / "src" / f"{stem}.md")))


@cache
def script(name: str) -> ModuleType:
    """A script of the course, as a module."""
    spec = importlib.util.spec_from_file_location(Path(name).stem, ROOT / name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# What tests read


def text(name: str) -> str:
    """The text of one of the course's files: that of the folder, or git's where a reader edited a notebook."""
    return in_git(name) if name in _from_git() else (ROOT / name).read_text("utf-8")


@cache
def _from_git() -> frozenset[str]:
    # JupyterLab writes a chapter's text together with its notebook, so git's text goes with git's notebook.
    texts = {_pair(name.removesuffix(".ipynb"))[1] for name in readers_notebooks() if name.startswith("book/")}
    return readers_notebooks() | texts & (tracked() or frozenset())


def copy(folder: Path, wanted: Callable[[str], bool] = lambda name: True) -> Path:
    """Write the course's files into a folder, those alone whose names are wanted; returns the folder."""
    for name in filter(wanted, sorted(course_files())):
        target = folder / name
        if name in _from_git():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(in_git(name), "utf-8")
        elif (ROOT / name).is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
    return folder


# What tests leave


def state(root: Path) -> dict[str, tuple[int, int]]:
    """Size and time of each file and folder below a folder, but for caches and environments."""
    entries = {}
    for name in entries_below(root):
        try:
            status = (root / name).lstat()
        except FileNotFoundError:  # such as an editor's temporary file
            continue
        # A folder's own size and time change with what it holds, caches too.
        entries[name] = (0, 0) if stat.S_ISDIR(status.st_mode) else (status.st_size, status.st_mtime_ns)
    return entries


def changes(before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]) -> list[str]:
    """What happened to files between two states, one line each."""
    return [
        *(f"new: {name}" for name in sorted(after.keys() - before.keys())),
        *(f"gone: {name}" for name in sorted(before.keys() - after.keys())),
        *(f"changed: {name}" for name in sorted(after.keys() & before.keys()) if after[name] != before[name]),
    ]
