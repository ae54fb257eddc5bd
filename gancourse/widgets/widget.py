"""A figure that works by itself: a picture, numbers, a style sheet and a script in one piece of HTML."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import Any

from gancourse.widgets.drawing import Picture

STATIC = (
    "A picture of the figure at rest. Run the cell, or trust the notebook, to play; on a web page, allow its script."
)
BESIDE = 900  # pixels from which a figure of a stated width has its controls at its side
WIDTH = 78  # columns of text that a page shows without scrolling
OPENING = '<div class="gancourse-widget"'


def page(name: str) -> str:
    """One of the files that are put into the page, without comment lines and indentation."""
    lines = (files("gancourse.widgets") / "page" / name).read_text("utf-8").splitlines()
    return "\n".join(line.strip() for line in lines if line.strip() and not line.lstrip().startswith("//"))


@dataclass(frozen=True)
class Widget:
    """An interactive figure; a notebook shows it when it is the last line of a cell.

    Needs no kernel, no network and no extension. The same arguments give the same bytes. Where scripts don't run, as
    in a notebook that isn't trusted, it is a picture with a caption; where they do, the script makes the figure of it.

    Args:
        kind: name of its script.
        description: what one sees, for those who don't.
        state: what its script starts from; plain numbers, texts, lists and dictionaries.
        panels: pictures, side by side where there is room.
        controls: HTML of sliders, buttons and menus, which the script adds.
        status: the values shown at rest.
    """

    kind: str
    description: str
    state: Mapping[str, Any]
    panels: Sequence[Picture]
    controls: str
    status: str

    @property
    def html(self) -> str:
        """The whole figure, to be put into any page."""
        # A function's own scope: several widgets on one page share no names, and no element has an id.
        constants = f"const STATE = {_json(self.state)};\nconst CONTROLS = {_json(self.controls)};"
        script = f"(() => {{\n{constants}\n{page('shared.js')}\n{page(self.kind + '.js')}\n}})();"
        status = escape(self.status).replace("\n", "<br>")
        return (
            f'{OPENING} data-kind="{self.kind}" role="group" aria-label="{escape(self.description)}">\n'
            f"<style>\n{page('figure.css')}\n{page('drawing.css')}\n</style>\n"
            f'<div class="gw-panels">{images(self.panels)}</div>\n'
            f'<p class="gw-status" data-part="status">{status}</p>\n'
            f'<p class="gw-caption">{escape(self.description)}.</p>\n'
            f'<p class="gw-static">{STATIC}</p>\n'
            f"<script>\n{script}\n</script>\n</div>"
        )

    def __repr__(self) -> str:
        return "\n".join(textwrap.fill(line, WIDTH) for line in f"{self.description}\n{self.status}".splitlines())

    def _repr_html_(self) -> str:
        return self.html

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self.html}


def images(panels: Sequence[Picture]) -> str:
    """Pictures as images that need no style sheet and no script, black on white."""
    style = "svg{--real:#1f77b4;--generated:#d9690a;--paper:#fff;background:#fff;color:#000}\n"
    style += page("drawing.css").replace(".gancourse-widget ", "")
    return " ".join(panel.image(style) for panel in panels)


def at_width(html: str, width: int) -> str:
    """A figure's HTML as it is drawn at a stated width, such as on a slide: larger, and without its caption.

    From 900 pixels on, the controls and values stand at the right side of the pictures, and the text measures 20 px
    at 1168 px.

    Args:
        html: of one figure, as `Widget.html` gives it or as a notebook has stored it.
        width: in pixels.

    Raises:
        ValueError: there is no figure in the text, or the width is below 320.

    >>> from gancourse.widgets import transport
    >>> at_width(transport().html, 1168)[:71]
    '<div class="gancourse-widget gw-sized gw-beside" style="--gw-width:1168'
    """
    if html.count(OPENING) != 1:
        raise ValueError(f"the text holds {html.count(OPENING)} figures; expected the HTML of one, as Widget.html")
    if width < 320:
        raise ValueError(f"width is {width}; expected at least 320 pixels")
    beside = " gw-beside" if width >= BESIDE else ""
    sized = f'<div class="gancourse-widget gw-sized{beside}" style="--gw-width:{width}px"'
    return html.replace(OPENING, sized)


def _json(value: object) -> str:
    """JSON that may stand in a script element: no tag or comment begins in it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


def slider(name: str, label: str, low: float, high: float, step: float, value: float, text: str = "") -> str:
    """A labelled slider; the number beside it has the part `name-value`, its label `name-label`.

    A text is shown instead of the number, where the slider's places are those of a list.
    """
    unused = "" if label else " hidden"
    text = text or f"{value:g}"
    return (
        f'<span class="gw-control"{unused}><label><span data-part="{name}-label">{escape(label)}</span> '
        f'<input type="range" data-part="{name}" min="{low:g}" max="{high:g}" step="{step:g}" value="{value:g}" '
        f'aria-valuetext="{escape(text)}"></label> '
        f'<span data-part="{name}-value" aria-hidden="true">{escape(text)}</span></span>'
    )


def menu(name: str, label: str, options: Mapping[str, str], value: str) -> str:
    """A labelled menu of options, value → text."""
    items = "".join(
        f'<option value="{escape(key)}"{" selected" if key == value else ""}>{escape(text)}</option>'
        for key, text in options.items()
    )
    return f'<span class="gw-control"><label>{escape(label)} <select data-part="{name}">{items}</select></label></span>'


def button(name: str, label: str) -> str:
    """A button."""
    return f'<button type="button" data-part="{name}">{escape(label)}</button>'
