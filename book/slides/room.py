"""How much room a slide's parts take, estimated before a browser lays them out: it measures the real heights."""

import base64
import math
import re
import struct

from nbformat import NotebookNode

# All in pixels of a 1280 × 720 slide; the sizes are those of template/slides.css.
WIDTH, ROOM = 1152, 604
TEXT, DENSE, OUTPUT, SOURCE, HEADING, LINE = 30, 24, 24, 22, 42, 1.36
FIGURE = 330  # a figure gets at least this height, otherwise a slide of its own
BESIDE = 0.36  # share of the width that text gets beside a figure
WIDEST_BESIDE = 1.5  # a wider figure would become so small there that nobody reads its labels
WIDGET_ASPECT = 1.6
TALL = ("\\frac", "\\sum", "\\int", "\\prod", "\\min", "\\max", "\\sup", "\\inf")


def height(cell: NotebookNode, size: int = TEXT) -> float:
    """Estimated height in pixels.

    Args:
        cell: as `deck.visible` returns it.
        size: font size of the text.
    """
    if cell.cell_type == "markdown":
        pictures = FIGURE if cell.metadata.deck.get("fill") else 0
        polls = sum(_poll_height(poll, size) for poll in cell.metadata.deck.get("polls", []))
        return text_height(cell.source, size) + pictures + polls
    total = 30 + LINE * SOURCE * (cell.source.count("\n") + 1) if cell.metadata.deck.show_source else 0.0
    for output in cell.outputs:
        data = output.get("data", {})
        if is_image(output) or is_widget(output):
            total += FIGURE
        elif "text/html" in data:
            total += 20 + 46 * max(1, "".join(data["text/html"]).count("<tr"))
        elif "text/markdown" in data:
            total += text_height("".join(data["text/markdown"]), size)
        else:
            total += 46 + LINE * OUTPUT * (printed(output).count("\n") + 1)
    return total


def _poll_height(poll: dict, size: int) -> float:
    options = [option["text"] for option in poll["options"]]
    reasons = [option["reason"] for option in poll["options"] if option["right"]]
    above = 46 + (60 if poll["asks"] else 0) + (text_height(poll["lead"], size) if poll["lead"] else 0)
    rows = sum(34 + text_height(text, size) for text in options)
    return above + rows + sum(16 + text_height(reason, size) for reason in reasons)


def text_height(text: str, size: int, width: float = WIDTH) -> float:
    """Estimated height of Markdown that is set in a column of some width."""
    total = 0.0
    for formula in re.findall(r"\$\$(.+?)\$\$", text, re.DOTALL):
        rows = formula.count("\\\\") + 1
        total += 28 + rows * size * (2.1 if any(command in formula for command in TALL) else 1.5)
    text = re.sub(r"\$\$.+?\$\$", "", text, flags=re.DOTALL)
    for block in re.findall(r"```.*?\n(.*?)```", text, re.DOTALL):
        total += 30 + LINE * SOURCE * (block.count("\n") + 1)
    for line in re.sub(r"```.*?```", "", text, flags=re.DOTALL).split("\n"):
        line = re.sub(r"!\[[^\]]*\]\([^)]*\)", "", line)
        line = re.sub(r"\\[A-Za-z]+|[{}^_*`$]|\]\([^)]*\)", "", line).strip()
        if line.startswith("#"):
            total += 22 + HEADING * 1.16 * math.ceil(len(line) * HEADING * 0.52 / width)
        elif line.startswith("|"):
            total += 0 if set(line) <= set("|-: ") else size * LINE + 10
        elif line:
            total += 8 + size * LINE * math.ceil(len(line) * size * 0.5 / width)
    return total


# Outputs


def is_image(output: NotebookNode) -> bool:
    """Whether an output is shown as a picture."""
    data = output.get("data", {})
    return "text/html" not in data and any(mime.startswith("image/") for mime in data)


def is_widget(output: NotebookNode) -> bool:
    """Whether an output is one of the course's interactive figures."""
    return "gancourse-widget" in "".join(output.get("data", {}).get("text/html", ""))


def printed(output: NotebookNode) -> str:
    """What a stream or a plain result prints."""
    data = output.get("data", {})
    rich = is_image(output) or "text/html" in data or "text/markdown" in data
    text = "" if rich else output.get("text") or data.get("text/plain") or data.get("text/latex") or ""
    return "".join(text).rstrip("\n")


def aspect(output: NotebookNode) -> float | None:
    """Width over height of a picture or an interactive figure; None if it is neither, or doesn't say."""
    if is_widget(output):
        return WIDGET_ASPECT
    data = output.get("data", {}) if is_image(output) else {}
    if "image/png" in data:
        size = png_size("".join(data["image/png"]))
        return size[0] / size[1] if size else None
    return svg_aspect("".join(data["image/svg+xml"])) if "image/svg+xml" in data else None


def png_size(picture: str) -> tuple[int, int, float | None] | None:
    """Width and height in pixels of a base64 PNG, and pixels per inch where the picture says; None if it is no PNG."""
    try:
        raw = base64.b64decode(picture)
        width, height_ = struct.unpack(">II", raw[16:24])
    except (ValueError, struct.error):
        return None
    mark = raw.find(b"pHYs", 0, 4096)
    per_metre = struct.unpack(">I", raw[mark + 4 : mark + 8])[0] if mark > 0 else 0
    return width, height_, per_metre * 0.0254 if per_metre else None


def uri_aspect(uri: str) -> float | None:
    """Width over height of a PNG or an SVG in a `data:` address; None of anything else.

    >>> uri_aspect("data:image/svg+xml;base64," + base64.b64encode(b'<svg viewBox="0 0 30 20"/>').decode())
    1.5
    """
    kind, _, data = uri.partition(";base64,")
    if kind == "data:image/png":
        size = png_size(data)
        return size[0] / size[1] if size and size[1] else None
    return svg_aspect(base64.b64decode(data).decode(errors="replace")) if kind == "data:image/svg+xml" else None


def is_readable(picture: str, width: float, height_: float) -> bool:
    """Whether 10-point type in a base64 PNG has 20 px or more within a width and a height.

    >>> is_readable("", 626, 572)
    False
    """
    size = png_size(picture)
    return bool(size and size[2]) and 10 / 72 * size[2] * min(width / size[0], height_ / size[1]) >= 20


def svg_aspect(text: str) -> float | None:
    """Width over height by an SVG's viewBox; None if it has none."""
    found = re.search(r"<svg\b[^>]*\bviewBox=[\"']\s*[-\d.]+[\s,]+[-\d.]+[\s,]+([\d.]+)[\s,]+([\d.]+)", text)
    return float(found[1]) / float(found[2]) if found and float(found[2]) else None


# Layout


def is_better_beside(text: str, ratio: float, size: int = TEXT) -> bool:
    r"""Whether a figure becomes larger beside a slide's text than below it.

    Args:
        text: the slide's Markdown, with its heading.
        ratio: the figure's width over its height.
        size: font size of the text.

    >>> is_better_beside("## Claim\n\n- one\n- two\n- three", 1.0)
    True
    >>> is_better_beside("## Claim\n\n- one\n- two\n- three", 2.5)
    False
    """
    heading = next((line for line in text.split("\n") if line.startswith("#")), "")
    body = text.replace(heading, "", 1)
    below = ROOM - text_height(text, size) - 14
    high = ROOM - text_height(heading, size) - 14
    column = WIDTH * BESIDE
    if ratio > WIDEST_BESIDE or not body.strip() or re.search(r"\$\$|```|\|", body):
        return False
    if text_height(body, size, column) > high:
        return False
    return min(WIDTH * (1 - BESIDE) - 40, high * ratio) > 1.15 * min(WIDTH, max(below, 1) * ratio)
