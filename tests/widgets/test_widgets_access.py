"""Figures to play with by finger, by keyboard and by ear, and as readers set their browsers."""

from __future__ import annotations

import time
from collections.abc import Iterator

import check
import pytest

from gancourse.widgets import plane, scrub
from tests.widgets.figures import N_WIDGETS, choose, insert, keys, part, picture, press, resize, run, statuses

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(check.browser_paths() is None, reason="no chromium with chromedriver"),
]
HANDLES = [(1, "start"), (2, "handle"), (6, "point")]
each_handle = pytest.mark.parametrize(("index", "name"), HANDLES)


# By finger


@pytest.fixture
def phone(driver) -> Iterator:
    """The page on a touch screen 390 pixels wide."""
    screen = {"width": 390, "height": 700, "deviceScaleFactor": 1, "mobile": True}
    driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    yield driver
    driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
    resize(driver, 1280, 720)
    driver.execute_script("scrollTo(0, 0)")


def drag(driver, x: float, y: float, right: float, down: float) -> None:
    """Draw a finger over the screen, in steps of a few pixels as a hand does."""
    for i in range(13):
        kind = "touchMove" if i else "touchStart"
        points = [{"x": x + right * i / 12, "y": y + down * i / 12}]
        driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        time.sleep(0.02)
    driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    time.sleep(0.3)


def middle(driver, index: int, name: str) -> tuple[float, float]:
    """The middle of a part on the screen."""
    code = "const b = arguments[0].getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]"
    return tuple(driver.execute_script(code, part(driver, index, name)))


def centre(driver, index: int, name: str) -> None:
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", part(driver, index, name))
    time.sleep(0.1)


@each_handle
@pytest.mark.parametrize(("right", "down"), [(-60, 0), (0, -60), (36, 48)])
def test_a_finger_moves_a_handle_as_far_as_itself_and_the_page_not_at_all(
    phone, index: int, name: str, right: float, down: float
):
    centre(phone, index, name)
    scrolled, (x, y) = phone.execute_script("return scrollY"), middle(phone, index, name)
    drag(phone, x, y, right, down)
    a, b = middle(phone, index, name)
    assert (a - x, b - y) == pytest.approx((right, down), abs=0.5)
    assert phone.execute_script("return scrollY") == scrolled


@each_handle
def test_a_finger_at_the_border_of_a_handle_still_has_it(phone, index: int, name: str):
    centre(phone, index, name)
    x, y = middle(phone, index, name)
    drag(phone, x + 11, y + 8, -60, 0)
    assert middle(phone, index, name)[0] - x == pytest.approx(-60, abs=0.5)


@each_handle
def test_a_finger_beside_a_handle_scrolls_the_page(phone, index: int, name: str):
    centre(phone, index, name)
    scrolled, (x, y) = phone.execute_script("return scrollY"), middle(phone, index, name)
    before = statuses(phone)[index]
    drag(phone, x - 60, y, 0, -60)
    assert phone.execute_script("return scrollY") - scrolled > 30
    assert statuses(phone)[index] == before


@pytest.mark.parametrize("width", [390, 1280])
def test_every_handle_slider_button_and_menu_is_at_least_24_pixels_wide_and_high(driver, width: int):
    resize(driver, width, 720)
    try:
        choose(driver, 1, "method", "R1")
        sizes = run(
            driver,
            "return [...document.querySelectorAll('.gancourse-widget :is(button, select, input, [tabindex])')]"
            ".map((e) => { const b = e.getBoundingClientRect(); return [e.dataset.part, b.width, b.height] })",
        )
        # And 24 pixels of it answer, across and along.
        missed = run(
            driver,
            "return [...document.querySelectorAll('.gancourse-widget :is(button, select, input, [tabindex])')]"
            ".filter((e) => { e.scrollIntoView({block: 'center'}); const b = e.getBoundingClientRect();"
            "return [[-12, 0], [12, 0], [0, -11.5], [0, 11.5]].some(([x, y]) =>"
            "!e.contains(document.elementFromPoint(b.x + b.width / 2 + x, b.y + b.height / 2 + y))) })"
            ".map((e) => e.dataset.part)",
        )
    finally:
        resize(driver, 1280, 720)
    assert len(sizes) == 31
    assert [size for size in sizes if min(size[1:]) < 24] == []
    assert missed == []


# By keyboard


def focused(driver) -> list[str]:
    """Kind of figure and part that have the focus."""
    return driver.execute_script(
        "const e = document.activeElement, w = e.closest('.gancourse-widget');"
        "return w ? [w.dataset.kind, e.dataset.part] : []"
    )


def test_tab_reaches_every_control_in_the_order_in_which_it_is_seen(driver):
    from selenium.webdriver.common.action_chains import ActionChains

    choose(driver, 1, "method", "R1")
    seen = []
    for _ in range(13):
        ActionChains(driver).send_keys(keys().TAB).perform()
        seen.append(focused(driver))
    dirac = [["dirac", name] for name in ("start", "method", "stepping", "h", "strength", "reset")]
    transport = [["transport", name] for name in ("handle", "shape", "width", "reset")]
    film = [["scrub", "play"], ["scrub", "slider"]]
    assert seen == [*film, *dirac, *transport, film[0]]


@each_handle
def test_home_end_and_page_keys_move_a_handle(driver, index: int, name: str):
    Keys = keys()
    press(driver, index, name, Keys.END)
    handle = part(driver, index, name)
    limit = float(handle.get_attribute("aria-valuemax"))
    statuses(driver)
    assert float(handle.get_attribute("aria-valuenow")) == limit
    up = handle.get_attribute("aria-valuetext")
    press(driver, index, name, Keys.HOME, Keys.PAGE_UP)
    statuses(driver)
    assert float(handle.get_attribute("aria-valuenow")) == -limit == float(handle.get_attribute("aria-valuemin"))
    assert handle.get_attribute("aria-valuetext") != up.replace(f"{limit:.2f}", f"−{limit:.2f}")
    press(driver, index, name, Keys.PAGE_DOWN, Keys.END)
    statuses(driver)
    assert handle.get_attribute("aria-valuetext") == up


def test_home_and_end_reach_the_first_and_the_last_frame(driver):
    press(driver, 0, "slider", keys().HOME)
    assert statuses(driver)[0].startswith("step 0:")
    assert part(driver, 0, "play").text == "Play"
    press(driver, 0, "play", keys().END)
    assert statuses(driver)[0].startswith("step 1500:")
    assert part(driver, 0, "play").text == "Replay"


def test_keys_with_ctrl_or_alt_are_the_browsers(driver):
    before = statuses(driver)
    for chord in ("ctrlKey", "altKey", "metaKey"):
        event = f"new KeyboardEvent('keydown', {{key: 'ArrowRight', bubbles: true, {chord}: true}})"
        run(driver, f"widgets[1].querySelector('.gw-handle').dispatchEvent({event})")
    assert statuses(driver) == before


# By ear


def names(driver, index: int) -> list[str]:
    """What the pictures of a figure are called."""
    return run(driver, f"return [...widgets[{index}].querySelectorAll('.gw-panels > svg')].map((s) => s.ariaLabel)")


def live(driver, index: int) -> str:
    """What a screen reader is told at once."""
    return run(driver, f"return widgets[{index}].querySelector('[role=status][aria-live=polite]').textContent")


def test_the_pictures_names_at_first_are_those_that_python_gave(driver):
    for index, kind in enumerate(["scrub", "dirac", "transport"]):
        before = names(driver, index)
        again = {"scrub": scrub_again, "dirac": plane.dirac, "transport": transport_again}[kind]()
        assert before == [panel.description for panel in again.panels]


def scrub_again():
    from gancourse.widgets import recording

    game = recording("ring")
    return scrub(game.frames, game.real, curves=game.curves)


def transport_again():
    from gancourse.widgets import transport

    return transport("lines")


def test_the_pictures_names_follow_what_they_show(driver):
    press(driver, 0, "slider", keys().HOME)
    assert all("; step 0: modes\u00a00" in name for name in names(driver, 0))
    choose(driver, 1, "method", "consensus")
    choose(driver, 1, "h", 0.4)
    press(driver, 1, "start", keys().ARROW_UP)
    status = statuses(driver)[1]
    field, fall = names(driver, 1)
    assert field.startswith("Field and trajectory of consensus, simultaneous steps of 0.4; start θ = 1.00, ψ = −0.95")
    assert status.splitlines()[1] in field
    assert fall.startswith("Distance from the equilibrium by step, logarithmic: from 1.38 to ")
    choose(driver, 2, "shape", "ring")
    press(driver, 2, "handle", keys().ARROW_LEFT)
    # Pictures are drawn at the next frame.
    driver.execute_async_script("const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(done))")
    plan, curves = names(driver, 2)
    status = statuses(driver)[2].split("\n")
    assert plan == f"Optimal plan between a ring and a disc; {', '.join(status)}"
    assert curves.endswith(f"; now {', '.join(status[1:])}")


def test_sliders_say_their_value_and_keep_their_name(driver):
    choose(driver, 1, "method", "unrolled")
    choose(driver, 1, "strength", 7)
    slider = part(driver, 1, "strength")
    assert slider.get_attribute("aria-valuetext") == part(driver, 1, "strength-value").text == "7"
    assert slider.accessible_name == "steps ahead"
    choose(driver, 2, "width", 0.35)
    assert part(driver, 2, "width").get_attribute("aria-valuetext") == "0.35"
    assert part(driver, 2, "width").accessible_name == "blur σ"


def test_nothing_is_announced_before_the_reader_does_something(driver):
    time.sleep(0.8)
    assert [live(driver, i) for i in range(N_WIDGETS)] == [""] * N_WIDGETS


def test_values_are_announced_when_they_have_settled_and_not_on_the_way(driver):
    run(
        driver,
        "window.announced = [];"
        "new MutationObserver(() => announced.push(widgets[1].querySelector('[role=status]').textContent))"
        ".observe(widgets[1].querySelector('[role=status]'), {childList: true})",
    )
    for _ in range(10):
        press(driver, 1, "start", keys().ARROW_LEFT)
    assert statuses(driver)[1].startswith("start θ = 0.50")
    assert driver.execute_script("return announced") == []
    time.sleep(0.8)
    assert driver.execute_script("return announced") == [statuses(driver)[1]]


# As readers set their browsers


def media(driver, medium: str = "", **features: str) -> None:
    """Emulate a medium and preferences; without any: as the browser is."""
    pairs = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": medium, "features": pairs})


def test_no_film_starts_by_itself(driver):
    media(driver, prefers_reduced_motion="reduce")
    before = statuses(driver)
    time.sleep(1.8)
    assert statuses(driver) == before
    assert run(driver, "return document.getAnimations().length") == 0
    media(driver)


def test_a_removed_figure_stops_playing(driver):
    insert(driver, scrub([(i, [[0.0, 0.0]]) for i in range(9)], [[1.0, 1.0]], start=0))
    part(driver, N_WIDGETS, "play").click()
    run(driver, f"window.removed = widgets[{N_WIDGETS}]; removed.remove()")
    time.sleep(0.5)
    before = driver.execute_script("return removed.querySelector('.gw-status').textContent")
    time.sleep(0.8)
    assert driver.execute_script("return removed.querySelector('.gw-status').textContent") == before != "step 8"


def test_on_paper_there_are_pictures_and_values_but_no_controls_also_from_a_dark_page(driver):
    driver.execute_script(
        "document.documentElement.dataset.theme = 'dark'; document.body.style.color = '#eee';"
        "document.documentElement.style.setProperty('--pst-color-background', '#14181e')"
    )
    media(driver, "print")
    shown = run(
        driver,
        "return [...widgets].map((w) => ['.gw-controls', '.gw-panels', '.gw-status']"
        ".map((c) => w.querySelector(c).offsetHeight > 0))",
    )
    code = (
        "const w = getComputedStyle(widgets[1]), ring = getComputedStyle(widgets[1].querySelector('.gw-ring'));"
        "return [w.color, w.backgroundColor, ring.stroke]"
    )
    colours = run(driver, code)
    media(driver)
    assert shown == [[False, True, True]] * N_WIDGETS
    assert colours == ["rgb(0, 0, 0)", "rgb(255, 255, 255)", "rgb(217, 105, 10)"]
    assert run(driver, code)[2] == "rgb(255, 157, 60)"  # on the screen


def test_with_forced_colours_points_handles_and_lines_take_the_systems(driver):
    def colours() -> set[str]:
        found = run(
            driver,
            "return [...document.querySelectorAll('.gw-real, .gw-generated, .gw-ring, .gw-line, .gw-frame, .gw-end')]"
            ".map((e) => getComputedStyle(e).stroke)",
        )
        system = driver.execute_script(
            "const probe = document.body.appendChild(document.createElement('p'));"
            "const colour = (name) => { probe.style.color = name; return getComputedStyle(probe).color };"
            "const found = ['LinkText', 'CanvasText'].map(colour); probe.remove(); return found"
        )
        return set(found) - set(system)

    media(driver, forced_colors="active")
    assert colours() == set()
    shown = picture(driver)
    assert shown.reshape(-1, 3).std(0).max() > 0.02  # not an empty page
    media(driver)
    assert len(colours()) >= 2


# What isn't ours


def test_what_an_untrusted_notebook_holds_is_not_started_by_another_figure(driver):
    forged = (
        '<div class="gancourse-widget" data-kind="scrub"><div class="gw-panels"><img alt="" '
        'src="data:image/svg+xml,%3Cimg src=x onerror=window.stolen=1%3E"></div><p class="gw-static"></p></div>'
    )
    driver.execute_script("document.body.insertAdjacentHTML('afterbegin', arguments[0])", forged)
    insert(driver, scrub([(0, [[0.0, 0.0]])], [[1.0, 1.0]]))
    assert run(driver, "return [widgets[0].dataset.ready || '', widgets[5].dataset.ready]") == ["", "yes"]
    assert driver.execute_script("return window.stolen === undefined")
