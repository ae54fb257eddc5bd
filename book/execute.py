"""Run the chapters and store their outputs: book/src/NN_slug.md → book/NN_slug.ipynb.

    python book/execute.py                  # every chapter whose notebook is missing or older than its text
    python book/execute.py 02_gan_game      # this one, whatever its state
    python book/execute.py --check          # only say which notebooks and texts differ

What is written depends on the text alone: cell and widget ids are derived from content, times and the Python version
are left out. After a run the text stands in jupytext's own form, so that `jupytext.writes(notebook, "md:myst")` is it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import sys
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

BOOK = Path(__file__).resolve().parent
CELL_TIMEOUT_S = 300
WIDGETS = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"
# Another release of jupytext writes the same text.
VERSION_FILTER = "-jupytext.text_representation.jupytext_version"


class ChapterError(Exception):
    """A chapter can't be run or stored; the message names the chapter, the cell and the reason."""


def main(arguments: list[str] | None = None) -> int:
    """Run, or check, the chapters that the command line names; 0 if all is well."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("chapters", nargs="*", help="such as 02_gan_game; without any, those that need it")
    parser.add_argument("--check", action="store_true", help="run nothing; exit 1 if a notebook and its text differ")
    parser.add_argument("--book", type=Path, default=BOOK, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    try:
        return _check(options.book, options.chapters) if options.check else _run(options.book, options.chapters)
    except ChapterError as error:
        print(error, file=sys.stderr)
        return 1


def _check(book: Path, chapters: list[str]) -> int:
    problems = [problem for name in _names(book, chapters) if (problem := difference(book, name))]
    print("\n".join(problems) or "every notebook agrees with its text", file=sys.stderr if problems else sys.stdout)
    return bool(problems)


def _run(book: Path, chapters: list[str]) -> int:
    names = _names(book, chapters)
    for name in names if chapters else [name for name in names if difference(book, name)]:
        print(f"running {name}", flush=True)
        store(book, name)
    return 0


def _names(book: Path, chapters: list[str]) -> list[str]:
    """Names of the chapters asked for (a path to either file will do), or of all that have a text or a notebook."""
    known = {path.stem for path in [*(book / "src").glob("[0-9]*.md"), *book.glob("[0-9]*.ipynb")]}
    names = [Path(chapter).stem for chapter in chapters] or sorted(known)
    if unknown := [name for name in names if name not in known]:
        raise ChapterError(f"chapter {unknown[0]!r} not found; there are {', '.join(sorted(known)) or 'none'}")
    return names


def difference(book: Path, name: str) -> str | None:
    """What is wrong between a chapter's text and its notebook, in one line that says what to do; None if nothing is."""
    text, notebook = book / "src" / f"{name}.md", book / f"{name}.ipynb"
    advice = f"run `python book/execute.py {name}`"
    if not text.exists():
        return f"{notebook} has no text {text}: write it, or delete the notebook"
    if not notebook.exists():
        return f"{text} has no notebook {notebook}: {advice}"
    stored = nbformat.read(notebook, as_version=4)
    if jupytext.writes(stored, "md:myst") != text.read_text(encoding="utf-8"):
        return f"{notebook} differs from {text}: {advice}"
    if uncounted(stored):
        return f"{notebook} has code cells without an execution count, which nbval would not compare: {advice}"
    return None


def uncounted(notebook: nbformat.NotebookNode) -> list[int]:
    """Positions of the code cells that hold no execution count; nbval runs such a cell but compares nothing."""
    return [i for i, c in enumerate(notebook.cells) if c.cell_type == "code" and c.execution_count is None]


def store(book: Path, name: str) -> None:
    """Run one chapter and write its notebook, and its text in canonical form.

    Raises:
        ChapterError: a cell raises, takes too long, writes to stderr, or has no code to run.
    """
    path = book / "src" / f"{name}.md"
    text = path.read_text(encoding="utf-8")
    final = canonical(text)
    _replace(book / f"{name}.ipynb", nbformat.writes(run(final, name, book)) + "\n")
    if final == text:
        return
    if path.read_text(encoding="utf-8") != text:
        print(f"{path} was edited while it ran: run it again", file=sys.stderr)
        return
    _replace(path, final)


def canonical(text: str) -> str:
    """A MyST text as jupytext writes it after a trip through a notebook file, which sorts the keys of metadata."""
    notebook = jupytext.reads(text, "md:myst")
    notebook.metadata.jupytext.notebook_metadata_filter = VERSION_FILTER
    return jupytext.writes(nbformat.reads(nbformat.writes(notebook), as_version=4), "md:myst")


def run(text: str, name: str, folder: Path) -> nbformat.NotebookNode:
    """The executed notebook behind a MyST text, run in a folder and normalised."""
    notebook = jupytext.reads(text, "md:myst")
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=CELL_TIMEOUT_S,
        record_timing=False,
        store_widget_state=True,
        coalesce_streams=True,
        extra_arguments=["--log-level=40"],
        resources={"metadata": {"path": str(folder)}},
    )
    try:
        client.execute()
    except CellExecutionError as error:
        raise ChapterError(f"{name}, {_where(notebook)}: {error.ename}: {error.evalue}") from None
    except CellTimeoutError:
        raise ChapterError(
            f"{name}, {_where(notebook)}: ran for more than {CELL_TIMEOUT_S} s; make it shorter"
        ) from None
    except DeadKernelError:
        raise ChapterError(f"{name}, {_where(notebook)}: the kernel died, perhaps for lack of memory") from None
    if empty := uncounted(notebook):
        raise ChapterError(f"{name}, cell {empty[0]} has no code to run; delete it")
    for position, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", ()):
            if output.get("name") == "stderr":
                raise ChapterError(f"{name}, cell {position} writes to stderr: {output.text.strip().splitlines()[-1]}")
    return normalise(notebook, name)


def _where(notebook: nbformat.NotebookNode) -> str:
    """The cell that was run last, by position and first line."""
    started = [(i, c) for i, c in enumerate(notebook.cells) if c.cell_type == "code" and c.execution_count is not None]
    failed = [(i, c) for i, c in started if any(o.output_type == "error" for o in c.outputs)]
    if not started:
        return "first cell"
    position, cell = (failed or started)[-1]
    return f"cell {position} ({cell.source.strip().splitlines()[0]!r})"


def normalise(notebook: nbformat.NotebookNode, name: str) -> nbformat.NotebookNode:
    """The same notebook without what changes from run to run: random ids, the Python version."""
    notebook.metadata.get("language_info", {}).pop("version", None)
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:12]
        seen[digest] = seen.get(digest, 0) + 1
        cell.id = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"
    written = json.dumps(notebook, ensure_ascii=False)
    for number, old in enumerate(_widget_ids(notebook)):
        written = written.replace(old, hashlib.sha256(f"{name}/{number}".encode()).hexdigest()[:32])
    notebook = nbformat.reads(written, as_version=4)
    if state := notebook.metadata.get("widgets", {}).get(WIDGETS, {}).get("state"):
        notebook.metadata.widgets[WIDGETS].state = dict(sorted(state.items()))
    return notebook


def _widget_ids(notebook: nbformat.NotebookNode) -> list[str]:
    """Ids of all widget models in an order that content alone decides: as shown, as referred to, then the rest."""
    state = notebook.metadata.get("widgets", {}).get(WIDGETS, {}).get("state", {})
    queue = [
        output.data[VIEW]["model_id"]
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if VIEW in output.get("data", {})
    ]
    # Models that nothing on the page refers to: by their content with the random ids masked.
    queue += sorted(state, key=lambda model: re.sub("[0-9a-f]{32}", "", json.dumps(state[model], sort_keys=True)))
    order: dict[str, None] = {}
    while queue:
        model = queue.pop(0)
        if model not in order:
            order[model] = None
            queue[:0] = re.findall("IPY_MODEL_([0-9a-f]{32})", json.dumps(state.get(model, {}), sort_keys=True))
    return list(order)


def _replace(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old text or the new one."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


if __name__ == "__main__":
    raise SystemExit(main())
