"""What other programs read of a page: a description for search engines, a title and a picture for links to it.

A page's description is its own (`html_meta` in the front matter) or else its first paragraph that is a sentence without
equations.
"""

from __future__ import annotations

import re
from html import escape, unescape
from typing import Any

from docutils import nodes

LONGEST, SHORTEST = 160, 40
PICTURE = "_static/preview.png"
PICTURE_ALT = "Eight clusters of dots on a circle, real ones and generated ones"


def description(doctree: nodes.document) -> str:
    """The first paragraph that says something by itself, cut at a word; of a page without one, nothing."""
    for paragraph in doctree.findall(nodes.paragraph):
        text = " ".join(paragraph.astext().split())
        has_equation = paragraph.next_node(nodes.math) is not None
        if len(text) >= SHORTEST and not has_equation and not _is_aside(paragraph):
            return text if len(text) <= LONGEST else text[: LONGEST - 1].rsplit(" ", 1)[0] + "…"
    return ""


def _is_aside(node: nodes.Node) -> bool:
    """Whether it lies in anything but sections: an admonition, a question, a cell, a list."""
    while isinstance(node.parent, nodes.section):
        node = node.parent
    return not isinstance(node.parent, nodes.document)


def _add(app: Any, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    if doctree is None:
        return
    tags = context.get("metatags", "")
    title = unescape(re.sub(r"<[^>]+>", "", context["title"]))
    own = next((m["content"] for m in doctree.findall(nodes.meta) if m.get("name") == "description"), "")
    text = own or description(doctree) or f"{title}: {app.config.html_title}"
    picture = context["pathto"](PICTURE, 1)
    if app.config.html_baseurl:
        picture = app.config.html_baseurl.rstrip("/") + "/" + PICTURE
    about = {
        "og:type": "article",
        "og:title": title,
        "og:site_name": app.config.html_title,
        "og:description": text,
        "og:image": picture,
        "og:image:alt": PICTURE_ALT,
    }
    if not own:
        tags += f'\n<meta name="description" content="{escape(text)}">'
    lines = [f'<meta property="{key}" content="{escape(value)}">' for key, value in about.items()]
    context["metatags"] = "\n".join([tags, *lines, '<meta name="twitter:card" content="summary_large_image">'])


def setup(app: Any) -> dict[str, bool]:
    """Take part in a Sphinx build."""
    app.connect("html-page-context", _add)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
