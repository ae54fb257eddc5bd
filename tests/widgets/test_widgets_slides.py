"""Figures to play with on slides: they fit, and keys, drags and swipes on them turn no slide."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import build
import check
import pytest

from gancourse.widgets import at_width, diffuse, dirac, levels, recording, scrub, transport
from tests.widgets.figures import choose, keys, part, press, run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(check.browser_paths() is None, reason="no chromium with chromedriver"),
]
WIDTH = 1168
N_SLIDES = 6


@pytest.fixture(scope="module")
def deck(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A deck whose slides 2 to 6 are figures."""
    folder = tmp_path_factory.mktemp("deck")
    build.copy_assets(folder / "assets")
    game = recording("ring")
    figures = [scrub(game.frames, game.real, curves=game.curves), dirac("R1"), transport("lines"), levels(), diffuse()]
    slides = ["<h2>before</h2>", *(at_width(figure.html, WIDTH) for figure in figures), "<h2>after</h2>"]
    sections = "".join(f"<section>{slide}</section>" for slide in slides)
    (folder / "index.html").write_text(
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>deck</title>'
        '<link rel="stylesheet" href="assets/reveal/reveal.css"></head>'
        f'<body><div class="reveal"><div class="slides">{sections}</div></div>'
        '<script src="assets/reveal/reveal.js"></script><script>'
        "Reveal.initialize({width: 1280, height: 720, margin: 0, center: false, transition: 'none', hash: false})"
        ".then(() => (document.documentElement.dataset.ready = 'yes'))</script></body></html>",
        "utf-8",
    )
    return folder / "index.html"


@pytest.fixture
def slides(browser, deck: Path) -> Iterator:
    """The deck just opened."""
    check.open_slides(browser, deck)
    yield browser
    assert check.console_errors(browser) == []
    assert check.outside_requests(browser) == []


def go(driver, slide: int) -> None:
    driver.execute_script("Reveal.slide(arguments[0])", slide)
    time.sleep(0.2)


def here(driver) -> int:
    return driver.execute_script("return Reveal.getIndices().h")


def test_the_deck_asks_for_nothing_from_outside(deck: Path):
    assert check.outside_links(deck) == []


def test_keys_outside_a_figure_turn_the_slides(slides):
    from selenium.webdriver.common.action_chains import ActionChains

    go(slides, 2)
    ActionChains(slides).send_keys(keys().ARROW_RIGHT).perform()
    assert here(slides) == 3


@pytest.mark.parametrize(
    ("slide", "name"),
    [
        (1, "play"),
        (1, "slider"),
        (2, "start"),
        (2, "method"),
        (2, "h"),
        (2, "reset"),
        (3, "handle"),
        (3, "width"),
        (4, "scale0"),
        (4, "other"),
        (4, "reset"),
        (5, "point"),
        (5, "steps"),
        (5, "time"),
    ],
)
def test_keys_that_a_control_handles_turn_no_slide(slides, slide: int, name: str):
    Keys = keys()
    go(slides, slide)
    for key in (Keys.ARROW_LEFT, Keys.ARROW_RIGHT, Keys.ARROW_DOWN, Keys.ARROW_UP, Keys.END, Keys.HOME):
        press(slides, slide - 1, name, key)
        assert here(slides) == slide, key
    if name in ("play", "reset"):
        press(slides, slide - 1, name, Keys.SPACE, Keys.ENTER)
        assert here(slides) == slide
    press(slides, slide - 1, name, Keys.ESCAPE)  # a key that no control handles: reveal.js shows all slides
    assert slides.execute_script("return Reveal.isOverview()") == (slides.switch_to.active_element.tag_name != "input")


def swipe(driver, x: float, y: float) -> None:
    """Draw a finger 150 pixels to the left."""
    driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    for i in range(11):
        event = {"type": "touchMove" if i else "touchStart", "touchPoints": [{"x": x - 15 * i, "y": y}]}
        driver.execute_cdp_cmd("Input.dispatchTouchEvent", event)
    driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
    time.sleep(0.2)


def middle(driver, index: int, name: str) -> tuple[float, float]:
    code = "const b = arguments[0].getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]"
    return tuple(driver.execute_script(code, part(driver, index, name)))


@pytest.mark.parametrize(
    ("slide", "name"), [(1, "slider"), (2, "start"), (2, "h"), (3, "handle"), (4, "scale1"), (5, "point")]
)
def test_a_swipe_on_a_control_moves_it_and_turns_no_slide(slides, slide: int, name: str):
    go(slides, slide)
    before = run(slides, f"return widgets[{slide - 1}].querySelector('.gw-status').textContent")
    swipe(slides, *middle(slides, slide - 1, name))
    assert here(slides) == slide
    assert run(slides, f"return widgets[{slide - 1}].querySelector('.gw-status').textContent") != before


def test_a_swipe_beside_the_controls_turns_the_slide(slides):
    go(slides, 2)
    x, y = middle(slides, 1, "end")
    swipe(slides, x, y - 120)
    assert here(slides) == 3


def test_a_handle_follows_the_mouse_on_a_deck_that_is_scaled(slides):
    from selenium.webdriver.common.action_chains import ActionChains

    slides.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 960, "height": 540, "deviceScaleFactor": 1, "mobile": False}
    )
    try:
        go(slides, 2)
        slides.execute_script("Reveal.layout()")
        time.sleep(0.3)
        x, y = middle(slides, 1, "start")
        ActionChains(slides).drag_and_drop_by_offset(part(slides, 1, "start"), -60, 30).perform()
        time.sleep(0.2)
        a, b = middle(slides, 1, "start")
    finally:
        slides.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": 1280, "height": 720, "deviceScaleFactor": 1, "mobile": False},
        )
    assert (a - x, b - y) == pytest.approx((-60, 30), abs=0.5)


@pytest.mark.parametrize("slide", [1, 2, 3, 4, 5])
def test_a_figure_fits_under_a_headline_and_can_be_read(slides, slide: int):
    go(slides, slide)
    if slide == 2:
        choose(slides, 1, "method", "instance noise")
        time.sleep(0.2)
    width, height, inner = run(
        slides, f"const w = widgets[{slide - 1}]; return [w.offsetWidth, w.offsetHeight, w.scrollWidth]"
    )
    assert (width, inner) == (WIDTH, WIDTH)
    assert height < 530
    small = run(
        slides,
        f"return [...widgets[{slide - 1}].querySelectorAll('text, label, button, select, .gw-status')]"
        ".filter((e) => e.getClientRects().length).map((e) => { const m = e.getScreenCTM && e.getScreenCTM();"
        "return [e.textContent.slice(0, 20), parseFloat(getComputedStyle(e).fontSize) * (m ? Math.hypot(m.a, m.b) : 1)]"
        "}).filter(([, px]) => px < 19.9)",
    )
    assert small == []
