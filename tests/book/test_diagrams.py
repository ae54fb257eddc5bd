"""Diagrams: what each file must have, and how it stands in a page, on a phone and in both themes."""

from __future__ import annotations

import base64
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import check
import diagrams
import pytest

from tests.book import small_book
from tests.book.page_browser import faults, open_page

SVG = "{http://www.w3.org/2000/svg}"
NAMES = sorted(path.stem for path in diagrams.FOLDER.glob("*.svg"))
PAGE_PX = 680
"""Width of the page's column, where it is not narrower."""

needs_browser = pytest.mark.skipif(check.browser_paths() is None, reason="no chromium with chromedriver")
every_diagram = pytest.mark.parametrize("name", NAMES)


def problems(svg: str) -> list[str]:
    """What keeps a drawing from being read by everyone, in both themes."""
    root = ElementTree.fromstring(svg)
    found = []
    for part, least in (("title", 15), ("desc", 60)):
        element = root.find(f"{SVG}{part}")
        if element is None or len(element.text or "") < least:
            found.append(f"{part} is missing or says little")
        elif element.get("id") not in root.get("aria-labelledby", "").split():
            found.append(f"aria-labelledby doesn't name the {part}")
    if root.get("role") != "img":
        found.append("role is not img")
    # A colour is allowed as the value of a variable that the page may set.
    plain = re.sub(r"var\(--[\w-]+,[^()]*\)", "", svg)
    found += [f"fixed colour {c}" for c in re.findall(r"#[0-9a-fA-F]{3,8}\b|\b(?:black|white)\b(?=[\s;\"'])", plain)]
    smallest = min(diagrams.font_sizes(svg), default=0) * PAGE_PX / diagrams.width(svg)
    if smallest < diagrams.LEAST_TEXT_PX:
        found.append(f"text of {smallest:.1f} px")
    if re.search(r"(href|src)=[\"'](?!#)|url\((?!#)", svg):
        found.append("something is fetched")
    return found


@every_diagram
def test_a_diagram_can_be_read_by_everyone_in_both_themes(name: str):
    assert problems(diagrams.read(name)) == []


def test_a_diagram_that_cannot_be_read_would_be_found():
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1360 10" font-size="16"><title id="t">No</title>'
        '<desc id="d">Short</desc><rect fill="#000"/><text stroke="white">a</text><image href="a.png"/></svg>'
    )
    assert problems(svg) == [
        "title is missing or says little",
        "desc is missing or says little",
        "role is not img",
        "fixed colour #000",
        "fixed colour white",
        "text of 8.0 px",
        "something is fetched",
    ]


def test_a_drawing_is_found_in_the_first_chapter_that_has_one():
    assert "game-loop" in NAMES


def test_names_and_style_of_a_drawing_stay_within_it():
    one = diagrams.inline("game-loop", "one")
    root = ElementTree.fromstring(one)
    assert root.get("id") == "one"
    names = {element.get("id") for element in root.iter() if element.get("id")} - {"one"}
    assert all(name.startswith("one-") for name in names)
    assert set(root.get("aria-labelledby").split()) <= names
    assert set(re.findall(r"url\(#([^)]+)\)", one)) <= names
    rules = re.findall(r"^\s*([^{}\n]+?) \{", root.find(f"{SVG}style").text, re.M)
    assert len(rules) > 10
    assert all(selector.strip().startswith("#one") for rule in rules for selector in rule.split(","))


def test_the_picture_for_elsewhere_is_the_same_drawing():
    head, _, data = diagrams.data_url("game-loop").partition(",")
    assert head == "data:image/svg+xml;base64"
    assert base64.b64decode(data).decode() == diagrams.read("game-loop")


def test_an_unknown_diagram_is_refused_together_with_the_known_ones():
    with pytest.raises(diagrams.DiagramError, match=r"diagram 'game' not found; there are .*game-loop"):
        diagrams.read("game")


@pytest.mark.parametrize("part", ["viewBox", "title", "desc"])
def test_a_diagram_without_a_needed_part_is_refused(tmp_path: Path, part: str):
    svg = '<svg viewBox="0 0 10 10"><title>t</title><desc>d</desc></svg>'
    (tmp_path / "a.svg").write_text(re.sub(rf'<{part}>.</{part}>|{part}="[^"]*"', "", svg))
    with pytest.raises(diagrams.DiagramError, match=f"'a' has no <?{part}>?; add one"):
        diagrams.read("a", tmp_path)


CHAPTER = """## The loop

See {numref}`fig-loop` and {numref}`fig-again`.

```{diagram} game-loop
:name: fig-loop

Whose weights move: those of $D$ first.
```

```{diagram} game-loop
:name: fig-again
:alt: The same once more & again

Once more.
```
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    html, found = small_book.build(small_book.write(tmp_path_factory.mktemp("diagrams"), ["# Sample", CHAPTER]))
    assert found == []
    return html / f"{small_book.CHAPTER}.html"


@pytest.mark.slow
def test_a_diagram_is_a_numbered_figure(page: Path):
    text = page.read_text("utf-8")
    links = re.findall(r'href="(#fig-\w+)"><span class="std std-numref">(.*?)</span>', text)
    assert links == [("#fig-loop", "Fig. 2.1"), ("#fig-again", "Fig. 2.2")]
    assert "The same once more &amp; again</desc>" in text
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))


@pytest.mark.slow
def test_an_unknown_diagram_is_an_error_of_the_page(tmp_path: Path):
    _, found = small_book.build(small_book.write(tmp_path, ["# Sample\n\n```{diagram} gmae\n```"]))
    assert len(found) == 1
    assert "diagram 'gmae' not found; there are" in found[0]


@pytest.mark.slow
@needs_browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_diagram_takes_the_colours_of_the_theme(browser, page: Path, theme: str):
    open_page(browser, page, theme=theme)
    ink, text, ground = browser.execute_script(
        "const style = (s) => getComputedStyle(document.querySelector(s));"
        "return [style('.diagram svg text:not([class])').fill, style('.bd-article p').color,"
        "style('.diagram .paper').fill]"
    )
    assert ink == text
    assert ground == "rgba(0, 0, 0, 0)"
    pytest.importorskip("axe_core_python")
    assert faults(browser, "figure.diagram") == []


@pytest.mark.slow
@needs_browser
@pytest.mark.parametrize("width", [390, 1280])
def test_the_smallest_text_has_12_px_and_the_page_does_not_scroll_sideways(browser, page: Path, width: int):
    open_page(browser, page, width=width)
    scale, beyond = browser.execute_script(
        "const svg = document.querySelector('.diagram svg');"
        "return [svg.getBoundingClientRect().width / svg.viewBox.baseVal.width,"
        "document.documentElement.scrollWidth - innerWidth]"
    )
    assert min(diagrams.font_sizes(diagrams.read("game-loop"))) * scale >= 11.9
    assert beyond <= 0


COLLISIONS = """
const texts = [...document.querySelectorAll('svg text')], box = document.querySelector('svg').viewBox.baseVal
const rects = texts.map((text) => text.getBBox()), said = []
rects.forEach((a, i) => {
  if (a.x < box.x || a.y < box.y || a.x + a.width > box.x + box.width || a.y + a.height > box.y + box.height)
    said.push(`${texts[i].textContent} leaves the drawing`)
  rects.slice(i + 1).forEach((b, j) => {
    const across = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x)
    const down = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y)
    if (across > 1 && down > 6) said.push(`${texts[i].textContent} lies over ${texts[i + 1 + j].textContent}`)
  })
})
return said
"""


def collisions(browser, svg: str, folder: Path) -> list[str]:
    """Words of a drawing that lie over others or leave it."""
    (folder / "drawing.html").write_text(f"<!doctype html><meta charset='utf-8'>{svg}", "utf-8")
    browser.get((folder / "drawing.html").as_uri())
    return browser.execute_script(COLLISIONS)


@pytest.mark.slow
@needs_browser
@every_diagram
def test_no_words_of_a_diagram_lie_over_others_or_leave_it(browser, name: str, tmp_path: Path):
    assert collisions(browser, diagrams.read(name), tmp_path) == []


@pytest.mark.slow
@needs_browser
def test_words_that_lie_over_others_would_be_found(browser, tmp_path: Path):
    svg = (
        '<svg viewBox="0 0 100 60" width="100" font-size="12">'
        '<text x="5" y="20">one</text><text x="9" y="21">two</text>'
        '<text x="90" y="50">three</text></svg>'
    )
    assert collisions(browser, svg, tmp_path) == ["one lies over two", "three leaves the drawing"]
