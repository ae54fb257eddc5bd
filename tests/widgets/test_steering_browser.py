"""A generator in a page: it runs when asked, from the disk and from a server, and makes the faces that torch makes."""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path

import check
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch.testing import assert_close

from gancourse.widgets import onnx_graphs
from gancourse.widgets.steering import ABSENT, BAR_WIDTH, layer_labels, panels_of, said
from gancourse.widgets.styled import Setting, Styled
from tests.book.page_browser import faults
from tests.widgets import live_page
from tests.widgets.figures import choose, keys, part, press, resize, run, statuses
from tests.widgets.style_based import small, stylegan

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(check.browser_paths() is None, reason="no chromium with chromedriver"),
]
SETTINGS = [
    Setting(),
    Setting(0, 63, 1.0, 0, 0),
    Setting(63, 0, 0.35, 4, 4),
    Setting(17, 40, 1.5, 2, 2),
    Setting(5, 5, 0.0, 1, 3),
]


@pytest.fixture(scope="module")
def networks() -> Styled:
    return small()


@pytest.fixture(scope="module")
def pages(networks: Styled, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A page with the files, one that doesn't know of them, and one whose networks are no networks."""
    runtime = live_page.runtime()
    script = onnx_graphs.network_script(networks, live_page.NAME)
    folders = {name: tmp_path_factory.mktemp(name) for name in ("whole", "picture", "broken")}
    broken = script.replace('"synthesis": "', '"synthesis": "H4sI')
    return {
        "whole": live_page.write(folders["whole"], script, runtime),
        "picture": live_page.write(folders["picture"], script),
        "broken": live_page.write(folders["broken"], broken, runtime),
    }


@pytest.fixture(scope="module")
def server(pages: dict[str, Path]) -> Iterator[str]:
    with live_page.served(pages["whole"].parent) as address:
        yield address


def opened(browser, address: str):
    for log in ("browser", "performance"):
        browser.get_log(log)
    browser.get(address)
    return browser


def requests(driver) -> list[str]:
    """What the page has asked for since the last look."""
    events = (json.loads(entry["message"])["message"] for entry in driver.get_log("performance"))
    return [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]


def until(driver, code: str, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not run(driver, f"return {code}"):
        assert time.monotonic() < end, f"{code}: {statuses(driver)}; {driver.get_log('browser')}"
        time.sleep(0.05)


def started(driver):
    """The page with its networks loaded and the first face drawn."""
    part(driver, 0, "run").click()
    until(driver, "widgets[0].dataset.running === 'yes'")
    return driver


@pytest.fixture(scope="module", params=["file", "http"])
def running(browser, pages: dict[str, Path], request: pytest.FixtureRequest):
    """The figure at work, its page opened from the disk or from a server."""
    address = pages["whole"].as_uri() if request.param == "file" else request.getfixturevalue("server") + "/index.html"
    driver = started(opened(browser, address))
    driver.set_script_timeout(60)
    yield driver
    assert check.console_errors(driver) == []
    here = ("file:", "data:", "blob:", "http://127.0.0.1:")
    assert [url for url in requests(driver) if not url.startswith(here)] == []


@pytest.fixture
def settled(running):
    """The figure at its first setting."""
    part(running, 0, "reset").click()
    wait(running, Setting())
    return running


def wait(driver, setting: Setting) -> None:
    """Until the figure says that it shows a setting."""
    expected = said(setting, layer_labels((8, 16, 32), 4))
    until(driver, f"widgets[0].querySelector('.gw-status').textContent.startsWith({json.dumps(expected)})")


def computed(driver, what: str, setting: Setting) -> torch.Tensor:
    """What the page's networks make at a setting."""
    code = (
        "const done = arguments[2]; document.querySelector('.gancourse-widget').gancourse[arguments[0]](arguments[1])"
    )
    return torch.tensor(driver.execute_async_script(code + ".then(done)", what, setting._asdict()))


def pixels(driver, name: str) -> np.ndarray:
    """Bytes of a picture of the figure, [height, width, 3]."""
    address = part(driver, 0, name).get_attribute("href")
    image = plt.imread(io.BytesIO(base64.b64decode(address.partition(",")[2])))
    return np.rint(255 * image[..., :3]).astype(int)


def shown(image: torch.Tensor) -> np.ndarray:
    return ((image.clamp(-1, 1) + 1) * 127.5).round().permute(1, 2, 0).numpy().astype(int)


# At work


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_page_makes_the_image_that_torch_makes(running, networks: Styled, setting: Setting):
    image = networks.image(setting)
    assert_close(computed(running, "image", setting), image.flatten(), atol=1e-3, rtol=0)
    other = setting._replace(psi=1.5 - setting.psi)
    assert (networks.image(other) - image).abs().max() > 0.01  # the margin would tell


@pytest.mark.parametrize("setting", SETTINGS[:2])
def test_the_page_reads_the_factors_that_torch_reads(running, networks: Styled, setting: Setting):
    expected = networks.meter(networks.image(setting)).flatten()
    assert_close(computed(running, "readings", setting), expected, atol=1e-3, rtol=0)


def test_the_figure_shows_the_setting_of_its_controls(settled, networks: Styled):
    setting = Setting(30, 41, 1.25, 2, 3)
    for name, value in setting._asdict().items():
        choose(settled, 0, name, value)
    wait(settled, setting)
    faces = networks.faces(setting)
    for name, image in zip(("face", "first-face", "second-face"), faces.images, strict=True):
        assert np.abs(pixels(settled, name) - shown(image)).max() <= 1, name
    panels, status = panels_of(dict.fromkeys(("mixture", "first", "second"), b""), setting, faces.readings, labels())
    assert statuses(settled)[0] == status
    names = run(settled, "return [...widgets[0].querySelectorAll('.gw-panels > svg')].map((s) => s.ariaLabel)")
    assert names == [panel.description for panel in panels]
    bars = [part(settled, 0, f"bar{i}").get_attribute("d") for i in range(len(faces.readings))]
    lengths = [float(d.partition("h")[2]) / BAR_WIDTH for d in bars]
    assert_close(lengths, [r.value for r in faces.readings], atol=2e-3, rtol=0)


def labels() -> list[str]:
    return layer_labels((8, 16, 32), 4)


@pytest.mark.parametrize(
    ("name", "key"), [("seed", "ARROW_RIGHT"), ("second", "END"), ("psi", "HOME"), ("crossover", "HOME")]
)
def test_each_slider_moved_by_a_key_changes_the_face(settled, name: str, key: str):
    before = pixels(settled, "face")
    press(settled, 0, name, getattr(keys(), key))
    value = float(part(settled, 0, name).get_attribute("value"))
    wait(settled, Setting()._replace(**{name: value if name == "psi" else int(value)}))
    assert np.abs(pixels(settled, "face") - before).max() > 8


def test_without_noise_the_face_is_another(settled, networks: Styled):
    before = pixels(settled, "face")
    choose(settled, 0, "noise", 0)
    wait(settled, Setting(noise=0))
    assert np.abs(pixels(settled, "face") - before).max() > 8
    assert np.abs(pixels(settled, "face") - shown(networks.image(Setting(noise=0))[0])).max() <= 1


def test_many_moves_at_once_end_at_the_last(settled):
    for value in range(64):
        choose(settled, 0, "seed", value)
    wait(settled, Setting(seed=63))
    assert part(settled, 0, "first-face-label").text == "seed 63"


def test_sliders_say_their_value_and_keep_their_name(settled):
    choose(settled, 0, "crossover", 2)
    wait(settled, Setting(crossover=2))
    slider = part(settled, 0, "crossover")
    assert slider.accessible_name == "second seed from layer"
    assert slider.get_attribute("aria-valuetext") == f"{labels()[2]} of the second seed"
    assert part(settled, 0, "crossover-value").text == "2"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_page(settled, theme: str, width: int):
    settled.execute_script("document.documentElement.dataset.theme = arguments[0]", theme)
    resize(settled, width, 900)
    try:
        assert faults(settled) == []
        assert settled.execute_script("return document.documentElement.scrollWidth") <= width
        small_type = run(
            settled,
            "return [...document.querySelectorAll('.gancourse-widget text')]"
            ".map((t) => [t.getScreenCTM(), parseFloat(getComputedStyle(t).fontSize)])"
            ".map(([m, px]) => Math.hypot(m.a, m.b) * px).filter((px) => px < 12)",
        )
        assert small_type == []
        sizes = run(
            settled,
            "return [...widgets[0].querySelectorAll('button, select, input')]"
            ".map((e) => e.getBoundingClientRect()).map((b) => Math.min(b.width, b.height))",
        )
        assert len(sizes) == 6
        assert min(sizes) >= 24
    finally:
        resize(settled, 1280, 720)
        settled.execute_script("delete document.documentElement.dataset.theme")


def test_the_recipes_generator_runs_in_the_page_too(browser, pages: dict[str, Path], tmp_path: Path):
    whole, runtime = stylegan(), (pages["whole"].parent / "live" / "runtime.js").read_text("utf-8")
    page = live_page.write(tmp_path, onnx_graphs.network_script(whole, live_page.NAME), runtime, whole)
    driver = started(opened(browser, page.as_uri()))
    for setting in (Setting(), Setting(9, 4, 1.2, 6, 0)):
        image = whole.image(setting)
        assert_close(computed(driver, "image", setting), image.flatten(), atol=1e-3, rtol=0)
        assert (whole.image(setting._replace(seed=10)) - image).abs().max() > 0.1
    choose(driver, 0, "seed", 40)
    expected = said(Setting(seed=40), layer_labels((4, 8, 8, 16, 16, 32, 32), 8))
    until(driver, f"widgets[0].querySelector('.gw-status').textContent.startsWith({json.dumps(expected)})")
    assert np.abs(pixels(driver, "face") - shown(whole.image(Setting(seed=40))[0])).max() <= 1
    assert check.console_errors(driver) == []


# Before and without


def test_nothing_is_loaded_before_the_reader_asks(browser, pages: dict[str, Path]):
    driver = opened(browser, pages["whole"].as_uri())
    time.sleep(0.5)
    assert [url for url in requests(driver) if not url.startswith("data:")] == [pages["whole"].as_uri()]
    text = part(driver, 0, "run").text
    n_bytes = sum(path.stat().st_size for path in (pages["whole"].parent / "live").iterdir())
    assert text == f"Run the generator here ({round(n_bytes / 1e6)} MB)"
    hidden = run(driver, "return [...widgets[0].querySelectorAll('input, select')].map((e) => e.offsetHeight)")
    assert hidden == [0] * 5
    assert faults(driver) == []


def test_the_button_answers_to_a_key_and_gives_the_focus_to_the_first_slider(browser, pages: dict[str, Path]):
    driver = opened(browser, pages["whole"].as_uri())
    press(driver, 0, "run", keys().ENTER)
    until(driver, "widgets[0].dataset.running === 'yes'")
    assert driver.execute_script("return document.activeElement.dataset.part") == "seed"
    assert not [url for url in requests(driver) if not url.startswith(("data:", "file:", "blob:"))]
    assert run(driver, "return Object.keys(window.gancourseLive)") == ["runtime", live_page.NAME]


def test_a_page_without_files_keeps_the_picture_and_says_why(browser, pages: dict[str, Path]):
    driver = opened(browser, pages["picture"].as_uri())
    assert run(driver, "return widgets[0].querySelector('.gw-controls').innerText.trim()") == ABSENT
    assert run(driver, "return widgets[0].querySelectorAll('.gw-panels svg image').length") == 3
    assert check.console_errors(driver) == []


def test_without_scripts_there_is_a_picture_with_its_description(browser, pages: dict[str, Path]):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        opened(browser, pages["whole"].as_uri())
        images = browser.find_elements("css selector", ".gancourse-widget img")
        texts = [image.get_attribute("alt") for image in images]
        sizes = [image.size for image in images]
        controls = browser.find_elements("css selector", ".gancourse-widget :is(button, input)")
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert texts[0].startswith(f"Generated face: {said(Setting(), labels())}")
    assert texts[1].startswith("Factors that the regressor reads: turn ")
    assert all(size["width"] > 200 for size in sizes)
    assert controls == []


def test_files_that_cannot_be_used_leave_the_picture_and_the_offer(browser, pages: dict[str, Path]):
    driver = opened(browser, pages["broken"].as_uri())
    offer = part(driver, 0, "run").text
    part(driver, 0, "run").click()
    until(driver, "widgets[0].querySelector('.gw-status').textContent.startsWith('The generator can')")
    assert part(driver, 0, "run").text == offer
    assert run(driver, "return widgets[0].querySelectorAll('.gw-panels svg image').length") == 3
    assert run(driver, "return [...widgets[0].querySelectorAll('input')].every((e) => e.offsetHeight === 0)")


def test_a_file_that_is_gone_is_named(browser, pages: dict[str, Path], tmp_path: Path):
    copy = tmp_path / "index.html"
    copy.write_text(pages["whole"].read_text("utf-8"), "utf-8")
    driver = opened(browser, copy.as_uri())
    part(driver, 0, "run").click()
    until(driver, "widgets[0].querySelector('.gw-status').textContent.includes('live/runtime.js can’t be read')")
    driver.get_log("browser")  # which says the same
