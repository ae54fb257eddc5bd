"""Look at built slides in a real browser: `python book/slides/check.py [DIR ...] [--screenshots DIR]`.

Every slide and step is visited through file://. Reported: what overflows 1280 x 720, equations that didn't render,
figures too small to read or without alternative text, anything requested from outside, and errors in the console. Decks
of recast chapters keep the limits of `measure.py` too; a table shows the measures of all.
"""

import argparse
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path

from measure import SlideMeasures, beyond_limits, read_measures, table, table_row

INSPECT, MEASURE = (
    (Path(__file__).parent / name).read_text(encoding="utf-8") for name in ("inspect_slide.js", "measure_slide.js")
)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--window-size=1280,720",
]


def browser_paths() -> tuple[str, str] | None:
    """Where Chromium and its driver are, or None."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
    driver = shutil.which("chromedriver")
    return (chromium, driver) if chromium and driver else None


@contextmanager
def browser() -> Iterator:
    """A headless Chromium with a profile of its own, which logs every request.

    Raises:
        RuntimeError: Chromium, its driver or selenium is missing.
    """
    paths = browser_paths()
    if not paths:
        raise RuntimeError(
            "no chromium with chromedriver found; install both (Debian: apt install chromium chromium-driver)"
        )
    from selenium import webdriver

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = paths[0]
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(paths[1]))
        try:
            # The window's frame takes room: make the page itself 1280 x 720.
            driver.execute_cdp_cmd(
                "Emulation.setDeviceMetricsOverride",
                {"width": 1280, "height": 720, "deviceScaleFactor": 1, "mobile": False},
            )
            yield driver
        finally:
            driver.quit()


def open_slides(driver, page: Path, query: str = "") -> None:
    """Open a deck through file:// and wait until it is laid out."""
    from selenium.webdriver.support.ui import WebDriverWait

    for log in ("browser", "performance"):  # what an earlier page left
        driver.get_log(log)
    driver.get("about:blank")  # a change of the fragment only would not load the page again
    driver.get(page.resolve().as_uri() + query)
    WebDriverWait(driver, 60).until(
        lambda d: d.execute_script("return document.documentElement.dataset.ready === 'yes'")
    )


def check_deck(driver, page: Path, screenshots: Path | None = None) -> list[str]:
    """What is wrong with a deck, one line each; empty if all is well.

    Args:
        driver: as `browser` gives it.
        page: the deck's index.html.
        screenshots: a folder for one picture per slide, all steps shown.
    """
    return look_at_deck(driver, page, screenshots)[0]


def look_at_deck(
    driver, page: Path, screenshots: Path | None = None, query: str = ""
) -> tuple[list[str], list[SlideMeasures], bool]:
    """What is wrong with a deck, the measures of its slides, and whether its chapter is recast; see `check_deck`."""
    open_slides(driver, page, query)
    recast = driver.execute_script("return document.body.dataset.recast === 'yes'")
    findings: list[str] = []
    slides: list[SlideMeasures] = []
    while True:
        number = driver.execute_script("return Reveal.getSlidePastCount() + 1")
        for finding in driver.execute_script(INSPECT):
            line = f"slide {number}: {finding}"
            if line not in findings:
                findings.append(line)
        if not driver.execute_script("return Reveal.availableFragments().next"):
            slides.append(read_measures(driver.execute_script(MEASURE)))
            if screenshots:
                screenshots.mkdir(parents=True, exist_ok=True)
                driver.save_screenshot(str(screenshots / f"{number:02d}.png"))
            if driver.execute_script("return Reveal.isLastSlide()"):
                break
        driver.execute_script("Reveal.next()")
    total = driver.execute_script("return Reveal.getTotalSlides()")
    if len(slides) != total:
        findings.append(f"visited {len(slides)} of {total} slides")
    findings += console_errors(driver) + outside_requests(driver) + outside_links(page)
    small = [
        f"slide {i}: type under 20 px: {slide.smallest}"
        for i, slide in enumerate(slides, 1)
        if slide.type < 20 and not slide.smallest.startswith("10-point")
    ]
    return findings + (beyond_limits(slides) if recast else small), slides, recast


def console_errors(driver) -> list[str]:
    """Errors in the page's console since the deck was opened."""
    return [f"console: {entry['message'][:200]}" for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]


def outside_requests(driver) -> list[str]:
    """Addresses that the page asked for and that don't lie on this machine."""
    events = (json.loads(entry["message"])["message"] for entry in driver.get_log("performance"))
    urls = {event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"}
    local = ("file:", "data:", "blob:", "about:", "chrome:", "devtools:")
    return [f"requested from outside: {url[:120]}" for url in sorted(urls) if not url.startswith(local)]


class _Links(HTMLParser):
    """Collects what a page would load from elsewhere; a link that a reader may click is no load."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note every src, href, srcset, poster and style address on another host."""
        for name, value in attrs:
            loads = name in {"src", "srcset", "poster", "data", "xlink:href", "style"} or (
                name == "href" and tag not in {"a", "area"}
            )
            if loads and re.search(r"(?:^|[\s,(\"'])(?:https?:)?//", re.sub(r"data:\S*", "", value or "")):
                self.found.append(f"loads from outside: <{tag} {name}={value[:100]}>")


def outside_links(page: Path) -> list[str]:
    """Addresses on other hosts that the files of a deck would load, found without a browser."""
    links = _Links()
    links.feed(page.read_text(encoding="utf-8"))
    for sheet in sorted(page.parent.rglob("*.css")):
        text = sheet.read_text(encoding="utf-8")
        links.found += [
            f"loads from outside: {sheet.name}: {url}"
            for url in re.findall(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//\S+", text)
        ]
    return links.found


def find_decks(folders: list[Path]) -> list[Path]:
    """The pages of the named decks, or of all that were built.

    Raises:
        RuntimeError: there is no such deck.
    """
    built = Path(__file__).resolve().parents[2] / "_build" / "slides"
    pages = [folder / "index.html" for folder in folders] or sorted(built.glob("[0-9]*/index.html"))
    for page in pages or [built]:
        if not page.is_file():
            raise RuntimeError(f"{page} not found; run book/slides/build.py first")
    return pages


def main(arguments: list[str] | None = None) -> int:
    """Check decks; 0 if all is well, 1 if something was found, 2 for bad input."""
    parser = argparse.ArgumentParser(description="Check built slides in a real browser.")
    parser.add_argument(
        "decks", nargs="*", type=Path, metavar="DIR", help="folders of decks (default: all under _build/slides)"
    )
    parser.add_argument("--screenshots", type=Path, metavar="DIR", help="save a picture of every slide")
    parser.add_argument("--dark", action="store_true", help="look at the dark slides")
    options = parser.parse_args(arguments)
    bad, rows = False, []
    try:
        pages = find_decks(options.decks)
        with browser() as driver:
            for page in pages:
                name = page.resolve().parent.name
                shots = options.screenshots and options.screenshots / name
                findings, slides, recast = look_at_deck(driver, page, shots, options.dark * "?theme=dark")
                print(f"{name}: {'well' if not findings else ''}", *findings, sep="\n  " if findings else "")
                rows.append(table_row(name, recast, slides, findings))
                bad |= bool(findings)
    except RuntimeError as error:
        print(f"check: {error}", file=sys.stderr)
        return 2
    print(f"\n{table(rows)}\n\n* recast: keeps the limits of measure.py; of the others the measures are reported only")
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
