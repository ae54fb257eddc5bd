"""What tests do with the figures of a page in a browser."""

from __future__ import annotations

import base64
import io

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from gancourse.widgets import Widget

N_WIDGETS = 8  # on the page that conftest.py makes


def png(shade: int, width: int = 3, height: int = 2) -> bytes:
    """The file of a small grey picture."""
    file = io.BytesIO()
    Image.new("L", (width, height), shade).save(file, "png")
    return file.getvalue()


def run(driver, code: str, *arguments):
    """Run a script in which `widgets` are the figures of the page."""
    return driver.execute_script(f"const widgets = document.querySelectorAll('.gancourse-widget');{code}", *arguments)


def statuses(driver) -> list[str]:
    """What the figures announce, after the next picture."""
    driver.execute_async_script(
        "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()))"
    )
    return run(driver, "return [...widgets].map((w) => w.querySelector('.gw-status').textContent)")


def part(driver, index: int, name: str):
    return run(driver, f"return widgets[{index}].querySelector('[data-part=\"{name}\"]')")


def press(driver, index: int, name: str, *keys: str) -> None:
    """Focus a part and type."""
    from selenium.webdriver.common.action_chains import ActionChains

    driver.execute_script("arguments[0].focus()", part(driver, index, name))
    ActionChains(driver).send_keys(*keys).perform()


def choose(driver, index: int, name: str, value: object) -> None:
    """Set a slider or a menu as a reader would."""
    code = "for (const e of ['input', 'change']) arguments[0].dispatchEvent(new Event(e))"
    driver.execute_script("arguments[0].value = arguments[1];" + code, part(driver, index, name), str(value))


def insert(driver, widget: Widget) -> None:
    """Add a figure as notebooks do: the HTML as text, then fresh scripts in the place of those that don't run."""
    driver.execute_script(
        "const host = document.createElement('div'); host.innerHTML = arguments[0]; document.body.append(host);"
        "for (const old of host.querySelectorAll('script')) { const fresh = document.createElement('script');"
        "fresh.textContent = old.textContent; old.replaceWith(fresh); }",
        widget.html,
    )


def keys():
    from selenium.webdriver.common.keys import Keys

    return Keys


def picture(driver) -> np.ndarray:
    """What the window shows: [height, width, 3], between 0 and 1."""
    shot = driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})["data"]
    return plt.imread(io.BytesIO(base64.b64decode(shot)))[..., :3]


def resize(driver, width: int, height: int) -> None:
    """Give the page another size."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
