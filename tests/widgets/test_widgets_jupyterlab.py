"""Figures to play with in JupyterLab: a picture while the notebook isn't trusted, the figure once its cell was run."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import check
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

import gancourse
from gancourse.widgets import dirac

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(check.browser_paths() is None, reason="no chromium with chromedriver"),
]
SOURCE = 'from gancourse import widgets\n\nwidgets.dirac("R1")'


def stored() -> nbformat.NotebookNode:
    """A notebook that someone else has run."""
    output = new_output("execute_result", dirac("R1")._repr_mimebundle_(), execution_count=1)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cell = new_code_cell(SOURCE, execution_count=1, outputs=[output])
    return new_notebook(cells=[cell], metadata={"kernelspec": kernel})


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a JupyterLab of which nothing is known, with an untrusted and a trusted notebook."""
    folder = tmp_path_factory.mktemp("lab")
    notebooks = folder / "notebooks"
    notebooks.mkdir()
    for name in ("untrusted", "trusted"):
        nbformat.write(stored(), notebooks / f"{name}.ipynb")
    settings = folder / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')
    names = {"CONFIG_DIR": "config", "DATA_DIR": "data", "RUNTIME_DIR": "runtime"}
    environment = os.environ | {f"JUPYTER_{key}": str(folder / name) for key, name in names.items()}
    environment |= {
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "IPYTHONDIR": str(folder / "ipython"),
        "PYTHONPATH": str(Path(gancourse.__file__).parents[1]),
        "OMP_NUM_THREADS": "1",
    }
    trust = [sys.executable, "-m", "jupyter", "trust", str(notebooks / "trusted.ipynb")]
    subprocess.run(trust, env=environment, check=True, capture_output=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
    command += ["--IdentityProvider.token=", f"--ServerApp.root_dir={notebooks}", "--ServerApp.port_retries=0"]
    with open(folder / "log", "w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        _wait(lambda: _answers(f"http://127.0.0.1:{port}/api"), f"JupyterLab doesn't answer; see {folder / 'log'}")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


def _wait(holds, message: str, seconds: float = 60.0) -> None:
    for _ in range(int(seconds / 0.25)):
        if holds():
            return
        time.sleep(0.25)
    raise AssertionError(message)


def found(driver, selector: str) -> int:
    """How many elements of a cell's output a selector finds."""
    code = "return document.querySelectorAll('.jp-OutputArea-output ' + arguments[0]).length"
    return driver.execute_script(code, selector)


def open_notebook(driver, lab: str, name: str) -> None:
    driver.get_log("performance")
    driver.get(f"{lab}/doc/tree/{name}.ipynb")
    _wait(lambda: found(driver, ".gw-status"), f"{name}.ipynb shows no figure")


def outside(driver, lab: str) -> list[str]:
    return [line for line in check.outside_requests(driver) if f" {lab}" not in line and " ws:" not in line]


def test_an_untrusted_notebook_shows_a_picture_with_caption_and_advice(browser, lab: str):
    open_notebook(browser, lab, "untrusted")
    assert [found(browser, tag) for tag in ("img", "svg", "script", "style", "input", "button")] == [2, 0, 0, 0, 0, 0]
    _wait(
        lambda: browser.execute_script(
            "return [...document.querySelectorAll('.jp-OutputArea-output img')].every((i) => i.naturalWidth > 200)"
        ),
        "the pictures aren't drawn",
    )
    text = browser.execute_script("return document.querySelector('.jp-OutputArea-output').innerText")
    lines = [re.sub(r"\s+", " ", line).strip() for line in text.splitlines() if line.strip()]
    assert lines[:-2] == dirac("R1").status.splitlines()
    assert lines[-2] == f"{dirac('R1').description}."
    assert "Run the cell, or trust the notebook, to play" in lines[-1]
    assert outside(browser, lab) == []


def test_a_trusted_notebook_shows_the_figure_and_its_keys_are_not_jupyterlabs(browser, lab: str):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    open_notebook(browser, lab, "trusted")
    _wait(lambda: found(browser, "[data-ready=yes] .gw-handle"), "the figure hasn't started")
    assert [found(browser, tag) for tag in ("img", ".gw-static")] == [0, 0]
    browser.execute_script("document.querySelector('.gw-handle').focus()")
    # In command mode B would add a cell, and Page Down scroll.
    ActionChains(browser).send_keys(Keys.ARROW_LEFT, Keys.PAGE_UP, "b").perform()
    _wait(
        lambda: (
            browser.execute_script("return document.querySelector('.gw-handle').ariaValueText") == "θ = 0.95, ψ = −0.50"
        ),
        "the keys don't move the handle",
    )
    assert browser.execute_script("return document.activeElement.classList.contains('gw-handle')")
    assert browser.execute_script("return document.querySelectorAll('.jp-Notebook .jp-CodeCell').length") == 1
    assert outside(browser, lab) == []


def test_running_the_cell_of_an_untrusted_notebook_makes_the_figure(browser, lab: str):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    open_notebook(browser, lab, "untrusted")
    idle = "return document.querySelectorAll('.jp-Notebook-ExecutionIndicator[data-status=idle]').length"
    _wait(lambda: browser.execute_script(idle), "the kernel hasn't started")

    def ran() -> bool:
        if not found(browser, "[data-ready=yes] .gw-handle"):  # while JupyterLab starts it may take the focus away
            browser.find_element("css selector", ".jp-CodeCell .cm-content").click()
            ActionChains(browser).key_down(Keys.CONTROL).send_keys(Keys.ENTER).key_up(Keys.CONTROL).perform()
            time.sleep(3)
        return bool(found(browser, "[data-ready=yes] .gw-handle"))

    _wait(ran, "the figure hasn't started", seconds=5.0)
    assert [found(browser, tag) for tag in ("img", ".gw-static")] == [0, 0]
    assert found(browser, ".gw-controls select") == 2
