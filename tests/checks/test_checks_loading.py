"""Checks are loaded by label: one exercise imports its own notebook's checks, and a new file is found by itself."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import gancourse.checks
from gancourse.checks import exercises
from gancourse.checks.engine.registry import notebooks

FOLDER = Path(gancourse.checks.__file__).parent
NOTEBOOKS = sorted(path.stem for path in (Path(__file__).parents[2] / "exercises" / "src").glob("*.md"))
SCRATCH = '''"""A scratch check."""
import torch
from gancourse.checks.engine.comparison import Values
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise
DOUBLE = Exercise(
    "{label}", "double(x)", points=1,
    steps=[Values(lambda: [Case({{"x": torch.ones(2)}})], lambda x: 2 * x)], description="Ones.",
)
'''
WITH_SCRATCH = (
    "import sys, gancourse.checks; gancourse.checks.__path__.append(sys.argv[1]); from gancourse.checks import *"
)


def run(code: str, *arguments: str) -> str:
    """What a fresh interpreter prints."""
    process = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    return process.stdout


def loaded_after(code: str) -> set[str]:
    """Names of the modules that a fresh interpreter has imported after running some code."""
    return set(run(f"{code}\nimport sys\nprint('loaded:', *sys.modules)").partition("loaded:")[2].split())


def folders(modules: set[str]) -> set[str]:
    """Folders of checks among imported modules."""
    return {match[1] for name in modules if (match := re.match(r"gancourse\.checks\.(ch\d\d_\w+)", name))}


def scratch_folder(root: Path, name: str, **files: str) -> Path:
    """A folder of checks outside the package: one file per keyword, holding a check with that label."""
    (root / name).mkdir()
    (root / name / "__init__.py").touch()
    for stem, label in files.items():
        (root / name / f"{stem}.py").write_text(SCRATCH.format(label=label), encoding="utf-8")
    return root


def public_names(source: str) -> set[str]:
    """Names without an underscore that a module defines itself."""
    names: set[str] = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return {name for name in names if not name.startswith("_")}


def test_importing_the_package_imports_no_check_and_no_grader() -> None:
    modules = loaded_after("import gancourse.checks")
    assert folders(modules) == set()
    assert not {"nbclient", "nbformat", "gancourse.checks.engine.grading"} & modules


def test_asking_for_the_report_does_import_the_grader() -> None:
    assert {"nbclient", "nbformat"} <= loaded_after("from gancourse.checks import report")


@pytest.mark.parametrize("label", ["ex-02-generator-loss", "ex-05-mode-term", "ex-07-r1"])
def test_a_check_imports_the_folder_of_its_own_notebook_only(label: str) -> None:
    code = f"from gancourse.checks import NotWritten, check\ntry: check({label!r}, None)\nexcept NotWritten: pass"
    modules = loaded_after(code)
    assert folders(modules) == {f"ch{exercises[label].notebook}"}
    assert "nbclient" not in modules


def test_the_names_of_notebooks_are_known_without_importing_their_checks() -> None:
    code = "from gancourse.checks.engine.registry import notebooks\nassert len(notebooks()) > 8"
    assert folders(loaded_after(code)) == set()


def test_all_exercises_load_all_folders() -> None:
    modules = loaded_after("from gancourse.checks import exercises\nassert len(exercises) == len(list(exercises)) > 30")
    assert folders(modules) == {f"ch{name}" for name in NOTEBOOKS}


def test_each_notebook_has_its_folder_and_each_folder_its_notebook() -> None:
    assert list(notebooks()) == NOTEBOOKS
    assert {path.name for path in FOLDER.glob("ch*")} == {f"ch{name}" for name in NOTEBOOKS}
    assert len({name[:2] for name in NOTEBOOKS}) == len(NOTEBOOKS), "a label's number names one notebook"


def test_every_folder_is_a_package() -> None:
    assert [path for path in FOLDER.iterdir() if any(path.glob("*.py")) and not (path / "__init__.py").exists()] == []


def test_exercises_are_listed_in_the_order_of_the_notebooks() -> None:
    in_order = [exercise.notebook for exercise in exercises.values()]
    assert in_order == sorted(in_order)
    assert all(label == exercise.label for label, exercise in exercises.items())


@pytest.mark.parametrize("label", ["ex-02-nothing", "ex-99-generator-loss", "generator", "", None, 2])
def test_a_label_that_is_none_is_not_among_the_exercises(label: object) -> None:
    assert label not in exercises


def test_a_new_file_is_found_by_itself(tmp_path: Path) -> None:
    root = scratch_folder(tmp_path, "ch90_scratch", double="ex-90-double", other="ex-90-other")
    code = f"{WITH_SCRATCH}; check('ex-90-double', lambda x: x + x); print(exercises['ex-90-other'].notebook)"
    assert run(code, str(root)).split("\n")[:2] == ["ex-90-double: right. Ones.", "90_scratch"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"double": "ex-02-double"}, "'ex-02-double' stands in gancourse.checks.ch90_scratch.double"),
        ({"one": "ex-90-double", "two": "ex-90-double"}, "two checks in gancourse.checks.ch90_scratch"),
        ({"double": "double"}, "label 'double' belongs to no notebook; expected 'ex-NN-slug'"),
    ],
    ids=["another notebook's", "twice", "no number"],
)
def test_a_label_in_the_wrong_place_is_an_error(tmp_path: Path, files: dict[str, str], message: str) -> None:
    root = scratch_folder(tmp_path, "ch90_scratch", **files)
    code = f"{WITH_SCRATCH}\ntry: len(exercises)\nexcept ValueError as error: print(error)"
    assert message in run(code, str(root))


def test_no_module_is_named_like_what_it_defines() -> None:
    modules = {path: path.read_text("utf-8") for path in FOLDER.rglob("*.py")}
    assert [str(path) for path, source in modules.items() if path.stem in public_names(source)] == []
    assert not set(gancourse.checks.__all__) & {path.stem for path in FOLDER.iterdir()}


@pytest.mark.parametrize("line", ["def slerp(z0, z1, t): ...", "class slerp: ...", "slerp = 1", "slerp: int = 1"])
def test_a_module_named_like_what_it_defines_would_be_noticed(line: str) -> None:
    assert "slerp" in public_names(line)
