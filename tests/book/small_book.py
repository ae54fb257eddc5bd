"""A book of one or two pages with the course's own configuration, built in seconds: what the pages' tests look at."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

ROOT = Path(__file__).parents[2]
CHAPTER = "02_sample"


def code(source: str, *outputs, tags: tuple[str, ...] = (), **metadata) -> nbformat.NotebookNode:
    return new_code_cell(source, execution_count=1, outputs=list(outputs), metadata={"tags": list(tags), **metadata})


def printed(text: str) -> nbformat.NotebookNode:
    return new_output("stream", name="stdout", text=text)


def shown(**data: str) -> nbformat.NotebookNode:
    kinds = {"html": "text/html", "png": "image/png", "plain": "text/plain"}
    return new_output("display_data", {kinds[kind]: value for kind, value in data.items()})


def write(folder: Path, cells: list[nbformat.NotebookNode | str], pages: dict[str, str] | None = None) -> Path:
    """Write a book with one chapter and perhaps other pages; the folder to build it from."""
    book = folder / "book"
    if not book.exists():
        book.mkdir(parents=True)
        shutil.copy(ROOT / "_config.yml", folder)
        shutil.copytree(ROOT / "book/assets", book / "assets")
        for path in [*(ROOT / "book").glob("*.py"), ROOT / "book/references.bib"]:
            shutil.copy(path, book)
        if (ROOT / "book/templates").exists():
            shutil.copytree(ROOT / "book/templates", book / "templates")
    pages = {"index": "# A book\n\nOne page.\n\n```{bibliography}\n```\n", **(pages or {})}
    for name, text in pages.items():
        (book / f"{name}.md").write_text(text, "utf-8")
    notebook = new_notebook(cells=[new_markdown_cell(cell) if isinstance(cell, str) else cell for cell in cells])
    notebook.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    nbformat.write(notebook, book / f"{CHAPTER}.ipynb")
    others = [name for name in pages if name != "index"]
    parts = [{"caption": "Chapters", "numbered": True, "chapters": [{"file": CHAPTER}]}]
    if others:
        parts.append({"caption": "More", "chapters": [{"file": name} for name in others]})
    (book / "_toc.yml").write_text(yaml.safe_dump({"format": "jb-book", "root": "index", "parts": parts}))
    return book


def build(book: Path) -> tuple[Path, list[str]]:
    """Build a book; the folder of its pages, and the warnings and errors of the build."""
    command = [Path(sys.executable).parent / "jupyter-book", "build", "--all", "-n", "--keep-going", book]
    built = subprocess.run(command, cwd=book.parent, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    said = re.sub(r"\x1b\[[\d;]*m", "", built.stdout + built.stderr)
    problems = [line for line in said.splitlines() if re.search(r"WARNING|ERROR|Error:", line)]
    html = book.parent / "_build" / "html"
    assert (html / "index.html").exists(), said[-3000:]
    return html, problems
