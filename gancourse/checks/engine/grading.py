"""Grade a folder of filled-in notebooks: run each one afresh, with our own check cells, and collect written verdicts.

An answer passes only if its check wrote so, to a file that is named after a fresh random number which the check cell
brings along: `print("passed")`, `os._exit(0)`, an edited or deleted check cell, or a replaced `check` don't pass. Code
that sets out to attack the interpreter it runs in can still win, as with every grader that shares a process with the
graded; read the notebooks of whoever you don't trust.
"""

from __future__ import annotations

import json
import secrets
import tempfile
import textwrap
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from gancourse.checks.engine.registry import exercises_of, notebooks

# `exit()` must not end the kernel some cells later.
# The first optimiser of a process imports half of torch: do it here, not on the student's time.
PRELUDE = (
    "import torch, gancourse.checks\ntorch.optim.SGD([torch.zeros(1, requires_grad=True)]).step()\n"
    "get_ipython().ask_exit = lambda: None"
)
START_S = 120  # for the kernel to import torch, whatever a cell may take
# Drop what a student may have put in place of our modules, and load them again.
CELL = """\
import sys as _sys
for _name in [n for n in _sys.modules if n.split(".")[:2] == ["gancourse", "checks"]]:
    del _sys.modules[_name]
__import__("gancourse.checks.engine.marking", fromlist=["mark"]).mark({label!r}, globals(), {path!r}, {nonce!r})
"""


class Row(NamedTuple):
    """What became of one exercise, or of a notebook that couldn't be graded.

    Args:
        notebook: name of its file, without ".ipynb".
        exercise: its label; empty if the row is about the notebook.
        state: "passed", "failed", "not attempted", "missing", "unreadable" or "foreign".
        message: why, in one line or more.
    """

    notebook: str
    exercise: str
    state: str
    message: str = ""

    @property
    def passed(self) -> bool:
        """Whether there is nothing to complain about; a foreign or missing notebook beside others is nobody's fault."""
        return self.state in ("passed", "foreign", "missing")


class CellError(NamedTuple):
    """What a code cell has raised: its number, from 1, the exercise whose answer it holds, if any, and one line."""

    number: int
    label: str | None
    text: str


class LostKernel(NamedTuple):
    """Where a kernel ended before its notebook did: at which cell, negative for none of them, and why."""

    cell: int
    reason: str


def report(folder: str | Path, timeout_s: int = 60) -> list[Row]:
    """Grade the notebooks of a folder, each in a fresh kernel.

    Args:
        folder: where the course's notebooks lie, filled in; or one of these notebooks.
        timeout_s: seconds that a cell may take.

    Returns:
        A row per exercise, in the order of the notebooks, and a row per notebook that couldn't be graded.

    Raises:
        FileNotFoundError: there is no such folder or file.
    """
    folder = Path(folder)
    if not folder.exists():
        raise FileNotFoundError(f"{folder} doesn't exist; pass the folder with your notebooks, e.g. exercises/")
    if folder.is_file():
        paths, names = {folder.stem: folder}, [folder.stem] if folder.stem in notebooks() else []
    else:
        paths, names = {p.stem: p for p in sorted(folder.glob("*.ipynb"))}, list(notebooks())
    rows: list[Row] = []
    for name in names:
        if name in paths:
            rows += _grade(paths[name], timeout_s)
        else:
            rows.append(Row(name, "", "missing", f"{name}.ipynb isn't in {folder}; `make exercises` makes a blank one"))
    for name in sorted(set(paths) - set(names)):
        rows.append(Row(name, "", "foreign", f"{name}.ipynb is no notebook of this course and wasn't run"))
    return rows


def _grade(path: Path, timeout_s: int) -> list[Row]:
    """Rows of one notebook."""
    labels = list(exercises_of(path.stem))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of older notebooks, whose cells have no ids
            notebook = nbformat.read(path, as_version=4)
            nbformat.validate(notebook)
    except Exception as error:  # nbformat raises a dozen kinds
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        return [Row(path.stem, "", "unreadable", f"{path.name} can't be read as a notebook: {first[:120]}")]
    language = notebook.metadata.get("kernelspec", {}).get("language") or "python"
    if language.lower() != "python":
        return [Row(path.stem, "", "unreadable", f"{path.name} is a notebook in {language}; expected Python")]
    cells = _cells(notebook, labels)
    verdicts: dict[str, tuple[str, str]] = {}
    fatal: set[int] = set()
    with tempfile.TemporaryDirectory() as results:
        # Run the notebook; if a cell ends the kernel, run it again without that cell, until each check has a verdict.
        while len(verdicts) < len(labels) and len(fatal) <= len(cells):
            lost = _run(cells, fatal, verdicts, Path(results), timeout_s)
            if lost is None:
                break
            if lost.cell < 0:
                verdicts |= {label: ("failed", lost.reason) for label in labels if label not in verdicts}
                break
            fatal.add(lost.cell)
            owner = cells[lost.cell].metadata.get("of")
            if owner is not None:
                verdicts.setdefault(owner, ("failed", lost.reason))
    undecided = ("failed", "its check wrote no verdict")
    in_order = [cell.metadata["of"] for cell in cells if cell.metadata["check"]]
    return [Row(path.stem, label, *verdicts.get(label, undecided)) for label in in_order]


def _cells(notebook: NotebookNode, labels: Sequence[str]) -> list[NotebookNode]:
    """Code cells of a notebook, with one empty cell in place of each check: where it stood first, or at the end."""
    cells, placed = [], set()
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        check = grade_id.removesuffix("-check")
        if grade_id != check and check in labels:
            if check not in placed:
                cells.append(_cell("", of=check, check=True))
            placed.add(check)
        else:
            cells.append(_cell(cell.source, of=grade_id if grade_id in labels else None))
    return cells + [_cell("", of=label, check=True) for label in labels if label not in placed]


def _cell(source: str, of: str | None, check: bool = False) -> NotebookNode:
    return nbformat.v4.new_code_cell(source, metadata={"of": of, "check": check})


def _client(notebook: NotebookNode, folder: str) -> NotebookClient:
    return NotebookClient(
        notebook,
        kernel_name="python3",
        allow_errors=True,
        resources={"metadata": {"path": folder}},
        shutdown_kernel="immediate",  # a kernel in an endless loop doesn't answer a request to shut down
    )


def _run(
    cells: list[NotebookNode],
    fatal: set[int],
    verdicts: dict[str, tuple[str, str]],
    results: Path,
    timeout_s: int,
) -> LostKernel | None:
    """Run all cells but the fatal ones in a fresh kernel and note the verdicts; say where it was lost, if it was."""
    notebook = nbformat.v4.new_notebook(cells=[_cell(c.source, c.metadata["of"], c.metadata["check"]) for c in cells])
    notebook.cells.append(nbformat.v4.new_code_cell(PRELUDE))
    errors: list[CellError] = []
    # An empty folder to run in: a gancourse/ or torch.py beside the notebook must not stand in for the real one.
    with tempfile.TemporaryDirectory() as scratch:
        client = _client(notebook, scratch)
        k = -1
        try:
            with client.setup_kernel():
                client.timeout = max(START_S, timeout_s)
                client.execute_cell(notebook.cells[-1], len(cells))
                client.timeout = timeout_s
                for k, cell in enumerate(notebook.cells[:-1]):
                    label = cell.metadata["of"]
                    if k in fatal or (cell.metadata["check"] and label in verdicts):
                        continue
                    if cell.metadata["check"]:
                        verdicts[label] = _mark(client, cell, k, results, errors)
                    elif cell.source.strip():
                        client.execute_cell(cell, k)
                        errors += _errors(cell, k)
        except CellTimeoutError:
            return LostKernel(k, f"stopped: still running after {timeout_s} s; an endless loop, or a busy machine?")
        except DeadKernelError:
            reason = "the kernel died before the check could write its verdict; does the answer call exit()?"
            return LostKernel(k, reason)
        except RuntimeError as error:
            return LostKernel(k, f"the kernel was lost: {error}")
    return None


def _mark(
    client: NotebookClient, cell: NotebookNode, k: int, results: Path, errors: Sequence[CellError]
) -> tuple[str, str]:
    """Let a check run and read what it wrote; what cells before it have raised is added to its message."""
    label, nonce = cell.metadata["of"], secrets.token_hex(16)
    path = results / f"{nonce}.json"
    cell.source = CELL.format(label=label, path=str(path), nonce=nonce)
    client.execute_cell(cell, k, store_history=False)
    own = next((error.text for error in errors if error.label == label), "")
    try:
        verdict = json.loads(path.read_text())
    except (OSError, ValueError):
        return "failed", f"its check wrote no verdict{f': {own}' if own else ''}"
    if verdict.get("nonce") != nonce or verdict.get("exercise") != label:
        return "failed", "the verdict was not written by its check"
    state, message = verdict["state"], verdict["message"]
    if state == "undefined":
        if own:
            return "failed", f"the cell of the answer raised {own}{_of_others(errors)}"
        return "not attempted", f"{message}{_of_others(errors)}"
    # A name that an answer misses is often missing because of an error in the cell of the imports.
    return state, message if state == "passed" else f"{message}{_of_others(errors)}"


def _of_others(errors: Sequence[CellError]) -> str:
    """What the first cell that belongs to no other exercise has raised, for the end of a message."""
    text = next((f"cell {error.number} raised {error.text}" for error in errors if error.label is None), "")
    return f" ({text}; cells are counted from 1, without text)" if text else ""


def _errors(cell: NotebookNode, k: int) -> list[CellError]:
    """What a cell has raised."""
    outputs = [output for output in cell.outputs if output.output_type == "error"]
    first_lines = [(output.evalue.strip().splitlines() or [""])[0] for output in outputs]
    texts = [f"{output.ename}: {first}" for output, first in zip(outputs, first_lines, strict=True)]
    return [CellError(k + 1, cell.metadata["of"], text) for text in texts]


SIGNS = {"passed": "✓", "not attempted": "·", "foreign": "·", "missing": "·"}


def table(rows: Iterable[Row], width: int = 110) -> str:
    """The rows as text: a heading per notebook, a line per exercise with its whole message, and how many passed.

    >>> print(table([Row("02_gan_game", "ex-02-generator-loss", "passed")]))
    02_gan_game
      ✓ ex-02-generator-loss         passed
    1 of 1 exercises passed
    """
    rows, lines, heading = list(rows), [], ""
    for row in rows:
        if row.notebook != heading:
            heading = row.notebook
            lines.append(heading)
        lines.append(f"  {SIGNS.get(row.state, '✗')} {row.exercise or '(notebook)':<28} {row.state}")
        if row.state != "passed":
            for line in row.message.splitlines():
                # Paths and labels stay whole, so that they can be copied.
                lines += textwrap.wrap(
                    line,
                    width,
                    initial_indent="      ",
                    subsequent_indent="      ",
                    break_long_words=False,
                    break_on_hyphens=False,
                )
    graded = [row for row in rows if row.exercise]
    lines.append(f"{sum(row.state == 'passed' for row in graded)} of {len(graded)} exercises passed")
    return "\n".join(lines)
