"""A figure that works by itself: a picture, numbers, a style sheet and a script in one piece of HTML."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import Any

STATIC = "A picture of the figure at rest: it moves where its script may run, as in the built book."


def page(name: str) -> str:
    """One of the files that are put into the page, without comment lines and indentation."""
    lines = (files("gancourse.widgets") / "page" / name).read_text("utf-8").splitlines()
    return "\n".join(line.strip() for line in lines if line.strip() and not line.lstrip().startswith("//"))


@dataclass(frozen=True)
class Widget:
    """An interactive figure; a notebook shows it when it is the last line of a cell.

    Needs no kernel, no network and no extension. The same arguments give the same bytes.

    Args:
        kind: name of its script.
        description: what one sees, for those who don't.
        state: what its script starts from; plain numbers, texts, lists and dictionaries.
        panels: SVG pictures, side by side where there is room.
        controls: HTML of sliders, buttons and menus; hidden until the script runs.
        status: the values shown at rest.
    """

    kind: str
    description: str
    state: Mapping[str, Any]
    panels: Sequence[str]
    controls: str
    status: str

    @property
    def html(self) -> str:
        """The whole figure, to be put into any page."""
        state = json.dumps(self.state, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        # A function's own scope: several widgets on one page share no names, and no element has an id.
        script = f"(() => {{\n{page('shared.js')}\n{page(self.kind + '.js')}\n}})();"
        return (
            f'<div class="gancourse-widget" data-kind="{self.kind}" role="group" '
            f'aria-label="{escape(self.description)}" data-state="{escape(state)}">\n'
            f"<style>\n{page('style.css')}\n</style>\n"
            f'<div class="gw-panels">{"".join(self.panels)}</div>\n'
            f'<p class="gw-static">{STATIC}</p>\n'
            f'<div class="gw-controls" hidden>{self.controls}</div>\n'
            f'<p class="gw-status" data-part="status" role="status" aria-live="polite">{escape(self.status)}</p>\n'
            f"<script>\n{script}\n</script>\n</div>"
        )

    def __repr__(self) -> str:
        return f"{self.description}\n{self.status}"

    def _repr_html_(self) -> str:
        return self.html

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self.html}


def slider(name: str, label: str, low: float, high: float, step: float, value: float, wide: bool = False) -> str:
    """A labelled slider; the number beside it has the part `name-value`."""
    kind = ' class="gw-wide"' if wide else ""
    return (
        f'<label{kind}>{escape(label)} <input type="range" data-part="{name}" min="{low:g}" max="{high:g}" '
        f'step="{step:g}" value="{value:g}"> <span data-part="{name}-value">{value:g}</span></label>'
    )


def menu(name: str, label: str, options: Mapping[str, str], chosen: str) -> str:
    """A labelled menu of options, value → text."""
    items = "".join(
        f'<option value="{escape(key)}"{" selected" if key == chosen else ""}>{escape(text)}</option>'
        for key, text in options.items()
    )
    return f'<label>{escape(label)} <select data-part="{name}">{items}</select></label>'
