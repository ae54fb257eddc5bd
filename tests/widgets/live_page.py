"""A page with the figure `steer` and its files, opened from the disk and from a server."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import live
import live_figures
import pytest

from gancourse.widgets import onnx_graphs, record_faces, steer
from gancourse.widgets.styled import Styled
from tests.widgets.style_based import small

NAME = "small"


def needs_graphs() -> None:
    """Skip where graphs can't be exported."""
    if missing := onnx_graphs.missing_packages():
        pytest.skip(f"{' and '.join(missing)} not installed; run `make live`")


def runtime() -> str:
    """The script with onnxruntime-web; skip where it isn't to be had without a network."""
    needs_graphs()
    if not any(live.FOLDER.glob("*.tgz")):
        pytest.skip("onnxruntime-web isn't in _build/live; run `make live`")
    return onnx_graphs.runtime_script(*live.onnxruntime_web(live.FOLDER))


def write(folder: Path, network: str, runtime: str | None = None, networks: Styled | None = None) -> Path:
    """Write the page with the figure, its files in a folder beside it.

    Args:
        folder: where to.
        network: the script with the networks.
        runtime: the script with onnxruntime-web; without one, the page doesn't say where files are.
        networks: whose picture stands there at rest; the small ones' if left out.
    """
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>A face</title>'
    head += '<link rel="icon" href="data:,">'  # or browsers ask the server for one
    if runtime is not None:
        root = folder / "root"
        (root / live_figures.FOLDER).mkdir(parents=True)
        for name, text in (("runtime", runtime), (NAME, network)):
            (root / live_figures.FOLDER / f"{name}.js").write_text(text, "utf-8")
        assets = live_figures.assets(root)
        assets.copy(folder / "live")
        head += assets.head(lambda file: f"live/{file}")
    figure = steer(record_faces(networks or small(), name=NAME)).html
    style = (
        "<style>body { margin: 8px } html[data-theme=dark] body { color: #eee; background: #14181e; "
        "--pst-color-background: #14181e }</style>"
    )
    body = f"<main><h1>A page</h1>{figure}</main>"
    page = folder / "index.html"
    page.write_text(f'<!doctype html><html lang="en"><head>{head}{style}</head><body>{body}</body></html>', "utf-8")
    return page


class _Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        """Nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a server of a folder on this machine."""
    handler = functools.partial(_Silent, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
