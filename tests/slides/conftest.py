"""A browser for the tests of the slides."""

from __future__ import annotations

from collections.abc import Iterator

import check
import pytest


@pytest.fixture(scope="package")
def driver() -> Iterator:
    """A headless Chromium; the tests that need it are skipped where there is none."""
    if not check.browser_paths():
        pytest.skip("no chromium with chromedriver found: the slides are not looked at in a browser")
    pytest.importorskip("selenium", reason="selenium is not installed: the slides are not looked at in a browser")
    with check.browser() as driver:
        yield driver
