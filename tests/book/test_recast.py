"""Chapters in the new form have it, and a chapter that hasn't is told what to change."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_markdown_cell, new_notebook
from recast import RECAST, WIDTH, main, problems

from tests import checkout
from tests.book import small_book

QUESTION = "```{question} What?\n- [x] a\n  Yes.\n- [ ] b\n  No.\n```"


def text(source: str, kind: str | None = "skip", *tags: str) -> nbformat.NotebookNode:
    metadata = {"tags": list(tags)} | ({"slideshow": {"slide_type": kind}} if kind else {})
    return new_markdown_cell(source, metadata=metadata)


def good_cells() -> list[nbformat.NotebookNode]:
    return [
        text("# Title"),
        text("# Title", "slide", "remove-cell"),
        text("Minute 1. Ask: who moves?", "notes", "speaker", "remove-cell"),
        small_book.code("from gancourse import plots\n\nplots.use_style()", tags=("hide-input",)),
        text("\n\n".join([QUESTION] * 3)),
        text(QUESTION, "slide"),  # on the page, and a poll on the slides
        text("```{diagram} game-loop\n```"),
        small_book.code("print(1)", small_book.printed("1\n"), claim="It is 1", control="0"),
        small_book.code("draw()", small_book.shown(png="x", plain="<Figure " + "x" * 90), tags=("hide-input",)),
        small_book.code("loss()", small_book.shown(png="x", plain="<Figure>"), tags=("show-source",)),
    ]


def test_a_chapter_in_the_new_form_has_nothing_to_change():
    assert problems(new_notebook(cells=good_cells()), "02_x") == []


@pytest.mark.parametrize(
    ("position", "cell", "message"),
    [
        (1, text("# Title", "slide"), "cell 1: a slide of text would be on the page too; tag it remove-cell"),
        (2, text("Prose.", "notes"), "cell 2: notes are for the speaker; tag them speaker and remove-cell"),
        (2, text("word " * 91, "notes", "speaker", "remove-cell"), "cell 2: 91 words for the speaker; say it in 90"),
        (2, text("Lost", "skip", "remove-cell"), "cell 2: neither page nor slides show this cell"),
        (2, text("Plain", None), "cell 2: slide_type is None; pass slide, fragment, notes or skip"),
        (0, text("Text"), "the page has no title"),
        (3, small_book.code("import torch\nuse_style()"), "cell 3: imports are setup; fold them"),
        (3, small_book.code("import torch", tags=("hide-input",)), "call plots.use_style() in the setup cell"),
        (4, text(QUESTION), "2 self-test questions; write 4 to 6"),
        (4, text("```{question} What?\n- [ ] a\n  b\n- [ ] c\n  d\n```"), "question 'What?' has no right option"),
        (6, text("A diagram"), "no diagram; draw what it explains"),
        (7, small_book.code("print(1)", small_book.printed("1\n")), "no cell has a claim and a control"),
        (7, small_book.code("1", small_book.printed("1"), claim="It is"), "cell 7 has no control"),
        (8, small_book.code("x = 1" + " " * WIDTH + "# y"), "cell 8: code is 86 columns wide; the page shows 78"),
        (8, small_book.code("1", small_book.printed("x\n" + "y" * 79)), "cell 8: it prints 79 columns; the page shows"),
        (8, small_book.code("1", small_book.shown(plain="y" * 80)), "cell 8: it prints 80 columns; the page shows 78"),
        (8, small_book.code("draw()", small_book.shown(png="x", plain="F")), "cell 8: code that draws is folded"),
    ],
)
def test_what_is_not_in_the_new_form_is_named(position: int, cell: nbformat.NotebookNode, message: str):
    cells = good_cells()
    cells[position] = cell
    found = problems(new_notebook(cells=cells), "02_x")
    assert len(found) == 1
    assert message in found[0]


@pytest.mark.parametrize("chapter", RECAST)
def test_a_recast_chapter_has_the_new_form(chapter: str):
    assert problems(nbformat.reads(checkout.text(f"book/{chapter}.ipynb"), as_version=4), chapter) == []


def misfit(notebook: Path) -> str:
    """What ruff says of a notebook at the page's width."""
    ruff = shutil.which("ruff") or str(Path(sys.executable).parent / "ruff")
    options = ["--isolated", "--line-length", str(WIDTH), "--no-cache"]
    formatted = subprocess.run([ruff, "format", "--diff", *options, notebook], capture_output=True, text=True)
    return formatted.stdout


@pytest.mark.parametrize("chapter", RECAST)
def test_a_recast_chapter_is_formatted_to_the_width_of_the_page(chapter: str, course: Path):
    assert misfit(course / "book" / f"{chapter}.ipynb") == ""


def test_code_that_is_formatted_to_another_width_would_be_found(tmp_path: Path):
    arguments = f"{'x' * 35}, {'y' * 36}"
    for name, source in (("wide", f"call({arguments})"), ("narrow", f"call(\n    {arguments}\n)")):
        nbformat.write(new_notebook(cells=[small_book.code(source)]), tmp_path / f"{name}.ipynb")
    assert misfit(tmp_path / "wide.ipynb") != ""
    assert misfit(tmp_path / "narrow.ipynb") == ""


def test_ruff_leaves_the_lines_of_recast_chapters_alone():
    excluded = tomllib.loads(checkout.text("pyproject.toml"))["tool"]["ruff"]["format"]["exclude"]
    assert {name for name in excluded if name.endswith(".ipynb")} == {f"book/{chapter}.ipynb" for chapter in RECAST}


def test_an_unknown_chapter_is_refused(capsys):
    assert main(["99_nothing"]) == 2
    assert "chapter '99_nothing' not found" in capsys.readouterr().err
