"""A generator to steer on a slide: it fits before and after it was started, and its files lie beside the deck."""

from __future__ import annotations

import time
from pathlib import Path

import check
import live_figures
import pytest
from nbformat.v4 import new_notebook

from gancourse.widgets import onnx_graphs, record_faces, steer
from tests.slides.chapters import build_deck, code, markdown, shown, speaker
from tests.widgets import live_page
from tests.widgets.figures import part, press, run
from tests.widgets.style_based import small

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def figure() -> str:
    return steer(record_faces(small(), name=live_page.NAME)).html


def deck(figure: str, folder: Path) -> Path:
    cells = [
        markdown("# Styles", "slide", "remove-cell"),
        speaker("Minute 0. What is a style? Answer: scales of channels."),
        markdown("## Coarse layers decide the pose", "slide", "remove-cell"),
        code(shown(figure), kind="-", alt="", tags=["hide-input"]),
        speaker("Minute 1. Which layer has the hair? Answer: move the crossover."),
        markdown("## The end\n\n- one\n- two", "slide", "remove-cell"),
        speaker("Minute 2."),
    ]
    return build_deck(new_notebook(cells=cells), folder, "12_styles")


def test_a_deck_without_files_keeps_the_picture(driver, figure: str, tmp_path: Path):
    page = deck(figure, tmp_path)
    assert not (page.parent / "assets" / "live").exists()
    assert f'<meta name="{live_figures.SIGN}"' not in page.read_text("utf-8")
    assert [finding for finding in check.check_deck(driver, page) if finding.startswith("slide 2")] == []


def test_the_figure_starts_on_its_slide_and_fits_there(driver, figure: str, tmp_path: Path):
    folder = tmp_path / live_figures.FOLDER
    folder.mkdir(parents=True)
    (folder / "runtime.js").write_text(live_page.runtime(), "utf-8")
    (folder / "small.js").write_text(onnx_graphs.network_script(small(), live_page.NAME), "utf-8")
    page = deck(figure, tmp_path)
    assert [finding for finding in check.check_deck(driver, page) if finding.startswith("slide 2")] == []
    check.open_slides(driver, page)
    driver.execute_script("Reveal.slide(1)")
    part(driver, 0, "run").click()
    end = time.monotonic() + 60
    while run(driver, "return widgets[0].dataset.running") != "yes":
        assert time.monotonic() < end, check.console_errors(driver)
        time.sleep(0.1)
    inside = run(
        driver,
        "const frame = widgets[0].closest('.frame').getBoundingClientRect();"
        "return [...widgets[0].querySelectorAll('svg, button, input, select, label, .gw-status')]"
        ".filter((e) => e.getClientRects().length).map((e) => [e.dataset.part || e.className.baseVal || e.textContent,"
        " e.getBoundingClientRect()]).filter(([, b]) => b.left < frame.left - 1 || b.right > frame.right + 1"
        " || b.top < frame.top - 1 || b.bottom > frame.bottom + 1).map(([name]) => name)",
    )
    assert inside == []
    width = run(driver, "return widgets[0].querySelector('.gw-panels > svg').getBoundingClientRect().width")
    assert width > 300
    from selenium.webdriver.common.keys import Keys

    press(driver, 0, "seed", Keys.ARROW_RIGHT, Keys.END)
    press(driver, 0, "noise", Keys.ARROW_DOWN)
    assert driver.execute_script("return Reveal.getIndices().h") == 1
    assert check.console_errors(driver) == []
    assert check.outside_requests(driver) == []
