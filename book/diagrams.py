"""Diagrams: SVG files in assets/diagrams, drawn into the page so that they follow its colours.

    ```{diagram} game-loop
    :name: fig-game-loop

    Whose weights move when: the caption.
    ```

is a figure like others, numbered, with `{numref}`. The file says in <title> what it shows and in <desc> what a reader
who can't see it must know. It has these classes from its own <style>, which is confined to the drawing: copy the
beginning of another diagram. Colours are `currentColor` and the course's variables with a value for where there are
none: `var(--course-real, #0072b2)`. Elsewhere the same file is a picture: `![what it shows](assets/diagrams/name.svg)`
in a notebook, `data_url(name)` or `inline(name, ...)` in other pages.
"""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

FOLDER = Path(__file__).resolve().parent / "assets" / "diagrams"
LEAST_TEXT_PX = 12


class DiagramError(ValueError):
    """A diagram can't be used; the message says why and what to do."""


def read(name: str, folder: Path = FOLDER) -> str:
    """A diagram's SVG.

    Raises:
        DiagramError: there is none of that name, or it has no viewBox, title or description.
    """
    path = folder / f"{name}.svg"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in folder.glob("*.svg"))) or "none"
        raise DiagramError(f"diagram {name!r} not found; there are {known}")
    svg = path.read_text("utf-8").strip()
    for part, pattern in (("viewBox", r"<svg[^>]*\bviewBox="), ("<title>", r"<title\b"), ("<desc>", r"<desc\b")):
        if not re.search(pattern, svg):
            raise DiagramError(f"diagram {name!r} has no {part}; add one, as assets/diagrams/README.md says")
    return svg


def inline(name: str, prefix: str, folder: Path = FOLDER, alt: str | None = None) -> str:
    """A diagram to write into a page: its names and its style can't meet those of others.

    Args:
        name: the file's, without ending.
        prefix: unique on the page; the drawing's own id.
        folder: where diagrams are.
        alt: description in the place of the file's own.
    """
    svg = re.sub(r"<\?xml.*?\?>\s*|<!--.*?-->\s*", "", read(name, folder), flags=re.S)
    if alt is not None:
        svg = re.sub(r"(<desc\b[^>]*>).*?(</desc>)", lambda m: m[1] + _escaped(alt) + m[2], svg, flags=re.S)
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{prefix}-\1)", svg)
    svg = re.sub(r'((?:xlink:)?href)="#([^"]+)"', rf'\1="#{prefix}-\2"', svg)
    svg = re.sub(
        r'aria-labelledby="([^"]+)"',
        lambda m: f'aria-labelledby="{" ".join(f"{prefix}-{part}" for part in m[1].split())}"',
        svg,
    )
    svg = re.sub(
        r"(<style[^>]*>)(.*?)(</style>)", lambda m: m[1] + confined(m[2], f"#{prefix}") + m[3], svg, flags=re.S
    )
    return svg.replace("<svg", f'<svg id="{prefix}" style="min-width: {least_width(svg)}px"', 1)


def confined(css: str, within: str) -> str:
    """The rules of a style sheet, for what lies within a selector only. `svg` is the drawing itself.

    >>> confined("svg { color: red } .a, text.b { fill: none }", "#x")
    '#x { color: red } #x .a, #x text.b { fill: none }'
    """

    def selectors(match: re.Match) -> str:
        names = (name.strip() for name in match[2].split(","))
        return match[1] + ", ".join(within if name == "svg" else f"{within} {name}" for name in names) + " {"

    return re.sub(r"(^|\}\s*|\n\s*)([^{}@\n][^{}@]*?)\s*\{", selectors, css)


def width(svg: str) -> float:
    """Width of the drawing in its own units.

    >>> width('<svg viewBox="0 0 820 270">')
    820.0
    """
    return float(re.search(r'viewBox="([^"]+)"', svg)[1].replace(",", " ").split()[2])


def font_sizes(svg: str) -> list[float]:
    """Every size that text in a drawing may have, in its own units.

    >>> font_sizes('<svg font-size="17"><style>.a { font-size: 24px }</style></svg>')
    [17.0, 24.0]
    """
    return [float(size) for size in re.findall(r"font-size\s*[=:]\s*[\"']?\s*([\d.]+)", svg)]


def least_width(svg: str) -> int:
    """Pixels below which a drawing scrolls instead of shrinking, so that its smallest text can be read."""
    sizes = font_sizes(svg)
    return round(width(svg) * LEAST_TEXT_PX / min(sizes)) if sizes else 0


def data_url(name: str, folder: Path = FOLDER) -> str:
    """A diagram as the address of a picture, with a white ground; for <img> in pages that lie elsewhere."""
    return "data:image/svg+xml;base64," + base64.b64encode(read(name, folder).encode()).decode()


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


class diagram(nodes.General, nodes.Element):  # noqa: N801
    """The drawing; `svg`."""


class DiagramDirective(SphinxDirective):
    """A drawing from assets/diagrams as a figure, with its caption below."""

    has_content = True
    required_arguments = 1
    option_spec: ClassVar[dict] = {"name": directives.unchanged, "alt": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        """A figure that holds the drawing."""
        folder = Path(self.env.srcdir) / "assets" / "diagrams"
        name = self.arguments[0]
        try:
            self.env.note_dependency(str(folder / f"{name}.svg"))
            prefix = f"diagram-{self.env.new_serialno('diagram') + 1}"
            svg = inline(name, prefix, folder, self.options.get("alt"))
        except DiagramError as error:
            raise self.error(str(error)) from None
        figure = nodes.figure(classes=["diagram"])
        self.set_source_info(figure)
        figure += diagram(svg=svg, title=re.search(r"<title[^>]*>(.*?)</title>", svg, re.S)[1])
        if self.content:
            caption = nodes.caption("", "", *self.state.inline_text(" ".join(self.content), self.lineno)[0])
            self.set_source_info(caption)
            figure += caption
        self.add_name(figure)
        return [figure]


def _enter(writer: Any, node: diagram) -> None:
    # A drawing that is wider than the page scrolls, by keyboard too: assets/scrolling.js.
    writer.body.append(f'<div class="diagram-scroll" role="group" aria-label="{node["title"]}">')
    writer.body.append(node["svg"])
    writer.body.append("</div>\n")
    raise nodes.SkipNode


def _skip(writer: Any, node: diagram) -> None:
    raise nodes.SkipNode


def setup(app: Any) -> dict[str, bool]:
    """Take part in a Sphinx build."""
    app.add_node(diagram, html=(_enter, None), latex=(_skip, None), text=(_skip, None))
    app.add_directive("diagram", DiagramDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
