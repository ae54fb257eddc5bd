"""The slides of every chapter in a real browser; each check has a twin that must fail."""

import base64
import io
import re
import struct
import time
import zlib
from pathlib import Path

import build
import check
import nbformat
import pdf
import pytest
from deck import DeckError, slide_notebook, visible
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from plain_text import plain, read_bibliography, strip_labels

from tests import checkout

AUTHORS = {"goodfellow2014": "Goodfellow et al. 2014", "mao2017": "Mao et al. 2017"}


def png(width: int = 700, height: int = 300) -> str:
    """A grey picture, base64."""
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress((b"\0" + b"\xc0" * width) * height)),
        (b"IEND", b""),
    )
    out = io.BytesIO(b"\x89PNG\r\n\x1a\n")
    out.seek(0, io.SEEK_END)
    for kind, data in chunks:
        out.write(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))
    return base64.b64encode(out.getvalue()).decode()


def markdown(source: str, kind: str = "slide") -> nbformat.NotebookNode:
    return new_markdown_cell(source, metadata={"slideshow": {"slide_type": kind}})


def code(*outputs, kind: str = "fragment", source: str = "print(secret_name)", tags=(), alt: str = "A grey box"):
    metadata = {"slideshow": {"slide_type": kind}, "tags": list(tags)}
    if alt:
        metadata["mystnb"] = {
            "image": {"alt": alt},
            "figure": {"caption": "All is grey. See {numref}`fig-a`.", "name": "fig-b"},
        }
    return new_code_cell(source, execution_count=1, outputs=list(outputs), metadata=metadata)


def printed(text: str):
    return new_output("stream", name="stdout", text=text)


def figure(width: int = 700, height: int = 300):
    return new_output("display_data", {"image/png": png(width, height), "text/plain": "<Figure size 700x300>"})


def sample() -> nbformat.NotebookNode:
    """A chapter with one of everything."""
    return new_notebook(
        cells=[
            markdown("# A game of `two`\n\nTrained against each other"),
            markdown("Follows {cite:t}`goodfellow2014`.", "notes"),
            code(printed("never shown"), kind="skip"),
            markdown(
                "## The value\n\n- $D$ scores, $G$ draws $z \\sim p_z$\n\n"
                "$$ V(D, G) = \\mathbb{E}[\\log D(x)] + \\mathbb{E}[\\log(1 - D(G(z)))] $$ (eq-value)"
            ),
            markdown("```{prf:theorem} Optimum\n:label: thm-a\n$D^* = p/(p+q)$ by {eq}`eq-value`.\n```", "notes"),
            code(printed("loss 1.386\n")),
            code(figure()),
            code(printed("x"), kind="slide", source="def loss(s):\n    return softplus(-s)", tags=["slide-code"]),
            markdown("## A table\n\n| a | b |\n|---|---|\n| 1 | 2 |", "subslide"),
        ]
    )


def build_deck(notebook: nbformat.NotebookNode, folder: Path, name: str = "02_sample") -> Path:
    """Write the notebook to a file and build its slides."""
    (folder / "book").mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, folder / "book" / f"{name}.ipynb")
    return build.build_chapter(folder / "book" / f"{name}.ipynb", folder / "out" / name)


# MyST to plain Markdown


def test_labels_of_equations_go_and_other_parentheses_stay():
    assert strip_labels("(sec-a)=\n$$ x $$ (eq-a)\n\nSo $x$ (see below)\n% note") == "$$ x $$\n\nSo $x$ (see below)\n"


@pytest.mark.parametrize(
    ("role", "text"),
    [
        ("{cite:t}`goodfellow2014`", "Goodfellow et al. (2014)"),
        ("{cite:p}`goodfellow2014,mao2017`", "(Goodfellow et al., 2014; Mao et al., 2017)"),
        ("{cite}`unknown1999`", "(unknown1999)"),
        ("{eq}`eq-value`", "the equation “value”"),
        ("{numref}`fig-ring`", "the figure “ring”"),
        ("{numref}`Chapter %s <02_gan_game>` shows", "Chapter 2 shows"),
        ("{numref}`Chapters %s <02_gan_game>` and {numref}`%s <16_diffusion>`", "Chapters 2 and 16"),
        ("{numref}`02_gan_game`", "chapter 2"),
        ("{numref}`Figure %s <fig-ring>`", "the figure “ring”"),
        ("{prf:ref}`thm-optimal-d`", "the theorem “optimal d”"),
        ("{ref}`the proof <sec-proof>`", "the proof"),
        ("{doc}`03_optimal_discriminator`", "chapter 3"),
        ("{ref}`03_optimal_discriminator`", "chapter 3"),
        ("{prf:ref}`alg-gan`", "the algorithm “gan”"),
        ("{math}`x^2`", "$x^2$"),
        ("{func}`gancourse.objectives.r1`", "`gancourse.objectives.r1`"),
        ("[the loop](02_gan_game.ipynb)", "the loop"),
        ("[paper](https://arxiv.org/abs/1406.2661)", "[paper](https://arxiv.org/abs/1406.2661)"),
    ],
)
def test_a_role_becomes_readable_text(role, text):
    assert plain(f"a {role} b", AUTHORS) == f"a {text} b"


def test_code_is_left_as_it_is():
    text = "Write `{cite:t}` and\n\n```python\nx = 1  # [a](b)\n% not a comment\n```"
    assert plain(text) == text


def test_two_roles_and_code_in_one_line_stay_apart():
    assert plain("{eq}`eq-a` and `x` and {eq}`eq-b`") == "the equation “a” and `x` and the equation “b”"


def test_a_directive_becomes_a_bold_heading_and_its_body():
    assert plain("```{prf:theorem} Optimum\n:label: thm-a\n\n$D = p$\n```") == "**Theorem (Optimum).**\n\n$D = p$"
    assert plain(":::{admonition} Run this page\n:class: tip\nNow.\n:::") == "**Run this page.**\n\nNow."
    assert plain("```{math}\n:label: eq-a\nx = y\n```") == "$$\nx = y\n$$"
    assert plain("```{bibliography}\n```") == ""


def test_directives_inside_directives_are_opened_too():
    nested = "````{note}\nOuter.\n```{warning}\nInner {cite:t}`mao2017`.\n```\n````"
    assert plain(nested, AUTHORS) == "**Note.**\n\nOuter.\n\n**Warning.**\n\nInner Mao et al. (2017)."


def test_the_bibliography_gives_surnames_and_years(tmp_path):
    (tmp_path / "a.bib").write_text(
        "@article{one, author = {Adams, Ann}, year = 2001}\n"
        '@article{two,\n  author = "Bob {van Beek} and C{\\"o}r{\\\'e}, Cy", title={{T} year}, year={2002}}\n'
        "@article{three, author={A, X and B, Y and C, Z}, year={2003}}\n",
        encoding="utf-8",
    )
    authors = {"one": "Adams 2001", "two": "van Beek and Cöré 2002", "three": "A et al. 2003"}
    assert read_bibliography(tmp_path / "a.bib") == authors
    assert read_bibliography(tmp_path / "missing.bib") == {}


# Chapter notebook to deck


def test_prose_becomes_the_notes_of_its_slide():
    cells = slide_notebook(sample(), AUTHORS).cells
    notes = [cell.source for cell in cells if cell.metadata.slideshow.slide_type == "notes"]
    assert notes[0] == "Follows Goodfellow et al. (2014)."
    theorem = "**Theorem (Optimum).**\n\n$D^* = p/(p+q)$ by the equation “value”."
    assert notes[1] == theorem + "\n\n*Figure: All is grey. See the figure “a”.*"


def test_prose_before_the_first_slide_is_not_lost():
    cells = slide_notebook(new_notebook(cells=[markdown("Early", "notes"), markdown("# T")])).cells
    assert [cell.source for cell in cells] == ["# T", "Early"]


def test_code_shows_its_output_only_unless_tagged():
    assert visible(code(printed("1"))).source == ""
    assert visible(code(printed("1"), tags=["slide-code"])).source == "print(secret_name)"
    assert visible(code(printed("1"), tags=["remove-output"])) is None


def test_a_cell_that_shows_nothing_makes_no_slide():
    cells = slide_notebook(new_notebook(cells=[markdown("# T"), code(kind="slide"), markdown("## U")])).cells
    assert [cell.source for cell in cells] == ["# T", "## U"]


def test_a_live_widget_is_left_out_and_its_picture_kept():
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "a"}, "text/plain": "IntSlider()"}
    assert visible(code(new_output("display_data", view))) is None
    shown = visible(code(new_output("display_data", {**view, "image/png": png()})))
    assert list(shown.outputs[0].data) == ["image/png"]


def test_a_figure_without_room_gets_a_slide_under_the_same_heading():
    crowded = "## Full\n\n" + "\n".join(f"- point {i}" for i in range(6))
    kinds = [
        (c.metadata.slideshow.slide_type, c.source)
        for c in slide_notebook(new_notebook(cells=[markdown(crowded), code(figure())])).cells
    ]
    assert [kind for kind in kinds if kind[0] != "notes"] == [
        ("slide", crowded.strip()),
        ("subslide", "## Full"),
        ("-", ""),
    ]
    roomy = [
        c.metadata.slideshow.slide_type
        for c in slide_notebook(new_notebook(cells=[markdown("## A\n\n- b"), code(figure())])).cells
    ]
    assert roomy == ["slide", "notes", "fragment"]


def test_a_slide_that_is_only_an_output_repeats_the_heading():
    cells = slide_notebook(
        new_notebook(cells=[markdown("# T"), markdown("## Claim"), code(printed("1"), kind="slide", alt="")])
    ).cells
    assert [(c.metadata.slideshow.slide_type, c.source) for c in cells[2:]] == [("slide", "## Claim"), ("-", "")]


def test_a_long_caption_is_cut_to_its_first_sentence():
    for caption, shown in (("One. Two.", "One. Two."), ("One. " + "Two " * 60, "One.")):
        cell = code(figure(), kind="slide")
        cell.metadata.mystnb.figure.caption = caption
        cells = slide_notebook(new_notebook(cells=[markdown("# T"), cell])).cells
        assert cells[-1].metadata.deck.shown_caption == shown


def test_long_printed_lines_are_set_smaller():
    assert not visible(code(printed("x" * 77))).metadata.deck.wide
    assert visible(code(printed("x\n" + "x" * 78))).metadata.deck.wide


@pytest.mark.parametrize("name", checkout.chapters())
def test_nothing_on_slides_or_in_notes_is_left_of_roles_or_named_by_its_file(name):
    cells = slide_notebook(nbformat.reads(checkout.text(f"book/{name}.ipynb"), as_version=4), AUTHORS).cells
    text = "\n".join(re.sub(r"`+.+?`+", "", c.source, flags=re.DOTALL) for c in cells if c.cell_type == "markdown")
    assert re.findall(r"(?m)\S*(?:\b\d\d_[a-z]|\{[a-z:]+\}`|%s)\S*", text) == []


def test_the_notebook_itself_is_left_as_it_was():
    notebook = sample()
    before = nbformat.writes(notebook)
    slide_notebook(notebook, AUTHORS)
    assert nbformat.writes(notebook) == before


def test_a_notebook_without_slides_is_refused():
    with pytest.raises(DeckError, match="no cell is marked as a slide"):
        slide_notebook(new_notebook(cells=[markdown("a", "notes")]))


# Deck to page


def test_the_page_holds_alternative_text_notes_and_fragments_but_no_inputs(tmp_path):
    text = build_deck(sample(), tmp_path).read_text(encoding="utf-8")
    assert text.count('alt="A grey box"') == 1
    assert "secret_name" not in text
    assert "softplus" in text
    assert "never shown" not in text
    assert "eq-value" not in text
    assert text.count('<aside class="notes">') == 2
    assert text.count('class="fragment') == 2
    assert "<title>A game of two</title>" in text
    assert "Chapter 2 · A game of two" in text


def test_building_twice_gives_the_same_bytes(tmp_path):
    pages = [build_deck(sample(), tmp_path), tmp_path / "out" / "02_sample"]
    first = {path.relative_to(pages[1]): path.read_bytes() for path in pages[1].rglob("*") if path.is_file()}
    build.build_chapter(tmp_path / "book" / "02_sample.ipynb", tmp_path / "again")
    again = {
        path.relative_to(tmp_path / "again"): path.read_bytes()
        for path in (tmp_path / "again").rglob("*")
        if path.is_file()
    }
    assert first == again
    assert len(first) > 20


def test_the_list_links_every_deck(tmp_path):
    build_deck(sample(), tmp_path)
    build_deck(sample(), tmp_path, "03_other")
    text = build.write_list(tmp_path / "out").read_text(encoding="utf-8")
    assert re.findall(r'href="(.*?)">(.*?)<', text) == [
        ("02_sample/index.html", "A game of two"),
        ("03_other/index.html", "A game of two"),
    ]


def test_chapters_follow_the_table_of_contents(tmp_path):
    for name in ("02_b", "10_a", "03_c"):
        (tmp_path / f"{name}.ipynb").touch()
    assert list(build.chapters(tmp_path)) == ["02_b", "03_c", "10_a"]
    (tmp_path / "_toc.yml").write_text(
        "root: index\nchapters:\n  - file: 10_a\n  - file: 02_b\n  - file: notation\n  - file: 04_gone\n"
    )
    assert list(build.chapters(tmp_path)) == ["10_a", "02_b"]


def test_an_unknown_chapter_is_named_with_the_nearest_one(monkeypatch, capsys):
    monkeypatch.setattr(build, "chapters", lambda: {"02_gan_game": Path(), "09_dcgan": Path()})
    assert build.main(["02_gangame"]) == 2
    assert capsys.readouterr().err == "slides: chapter '02_gangame' not found; did you mean '02_gan_game'?\n"


def test_a_missing_package_is_named_with_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(build, "NEEDED", {"sphinx-revealjs": "reveal.js", "no-such-package": "nothing"})
    assert build.main([]) == 2
    assert (
        capsys.readouterr().err
        == "slides: the slides need no-such-package (nothing); install with: pip install no-such-package\n"
    )


def test_a_broken_notebook_is_one_line_and_exit_2(monkeypatch, capsys, tmp_path):
    (tmp_path / "02_a.ipynb").write_text("{", encoding="utf-8")
    monkeypatch.setattr(build, "chapters", lambda: {"02_a": tmp_path / "02_a.ipynb"})
    assert build.main(["--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("slides: 02_a.ipynb: ")
    assert error.count("\n") == 1


def test_checking_or_printing_a_deck_that_was_not_built_is_one_line_and_exit_2(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(check, "browser_paths", lambda: None)
    for main in (check.main, pdf.main):
        assert main([str(tmp_path)]) == 2
        assert capsys.readouterr().err.endswith("index.html not found; run book/slides/build.py first\n")
    (tmp_path / "index.html").touch()
    assert check.main([str(tmp_path)]) == 2
    assert "no chromium with chromedriver found" in capsys.readouterr().err


def test_a_link_to_click_is_no_load_but_a_picture_or_style_sheet_is(tmp_path):
    page = tmp_path / "index.html"
    page.write_text(
        '<a href="https://example.invalid">a</a><img src="data:image/png;base64,//8A"><p>https://example.invalid</p>'
    )
    assert check.outside_links(page) == []
    page.write_text('<img src="//example.invalid/a.png"><link href="https://example.invalid/a.css">')
    (tmp_path / "a.css").write_text("@import url(https://example.invalid/b.css);")
    assert len(check.outside_links(page)) == 3


# The browser


@pytest.fixture(scope="module")
def driver():
    if not check.browser_paths():
        pytest.skip("no chromium with chromedriver found: the slides are not looked at in a browser")
    pytest.importorskip("selenium", reason="selenium is not installed: the slides are not looked at in a browser")
    with check.browser() as driver:
        yield driver


@pytest.mark.slow
@pytest.mark.parametrize("name", checkout.chapters())
def test_every_slide_of_the_chapter_fits_renders_and_stays_offline(driver, name, course, tmp_path):
    assert check.check_deck(driver, build.build_chapter(course / "book" / f"{name}.ipynb", tmp_path / name)) == []


@pytest.mark.slow
def test_a_sound_deck_passes_every_check(driver, tmp_path):
    assert check.check_deck(driver, build_deck(sample(), tmp_path)) == []


PLANTED = {
    "text below the frame": (
        [markdown("## Long\n\n" + "\n".join(f"- point {i}" for i in range(20)))],
        "slide 2: overflows by",
    ),
    "a line of code beyond the right edge": ([code(printed("x" * 120), kind="slide")], "slide 2: overflows by"),
    "a fragment below the frame": ([markdown("## A"), code(printed("x\n" * 40))], "overflows by"),
    "an equation beyond the right edge": ([markdown("$$" + "x + " * 80 + "x$$")], "slide 2: overflows by"),
    "an undefined command": (
        [markdown("## E\n\n$\\undefinedcommand{x}$")],
        "slide 2: equation is wrong: Undefined control",
    ),
    "an unbalanced brace": ([markdown("## E\n\n$$\\frac{1}{2$$")], "slide 2: equation not rendered: "),
    "a wrong equation in the notes": ([markdown("## E"), markdown("$\\nonsense$", "notes")], "(in the notes)"),
    "a dollar without its twin": ([markdown("## E\n\nLet $x be real.")], "slide 2: equation not rendered"),
    "a picture from outside": (
        [markdown("## P\n\n![p](https://example.invalid/p.png)")],
        "requested from outside: https://example.invalid",
    ),
    "a picture that is not there": ([markdown("## P\n\n![p](assets/gone.png)")], "slide 2: picture doesn't load"),
    "a picture without alternative text": (
        [code(figure(), kind="slide", alt="")],
        "slide 2: picture without alternative text",
    ),
    "a figure too narrow": ([code(figure(100, 900), kind="slide")], "slide 2: figure too small to read"),
    "an error in a script": ([markdown("## S\n\n<script>throw new Error('planted')</script>")], "console: "),
    "small type": ([markdown('## S\n\n<p style="font-size: 12px">tiny</p>')], "slide 2: type under 20 px"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_reported(driver, name, tmp_path):
    cells, finding = PLANTED[name]
    findings = check.check_deck(driver, build_deck(new_notebook(cells=[markdown("# T"), *cells]), tmp_path))
    assert any(finding in line for line in findings), findings


@pytest.mark.slow
def test_the_speaker_window_shows_the_notes_of_the_slide_from_a_file(driver, tmp_path):
    check.open_slides(driver, build_deck(sample(), tmp_path), "#/1")
    driver.execute_script("const open = window.open; window.open = (...a) => (window.speaker = open.apply(window, a))")
    driver.execute_script("Reveal.getPlugin('notes').open()")
    notes = ""
    for _ in range(100):
        notes = (
            driver.execute_script(
                "return speaker.document.querySelector('.speaker-controls-notes .value')?.textContent"
            )
            or ""
        )
        if notes:
            break
        time.sleep(0.2)
    driver.execute_script("speaker.close()")
    assert "Theorem (Optimum)." in notes


@pytest.mark.slow
def test_the_pdf_has_one_page_for_each_slide(driver, tmp_path):
    page = build_deck(sample(), tmp_path)
    document = pdf.print_pdf(driver, page)
    assert document.startswith(b"%PDF")
    assert len(re.findall(rb"/Type /Page\b", document)) == page.read_text(encoding="utf-8").count('<div class="frame')


def test_nothing_of_third_parties_lies_in_the_template():
    folder = "book/slides/template/"
    names = {name.removeprefix(folder) for name in checkout.course_files() if name.startswith(folder)}
    assert names == {"conf.json", "index.html.j2", "list.html", "mathjax-config.js", "slides.css", "slides.js"}
