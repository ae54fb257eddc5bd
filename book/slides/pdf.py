"""Print built slides to PDF: `python book/slides/pdf.py [--notes] [DIR ...]`.

Writes slides.pdf into each deck's folder, a page of 1280 x 720 px a slide with all its steps shown; with `--notes`
handout.pdf too, a page of A4 a slide with its notes below. Chromium prints both from the files, offline.
"""

import argparse
import base64
import sys
from pathlib import Path

from check import browser, find_decks, open_slides

SLIDE = {"paperWidth": 1280 / 96, "paperHeight": 720 / 96}  # inches, of 96 px
A4 = {"paperWidth": 794 / 96, "paperHeight": 1123 / 96}


def print_pdf(driver, page: Path, notes: bool = False) -> bytes:
    """A deck as PDF, one page per slide, all steps shown.

    Args:
        driver: as `check.browser` gives it.
        page: the deck's index.html.
        notes: whether the notes stand below the slide, on a page of A4.
    """
    open_printable(driver, page, "?handout" if notes else "?print-pdf")
    settings = {"preferCSSPageSize": True, "printBackground": True}
    margins = dict.fromkeys(("marginTop", "marginBottom", "marginLeft", "marginRight"), 0)
    size = A4 if notes else SLIDE
    return base64.b64decode(driver.execute_cdp_cmd("Page.printToPDF", size | settings | margins)["data"])


def open_printable(driver, page: Path, query: str) -> None:
    """Open a deck laid out for paper and wait until it is: "?print-pdf" slides, "?handout" slides with notes."""
    from selenium.webdriver.support.ui import WebDriverWait

    open_slides(driver, page, query)
    printable = "return document.documentElement.dataset.printable === 'yes'"
    WebDriverWait(driver, 30).until(lambda d: d.execute_script(printable))


def main(arguments: list[str] | None = None) -> int:
    """Print decks; 0 if all went well, 2 for bad input."""
    parser = argparse.ArgumentParser(description="Print built slides to PDF, into each deck's folder.")
    parser.add_argument(
        "decks", nargs="*", type=Path, metavar="DIR", help="folders of decks (default: all under _build/slides)"
    )
    parser.add_argument("--notes", action="store_true", help="print a handout too: slides with their notes")
    options = parser.parse_args(arguments)
    try:
        pages = find_decks(options.decks)
        with browser() as driver:
            for page in pages:
                for name, notes in (("slides.pdf", False), ("handout.pdf", True))[: 1 + options.notes]:
                    target = page.parent / name
                    target.write_bytes(print_pdf(driver, page, notes))
                    print(target)
    except RuntimeError as error:
        print(f"pdf: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
