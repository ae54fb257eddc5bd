"""Code cells on the page: pictures at their size, folded code with a summary, tables, anchors of claims."""

from __future__ import annotations

import base64
import io
import re
from html import unescape
from pathlib import Path

import check
import pytest
from cells import resolution
from PIL import Image

from gancourse import plots
from tests.book import small_book
from tests.book.page_browser import faults, open_page

pytestmark = pytest.mark.slow
needs_browser = pytest.mark.skipif(check.browser_paths() is None, reason="no chromium with chromedriver")


def png(width: int, dpi: float | None) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, 40), "#0072b2").save(out, "PNG", **({"dpi": (dpi, dpi)} if dpi else {}))
    return out.getvalue()


def figure(width: int, dpi: float | None, name: str, **settings):
    about = {"figure": {"caption": "A blue box.", "name": name}, "image": {"alt": f"Blue box {name}"}, **settings}
    picture = base64.b64encode(png(width, dpi)).decode()
    return small_book.code(
        "draw()", small_book.shown(png=picture, plain="<Figure>"), tags=("hide-input",), mystnb=about
    )


def test_the_resolution_of_a_png_is_read():
    assert resolution(png(300, None)) is None
    width, dpi = resolution(png(300, 192))
    assert (width, round(dpi)) == (300, 192)
    assert resolution(b"GIF89a") is None


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    table = plots.table([{"loss": "minimax", "gradient": 0.25}], caption="A table")
    cells = [
        "# Sample\n\nAs {ref}`this cell <claim-02-1>` and {ref}`claim-02-2` show.",
        small_book.code("import torch", tags=("hide-input",)),
        figure(1000, 192, "fig-fine"),
        figure(600, 100, "fig-plain"),
        figure(600, 192, "fig-own", code_prompt_show="How it is drawn"),
        small_book.code("print(1)", small_book.printed("1\n"), claim="One is printed", control="Zero would be"),
        small_book.code("table", small_book.shown(html=table._repr_html_(), plain=repr(table)), claim="A", control="B"),
    ]
    html, problems = small_book.build(small_book.write(tmp_path_factory.mktemp("cells"), cells))
    assert problems == []
    return html / f"{small_book.CHAPTER}.html"


def test_a_claim_can_be_referred_to(page: Path):
    text = page.read_text("utf-8")
    assert '<a class="reference internal" href="#claim-02-1"><span class="std std-ref">this cell</span></a>' in text
    assert 'href="#claim-02-2"><span class="std std-ref">A</span>' in text
    assert re.search(r'<div class="cell [^"]*" id="claim-02-1">', text)


def test_folded_code_has_a_summary_that_says_what_it_is(page: Path):
    text = page.read_text("utf-8")
    shown = re.findall(r'<p class="collapsed admonition-title">(.*?)</p>', text)
    names = ["Setup", "The figure's code", "The figure's code", "How it is drawn"]
    assert [unescape(name) for name in shown] == names
    assert re.findall(r'<p class="expanded admonition-title">(.*?)</p>', text) == shown


@needs_browser
def test_pictures_of_double_density_are_shown_at_half_their_pixels(browser, page: Path):
    open_page(browser, page)
    widths = "return [...document.querySelectorAll('.cell_output img')].map((i) => Math.round(i.clientWidth))"
    assert browser.execute_script(widths) == [500, 600, 300]


@needs_browser
def test_in_the_dark_a_figure_is_a_white_card_and_a_table_takes_the_pages_colours(browser, page: Path):
    open_page(browser, page, theme="dark")
    image, table, text = browser.execute_script(
        "const style = (s) => getComputedStyle(document.querySelector(s));"
        "const image = style('.cell_output img');"
        "return [[image.filter, image.backgroundColor], [style('.text_html:has(.course-table)').backgroundColor,"
        "style('.course-table td').color], style('.bd-article p').color]"
    )
    assert image == ["none", "rgb(255, 255, 255)"]
    assert table == ["rgba(0, 0, 0, 0)", text]


@needs_browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_fault_in_the_cells(browser, page: Path, theme: str):
    pytest.importorskip("axe_core_python")
    open_page(browser, page, theme=theme)
    assert faults(browser, ".cell") == []
