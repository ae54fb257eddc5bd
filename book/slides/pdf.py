"""Print built slides to PDF: `python book/slides/pdf.py [DIR ...]` writes slides.pdf into each deck's folder."""

import argparse
import base64
import sys
from pathlib import Path

from check import browser, find_decks, open_slides


def print_pdf(driver, page: Path) -> bytes:
    """A deck as PDF, one page of 1280 x 720 px per slide, all fragments shown.

    Args:
        driver: as `check.browser` gives it.
        page: the deck's index.html.
    """
    from selenium.webdriver.support.ui import WebDriverWait

    open_slides(driver, page, "?print-pdf")
    printable = "return document.documentElement.dataset.printable === 'yes'"
    WebDriverWait(driver, 30).until(lambda d: d.execute_script(printable))
    # 96 px to the inch: 1280 x 720 px.
    size = {"paperWidth": 1280 / 96, "paperHeight": 720 / 96, "preferCSSPageSize": True, "printBackground": True}
    margins = dict.fromkeys(("marginTop", "marginBottom", "marginLeft", "marginRight"), 0)
    return base64.b64decode(driver.execute_cdp_cmd("Page.printToPDF", size | margins)["data"])


def main(arguments: list[str] | None = None) -> int:
    """Print decks; 0 if all went well, 2 for bad input."""
    parser = argparse.ArgumentParser(description="Print built slides to PDF, into each deck's folder.")
    parser.add_argument(
        "decks", nargs="*", type=Path, metavar="DIR", help="folders of decks (default: all under _build/slides)"
    )
    options = parser.parse_args(arguments)
    try:
        pages = find_decks(options.decks)
        with browser() as driver:
            for page in pages:
                target = page.parent / "slides.pdf"
                target.write_bytes(print_pdf(driver, page))
                print(target)
    except RuntimeError as error:
        print(f"pdf: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
