"""Interactive figures on pages that are no notebooks.

In Markdown,

    ```{widget} steer
    ```

is what `gancourse.widgets.steer()` shows at the end of a notebook's cell. In print there is nothing.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from gancourse import widgets


class WidgetDirective(SphinxDirective):
    """A figure of the package that needs no arguments."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The figure's HTML."""
        name = self.arguments[0]
        if name not in widgets.__all__:
            raise self.error(f"there is no figure {name!r} in gancourse.widgets; pass one of {sorted(widgets.__all__)}")
        try:
            shown = getattr(widgets, name)()
        except TypeError as error:
            raise self.error(f"gancourse.widgets.{name} isn't shown without arguments: {error}") from error
        if not isinstance(shown, widgets.Widget):
            raise self.error(f"gancourse.widgets.{name} makes no figure for a page")
        return [nodes.raw("", shown.html, format="html")]


def setup(app: Any) -> dict[str, bool]:
    """Take part in a Sphinx build."""
    app.add_directive("widget", WidgetDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
