"""One browser for all tests of built pages."""

from __future__ import annotations

from collections.abc import Iterator

import check
import pytest


@pytest.fixture(scope="session")
def browser() -> Iterator:
    """A headless Chromium."""
    if check.browser_paths() is None:
        pytest.skip("no chromium with chromedriver")
    with check.browser() as driver:
        yield driver
