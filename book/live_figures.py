"""Pages with a figure that runs networks: the files it loads lie beside the page, and the page's head says where.

`book/live.py` writes these files to `_build/live`. Where they are missing, the page keeps the figure's picture.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path("_build") / "live"
FIGURE = 'data-kind="steer"'
SIGN = "gancourse-live"
ABSENT = "live: the generator isn't in the page, which keeps its picture: run `make live` first"


class Assets(NamedTuple):
    """Files that a page loads as scripts when the reader asks for it.

    Args:
        folder: where they lie.
        digests: of each file's content, by the name under which the figure asks for it.
    """

    folder: Path
    digests: dict[str, str]

    def copy(self, target: Path) -> None:
        """Put the files into a folder, unless they are there; two processes may do so at once."""
        target.mkdir(parents=True, exist_ok=True)
        for name, digest in self.digests.items():
            path = target / f"{name}.js"
            if path.is_file() and _digest(path) == digest:
                continue
            temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
            shutil.copyfile(self._path(name), temporary)
            os.replace(temporary, path)

    def head(self, address: Callable[[str], str]) -> str:
        """The element of a page's head that the figure reads.

        Args:
            address: of a file, by its name, as the page has it.
        """
        files = {
            name: {"address": f"{address(f'{name}.js')}?v={digest[:8]}", "bytes": self._path(name).stat().st_size}
            for name, digest in self.digests.items()
        }
        return f'<meta name="{SIGN}" content="{escape(json.dumps(files))}">'

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.js"


def assets(root: Path) -> Assets | None:
    """What `book/live.py` has written; None if the runtime or all networks are missing.

    Args:
        root: the folder with `_build`.
    """
    files = sorted((root / FOLDER).glob("*.js"))
    if "runtime" not in {path.stem for path in files} or len(files) < 2:
        return None
    return Assets(root / FOLDER, {path.stem: _digest(path) for path in files})


def declared(html: str, target: Path, address: str, root: Path) -> str:
    """A page as it is, or, if it has such a figure and the files are there, with them beside it and said in its head.

    Args:
        html: the page.
        target: folder for the files.
        address: of that folder, as the page has it.
        root: the folder with `_build`.
    """
    there = assets(root) if FIGURE in html else None
    if there is None:
        return html
    there.copy(target)
    return html.replace("</head>", f"{there.head(lambda file: f'{address}/{file}')}\n</head>", 1)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _configure(app: Any, config: Any) -> None:
    """Pages are written again when the files change: the setting holds their digests."""
    there = assets(Path(app.srcdir).parent)
    config.live_digests = sorted(there.digests.items()) if there else []


def _declare(app: Any, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    from docutils import nodes

    if doctree is None or not any(FIGURE in raw.astext() for raw in doctree.findall(nodes.raw)):
        return
    there = assets(Path(app.srcdir).parent)
    if there is None:
        from sphinx.util import logging

        logging.getLogger(__name__).info(ABSENT, once=True)
        return
    there.copy(Path(app.outdir) / "_static" / "live")
    tag = there.head(lambda file: context["pathto"](f"_static/live/{file}", 1))
    context["metatags"] = f"{context.get('metatags', '')}\n{tag}"


def setup(app: Any) -> dict[str, bool]:
    """Take part in a Sphinx build."""
    app.add_config_value("live_digests", [], "html")
    app.connect("config-inited", _configure)
    app.connect("html-page-context", _declare)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
