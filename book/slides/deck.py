"""Rearrange a chapter notebook into the notebook of its slides.

The chapter's cells say what they are (`slideshow.slide_type` and tags). A chapter with speaker cells is recast: these
alone are its notes. In the others prose becomes the notes. Code cells keep their output only, and a figure or printout
that has no room left on its slide gets a continuation slide under its heading.
"""

import re
from dataclasses import dataclass, field

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell
from plain_text import plain
from question_text import BLOCK, Question, QuestionError, parse
from room import DENSE, ROOM, TEXT, aspect, height, is_better_beside, is_image, is_widget, png_size, printed
from slide_html import stepped
from speaker import read_speech, timings

COLUMNS, WIDEST = 77, 93  # longer printed lines are set smaller, still longer ones are wrapped
LARGE_COLUMNS = 64  # code without longer lines is set larger where there is room
CAPTION = 90  # characters in a line of a caption
LEGEND = 15  # words below a figure
SPARSE = 0.75  # share of the room below which a recast slide without a figure is set larger
MOST_OPTIONS = 6
STARTS = {"slide", "subslide"}

HIDDEN_TAGS = {"remove-output", "remove_output", "hide-cell", "hide-output"}
FOLDED_TAGS = {"hide-input", "hide-cell", "remove-input", "remove_input"}
WIDGET = "application/vnd.jupyter.widget-view+json"
PICTURE = re.compile(r"!\[[^\]]*\]\([^)\s]+[^)]*\)|<img\b")


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

    Its metadata say whether the chapter is `recast`, and its `title`.

    Args:
        notebook: an executed chapter.
        authors: citation key to "Goodfellow et al. 2014".

    Raises:
        DeckError: no cell is marked as a slide, or a cell asks for what slides don't have.
    """
    slides: list[Slide] = []
    early_notes: list[str] = []
    recast = any(is_speaker(cell) for cell in notebook.cells)
    for i, cell in enumerate(notebook.cells):
        kind = slide_type(cell)
        if cell.cell_type == "raw" or (kind == "skip" and not is_speaker(cell)):
            continue
        if kind == "notes" or is_speaker(cell):
            notes = plain(source_of(cell), authors) if is_speaker(cell) or not recast else ""
            if notes:
                (slides[-1].notes if slides else early_notes).append(notes)
            continue
        if not slides and kind not in STARTS:
            continue
        try:
            _place(visible(cell, authors), kind, slides, recast)
        except (DeckError, QuestionError) as error:
            raise DeckError(f"cell {i + 1}: {error}") from error
    if not slides:
        raise DeckError(
            'no cell is marked as a slide; give Markdown cells the metadata {"slideshow": {"slide_type": "slide"}}'
        )
    slides[0].notes[:0] = early_notes
    return _collected(slides, notebook, recast)


def _collected(slides: list[Slide], notebook: NotebookNode, recast: bool) -> NotebookNode:
    """The notebook of all slides, paced by the minutes of their notes."""
    result = notebook.copy()
    pace = timings([read_speech("\n".join(slide.notes)).minute for slide in slides]) if recast else [None] * len(slides)
    paced = zip(slides, pace, strict=True)
    result.cells = [cell for slide, seconds in paced for cell in _flatten(slide, seconds, recast)]
    result.metadata = NotebookNode({k: v for k, v in notebook.metadata.items() if k != "widgets"})
    result.metadata.update(title=slides[0].heading, recast=recast)
    return result


def slide_type(cell: NotebookNode) -> str:
    """`slide`, `subslide`, `fragment`, `skip`, `notes`, or `-` for "goes with the cell before"."""
    return cell.metadata.get("slideshow", {}).get("slide_type") or "-"


def is_speaker(cell: NotebookNode) -> bool:
    """Whether the cell is written for the speaker."""
    return cell.cell_type == "markdown" and "speaker" in cell.metadata.get("tags", [])


def source_of(cell: NotebookNode) -> str:
    """The cell's text, whether it is stored as a string or as a list of lines."""
    return cell.source if isinstance(cell.source, str) else "".join(cell.source)


def visible(cell: NotebookNode, authors: dict[str, str] | None = None) -> NotebookNode | None:
    """A copy of the cell with only what an audience sees; None if that is nothing.

    Raises:
        DeckError: its source is folded on the page, but asked for on the slide.
        QuestionError: a question in it can't be read.
    """
    tags = set(cell.metadata.get("tags", []))
    copy = NotebookNode({key: value for key, value in cell.items() if key != "attachments"})
    copy.metadata = NotebookNode(
        {"tags": sorted(tags), "deck": NotebookNode(show_source=False, fill=False, alt="", caption="")}
    )
    if "attachments" in cell:
        copy.attachments = cell.attachments
    if cell.cell_type == "markdown":
        return _visible_text(copy, source_of(cell), authors)
    deck = copy.metadata.deck
    deck.show_source = bool(tags & {"show-source", "slide-code"})
    if "show-source" in tags and tags & FOLDED_TAGS:
        raise DeckError("show-source on a cell that is folded on the page; drop that tag, or hide-input")
    copy.source = source_of(cell).strip("\n") if deck.show_source else ""
    copy.outputs = [] if tags & HIDDEN_TAGS else [output for output in map(_without_widgets, cell.outputs) if output]
    if "remove-cell" in tags and slide_type(cell) == "-":
        copy.outputs = []
    if not deck.show_source and not copy.outputs:
        return None
    deck.fill = any(is_image(output) or is_widget(output) for output in copy.outputs)
    longest = max((len(line) for output in copy.outputs for line in printed(output).split("\n")), default=0)
    deck.wide = longest > COLUMNS
    deck.wrapped = longest > WIDEST
    if "steps" in tags:
        copy.outputs = [_stepped_output(output) for output in copy.outputs]
    if deck.fill:
        render = cell.metadata.get("mystnb", {})
        deck.alt = render.get("image", {}).get("alt", "")
        deck.ppi = _ppi(copy.outputs)
        deck.caption = plain(render.get("figure", {}).get("caption", ""), authors)
        deck.legend = _legend(plain(cell.metadata.get("legend", ""), authors), deck.caption)
    return copy


def _legend(text: str, caption: str) -> str:
    """What a room reads below a figure: the cell's `legend`, else the caption's first sentence if it is as short.

    Raises:
        DeckError: the legend is too long to be read in passing.
    """
    if len(text.split()) > LEGEND:
        raise DeckError(f"a legend of {len(text.split())} words; at most {LEGEND}: say what colours and marks mean")
    first = _first_sentence(caption)
    return text or (first if len(first.split()) <= LEGEND else "")


def _ppi(outputs: list[NotebookNode]) -> float | None:
    """Pixels an inch of the first picture that says so: with it, the size of its type on the slide is known."""
    sizes = (png_size("".join(output.data["image/png"])) for output in outputs if "image/png" in output.get("data", {}))
    return next((round(size[2], 1) for size in sizes if size and size[2]), None)


def _visible_text(copy: NotebookNode, source: str, authors: dict[str, str] | None) -> NotebookNode | None:
    """A Markdown cell as plain Markdown; its questions become polls."""
    questions = parse(source)
    copy.source = plain(BLOCK.sub("", source), authors)
    if questions and not heading_of(copy.source):
        copy.source = f"## {plain(questions[0].prompt, authors)}\n\n{copy.source}".strip()
    copy.metadata.deck.polls = [_poll(question, heading_of(copy.source), authors) for question in questions]
    copy.metadata.deck.fill = bool(PICTURE.search(copy.source))
    return copy if copy.source else None


def _poll(question: Question, heading: str, authors: dict[str, str] | None) -> NotebookNode:
    """A question for the room; its prompt is asked below the heading unless it is the heading."""
    prompt = plain(question.prompt, authors)
    if len(question.options) > MOST_OPTIONS:
        raise DeckError(f"a poll of {len(question.options)} options; at most {MOST_OPTIONS} have room on a slide")
    options = [
        {"text": plain(option.text, authors), "right": option.right, "reason": plain(option.reason, authors)}
        for option in question.options
    ]
    asked = {"kind": question.kind, "prompt": prompt, "asks": prompt != heading, "lead": plain(question.lead, authors)}
    return NotebookNode(asked | {"options": options})


def _stepped_output(output: NotebookNode) -> NotebookNode:
    """An output whose table appears row by row."""
    if "text/html" not in output.get("data", {}) or is_widget(output):
        return output
    html = stepped("".join(output.data["text/html"]))
    return NotebookNode({**output, "data": NotebookNode({**output.data, "text/html": html})})


def _without_widgets(output: NotebookNode) -> NotebookNode | None:
    """A widget that needs a kernel can't run offline: show its other representation, or nothing."""
    if WIDGET not in output.get("data", {}):
        return output
    data = {mime: value for mime, value in output.data.items() if mime not in {WIDGET, "text/plain"}}
    return NotebookNode({**output, "data": NotebookNode(data)}) if data else None


def _place(cell: NotebookNode | None, kind: str, slides: list[Slide], recast: bool) -> None:
    """Put a cell on a new slide or on the last one."""
    if cell is None:
        return
    is_text = cell.cell_type == "markdown"
    heading = heading_of(cell.source) if is_text else ""
    if kind in STARTS:
        slides.append(Slide(kind, heading or (slides[-1].heading if slides else "")))
        if is_text and re.match(r"# ", cell.source):
            slides[-1].classes = "title" if not slides[:-1] else "divider"
    elif slides[-1].classes in {"title", "divider"} or not _fits(cell, slides[-1]):
        slides.append(Slide("subslide", slides[-1].heading))
        kind = "-"
    slide = slides[-1]
    if not slide.cells and not heading and slide.heading:
        again = new_markdown_cell(f"## {slide.heading}", metadata={"deck": {}})
        again.id = f"{cell.get('id', 'cell')}-heading"
        _add(slide, again, "-")
        if not is_text:
            cell.metadata.deck.shown_caption = _short(cell.metadata.deck.caption)
    if not is_text and recast:
        cell.metadata.deck.shown_caption = cell.metadata.deck.get("legend", "")
    if is_text and slide.used + height(cell) > ROOM and not slide.classes:
        slide.classes = "dense"
    if not is_text and cell.metadata.deck.caption and not recast:
        slide.notes.append(f"*Figure: {cell.metadata.deck.caption}*")
    _add(slide, cell, kind)


def _fits(cell: NotebookNode, slide: Slide) -> bool:
    """Whether a cell has room on a slide, below what is there or beside its text."""
    return slide.used + height(cell) <= ROOM or _goes_beside([*slide.cells, cell])


def _goes_beside(cells: list[NotebookNode]) -> bool:
    """Whether the cells are a text and one figure that becomes larger beside it."""
    if [cell.cell_type for cell in cells] != ["markdown", "code"] or not cells[1].metadata.deck.fill:
        return False
    text, figure = cells
    if text.metadata.deck.get("fill") or text.metadata.deck.get("polls") or figure.metadata.deck.show_source:
        return False
    ratio = aspect(figure.outputs[0]) if len(figure.outputs) == 1 and not is_widget(figure.outputs[0]) else None
    return ratio is not None and is_better_beside(text.source, ratio)


def _add(slide: Slide, cell: NotebookNode, kind: str) -> None:
    cell.metadata.slideshow = NotebookNode(slide_type="fragment" if kind == "fragment" and slide.cells else "-")
    slide.cells.append(cell)
    slide.used += height(cell, DENSE if "dense" in slide.classes else TEXT)


def _flatten(slide: Slide, seconds: int | None, recast: bool) -> list[NotebookNode]:
    """The slide's cells, the notes (all of them in one) behind the first."""
    first, *rest = slide.cells
    has_figure = any(cell.metadata.deck.get("fill") for cell in slide.cells)
    if not slide.classes and _goes_beside(slide.cells):
        slide.classes = "beside"
    elif not has_figure and not slide.classes and slide.used < ROOM * (SPARSE if recast else 0.6):
        slide.classes = "roomy large-code" if 0 < code_columns(slide.cells) <= LARGE_COLUMNS else "roomy"
    first.metadata.slideshow = NotebookNode(slide_type=slide.kind)
    first.metadata.deck.update(frame=slide.classes, seconds=seconds)
    notes = []
    if slide.notes:
        cell = new_markdown_cell("\n\n".join(slide.notes), metadata={"slideshow": {"slide_type": "notes"}, "deck": {}})
        cell.id = f"{first.get('id', 'cell')}-notes"
        notes = [cell]
    return [first, *notes, *rest]


def code_columns(cells: list[NotebookNode]) -> int:
    """Characters in the longest line of code that the cells show; 0 without code."""
    blocks = [cell.source for cell in cells if cell.metadata.deck.get("show_source")]
    for cell in cells:
        if cell.cell_type == "markdown":
            blocks += re.findall(r"^```.*?\n(.*?)^```", cell.source, re.DOTALL | re.MULTILINE)
    return max((len(line) for block in blocks for line in block.split("\n")), default=0)


def _short(caption: str) -> str:
    """A caption that fits into two lines, or its first sentence."""
    return caption if len(caption) <= 2 * CAPTION else _first_sentence(caption)


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=[.!?])\s", text)[0]


def heading_of(text: str) -> str:
    """The first heading of a Markdown text, or an empty string."""
    found = re.search(r"^#{1,3}\s+(.+?)\s*#*$", text, re.MULTILINE)
    return found[1] if found else ""
