"""Write the bibliography as a list that screen readers know: docutils gives its entries a role that is deprecated."""

from __future__ import annotations

from typing import Any

from docutils import nodes


def _enter(writer: Any, node: nodes.citation) -> None:
    if not isinstance(node.previous_sibling(), nodes.citation):
        writer.body.append('<div role="list" class="citation-list">\n')
    writer.body.append(writer.starttag(node, "div", CLASS="citation", role="listitem"))


def _leave(writer: Any, node: nodes.citation) -> None:
    writer.body.append("</div>\n")
    if not isinstance(node.next_node(descend=False, siblings=True), nodes.citation):
        writer.body.append("</div>\n")


def setup(app: Any) -> dict[str, bool]:
    """Take part in a Sphinx build."""
    app.add_node(nodes.citation, override=True, html=(_enter, _leave))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
