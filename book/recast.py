"""Which chapters have the new form, and what that form asks of a notebook: `python book/recast.py 02_gan_game`.

A chapter in the new form has separate cells for the page, for slides and for the speaker; code and printouts within 78
columns; folded setup and plotting code; questions, a diagram, and claims with controls. CONTRIBUTING.md says how it is
written. A chapter joins RECAST when `problems` finds nothing; its notebook then joins `exclude` of [tool.ruff.format]
in pyproject.toml too, because ruff would fill its lines to the width of the package's code.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
from claims import ClaimError, claims
from nbformat import NotebookNode
from question_text import BLOCK, QuestionError, parse

RECAST: tuple[str, ...] = (
    "02_gan_game",
    "03_optimal_discriminator",
    "05_training_problems",
    "08_evaluation",
    "09_dcgan",
    "10_conditional_gans",
    "11_multiscale",
    "12_stylegan",
    "13_biggan",
    "16_diffusion",
)
WIDTH = 78
SPEAKER_WORDS = 90
QUESTIONS = range(4, 7)
IMPORT = re.compile(r"^(import|from) \w", re.M)


def problems(notebook: NotebookNode, chapter: str) -> list[str]:
    """What of a chapter isn't in the new form: the cell, and what to do."""
    found = [f"{chapter}, cell {i}: {text}" for i, cell in enumerate(notebook.cells) for text in _of_cell(cell)]
    found += [f"{chapter}: {text}" for text in _of_chapter(notebook)]
    try:
        if not claims(notebook, chapter):
            found.append(f"{chapter}: no cell has a claim and a control")
    except ClaimError as error:
        found.append(str(error))
    return found


def _of_cell(cell: NotebookNode) -> Iterator[str]:
    tags = set(cell.metadata.get("tags", ()))
    kind = cell.metadata.get("slideshow", {}).get("slide_type")
    if cell.cell_type == "code":
        yield from _of_code(cell, tags)
    elif kind in ("slide", "subslide", "fragment") and "remove-cell" not in tags and not BLOCK.match(cell.source):
        yield f"a {kind} of text would be on the page too; tag it remove-cell"
    elif kind == "notes":
        if not {"speaker", "remove-cell"} <= tags:
            yield "notes are for the speaker; tag them speaker and remove-cell, or make them skip for the page"
        if len(cell.source.split()) > SPEAKER_WORDS:
            yield f"{len(cell.source.split())} words for the speaker; say it in {SPEAKER_WORDS}"
    elif kind == "skip" and "remove-cell" in tags:
        yield "neither page nor slides show this cell; delete it, or take remove-cell away"
    elif kind not in ("slide", "subslide", "fragment", "skip"):
        yield f"slide_type is {kind!r}; pass slide, fragment, notes or skip"


def _of_code(cell: NotebookNode, tags: set[str]) -> Iterator[str]:
    wide = max(map(len, cell.source.splitlines()), default=0)
    if wide > WIDTH:
        yield f"code is {wide} columns wide; the page shows {WIDTH}"
    for output in cell.outputs:
        has_picture = any(kind.startswith("image/") for kind in output.get("data", {}))
        text = "" if has_picture else output.get("text") or output.get("data", {}).get("text/plain", "")
        wide = max(map(len, text.splitlines()), default=0)
        if wide > WIDTH:
            yield f"it prints {wide} columns; the page shows {WIDTH}"
    is_folded = bool(tags & {"hide-input", "hide-cell", "remove-input", "remove-cell"})
    if IMPORT.search(cell.source) and not is_folded:
        yield "imports are setup; fold them with the tag hide-input"
    if any("image/png" in output.get("data", {}) for output in cell.outputs) and not is_folded | (
        "show-source" in tags
    ):
        yield "code that draws is folded with the tag hide-input, unless it is what the chapter teaches (show-source)"


def _of_chapter(notebook: NotebookNode) -> Iterator[str]:
    page = "\n\n".join(
        cell.source
        for cell in notebook.cells
        if cell.cell_type == "markdown" and "remove-cell" not in cell.metadata.get("tags", ())
    )
    try:
        asked = [question.kind for question in parse(page)]
    except QuestionError as error:
        yield str(error)
        return
    if asked.count("question") not in QUESTIONS:
        yield f"{asked.count('question')} self-test questions; write {QUESTIONS[0]} to {QUESTIONS[-1]}"
    if not re.search(r"^(`{3,}|:{3,})\{diagram\}", page, re.M):
        yield "no diagram; draw what it explains, as assets/diagrams/README.md says"
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    if not re.search(r"\buse_style\(\)", code):
        yield "figures don't have the course's style; call plots.use_style() in the setup cell"
    if not re.search(r"^# ", page, re.M):
        yield "the page has no title; write one as `# ...` in a cell of slide_type skip"


def main(chapters: list[str]) -> int:
    """Print what of the named chapters isn't in the new form; 0 if all is."""
    book = Path(__file__).resolve().parent
    found = []
    for name in (Path(chapter).stem for chapter in chapters or RECAST):
        if not (book / f"{name}.ipynb").is_file():
            print(f"chapter {name!r} not found in {book}", file=sys.stderr)
            return 2
        found += problems(nbformat.read(book / f"{name}.ipynb", as_version=4), name)
    print("\n".join(found) or "nothing to change")
    return bool(found)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
