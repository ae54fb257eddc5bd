"""The page of claims is what the notebooks say, and no claim stands without a control."""

from __future__ import annotations

import re
from pathlib import Path

import claims
import nbformat
import pytest
from nbformat.v4 import new_notebook, new_output

from tests import checkout
from tests.book import small_book


def chapter(*cells: nbformat.NotebookNode) -> nbformat.NotebookNode:
    return new_notebook(cells=list(cells))


def cell(printed: str = "0.5\n", **metadata) -> nbformat.NotebookNode:
    return small_book.code("print(x)", *([small_book.printed(printed)] if printed else []), **metadata)


BOTH = {"claim": "D is fooled", "control": "the score of an untrained D"}


def test_the_page_is_what_the_notebooks_say(course: Path):
    assert claims.main(["--check", "--book", str(course / "book")]) == 0, "run `python book/claims.py`"


def test_a_page_that_is_not_what_the_notebooks_say_is_found(tmp_path: Path, capsys):
    nbformat.write(chapter(cell(**BOTH)), tmp_path / "02_sample.ipynb")
    assert claims.main(["--book", str(tmp_path)]) == 0
    assert claims.main(["--check", "--book", str(tmp_path)]) == 0
    nbformat.write(chapter(cell("0.6\n", **BOTH)), tmp_path / "02_sample.ipynb")
    assert claims.main(["--check", "--book", str(tmp_path)]) == 1
    assert "is not what the notebooks say: run `python book/claims.py`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"claim": "D is fooled"}, "02_x, cell 1 has no control; add one to its metadata, or take the claim away"),
        ({"claim": "D is fooled", "control": " "}, "02_x, cell 1 has no control"),
        ({"control": "an untrained D"}, "02_x, cell 1 has no claim; add one to its metadata, or take the control away"),
        ({"seeds": "0 to 4"}, "02_x, cell 1 has no claim"),
        ({**BOTH, "claim": "x" * 200}, "claim is 'xxx"),
        ({**BOTH, "seeds": 3}, "seeds is 3; write one sentence of at most 160 letters"),
    ],
)
def test_an_incomplete_claim_is_refused(metadata: dict, message: str):
    with pytest.raises(claims.ClaimError, match=re.escape(message)):
        claims.claims(chapter(cell(), cell(**metadata)), "02_x")


def test_a_claim_whose_cell_shows_nothing_is_refused():
    with pytest.raises(claims.ClaimError, match="02_x, cell 0 claims 'D is fooled' and shows nothing"):
        claims.claims(chapter(cell("", **BOTH)), "02_x")


def test_a_claim_in_prose_is_refused():
    prose = nbformat.v4.new_markdown_cell("Text", metadata=BOTH)
    with pytest.raises(claims.ClaimError, match="02_x, cell 0 has a claim and no code"):
        claims.claims(chapter(prose), "02_x")


def test_what_a_cell_printed_is_quoted_and_pictures_are_named():
    table = new_output("execute_result", {"text/html": "<table>", "text/plain": "a\n1"}, execution_count=1)
    picture = new_output("display_data", {"image/png": "x", "text/plain": "<Figure size 672x288>"})
    about = {"figure": {"name": "fig-a", "caption": "A"}}
    made = small_book.code("x", small_book.printed("long\n" * 20), table, picture, mystnb=about, **BOTH)
    [found] = claims.claims(chapter(made), "02_x")
    assert found.printed.splitlines() == ["long"] * 12 + ["… and 10 more lines"]
    assert found.figure == "fig-a"


@pytest.mark.slow
def test_the_page_leads_to_the_cells(tmp_path: Path):
    cells = ["# Sample", cell(), cell(**BOTH), cell("a | b\n", **{**BOTH, "claim": "$G$ | D", "seeds": "0 to 4"})]
    title, *code = cells
    text = claims.page({small_book.CHAPTER: chapter(nbformat.v4.new_markdown_cell(title), *code)})
    html, problems = small_book.build(small_book.write(tmp_path, cells, {"claims": text}))
    assert problems == []
    built = (html / "claims.html").read_text("utf-8")
    links = re.findall(r'href="02_sample.html#(claim-02-\d)"><span class="std std-ref">([\d.]+)<', built)
    assert links == [("claim-02-1", "2.1"), ("claim-02-2", "2.2")]
    chapter_page = (html / "02_sample.html").read_text("utf-8")
    assert all(f'id="{anchor}"' in chapter_page for anchor, _ in links)
    assert "0 to 4" in built
    assert "<h2>2. Sample" in built
    assert re.search(r"<pre><span></span>a \| b\n</pre>", built)


def test_every_notebook_of_the_course_has_complete_claims():
    for name in checkout.course_files():
        if re.fullmatch(r"book/\d\d_\w+\.ipynb", name):
            claims.claims(nbformat.reads(checkout.text(name), as_version=4), Path(name).stem)
