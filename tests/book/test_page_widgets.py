"""A figure of the package stands on a page that isn't a notebook."""

from __future__ import annotations

from pathlib import Path

import pytest

from gancourse.widgets import steer
from tests.book import small_book

PAGE = """# Figures

```{{widget}} {name}
```
"""


def test_a_page_shows_what_a_cell_shows(tmp_path: Path):
    book = small_book.write(tmp_path, ["# Sample\n\nText."], {"figures": PAGE.format(name="steer")})
    pages, warnings = small_book.build(book)
    assert warnings == []
    assert steer().html in (pages / "figures.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("steering", "there is no figure 'steering' in gancourse.widgets; pass one of ['Picture', "),
        ("pictures", "gancourse.widgets.pictures isn't shown without arguments: "),
        ("steer_in_kernel", "gancourse.widgets.steer_in_kernel makes no figure for a page"),
    ],
)
def test_what_is_no_figure_is_said(tmp_path: Path, name: str, said: str):
    book = small_book.write(tmp_path, ["# Sample\n\nText."], {"figures": PAGE.format(name=name)})
    _, warnings = small_book.build(book)
    assert [said in warning for warning in warnings] == [True]
