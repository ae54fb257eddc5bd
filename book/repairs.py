"""Mend what others' extensions write and screen readers stumble over.

- docutils gives entries of a bibliography a role that is deprecated, and that a list doesn't take.
- sphinx-exercise and sphinx-proof give the content of each exercise and theorem the same id.
"""

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


REPEATED = {"exercise-content", "solution-content", "proof-content"}


def _drop_repeated(app: Any, doctree: nodes.document, page: str) -> None:
    for section in doctree.findall(nodes.section):
        section["ids"] = [name for name in section["ids"] if name not in REPEATED]


def setup(app: Any) -> dict[str, bool]:
    """Take part in a Sphinx build."""
    app.add_node(nodes.citation, override=True, html=(_enter, _leave))
    app.connect("doctree-resolved", _drop_repeated)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
