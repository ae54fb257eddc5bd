"""What the page adds to code cells: pictures at their own size, a summary for folded code, anchors for claims.

- A picture with 192 dots an inch, such as `gancourse.plots.use_style` stores in notebooks, is shown in half its pixels.
- Code folded by the tag `hide-input` is summed up by `code_prompt_show` of the cell's `mystnb` metadata; without it, by
  "Setup" where the cell shows nothing, "The figure's code" where it shows a picture, and "The code" elsewhere.
- A cell whose metadata has a `claim` can be referred to: {ref}`this cell <claim-02-1>` is the first claim of chapter 2.
"""

from __future__ import annotations

import re
import struct
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode

PAGE_DPI, FINE_DPI = 96, 190
INCH = 0.0254
DEFAULT_SHOW = "Show code cell {type}"
PROMPTS = (("collapsed", "prompt_show"), ("expanded", "prompt_hide"))
CHAPTER = re.compile(r"(\d\d)_\w+")


def resolution(data: bytes) -> tuple[int, float] | None:
    """Width in pixels of a PNG file and its dots an inch, None if it doesn't say how large it is meant to be."""
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        return None
    width, place = struct.unpack(">I", data[16:20])[0], 8
    while place + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[place : place + 8])
        if kind == b"pHYs":
            per_unit, _, unit = struct.unpack(">IIB", data[place + 8 : place + 17])
            return (width, per_unit * INCH) if unit == 1 else None
        place += 12 + length
    return None


def _set_sizes(app: Any, doctree: nodes.document) -> None:
    for output in _parts(doctree, "cell_code_output"):
        for image in output.findall(nodes.image):
            path = Path(app.env.srcdir) / image["uri"]
            if "width" in image or path.suffix != ".png" or not path.is_file():
                continue
            found = resolution(path.read_bytes())
            if found and found[1] >= FINE_DPI:
                image["width"] = f"{round(found[0] * PAGE_DPI / found[1])}px"


def _sum_up(app: Any, doctree: nodes.document) -> None:
    for cell in _parts(doctree, "cell_code"):
        if cell.get("hide_mode") != "input":
            continue
        if cell["prompt_show"] == DEFAULT_SHOW:
            shows = cell.children[-1].get("nb_element") == "cell_code_output"
            picture = next(iter(cell.findall(nodes.image)), None)
            cell["prompt_show"] = "Setup" if not shows else "The code" if picture is None else "The figure's code"
        cell["prompt_hide"] = cell["prompt_show"]


def _anchor(app: Any, doctree: nodes.document) -> None:
    page = app.env.docname
    chapter = CHAPTER.fullmatch(page)
    if not chapter:
        return
    standard = app.env.get_domain("std")
    claims = [cell for cell in _parts(doctree, "cell_code") if "claim" in cell.get("cell_metadata", {})]
    for number, cell in enumerate(claims, 1):
        name = f"claim-{chapter[1]}-{number}"
        cell["ids"].append(name)
        standard.anonlabels[name] = page, name
        standard.labels[name] = page, name, cell["cell_metadata"]["claim"]


def _parts(doctree: nodes.document, kind: str) -> list[nodes.container]:
    return [node for node in doctree.findall(nodes.container) if node.get("nb_element") == kind]


def _enter_folded(writer: Any, node: HideCodeCellNode) -> None:
    # As myst-nb writes it, but for a label that would hide the summary from screen readers.
    shown, hidden = (f'<p class="{k} admonition-title">{escape(node[p])}</p>' for k, p in PROMPTS)
    classes = " ".join(node["classes"])
    writer.body.append(f'<details class="admonition hide {classes}">\n<summary>\n{shown}\n{hidden}\n</summary>\n')


def _leave_folded(writer: Any, node: HideCodeCellNode) -> None:
    writer.body.append("</details>\n")


def setup(app: Any) -> dict[str, bool]:
    """Take part in a Sphinx build."""
    app.add_node(HideCodeCellNode, override=True, html=(_enter_folded, _leave_folded))
    app.connect("doctree-read", _set_sizes)
    app.connect("doctree-read", _sum_up)
    app.connect("doctree-read", _anchor)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
