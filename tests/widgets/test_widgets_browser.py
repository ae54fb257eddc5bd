"""Interactive figures in a real browser: they answer to keys and pointer, compute what Python does, fetch nothing."""

from __future__ import annotations

import base64
import re
import time
from pathlib import Path

import check
import numpy as np
import pytest
import torch
from torch.testing import assert_close

from gancourse.theory import dirac, fields, optimal_transport
from gancourse.widgets import clouds, plane, recording, scrub, transport
from gancourse.widgets import dirac as dirac_widget
from tests.widgets.figures import N_WIDGETS, choose, insert, keys, part, picture, png, press, resize, run, statuses

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(check.browser_paths() is None, reason="no chromium with chromedriver"),
]


def test_every_figure_starts_and_shows_its_controls(driver):
    assert run(driver, "return [...widgets].map((w) => w.dataset.ready)") == ["yes"] * N_WIDGETS
    visible = run(driver, "return [...widgets].map((w) => w.querySelector('.gw-controls').offsetHeight > 0)")
    static = run(driver, "return [...widgets].map((w) => w.querySelectorAll('.gw-static, img, svg style').length)")
    assert (visible, static) == ([True] * N_WIDGETS, [0] * N_WIDGETS)


def test_an_error_in_a_script_would_be_found(browser, page: str):
    browser.get(page)
    browser.get_log("browser")
    browser.execute_script("setTimeout(() => { throw new Error('planted') })")
    time.sleep(0.2)
    assert len(check.console_errors(browser)) == 1


def test_the_scripts_first_picture_is_the_one_that_python_drew(driver, page: str):
    drawn = run(
        driver,
        "const page = new DOMParser().parseFromString(arguments[0], 'text/html');"
        "const old = [...page.querySelectorAll('.gancourse-widget')].map((w) => {"
        "  const figure = document.createElement('div');"
        "  for (const image of w.querySelectorAll('img')) "
        "    figure.innerHTML += decodeURIComponent(image.src.slice(image.src.indexOf(',') + 1));"
        "  return figure; });"
        "const all = (w) => [...w.querySelectorAll('path[data-part]')]"
        ".map((p) => [p.dataset.part, p.getAttribute('d')]);"
        "return [...widgets].map((w, i) => [all(old[i]), all(w)])",
        Path(page.removeprefix("file://")).read_text("utf-8"),
    )
    compared = 0
    for before, after in drawn:
        for (name, old), (_, new) in zip(before, after, strict=True):
            if "h0" in old:
                assert old == new, name
                continue
            a, b = (np.array([float(x) for x in _words(d)]) for d in (old, new))
            assert a.shape == b.shape, name
            assert_close(a, b, atol=0.11, rtol=0)
            compared += len(a)
    assert compared > 1000


def _words(d: str) -> list[str]:
    spaced = "".join(f" {c} " if c.isalpha() else (f" {c}" if c == "-" else c) for c in d)
    return [word for word in spaced.split() if not word.isalpha()]


def test_arrow_keyon_the_slider_move_one_film_and_leave_the_other(driver):
    Keys = keys()
    before = statuses(driver)
    assert before[0].startswith("step 1500: modes\u00a08, share\u00a00.88")
    press(driver, 0, "slider", Keys.HOME, Keys.ARROW_RIGHT)
    after = statuses(driver)
    assert after[0].startswith("step 10: modes\u00a0")
    assert after[1:] == before[1:]
    assert part(driver, 0, "slider").get_attribute("aria-valuetext") == after[0]
    press(driver, 3, "slider", Keys.ARROW_RIGHT)
    assert statuses(driver)[3] == "step 7"
    assert statuses(driver)[0] == after[0]


def test_a_frame_shows_the_recorded_points(driver):
    choose(driver, 0, "slider", 4)
    step, points = recording("ring").frames[4]
    d = part(driver, 0, "generated").get_attribute("d")
    corners = torch.tensor([[float(v) for v in _words(stroke.split("l")[0])] for stroke in d.split("M")[1:]])
    drawn = (corners + 3 - torch.tensor([34.0, 28.0])) / 338 * 6 - 3
    assert statuses(driver)[0].startswith(f"step {step}:")
    inside = np.abs(points).max(1) < 4.4
    assert_close(drawn.double().numpy()[inside] * [1, -1], points[inside], atol=0.003 + 0.1 / 338 * 6, rtol=0)


def test_arrow_keywork_with_the_focus_on_the_button_too(driver):
    Keys = keys()
    press(driver, 0, "play", Keys.ARROW_LEFT)
    assert statuses(driver)[0].startswith("step 1400:")


def test_a_slider_shows_the_picture_of_its_place_and_says_so(driver):
    Keys, shown = keys(), part(driver, 5, "picture")
    for key, shade, label in ((Keys.ARROW_RIGHT, 99, "grey"), (Keys.HOME, 0, "black")):
        press(driver, 5, "slider", key)
        assert base64.b64decode(shown.get_attribute("href").partition(",")[2]) == png(shade)
        assert statuses(driver)[5] == spoken(driver, 5) == f"shade\u00a0{label}"
        assert part(driver, 5, "slider").get_attribute("aria-valuetext") == f"shade\u00a0{label}"


def spoken(driver, index: int, settled: bool = True) -> str:
    """What a screen reader was told last, or would be at once."""
    if settled:
        time.sleep(0.7)
    return run(driver, f"return widgets[{index}].querySelector('[role=status]').textContent")


def test_play_runs_until_the_last_frame_and_announces_only_then(driver):
    part(driver, 3, "play").click()
    assert part(driver, 3, "play").text == "Pause"
    deadline = time.monotonic() + 20  # a busy machine shows fewer frames a second
    while statuses(driver)[3] != "step 7" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert statuses(driver)[3] == "step 7"
    assert part(driver, 3, "play").text == "Replay"
    assert spoken(driver, 3, settled=False) == ""
    assert spoken(driver, 3) == "step 7"


def test_a_reader_who_prefers_less_motion_gets_slower_frames(driver):
    def moved_after_900_ms(preference: str) -> bool:
        feature = {"name": "prefers-reduced-motion", "value": preference}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        choose(driver, 3, "slider", 0)
        part(driver, 3, "play").click()
        time.sleep(0.9)
        moved = statuses(driver)[3] == "step 7"
        choose(driver, 3, "slider", 0)  # pauses
        return moved

    assert not moved_after_900_ms("reduce")
    assert moved_after_900_ms("no-preference")


SETTINGS = [
    (method, stepping, strength)
    for method in dirac.methods
    for stepping in dirac.steppings
    for strength in (
        [plane.STRENGTHS[method][4], {"unrolled": 3, "WGAN": 0.5}.get(method, 1.25)]
        if method in plane.STRENGTHS
        else [None]
    )
]


def in_script(driver, function: str, method: str, stepping: str, strength: float | None, **more) -> object:
    setting = {"method": method, "stepping": stepping, "h": 0.2, "strength": strength or 0, **more}
    return run(driver, f"return widgets[1].gancourse.{function}(arguments[0])", setting)


def test_trajectories_are_those_of_the_theory_for_every_method_and_stepping(driver):
    for method, stepping, strength in SETTINGS:
        field = plane.made(method, strength).field
        start = torch.tensor([1.0, -1.3], dtype=torch.float64)
        expected = fields.trajectory(dirac.step(field, stepping, 0.2), start, 300)
        found = torch.tensor(
            in_script(driver, "trajectory", method, stepping, strength, start=start.tolist(), n=300),
            dtype=torch.float64,
        )
        assert_close(found, expected, atol=1e-9, rtol=0, msg=lambda m, s=(method, stepping, strength): f"{s}: {m}")


def test_another_stepping_or_strength_gives_another_trajectory(driver):
    start = [1.0, -1.3]
    paths = [
        in_script(driver, "trajectory", "R1", stepping, strength, start=start, n=50)[-1]
        for stepping, strength in (("simultaneous", 0.3), ("alternating", 0.3), ("5:1", 0.3), ("simultaneous", 0.4))
    ]
    apart = torch.cdist(torch.tensor(paths), torch.tensor(paths)) + torch.eye(len(paths))
    assert apart.min() > 1e-3


def test_eigenvalues_and_rates_are_those_of_the_theory(driver):
    origin = torch.zeros(2, dtype=torch.float64)
    for method, stepping, strength in SETTINGS:
        made = plane.made(method, strength)
        if made.eigenvalues is None:
            continue
        found = sorted(map(tuple, in_script(driver, "eigenvalues", method, stepping, strength)))
        expected = sorted((z.real, z.imag) for z in made.eigenvalues)
        assert_close(torch.tensor(found).double(), torch.tensor(expected).double(), atol=1e-9, rtol=0)
        exact = fields.rate(dirac.step(made.field, stepping, 0.2), origin)
        assert abs(in_script(driver, "rate", method, stepping, strength) - exact) < 1e-7, (method, stepping)


def test_the_start_moves_with_arrow_keyand_comes_back(driver):
    Keys = keys()
    before = statuses(driver)
    press(driver, 1, "start", Keys.ARROW_RIGHT, Keys.ARROW_UP)
    after = statuses(driver)
    assert after[1].startswith("start θ = 1.05, ψ = −0.95")
    assert after[0] == before[0]
    assert part(driver, 1, "start").get_attribute("aria-valuetext") == "θ = 1.05, ψ = −0.95"
    press(driver, 1, "start", Keys.ARROW_LEFT, Keys.ARROW_DOWN)
    assert statuses(driver) == before


def test_the_start_can_be_dragged_and_stops_at_the_edge(driver):
    from selenium.webdriver.common.action_chains import ActionChains

    handle = part(driver, 1, "start")
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", handle)
    ActionChains(driver).drag_and_drop_by_offset(handle, -47, 0).perform()
    line = statuses(driver)[1].splitlines()[0]
    assert line.startswith("start θ = 0.00, ψ = −1.00")
    ActionChains(driver).drag_and_drop_by_offset(handle, 400, 0).perform()
    assert statuses(driver)[1].startswith("start θ = 3.50, ψ = −1.00")
    part(driver, 1, "reset").click()
    assert statuses(driver)[1].startswith("start θ = 1.00, ψ = −1.00")


@pytest.mark.parametrize("method", ["R1", "consensus", "WGAN", "GAN"])
def test_the_announced_distance_is_pythons_for_a_chosen_method(driver, method: str):
    choose(driver, 1, "method", "R2")
    choose(driver, 1, "method", method)
    announced = statuses(driver)[1].splitlines()
    assert announced[:2] == dirac_widget(method).status.splitlines()
    assert announced[2].startswith("near the equilibrium: eigenvalues ")
    hidden = driver.execute_script("return arguments[0].closest('.gw-control').hidden", part(driver, 1, "strength"))
    assert hidden == (method == "GAN")


def test_a_method_whose_field_jumps_has_no_eigenvalues(driver):
    choose(driver, 1, "method", "WGAN-GP")
    assert "no eigenvalues" in statuses(driver)[1]


def test_the_sliders_change_the_trajectory(driver):
    choose(driver, 1, "method", "R1")
    seen = {statuses(driver)[1]}
    choose(driver, 1, "strength", 1.0)
    seen.add(statuses(driver)[1])
    assert part(driver, 1, "strength-value").text == "1"
    choose(driver, 1, "h", 0.5)
    seen.add(statuses(driver)[1])
    assert len(seen) == 3
    choose(driver, 1, "method", "R1")  # chosen anew: the published strength again
    assert part(driver, 1, "strength-value").text == "0.3"


def test_a_game_that_leaves_all_bounds_says_so(driver):
    insert(driver, dirac_widget("WGAN-GP", stepping="5:1", step_size=1.0, n_steps=1000))
    assert "distance not finite" not in statuses(driver)[N_WIDGETS]
    choose(driver, N_WIDGETS, "strength", 0)
    assert "after 1000 steps: distance not finite" in statuses(driver)[N_WIDGETS]
    drawn = [part(driver, N_WIDGETS, name).get_attribute("d") for name in ("path", "distance", "end")]
    assert all(len(d) > 10 and "N" not in d and "Inf" not in d for d in drawn)


def random_clouds(seed: int, n: int) -> tuple[torch.Tensor, torch.Tensor]:
    return tuple(torch.randn(2, n, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)))


@pytest.mark.parametrize(("seed", "n"), [(0, 1), (1, 2), (2, 8), (3, 12), (4, 16), (5, 16)])
def test_the_assignment_is_optimal(driver, seed: int, n: int):
    x, y = random_clouds(seed, n)
    found = run(driver, "return widgets[2].gancourse.wasserstein(...arguments)", x.tolist(), y.tolist())
    exact = optimal_transport(x, y)
    assert sorted(found["partner"]) == list(range(n))
    assert abs(found["distance"] - exact.distance) < 1e-9
    assert found["partner"] == exact.plan.argmax(1).tolist()
    if n > 2:  # taking the points as they come is not optimal
        assert (x - y).norm(dim=1).mean() > exact.distance + 0.1


@pytest.mark.parametrize("width", [0.0, 0.1, 0.5, 1.0])
def test_the_divergence_is_pythons(driver, width: float):
    for seed in range(3):
        x, y = random_clouds(seed, 12)
        y[:3] = x[3:6]
        found = run(driver, "return widgets[2].gancourse.jensenShannon(...arguments)", x.tolist(), y.tolist(), width)
        assert abs(found - clouds.blurred_divergence(x, y, width)) < 1e-9


@pytest.mark.parametrize("shape", clouds.SHAPES)
def test_a_cloud_moved_by_keyis_as_far_as_python_says(driver, shape: str):
    Keys = keys()
    choose(driver, 2, "shape", shape)
    choose(driver, 2, "width", 0.25)
    press(driver, 2, "handle", *[Keys.ARROW_LEFT] * 4, Keys.ARROW_UP)
    assert statuses(driver)[2] == transport(shape, shift=(1.1, 0.1), width=0.25).status


def test_lines_moved_onto_each_other_lose_all_divergence_at_once(driver):
    Keys = keys()
    press(driver, 2, "handle", *[Keys.ARROW_LEFT] * 14)
    assert statuses(driver)[2].endswith("W₁ = 0.100\nJSD = 0.693 nats, of at most log 2 = 0.693")
    press(driver, 2, "handle", Keys.ARROW_LEFT)
    assert statuses(driver)[2].endswith("W₁ = 0.000\nJSD = 0.000 nats, of at most log 2 = 0.693")


def test_the_focus_is_seen(driver):
    width = "return getComputedStyle(arguments[0].querySelector('.gw-ring')).strokeWidth"
    for index, name in ((1, "start"), (2, "handle"), (6, "point")):
        handle = part(driver, index, name)
        before = driver.execute_script(width, handle)
        driver.execute_script("arguments[0].focus()", handle)
        assert driver.execute_script(width, handle) != before


def test_a_narrow_screen_shows_everything_without_scrolling_sideways(driver):
    resize(driver, 390, 900)
    try:
        assert driver.execute_script("return document.documentElement.scrollWidth") <= 390
        small = run(
            driver,
            "return [...document.querySelectorAll('.gancourse-widget text')]"
            ".map((t) => [t.getScreenCTM(), parseFloat(getComputedStyle(t).fontSize)])"
            ".map(([m, px]) => Math.hypot(m.a, m.b) * px).filter((px) => px < 12)",
        )
        assert small == []
    finally:
        resize(driver, 1280, 720)


def test_both_pictures_stand_side_by_side_in_the_books_column(driver):
    column = 688
    resize(driver, column + 16, 900)
    try:
        tops = run(
            driver,
            "return [...widgets].slice(0, 3).map((w) => [...w.querySelectorAll('.gw-panels > svg')]"
            ".map((s) => s.getBoundingClientRect().top))",
        )
    finally:
        resize(driver, 1280, 720)
    assert all(left == right for left, right in tops)


def luminance(colour: list[float]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(("theme", "paper"), [("light", [255, 255, 255]), ("dark", [20, 24, 30])])
def test_points_stand_out_from_the_page_in_both_themes(driver, theme: str, paper: list[int]):
    driver.execute_script("document.documentElement.dataset.theme = arguments[0]", theme)
    for kind in ("real", "generated"):
        code = "return getComputedStyle(widgets[0].querySelector('path.gw-' + arguments[0])).stroke"
        colour = [float(v) for v in run(driver, code, kind)[4:-1].split(",")]
        light, dark = sorted([luminance(colour), luminance(paper)], reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 3  # WCAG 2.2, 1.4.11


def test_without_scripts_the_picture_shows_and_the_controls_do_not(browser, page: str):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get(page)
        shown = picture(browser)
        nodes = browser.execute_cdp_cmd("DOM.getDocument", {})["root"]["nodeId"]
        body = browser.execute_cdp_cmd("DOM.querySelector", {"nodeId": nodes, "selector": "body"})["nodeId"]
        html = browser.execute_cdp_cmd("DOM.getOuterHTML", {"nodeId": body})["outerHTML"]
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert html.count("Run the cell, or trust the notebook") == N_WIDGETS
    assert html.count("data:image/svg+xml") == 14
    assert not re.search("<(svg|input|button|select)|data-ready=", re.sub("<script>.*?</script>", "", html, flags=re.S))
    blue = (np.abs(shown - np.array([0x1F, 0x77, 0xB4]) / 255).max(2) < 0.02).sum()
    orange = (np.abs(shown - np.array([0xD9, 0x69, 0x0A]) / 255).max(2) < 0.02).sum()
    assert blue > 500
    assert orange > 500


def test_a_widget_put_into_a_page_by_a_notebook_starts_too(driver):
    insert(driver, scrub([(0, [[0.0, 0.0]]), (9, [[1.0, 1.0]])], [[1.0, 1.0]]))
    press(driver, N_WIDGETS, "slider", keys().ARROW_LEFT)
    assert statuses(driver)[N_WIDGETS] == "step 0"
