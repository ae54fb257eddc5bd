"""Write the page of claims from the notebooks: book/*.ipynb → book/claims.md.

    python book/claims.py             # write the page again
    python book/claims.py --check     # only say whether the page is what the notebooks say

A claim is the metadata `claim` of a code cell: a short sentence that could have come out false. Beside it stand
`control`, what would have been seen if it were false or something duller were true, and perhaps `seeds`. The page shows
what the cell printed, and links to it.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

BOOK = Path(__file__).resolve().parent
MOST_LINES = 12
LONGEST = 160
NUMBERED = re.compile(r"(\d\d)_\w+")

HEAD = """# Claims

Every measured claim of the chapters, with its control, which shows what would have been seen if the claim were wrong or
something duller were true, and what the cell printed. The number leads to the cell.
`python book/claims.py` writes this page from the notebooks; `pytest --nbval` runs the cells again and compares.
"""
TABLE = """````{list-table}
:header-rows: 1
:widths: 8 92
:class: claims

* - Cell
  - Claim, its control, and what was printed
"""
EMPTY = "\nNo chapter has marked its claims yet.\n"


class ClaimError(ValueError):
    """A cell's claim is incomplete; the message says where and what to add."""


@dataclass(frozen=True)
class Claim:
    """A claim, its control, the seeds if they are said, and what the cell printed or the name of its figure."""

    text: str
    control: str
    seeds: str
    printed: str
    figure: str


def claims(notebook: nbformat.NotebookNode, chapter: str) -> list[Claim]:
    """The claims of a notebook, in order.

    Raises:
        ClaimError: a claim has no control, a control or seeds have no claim, a sentence is too long or the cell shows
            nothing.
    """
    found = []
    for position, cell in enumerate(notebook.cells):
        said = {key: cell.metadata[key] for key in ("claim", "control", "seeds") if key in cell.metadata}
        if not said:
            continue
        where = f"{chapter}, cell {position}"
        if cell.cell_type != "code":
            raise ClaimError(f"{where} has a {next(iter(said))} and no code; put it on the cell that shows it")
        for needed, other in (("claim", "control"), ("control", "claim")):
            if not str(said.get(needed, "")).strip():
                raise ClaimError(f"{where} has no {needed}; add one to its metadata, or take the {other} away")
        for key, text in said.items():
            if not isinstance(text, str) or len(text) > LONGEST or "\n" in text:
                raise ClaimError(f"{where}: {key} is {text!r}; write one sentence of at most {LONGEST} letters")
        printed = _printed(cell.outputs)
        figure = cell.metadata.get("mystnb", {}).get("figure", {}).get("name", "")
        if not printed and not figure:
            raise ClaimError(f"{where} claims {said['claim']!r} and shows nothing; let it print the number")
        found.append(Claim(said["claim"], said["control"], said.get("seeds", ""), printed, figure))
    return found


def _printed(outputs: Iterable[Any]) -> str:
    """What the outputs say as text, without pictures."""
    texts = []
    for output in outputs:
        data = output.get("data", {})
        if output.output_type == "stream":
            texts.append(output.text)
        elif "text/plain" in data and not any(kind.startswith("image/") for kind in data):
            texts.append(data["text/plain"])
    lines = "\n".join(text.strip("\n") for text in texts).splitlines()
    rest = len(lines) - MOST_LINES
    return "\n".join([*lines[:MOST_LINES], f"… and {rest} more lines"] if rest > 1 else lines)


def page(notebooks: dict[str, nbformat.NotebookNode]) -> str:
    """The whole page, from the notebooks by their chapters' names."""
    parts = [HEAD]
    for chapter, notebook in notebooks.items():
        rows = claims(notebook, chapter)
        if rows:
            number = NUMBERED.fullmatch(chapter)[1]
            body = "".join(_row(number, i, claim) for i, claim in enumerate(rows, 1))
            parts.append(f"\n## {int(number)}. {_title(notebook)}\n\n{TABLE}{body}````\n")
    return "".join(parts if len(parts) > 1 else [HEAD, EMPTY])


def _title(notebook: nbformat.NotebookNode) -> str:
    """The chapter's title: its first heading."""
    texts = (cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    return next((found[1] for text in texts if (found := re.search(r"^# (.+)$", text, re.M))), "Untitled")


def _row(chapter: str, number: int, claim: Claim) -> str:
    seeds = f" *Seeds:* {claim.seeds}." if claim.seeds else ""
    blocks = [f"**{claim.text.rstrip('.')}.**", f"*Control:* {claim.control.rstrip('.')}.{seeds}"]
    if claim.figure:
        blocks.append(f"{{numref}}`{claim.figure}`")
    if claim.printed:
        blocks.append(f"```text\n{claim.printed}\n```")
    text = "\n\n".join(blocks).replace("\n", "\n    ")
    text = re.sub(r"[ ]+$", "", text, flags=re.M)
    return f"* - {{ref}}`{int(chapter)}.{number} <claim-{chapter}-{number}>`\n  - {text}\n"


def read(book: Path) -> dict[str, nbformat.NotebookNode]:
    """The notebooks of all chapters, by name."""
    paths = sorted(path for path in book.glob("*.ipynb") if NUMBERED.fullmatch(path.stem))
    return {path.stem: nbformat.read(path, as_version=4) for path in paths}


def main(arguments: list[str] | None = None) -> int:
    """Write the page, or check it; 0 if all is well."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the page isn't up to date")
    parser.add_argument("--book", type=Path, default=BOOK, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    target = options.book / "claims.md"
    try:
        text = page(read(options.book))
    except ClaimError as error:
        print(error, file=sys.stderr)
        return 1
    if options.check:
        if not target.exists() or target.read_text("utf-8") != text:
            print(f"{target} is not what the notebooks say: run `python book/claims.py`", file=sys.stderr)
            return 1
        return 0
    target.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
