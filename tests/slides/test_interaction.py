"""What a speaker does with slides: steps, polls, figures, projectors, the speaker's view, and printing."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import check
import pdf
import pytest
from nbformat.v4 import new_notebook

from gancourse.widgets import recording, scrub, transport
from tests.slides.chapters import DIAGRAM, build_deck, code, markdown, recast, sample, shown, speaker

pytestmark = pytest.mark.slow
STEPS, POLL, TABLE, WIDGET = 1, 2, 4, 5  # slides of the recast sample, from 0


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_deck(recast(), tmp_path_factory.mktemp("deck"))


@pytest.fixture
def resized(driver) -> Iterator:
    """Sets the size of the window; afterwards it is 1280 x 720 again."""

    def resize(width: int, height: int) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    yield resize
    resize(1280, 720)


def go(driver, page: Path, slide: int) -> None:
    check.open_slides(driver, page)
    driver.execute_script(f"Reveal.slide({slide})")


def visible_count(driver, selector: str) -> int:
    code = (
        "return [...Reveal.getCurrentSlide().querySelectorAll(arguments[0])]"
        ".filter((e) => getComputedStyle(e).visibility === 'visible').length"
    )
    return driver.execute_script(code, selector)


def press(driver, *keys: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(driver).send_keys(*keys).perform()


def keys():
    from selenium.webdriver.common.keys import Keys

    return Keys


def next_picture(driver) -> None:
    driver.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")


def slide_number(driver) -> int:
    return driver.execute_script("return Reveal.getSlidePastCount()")


@pytest.mark.parametrize(("slide", "selector", "counts"), [(STEPS, "li", [0, 1, 2, 3]), (TABLE, "td", [0, 2, 4])])
def test_items_and_rows_come_with_each_press(driver, page, slide, selector, counts):
    go(driver, page, slide)
    seen = [visible_count(driver, selector)]
    # The table is a fragment itself, which appears with its first press.
    for _ in range(4):
        press(driver, keys().ARROW_RIGHT)
        if slide_number(driver) != slide:
            break
        seen.append(visible_count(driver, selector))
    assert sorted(set(seen)) == counts


def test_a_poll_keeps_its_answer_until_the_next_press(driver, page):
    go(driver, page, POLL)
    assert (visible_count(driver, ".poll li"), visible_count(driver, ".mark, .answers")) == (3, 0)
    press(driver, keys().SPACE)
    assert (slide_number(driver), visible_count(driver, ".mark, .answers")) == (POLL, 2)


def test_keys_in_a_figure_move_the_figure_and_not_the_slide(driver, page):
    go(driver, page, WIDGET)
    handle = driver.execute_script(
        "Reveal.next(); const e = Reveal.getCurrentSlide().querySelector('.gw-handle[tabindex]'); e.focus(); return e"
    )
    before = handle.get_attribute("transform")
    press(driver, keys().ARROW_RIGHT, keys().ARROW_RIGHT, "f", keys().SPACE)
    next_picture(driver)
    assert (slide_number(driver), handle.get_attribute("transform") != before) == (WIDGET, True)
    press(driver, keys().ESCAPE, keys().ARROW_RIGHT)
    assert slide_number(driver) == WIDGET + 1
    assert check.console_errors(driver) == []


def test_arrows_in_a_menu_choose_and_a_clicker_turns_the_page_from_anywhere(driver, page):
    go(driver, page, WIDGET)
    menu = driver.execute_script(
        "Reveal.next(); const e = Reveal.getCurrentSlide().querySelector('select'); e.focus(); return e"
    )
    before = menu.get_property("value")
    press(driver, keys().ARROW_DOWN)
    assert (slide_number(driver), menu.get_property("value") != before) == (WIDGET, True)
    driver.execute_script("Reveal.getCurrentSlide().querySelector('input[type=range]').focus()")
    press(driver, keys().PAGE_DOWN)
    assert slide_number(driver) == WIDGET + 1


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080), (1024, 768)])
def test_the_mouse_drags_a_figure_at_any_size_of_the_projector(driver, page, resized, size):
    from selenium.webdriver.common.action_chains import ActionChains

    resized(*size)
    go(driver, page, WIDGET)
    handle = driver.execute_script(
        "Reveal.next(); return Reveal.getCurrentSlide().querySelector('.gw-handle[tabindex]')"
    )
    middle = "const b = arguments[0].getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]"
    x, y = driver.execute_script(middle, handle)
    ActionChains(driver).move_to_element(handle).click_and_hold().move_by_offset(-40, 30).release().perform()
    next_picture(driver)
    moved = driver.execute_script(middle, handle)
    assert moved == pytest.approx([x - 40, y + 30], abs=1.5)
    assert slide_number(driver) == WIDGET


def swipe(driver, start: tuple[float, float], by: float) -> None:
    x, y = start
    for kind, points in (
        ("touchStart", [{"x": x, "y": y}]),
        *(("touchMove", [{"x": x + by * k / 5, "y": y}]) for k in range(1, 6)),
        ("touchEnd", []),
    ):
        driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def test_a_swipe_turns_the_page_but_not_in_a_figure(driver, page):
    driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    try:
        go(driver, page, WIDGET)
        driver.execute_script("Reveal.next()")
        handle = driver.execute_script(
            "const b = Reveal.getCurrentSlide().querySelector('.gw-handle[tabindex]').getBoundingClientRect();"
            "return [b.x + b.width / 2, b.y + b.height / 2]"
        )
        status = "return Reveal.getCurrentSlide().querySelector('.gw-status').textContent"
        before = driver.execute_script(status)
        swipe(driver, tuple(handle), -120)
        time.sleep(0.2)
        assert (slide_number(driver), driver.execute_script(status) != before) == (WIDGET, True)
        swipe(driver, (600, 60), -200)
        time.sleep(0.2)
        assert slide_number(driver) == WIDGET + 1
    finally:
        driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})


def test_every_figure_of_the_course_fits_a_slide(driver, tmp_path):
    game = recording("ring")
    figures = [scrub(game.frames, game.real, curves=game.curves), transport("lines"), transport("ring")]
    cells = [markdown("# T"), speaker("Minute 1. Why? Answer: so.")]
    for figure in figures:
        cells += [markdown("## A claim"), code(shown(figure.html), alt=""), speaker("Minute 2. Why? Answer: so.")]
    assert check.check_deck(driver, build_deck(new_notebook(cells=cells), tmp_path)) == []


@pytest.mark.parametrize("size", [(1280, 800), (1024, 768), (1920, 1080), (800, 1280)])
def test_slides_fit_projectors_of_other_shapes(driver, page, resized, size):
    resized(*size)
    assert check.check_deck(driver, page) == []
    left, top, right, bottom = driver.execute_script(
        "const b = Reveal.getCurrentSlide().querySelector('.frame').getBoundingClientRect();"
        "return [b.left, b.top, innerWidth - b.right, innerHeight - b.bottom]"
    )
    assert min(left, top, right, bottom) > -1
    assert (left, top) == (pytest.approx(right, abs=1), pytest.approx(bottom, abs=1))
    assert min(left, top) < 1


def test_a_key_turns_light_into_dark_and_back(driver, page):
    check.open_slides(driver, page)
    theme = "return document.documentElement.dataset.theme"
    themes = []
    for _ in range(3):
        themes.append(driver.execute_script(theme))
        press(driver, "t")
    press(driver, "t")
    assert themes == ["light", "dark", "light"]


@pytest.mark.parametrize("prefers", ["light", "dark"])
def test_a_deck_opens_in_the_colours_of_the_system_and_t_and_the_address_decide_otherwise(driver, page, prefers):
    other = {"light": "dark", "dark": "light"}[prefers]
    theme = "return document.documentElement.dataset.theme"
    feature = {"name": "prefers-color-scheme", "value": prefers}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    seen = []
    try:
        check.open_slides(driver, page)
        driver.execute_script("localStorage.clear()")
        for query in ("", f"?theme={other}", "?print-pdf", "?handout"):
            check.open_slides(driver, page, query) if "print" not in query and "hand" not in query else (
                pdf.open_printable(driver, page, query)
            )
            seen.append(driver.execute_script(theme))
        check.open_slides(driver, page)
        press(driver, "t")
        check.open_slides(driver, page)
        seen.append(driver.execute_script(theme))
    finally:
        driver.execute_script("localStorage.clear()")
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert seen == [prefers, other, "light", "light", other]


@pytest.mark.parametrize("size", [(1280, 720), (800, 600), (800, 457), (640, 360), (1920, 1080)])
def test_the_arrows_never_lie_on_the_number_of_the_slide(driver, page, resized, size):
    resized(*size)
    go(driver, page, 1)
    number, arrows = driver.execute_script(
        "const b = (e) => e.getBoundingClientRect().toJSON();"
        "return [b(Reveal.getCurrentSlide().querySelector('.number')), b(document.querySelector('.controls'))]"
    )
    assert arrows["left"] >= number["right"] or arrows["top"] >= number["bottom"]


def test_the_bars_beside_a_slide_have_its_colour(driver, page, resized):
    resized(800, 600)
    check.open_slides(driver, page, "?theme=dark")
    script = "return [document.querySelector('.reveal-viewport'), Reveal.getCurrentSlide().querySelector('.frame')]"
    bars, frame = (e.value_of_css_property("background-color") for e in driver.execute_script(script))
    assert bars == frame


def test_a_figure_in_the_dark_lies_on_a_white_card_of_its_own_shape_in_its_own_colours(driver, page):
    places = {}
    for theme in ("light", "dark"):
        check.open_slides(driver, page, f"?theme={theme}")
        driver.execute_script("Reveal.slide(1); while (Reveal.availableFragments().next) Reveal.next()")
        places[theme] = driver.execute_script(
            "const i = Reveal.getCurrentSlide().querySelector('.picture img'), s = getComputedStyle(i);"
            "return [i.clientWidth, i.clientHeight, s.filter, s.backgroundColor, s.boxShadow]"
        )
    assert places["light"][:3] == places["dark"][:3]
    width, height, filtered, ground, card = places["dark"]
    assert width == pytest.approx(height, abs=2), "the picture is 800 x 800"
    assert (filtered, ground) == ("none", "rgb(255, 255, 255)")
    assert card == "rgb(255, 255, 255) 0px 0px 0px 12px"
    assert places["light"][4] == "none"


@pytest.mark.parametrize(("size", "sound"), [(15, True), (11, False)])
def test_a_diagram_whose_type_is_a_little_small_is_enlarged_and_one_with_tiny_type_reported(
    driver, tmp_path, size, sound
):
    cells = [markdown("# T"), markdown("## A\n\n![x](assets/diagrams/high.svg)"), speaker("Minute 1. Why? Answer: so.")]
    cells.append(speaker("Minute 0. Why? Answer: so."))
    cells.insert(1, cells.pop())
    (tmp_path / "book" / "assets" / "diagrams").mkdir(parents=True)
    high = DIAGRAM.replace("0 0 400 160", "0 0 760 430").replace('font-size="17"', f'font-size="{size}"')
    (tmp_path / "book" / "assets" / "diagrams" / "high.svg").write_text(high, encoding="utf-8")
    findings = check.check_deck(driver, build_deck(new_notebook(cells=cells), tmp_path))
    assert findings == ([] if sound else ["slide 2: type of 13.6 px, at least 20: samples"])


def test_diagrams_follow_the_colours_of_the_deck(driver, page):
    fills = []
    for query in ("?theme=light", "?theme=dark"):
        check.open_slides(driver, page, query)
        fills.append(
            driver.execute_script(
                "const s = (e) => getComputedStyle(document.querySelector(e)).fill;"
                "return [s('.picture svg text'), s('.picture svg circle')]"
            )
        )
    assert fills == [["rgb(27, 31, 36)", "rgb(184, 78, 0)"], ["rgb(230, 237, 243)", "rgb(240, 138, 60)"]]


@pytest.mark.parametrize(("chapter", "says"), [(sample, "Theorem (Optimum)."), (recast, "Minute 3. What does")])
def test_the_speaker_view_shows_notes_next_slide_and_clock_from_a_file(driver, tmp_path, chapter, says):
    check.open_slides(driver, build_deck(chapter(), tmp_path), "#/1")
    driver.execute_script("const open = window.open; window.open = (...a) => (window.speaker = open.apply(window, a))")
    driver.execute_script("Reveal.getPlugin('notes').open()")
    view = (
        "const text = (s) => speaker.document.querySelector(s)?.textContent || '';"
        "return [text('.speaker-controls-notes .value'), text('.clock-value'),"
        "speaker.document.querySelectorAll('iframe').length]"
    )
    notes, clock, frames = "", "", 0
    for _ in range(100):
        notes, clock, frames = driver.execute_script(view)
        if notes and frames == 2:
            break
        time.sleep(0.2)
    driver.execute_script("speaker.close()")
    assert says in notes
    assert re.match(r"\d\d?:\d\d", clock)
    assert frames == 2


# Printing


@pytest.mark.parametrize("chapter", [sample, recast])
@pytest.mark.parametrize("notes", [False, True])
def test_the_pdf_has_one_page_for_each_slide(driver, tmp_path, chapter, notes):
    page = build_deck(chapter(), tmp_path)
    document = pdf.print_pdf(driver, page, notes)
    assert document.startswith(b"%PDF")
    n_slides = page.read_text(encoding="utf-8").count('<div class="frame')
    assert len(re.findall(rb"/Type /Page\b", document)) == n_slides
    width, height = map(float, re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", document).groups())
    assert (width, height) == ((pytest.approx(595, abs=1), pytest.approx(842, abs=1)) if notes else (960, 540))


def test_print_shows_every_step_and_the_handout_all_notes(driver, page):
    for query in ("?print-pdf", "?handout"):
        pdf.open_printable(driver, page, query)
        hidden = driver.execute_script(
            "return [...document.querySelectorAll('.fragment')]"
            ".filter((e) => getComputedStyle(e).visibility !== 'visible' || getComputedStyle(e).opacity !== '1').length"
        )
        assert hidden == 0, query
    assert driver.execute_script("return document.querySelectorAll('.sheet .notes').length") == 7
    assert driver.execute_script("return document.querySelectorAll('.sheet').length") == 8


def test_long_notes_are_set_smaller_until_they_fit_their_page(driver, tmp_path):
    cells = [markdown("# T"), markdown("Words of prose. " * 700, "notes"), markdown("## A"), markdown("Few.", "notes")]
    check.open_slides(driver, build_deck(new_notebook(cells=cells), tmp_path), "?handout")
    sizes = driver.execute_script(
        "return [...document.querySelectorAll('.sheet')].map((s) =>"
        "[s.scrollHeight <= s.clientHeight, parseFloat(getComputedStyle(s.querySelector('.notes') || s).fontSize)])"
    )
    assert [fits for fits, _ in sizes] == [True, True, True]
    assert sizes[0][1] < sizes[1][1] == 16
