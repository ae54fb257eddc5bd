"""Let docstrings be plain text: outside of backticks and doctests, stars, bars and closing underscores mean themselves.

`[n, *shape]` and `|p − q|` are how the package's docstrings write shapes and norms; reStructuredText would read the
one as emphasis and the other as a substitution. A list may follow its introduction without an empty line.
"""

from __future__ import annotations

import importlib
import re
from typing import Any

LIST_ITEM = re.compile(r"\s*- \S")
MARKUP = re.compile(r"[*|]|_(?!\w)")


def escape(lines: list[str]) -> list[str]:
    r"""The same lines with markup escaped.

    >>> escape(["draws, [n, *shape], as in `f(*shape)`"])
    ['draws, [n, \\*shape], as in `f(*shape)`']
    >>> escape([">>> 2 * 3", "6"])
    ['>>> 2 * 3', '6']
    """
    escaped, in_doctest = [], False
    for line in lines:
        in_doctest = line.lstrip().startswith(">>>") or (in_doctest and bool(line.strip()))
        parts = [line] if in_doctest else line.split("`")
        escaped.append("`".join(p if in_doctest or i % 2 else MARKUP.sub(r"\\\g<0>", p) for i, p in enumerate(parts)))
    return escaped


def with_room(lines: list[str]) -> list[str]:
    """The same lines with an empty one before each list, which reStructuredText asks for.

    >>> with_room(["x: one of", "    - bytes", "    - floats", "y: labels"])
    ['x: one of', '', '    - bytes', '    - floats', 'y: labels']
    """
    spaced: list[str] = []
    for line in lines:
        before = spaced[-1] if spaced else ""
        if LIST_ITEM.match(line) and before.strip() and _indent(before) < _indent(line):
            spaced.append("")
        spaced.append(line)
    return spaced


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _process(app: Any, what: str, name: str, obj: object, options: Any, lines: list[str]) -> None:
    lines[:] = with_room(escape(lines))


def setup(app: Any) -> dict[str, bool]:
    """Take part in a Sphinx build, before napoleon turns sections into fields."""
    # autodoc copies annotations from classes to their subclasses in other modules, where names that they hold may be
    # unknown. Whatever evaluates annotations while it is imported is imported first.
    importlib.import_module("gancourse.cli")
    app.connect("autodoc-process-docstring", _process, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
