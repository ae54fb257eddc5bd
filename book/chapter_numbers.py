"""Number a chapter by its file name: 09_dcgan is chapter 9 and its first figure 9.1, whatever else is in the contents.

Sphinx and jupyter-book count the chapters that they are given. This course publishes chapters as they get ready, and
package, slides and exercises say "chapter 9", so a number must not change when another chapter appears.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from docutils import nodes
from sphinx_external_toc.collectors import TocTreeCollectorWithStyles as Collector

FILE = re.compile(r"(\d\d)_\w+")

_counted = Collector.assign_section_numbers


def _assign_section_numbers(collector: Collector, env: Any) -> list[str]:
    """Count as jupyter-book does, then put the file's number in place of the first."""
    rewrite = _counted(collector, env)
    for page, numbers in env.toc_secnumbers.items():
        if match := FILE.fullmatch(page):
            chapter = int(match[1])
            env.toc_secnumbers[page] = {anchor: (chapter, *n[1:]) for anchor, n in numbers.items() if n}
            _renumber([env.titles[page], *env.tocs[page].findall(nodes.reference)], chapter)
    return rewrite


def _renumber(places: Iterable[nodes.Element], chapter: int) -> None:
    for place in places:
        if place.get("secnumber"):
            place["secnumber"] = [chapter, *place["secnumber"][1:]]


def _label(app: Any, doctree: nodes.document) -> None:
    """Make a chapter's file name a label, so that {numref}`Chapter %s <09_dcgan>` works."""
    page, section = app.env.docname, doctree.next_node(nodes.section)
    if FILE.fullmatch(page) and section is not None:
        standard = app.env.get_domain("std")
        standard.anonlabels[page] = page, section["ids"][0]
        standard.labels[page] = page, section["ids"][0], section.next_node(nodes.title).astext()


def setup(app: Any) -> dict[str, bool]:
    """Take part in a Sphinx build."""
    app.connect("doctree-read", _label)
    Collector.assign_section_numbers = _assign_section_numbers
    return {"parallel_read_safe": True, "parallel_write_safe": True}
