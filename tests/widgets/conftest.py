"""A page with figures to play with, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import check
import pytest

from gancourse.widgets import browse, diffuse, dirac, levels, recording, scrub, transport, two_gaussians
from tests.widgets.figures import png


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of a page with one of each, the film twice."""
    game = recording("ring")
    ring_film = scrub(game.frames, game.real, curves=game.curves)
    short_film = scrub([(0, [[0.0, 0.0]]), (7, [[1.0, 1.0]])], [[1.0, 1.0]], start=0)
    greys = browse({"black": png(0), "grey": png(99)}, control="shade", description="Small pictures of one shade each")
    widgets = [ring_film, dirac("GAN"), transport("lines"), short_film, levels(), greys, diffuse(), two_gaussians()]
    path = tmp_path_factory.mktemp("page") / "index.html"
    body = "\n".join(widget.html for widget in widgets)
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><style>body { margin: 8px }</style>'
    )
    path.write_text(f"<!doctype html><html><head>{head}</head><body>{body}</body></html>", "utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator:
    with check.browser() as driver:
        yield driver


@pytest.fixture
def driver(browser, page: str) -> Iterator:
    """The browser with the page just opened, whose console must stay empty and which must ask for nothing."""
    for log in ("browser", "performance"):
        browser.get_log(log)
    browser.get(page)
    yield browser
    assert check.console_errors(browser) == []
    assert check.outside_requests(browser) == []
