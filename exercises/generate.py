"""Make the blank notebooks from src/*.md: `python exercises/generate.py`, or with --check only compare.

The sources hold the solutions between nbgrader's markers; nbgrader's own preprocessors take them out. A source is
refused if anything looks like a marker without being one, since a mistyped marker would hand out the solution.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import re
import sys
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import CheckCellMetadata, ClearOutput, ClearSolutions, ComputeChecksums, LockCells
from traitlets.config.loader import Config, PyFileConfigLoader

from gancourse.checks import exercises

HERE = Path(__file__).parent
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
PREPROCESSORS = (LockCells, ClearSolutions, ClearOutput, CheckCellMetadata, ComputeChecksums)
MARKER_WORDS = re.compile(r"\b(begin|end)\b.{0,3}\bsol|\bsolutions?\b", re.IGNORECASE)


class SourceError(ValueError):
    """A source isn't fit for being handed out."""


def read(path: Path) -> NotebookNode:
    """The notebook with solutions of one source.

    Raises:
        SourceError: its markers, its cells or its metadata aren't as they should be.
    """
    notebook = jupytext.read(path, fmt="md:myst")
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for k, cell in enumerate(notebook.cells):
        cell.id = _role(cell)[0] or f"cell-{k:02d}"  # the same at each run, and two cells never share one
        _check_markers(path, cell)
    _check_cells(path, notebook)
    return notebook


def blank(notebook: NotebookNode) -> NotebookNode:
    """The notebook that students get: solutions cleared, check cells locked, checksums computed."""
    config = Config(PyFileConfigLoader("nbgrader_config.py", path=str(HERE)).load_config())
    resources: dict = {}
    notebook = nbformat.from_dict(notebook)
    for kind in PREPROCESSORS:
        notebook, resources = kind(config=config).preprocess(notebook, resources)
    return notebook


def text(notebook: NotebookNode) -> str:
    """The notebook as it is stored."""
    nbformat.validate(notebook)
    return nbformat.writes(notebook, version=4) + "\n"


def _role(cell: NotebookNode) -> tuple[str, str]:
    """A cell's grade_id, and whether it is an "answer", a "check" or nothing of that kind."""
    grader = cell.metadata.get("nbgrader", {})
    if not grader:
        return "", ""
    return grader["grade_id"], "answer" if grader["solution"] else "check"


def _check_markers(path: Path, cell: NotebookNode) -> None:
    label, role = _role(cell)
    lines = [line.strip() for line in cell.source.split("\n")]
    markers = [line for line in lines if line in (BEGIN, END)]
    if role == "answer" and markers != [BEGIN, END] * max(1, len(markers) // 2):
        raise SourceError(f"{path.name}: the markers of {label} are {markers}; expected {BEGIN!r}, then {END!r}")
    if role != "answer" and markers:
        raise SourceError(f"{path.name}: {markers[0]!r} stands in a cell that isn't marked as an answer")
    for line in lines:
        if line in (BEGIN, END) or cell.cell_type != "code":
            continue
        comment = line[line.index("#") :] if "#" in line else ""
        close = max(difflib.SequenceMatcher(None, comment.lower(), m.lower()).ratio() for m in (BEGIN, END))
        if MARKER_WORDS.search(line) or close > 0.7:
            raise SourceError(
                f"{path.name}: {line!r} looks like a mistyped marker and would leak the solution; "
                f"write {BEGIN!r} or {END!r}, or put it differently"
            )


def _check_cells(path: Path, notebook: NotebookNode) -> None:
    asked = {e.label: e for e in exercises.values() if e.notebook == path.stem}
    roles = [_role(cell) for cell in notebook.cells if _role(cell)[0]]
    wanted = [pair for label in asked for pair in ((label, "answer"), (f"{label}-check", "check"))]
    if sorted(roles) != sorted(wanted):
        odd = sorted(set(roles) ^ set(wanted)) or sorted({r for r in roles if roles.count(r) > 1})
        raise SourceError(f"{path.name}: each exercise needs one answer and one check cell; look at {odd}")
    for before, cell in zip(notebook.cells, notebook.cells[1:], strict=False):
        label, role = _role(cell)
        exercise = asked.get(label.removesuffix("-check"))
        if role == "check" and exercise:
            if cell.source != f'check("{exercise.label}", {exercise.function})' or _role(before)[0] != exercise.label:
                raise SourceError(f"{path.name}: the check of {exercise.label} isn't the line that follows its answer")
            grader = cell.metadata["nbgrader"]
            if not (grader["grade"] and grader["locked"] and grader["points"] == exercise.points):
                raise SourceError(
                    f"{path.name}: the check of {label} must be locked and worth {exercise.points} points"
                )
        if role == "answer" and exercise:
            functions = [f.name for f in ast.parse(cell.source).body if isinstance(f, ast.FunctionDef)]
            if exercise.function not in functions or cell.metadata["nbgrader"]["locked"]:
                raise SourceError(f"{path.name}: {label} must define {exercise.function} in a cell that isn't locked")


def holds_work(path: Path) -> bool:
    """Whether somebody has worked in a notebook: an answer of more than a blank's, an output, or a cell of their own.

    A file that isn't a notebook may be anything, so it counts as work.
    """
    try:
        cells = nbformat.read(path, as_version=4).cells
    except Exception:
        return True
    return any(
        cell.get("outputs")
        or not (_role(cell)[0] or cell.id.startswith("cell-"))
        or (_role(cell)[1] == "answer" and not _is_blank(cell.source))
        for cell in cells
    )


def _is_blank(answer: str) -> bool:
    """Whether code is one function of a docstring and an ellipsis."""
    try:
        (function,) = ast.parse(answer).body
    except (SyntaxError, ValueError):
        return False
    match getattr(function, "body", None):
        case [ast.Expr(ast.Constant(str())), ast.Expr(ast.Constant(value))]:
            return value is ...
    return False


def main() -> int:
    """Write the blanks, or say which ones are stale. A notebook in which somebody has worked is kept.

    Returns:
        0, or 1 if --check finds a difference, 2 if a source is refused.
    """
    parser = argparse.ArgumentParser(description="Make the blank notebooks from exercises/src/*.md.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a notebook is stale")
    parser.add_argument("--overwrite", action="store_true", help="also write over notebooks that have been filled in")
    asked = parser.parse_args()
    only_compare = asked.check
    stale = []
    try:
        blanks = {HERE / f"{p.stem}.ipynb": text(blank(read(p))) for p in sorted((HERE / "src").glob("*.md"))}
    except SourceError as error:
        print(error, file=sys.stderr)
        return 2
    for path, wanted in blanks.items():
        if not path.exists() or path.read_text(encoding="utf-8") != wanted:
            if not (only_compare or asked.overwrite) and path.exists() and holds_work(path):
                print(f"{path.name} kept: it has been filled in; move it away, or pass --overwrite")
                continue
            stale.append(path)
            if not only_compare:
                path.write_text(wanted, encoding="utf-8")
    for path in stale:
        print(f"{path.name} {'is stale; run `make exercises`' if only_compare else 'written'}")
    return int(only_compare and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
