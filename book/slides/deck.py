"""Rearrange a chapter notebook into the notebook of its slides.

The chapter's cells say what they are (`slideshow.slide_type`). Here prose becomes speaker notes, code cells keep their
output only, and a figure or printout that has no room left on its slide gets a continuation slide under its heading.
"""

import math
import re
from dataclasses import dataclass, field

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell
from plain_text import plain

# All in pixels of a 1280 × 720 slide; the sizes are those of template/slides.css.
WIDTH, ROOM = 1168, 608
TEXT, DENSE, OUTPUT, SOURCE, HEADING, LINE = 30, 24, 24, 22, 42, 1.36
COLUMNS = 77  # longer printed lines are set smaller
CAPTION = 90  # characters in a line of a caption
FIGURE = 330  # a figure gets at least this height, otherwise a slide of its own

HIDDEN_TAGS = {"remove-cell", "remove-output", "remove_cell", "remove_output", "hide-cell", "hide-output"}
WIDGET = "application/vnd.jupyter.widget-view+json"


class DeckError(ValueError):
    """The notebook can't become slides; the message is one line."""


@dataclass
class Slide:
    """One slide: its visible cells, what the speaker reads, and the height used so far."""

    kind: str
    heading: str
    cells: list[NotebookNode] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    used: float = 0
    classes: str = ""


def slide_notebook(notebook: NotebookNode, authors: dict[str, str] | None = None) -> NotebookNode:
    """The notebook that nbconvert turns into slides, one deck cell after the other; the argument is left as it was.

    Args:
        notebook: an executed chapter.
        authors: citation key to "Goodfellow et al. 2014".

    Raises:
        DeckError: no cell is marked as a slide.
    """
    slides: list[Slide] = []
    early_notes: list[str] = []
    for cell in notebook.cells:
        kind = slide_type(cell)
        if kind == "skip" or cell.cell_type == "raw":
            continue
        if kind == "notes":
            notes = slides[-1].notes if slides else early_notes
            notes.append(plain(source_of(cell), authors))
            continue
        if not slides and kind not in {"slide", "subslide"}:
            continue
        _place(visible(cell, authors), kind, slides)
    if not slides:
        raise DeckError(
            'no cell is marked as a slide; give Markdown cells the metadata {"slideshow": {"slide_type": "slide"}}'
        )
    slides[0].notes[:0] = early_notes
    result = notebook.copy()
    result.cells = [cell for slide in slides for cell in _flatten(slide)]
    result.metadata = NotebookNode({k: v for k, v in notebook.metadata.items() if k != "widgets"})
    result.metadata.title = slides[0].heading
    return result


def slide_type(cell: NotebookNode) -> str:
    """`slide`, `subslide`, `fragment`, `skip`, `notes`, or `-` for "goes with the cell before"."""
    return cell.metadata.get("slideshow", {}).get("slide_type") or "-"


def source_of(cell: NotebookNode) -> str:
    """The cell's text, whether it is stored as a string or as a list of lines."""
    return cell.source if isinstance(cell.source, str) else "".join(cell.source)


def visible(cell: NotebookNode, authors: dict[str, str] | None = None) -> NotebookNode | None:
    """A copy of the cell with only what an audience sees; None if that is nothing."""
    tags = set(cell.metadata.get("tags", []))
    copy = NotebookNode({key: value for key, value in cell.items() if key != "attachments"})
    copy.metadata = NotebookNode(
        {"tags": sorted(tags), "deck": NotebookNode(show_source=False, fill=False, alt="", caption="")}
    )
    if "attachments" in cell:
        copy.attachments = cell.attachments
    if cell.cell_type == "markdown":
        copy.source = plain(source_of(cell), authors)
        return copy if copy.source else None
    deck = copy.metadata.deck
    deck.show_source = "slide-code" in tags
    copy.source = source_of(cell).strip("\n") if deck.show_source else ""
    copy.outputs = [] if tags & HIDDEN_TAGS else [output for output in map(_without_widgets, cell.outputs) if output]
    if not deck.show_source and not copy.outputs:
        return None
    deck.fill = any(_is_image(output) for output in copy.outputs)
    deck.wide = any(len(line) > COLUMNS for output in copy.outputs for line in _printed(output).split("\n"))
    if deck.fill:
        render = cell.metadata.get("mystnb", {})
        deck.alt = render.get("image", {}).get("alt", "")
        deck.caption = plain(render.get("figure", {}).get("caption", ""), authors)
    return copy


def _without_widgets(output: NotebookNode) -> NotebookNode | None:
    """A live widget can't run offline: show its other representation, or nothing."""
    if WIDGET not in output.get("data", {}):
        return output
    data = {mime: value for mime, value in output.data.items() if mime not in {WIDGET, "text/plain"}}
    return NotebookNode({**output, "data": NotebookNode(data)}) if data else None


def _is_image(output: NotebookNode) -> bool:
    return "text/html" not in output.get("data", {}) and any(
        mime.startswith("image/") for mime in output.get("data", {})
    )


def _printed(output: NotebookNode) -> str:
    """What a stream or a plain result prints."""
    data = output.get("data", {})
    rich = _is_image(output) or "text/html" in data or "text/markdown" in data
    text = "" if rich else output.get("text") or data.get("text/plain") or data.get("text/latex") or ""
    return "".join(text).rstrip("\n")


def _place(cell: NotebookNode | None, kind: str, slides: list[Slide]) -> None:
    """Put a cell on a new slide or on the last one."""
    if cell is None:
        return
    is_text = cell.cell_type == "markdown"
    heading = _heading(cell.source) if is_text else ""
    if kind in {"slide", "subslide"}:
        slides.append(Slide(kind, heading or (slides[-1].heading if slides else "")))
        if is_text and not slides[:-1] and re.match(r"# ", cell.source):
            slides[-1].classes = "title"
    elif slides[-1].classes == "title" or slides[-1].used + height(cell) > ROOM:
        slides.append(Slide("subslide", slides[-1].heading))
        kind = "-"
    slide = slides[-1]
    if not slide.cells and not heading and slide.heading:
        again = new_markdown_cell(f"## {slide.heading}", metadata={"deck": {}})
        again.id = f"{cell.get('id', 'cell')}-heading"
        _add(slide, again, "-")
        if not is_text:
            cell.metadata.deck.shown_caption = _short(cell.metadata.deck.caption)
    if is_text and slide.used + height(cell) > ROOM:
        slide.classes = (slide.classes + " dense").strip()
    if not is_text and cell.metadata.deck.caption:
        slide.notes.append(f"*Figure: {cell.metadata.deck.caption}*")
    _add(slide, cell, kind)


def _add(slide: Slide, cell: NotebookNode, kind: str) -> None:
    cell.metadata.slideshow = NotebookNode(slide_type="fragment" if kind == "fragment" and slide.cells else "-")
    slide.cells.append(cell)
    slide.used += height(cell, DENSE if "dense" in slide.classes else TEXT)


def _flatten(slide: Slide) -> list[NotebookNode]:
    """The slide's cells, the notes (all of them in one) behind the first."""
    first, *rest = slide.cells
    has_figure = any(cell.metadata.deck.get("fill") for cell in slide.cells)
    if not has_figure and not slide.classes and slide.used < ROOM * 0.6:
        slide.classes = "roomy"
    first.metadata.slideshow = NotebookNode(slide_type=slide.kind)
    first.metadata.deck.frame = slide.classes
    notes = []
    if slide.notes:
        cell = new_markdown_cell("\n\n".join(slide.notes), metadata={"slideshow": {"slide_type": "notes"}, "deck": {}})
        cell.id = f"{first.get('id', 'cell')}-notes"
        notes = [cell]
    return [first, *notes, *rest]


def _short(caption: str) -> str:
    """A caption that fits into two lines, or its first sentence."""
    return caption if len(caption) <= 2 * CAPTION else re.split(r"(?<=[.!?])\s", caption)[0]


def _heading(text: str) -> str:
    """The first heading of a Markdown text, or an empty string."""
    found = re.search(r"^#{1,3}\s+(.+?)\s*#*$", text, re.MULTILINE)
    return found[1] if found else ""


def height(cell: NotebookNode, size: int = TEXT) -> float:
    """Estimated height in pixels; the browser test measures the real one.

    Args:
        cell: as `visible` returns it.
        size: font size of the text.
    """
    if cell.cell_type == "markdown":
        return _text_height(cell.source, size)
    total = 30 + LINE * SOURCE * (cell.source.count("\n") + 1) if cell.metadata.deck.show_source else 0.0
    for output in cell.outputs:
        data = output.get("data", {})
        if _is_image(output):
            total += FIGURE
        elif "text/html" in data:
            total += 20 + 46 * max(1, "".join(data["text/html"]).count("<tr"))
        elif "text/markdown" in data:
            total += _text_height("".join(data["text/markdown"]), size)
        else:
            total += 46 + LINE * OUTPUT * (_printed(output).count("\n") + 1)
    return total


def _text_height(text: str, size: int) -> float:
    """Estimated height of Markdown."""
    total = 0.0
    for formula in re.findall(r"\$\$(.+?)\$\$", text, re.DOTALL):
        rows = formula.count("\\\\") + 1
        tall = any(
            command in formula for command in ("\\frac", "\\sum", "\\int", "\\prod", "\\min", "\\max", "\\sup", "\\inf")
        )
        total += 28 + rows * size * (2.1 if tall else 1.5)
    for block in re.split(r"```.*?\n(.*?)```", re.sub(r"\$\$.+?\$\$", "", text, flags=re.DOTALL), flags=re.DOTALL)[
        1::2
    ]:
        total += 30 + LINE * SOURCE * (block.count("\n") + 1)
    for line in re.sub(r"```.*?```|\$\$.+?\$\$", "", text, flags=re.DOTALL).split("\n"):
        line = re.sub(r"\\[A-Za-z]+|[{}^_*`$]|\]\([^)]*\)", "", line).strip()
        if line.startswith("#"):
            total += 26 + HEADING * 1.2 * math.ceil(len(line) * HEADING * 0.52 / WIDTH)
        elif line.startswith("|"):
            total += 0 if set(line) <= set("|-: ") else size * LINE + 10
        elif line:
            total += 8 + size * LINE * math.ceil(len(line) * size * 0.5 / WIDTH)
    return total
