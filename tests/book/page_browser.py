"""What the tests of built pages share: a browser at a size and in a theme, axe's verdict, what a page asks for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import check

OFFLINE = check.browser_paths() is None


def open_page(driver, page: Path, width: int = 1280, height: int = 900, theme: str = "light", query: str = "") -> None:
    """Open a page as a file, at a width, in the light or dark theme, and wait for its scripts and equations."""
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
    )
    driver.get("about:blank")
    driver.get(page.resolve().as_uri() + query)
    driver.set_script_timeout(60)
    driver.execute_async_script(
        "const done = arguments[0]; const ready = () => (window.MathJax?.startup?.promise ?? Promise.resolve())"
        ".then(() => document.fonts.ready).then(() => requestAnimationFrame(() => done()));"
        "document.readyState === 'complete' ? ready() : addEventListener('load', ready)"
    )
    # The theme's own script has set its choice by now; colours change at once, not over a quarter of a second.
    driver.execute_script(
        "const still = document.createElement('style'); still.textContent = '* { transition: none !important }';"
        "document.head.append(still);"
        "document.documentElement.dataset.theme = document.documentElement.dataset.mode = arguments[0]",
        theme,
    )


@contextmanager
def without_scripts(driver) -> Iterator[None]:
    """Scripts of pages don't run in here; those of the test don't either, so look at elements and styles only."""
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        yield
    finally:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


@contextmanager
def on_paper(driver) -> Iterator[None]:
    """Style sheets for print apply in here."""
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        yield
    finally:
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def clipped(driver) -> list[str]:
    """Blocks of the article that are wider than what is seen of them: their first words."""
    blocks = ".bd-article :is(pre, table, div.math, mjx-container[display], figure)"
    return driver.execute_script(
        "return [...document.querySelectorAll(arguments[0])].filter((e) => e.clientWidth"
        " && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX !== 'visible')"
        ".map((e) => e.textContent.trim().slice(0, 60))",
        blocks,
    )


def faults(driver, within: str | None = None) -> list[str]:
    """What axe finds wrong, or in part of the page: the rule and the element of each fault."""
    from axe_core_python.selenium import Axe

    result = Axe().run(driver, within)
    return [f"{fault['id']}: {node['html'][:120]}" for fault in result["violations"] for node in fault["nodes"]]
