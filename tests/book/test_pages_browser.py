"""Built pages in a browser: previews, wide blocks, a phone, paper, and what axe says, in both themes."""

from __future__ import annotations

import re
import time
from pathlib import Path

import check
import pytest

from tests.book import small_book
from tests.book.page_browser import clipped, faults, on_paper, open_page, without_scripts

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(check.browser_paths() is None, reason="no chromium with chromedriver"),
]

TEXT = r"""# Sample of a page

By {eq}`eq-one`, {numref}`fig-loop` and {prf:ref}`thm-one`, as {cite:t}`goodfellow2014` say. See [below](#last).

$$
V(D, G) = \mathbb E[\log D(x)]
$$ (eq-one)

```{diagram} game-loop
:name: fig-loop

Whose weights move when.
```

```{prf:theorem} One
:label: thm-one

The first theorem.
```

```{exercise}
:label: ex-02-one

Use {eq}`eq-one`.
```

```{exercise}
:label: ex-02-two

Use {prf:ref}`thm-one`.
```

```{predict} What is drawn?
- [x] a
  Yes.
- [ ] b
```

## Last

After {numref}`fig-covered`.

| a | b |
|---|---|
| 1 | 2 |

```{question} Which?
- [x] a
  Yes.
- [ ] b
  No.
```
"""
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="  # one pixel
FIGURE = {"figure": {"caption": "The answer.", "name": "fig-covered"}, "image": {"alt": "A pixel that is the answer"}}
WIDE = "x" * 78
LONG = r"""## Wide

$$ a + b + c + d + e + f + g + h + i + j + k + l + m + n + o + p + q + r + s + t + u + v + w + x + y + z = 0 $$
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cells = [
        TEXT,
        small_book.code("draw()", small_book.shown(png=PNG, plain="<Figure>"), mystnb=FIGURE),
        small_book.code("import torch", tags=("hide-input",)),
        small_book.code(WIDE, small_book.printed(f"{WIDE}\n")),
        LONG,
    ]
    pages = {"text": "# A page of text\n\nThis page has a first paragraph that describes it well.\n"}
    html, problems = small_book.build(small_book.write(tmp_path_factory.mktemp("pages"), cells, pages))
    assert problems == []
    return html


@pytest.fixture(scope="module")
def page(site: Path) -> Path:
    return site / f"{small_book.CHAPTER}.html"


@pytest.fixture
def driver(browser, page: Path):
    """The browser with the chapter just opened, whose console must stay empty."""
    browser.get_log("browser")
    open_page(browser, page)
    yield browser
    assert check.console_errors(browser) == []


def link(driver, text: str):
    return next(a for a in driver.find_elements("css selector", ".bd-article a.internal") if a.text == text)


def shown(driver, wait_s: float = 2.0) -> str | None:
    """What the preview says, once it is there; None if it doesn't come."""
    end = time.monotonic() + wait_s
    while time.monotonic() < end:
        if found := driver.find_elements("css selector", ".preview"):
            return found[0].text
        time.sleep(0.05)
    return None


def gone(driver) -> bool:
    end = time.monotonic() + 2
    while driver.find_elements("css selector", ".preview") and time.monotonic() < end:
        time.sleep(0.05)
    return not driver.find_elements("css selector", ".preview")


def point_at(driver, element) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(driver).move_to_element(element).perform()


def press(driver, key: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(driver).send_keys(key).perform()


@pytest.mark.parametrize(
    ("text", "said"),
    [("Fig. 2.1", "Whose weights move when"), ("Theorem 2.1", "The first theorem"), ("2014", "Jean Pouget-Abadie")],
)
def test_pointing_at_a_link_shows_what_it_leads_to(driver, text: str, said: str):
    target = link(driver, text)
    point_at(driver, target)
    assert said in shown(driver)
    assert target.get_attribute("aria-describedby") == "link-preview"
    assert not target.get_attribute("title")
    ids = driver.execute_script("return [...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids))
    point_at(driver, driver.find_element("css selector", ".bd-article h1"))
    assert gone(driver)
    assert not target.get_attribute("aria-describedby")


def test_an_equation_is_drawn_in_its_preview(driver):
    point_at(driver, link(driver, "(2.1)"))
    shown(driver)
    assert driver.execute_script("return document.querySelectorAll('.preview mjx-container').length") == 1


def test_a_preview_stays_while_the_pointer_rests_on_it_and_goes_with_escape(driver):
    from selenium.webdriver.common.keys import Keys

    point_at(driver, link(driver, "Theorem 2.1"))
    assert shown(driver)
    point_at(driver, driver.find_element("css selector", ".preview"))
    time.sleep(0.6)
    assert shown(driver)
    press(driver, Keys.ESCAPE)
    assert gone(driver)


def test_the_focus_of_the_keyboard_shows_a_preview_and_leaving_hides_it(driver):
    from selenium.webdriver.common.keys import Keys

    driver.execute_script("arguments[0].focus()", link(driver, "(2.1)"))
    press(driver, Keys.TAB)
    assert "Whose weights move when" in shown(driver)
    press(driver, Keys.TAB)
    assert "The first theorem" in shown_after(driver, "Whose weights move when")


def shown_after(driver, old: str) -> str:
    end = time.monotonic() + 3
    while time.monotonic() < end:
        said = shown(driver) or ""
        if old not in said:
            return said
        time.sleep(0.05)
    return old


def test_a_touch_shows_no_preview(driver):
    driver.execute_script(
        "arguments[0].dispatchEvent(new PointerEvent('pointerenter', {pointerType: 'touch'}))", link(driver, "(2.1)")
    )
    assert shown(driver, wait_s=0.8) is None


def test_a_link_to_a_section_has_no_preview(driver):
    point_at(driver, link(driver, "below"))
    assert shown(driver, wait_s=0.8) is None


def test_a_covered_figure_has_no_preview_until_it_is_uncovered(driver):
    point_at(driver, link(driver, "Fig. 2.2"))
    assert shown(driver, wait_s=0.8) is None
    driver.execute_script("document.querySelector('.question-cover button:last-of-type').click()")
    point_at(driver, driver.find_element("css selector", ".bd-article h1"))
    point_at(driver, link(driver, "Fig. 2.2"))
    assert "The answer." in shown(driver)


# Width


@pytest.mark.parametrize("width", [1280, 1440, 1920])
def test_78_columns_of_code_and_of_a_printout_are_not_cut(browser, page: Path, width: int):
    open_page(browser, page, width=width)
    assert [block for block in clipped(browser) if "xxx" in block] == []


def test_a_block_that_is_cut_is_found_and_can_be_scrolled_by_keyboard(browser, page: Path):
    open_page(browser, page, width=390)
    assert len([block for block in clipped(browser) if "xxx" in block]) == 2
    # Wide blocks can have the focus, others can't.
    focusable = browser.execute_script(
        "return [...document.querySelectorAll('.bd-article pre, mjx-container[display]')].map("
        "(e) => [e.scrollWidth > e.clientWidth + 1, e.tabIndex === 0])"
    )
    assert {wide for wide, _ in focusable} == {True, False}
    assert all(wide == focus for wide, focus in focusable)


@pytest.mark.parametrize("name", [small_book.CHAPTER, "text", "index"])
def test_a_page_does_not_scroll_sideways_on_a_phone(browser, site: Path, name: str):
    open_page(browser, site / f"{name}.html", width=390, height=844)
    assert browser.execute_script("return document.documentElement.scrollWidth - innerWidth") <= 0


# What axe says


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_no_fault_on_a_chapter_and_on_a_page_of_references(browser, site: Path, theme: str, width: int):
    pytest.importorskip("axe_core_python")
    for name in (small_book.CHAPTER, "index"):
        open_page(browser, site / f"{name}.html", theme=theme, width=width)
        assert faults(browser) == [], name


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_fault_in_a_preview(browser, page: Path, theme: str):
    pytest.importorskip("axe_core_python")
    open_page(browser, page, theme=theme)
    point_at(browser, link(browser, "Theorem 2.1"))
    assert shown(browser)
    assert faults(browser, ".preview") == []


# Paper


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_paper_cuts_nothing_and_leaves_out_folded_code_and_navigation(browser, page: Path, theme: str):
    open_page(browser, page, width=794, theme=theme)
    with on_paper(browser):
        assert clipped(browser) == []
        hidden = "details.hide", ".bd-sidebar-primary", ".bd-header-article", ".headerlink"
        heights = "return arguments[0].map((s) => document.querySelector(s).getBoundingClientRect().height)"
        assert browser.execute_script(heights, hidden) == [0] * len(hidden)
        colours = "const s = getComputedStyle(document.querySelector('.bd-article p')); return s.color"
        assert sum(map(int, re.findall(r"\d+", browser.execute_script(colours))[:3])) < 200
        after = "return getComputedStyle(document.querySelector('.bd-article a.internal'), '::after').content"
        assert browser.execute_script(after) in ("none", "normal")
        breaks = "return getComputedStyle(document.querySelector('.bd-article h2')).breakAfter"
        assert browser.execute_script(breaks) == "avoid"


# Heads of pages, and names within them


def test_a_name_occurs_once_on_a_page(page: Path):
    names = re.findall(r'\sid="([^"]+)"', page.read_text("utf-8"))
    assert len(names) > 20
    assert sorted(names) == sorted(set(names))


def head(page: Path) -> dict[str, str]:
    """The page's meta elements by name."""
    text = page.read_text("utf-8")
    return dict(re.findall(r'<meta (?:name|property)="([^"]+)" content="([^"]*)"', text))


def test_a_page_says_what_it_is(site: Path):
    about = head(site / "text.html")
    assert about["description"] == "This page has a first paragraph that describes it well."
    assert about["og:description"] == about["description"]
    assert about["og:title"] == "A page of text"
    assert (site / about["og:image"]).is_file()
    text = (site / "text.html").read_text("utf-8")
    icon = re.search(r'<link rel="icon" href="([^"]+)"', text)[1]
    assert (site / icon.split("?")[0]).is_file()


def test_a_page_without_a_paragraph_of_its_own_is_described_by_its_title(site: Path):
    assert head(site / f"{small_book.CHAPTER}.html")["og:title"] == "2. Sample of a page"
    assert head(site / "index.html")["description"] == "A book: Generative adversarial networks"


def test_without_scripts_a_page_shows_everything(browser, page: Path):
    blocks = ".bd-article :is(figure, table, pre)"
    with without_scripts(browser):
        browser.get(page.as_uri())
        seen = browser.find_elements("css selector", blocks)
        assert len(seen) >= 5
        assert all(e.is_displayed() for e in seen if not e.find_elements("xpath", "ancestor::details"))
        # In the theme's colours: not all is black.
        colours = {
            e.value_of_css_property("color") for e in browser.find_elements("css selector", ".bd-article :is(p, a)")
        }
        assert len(colours) > 1
    browser.get("about:blank")
