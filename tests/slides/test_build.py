"""Slides to a page that opens offline."""

import re
from pathlib import Path

import build
import check
import pdf
import pytest
from nbformat.v4 import new_notebook

from tests import checkout
from tests.slides.chapters import build_deck, code, figure, markdown, recast, sample, speaker


def test_the_page_holds_alternative_text_notes_and_fragments_but_no_inputs(tmp_path):
    text = build_deck(sample(), tmp_path).read_text(encoding="utf-8")
    assert text.count('alt="A grey box"') == 2  # once on the title slide
    assert "secret_name" not in text
    assert "softplus" in text
    assert "never shown" not in text
    assert "eq-value" not in text
    assert text.count('<aside class="notes">') == 2
    assert text.count('class="fragment') == 2
    assert "<title>A game of two</title>" in text
    assert "2 · A game of two" in text


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


def test_nothing_of_third_parties_lies_in_the_template():
    folder = "book/slides/template/"
    names = {name.removeprefix(folder) for name in checkout.course_files() if name.startswith(folder)}
    own = {"handout.js", "mathjax-config.js", "slides.css", "slides.js", "widgets.js"}
    assert names == {"conf.json", "index.html.j2", "list.html", *own}


def test_a_recast_chapter_has_only_its_speaker_cells_as_notes(tmp_path):
    text = build_deck(recast(), tmp_path).read_text(encoding="utf-8")
    notes = re.findall(r'<aside class="notes">\s*(.*?)\s*</aside>', text, re.DOTALL)
    assert len(notes) == 7
    assert all(note.startswith("<p>Minute") for note in notes)
    assert "Old notes" not in text
    assert "Prose of the page" not in text


def test_minutes_of_the_notes_pace_the_speaker_view(tmp_path):
    text = build_deck(recast(), tmp_path).read_text(encoding="utf-8")
    assert re.findall(r'data-timing="(\d+)"', text) == ["180", "180", "120", "120", "120", "180"]


def test_the_title_slide_shows_the_first_picture_of_the_chapter_or_its_own(tmp_path):
    def title(notebook) -> str:
        return build_deck(notebook, tmp_path).read_text(encoding="utf-8").split("<section>")[2]

    cells = [markdown("# T"), code(figure())]
    assert 'alt="A grey box"' in title(new_notebook(cells=cells))
    drawn = [markdown("# T\n\n![G gives samples to D](assets/diagrams/game.svg)"), code(figure())]
    assert "<circle" in title(new_notebook(cells=drawn))
    assert "A grey box" not in title(new_notebook(cells=drawn))
    assert "picture" not in title(new_notebook(cells=[markdown("# T"), code(figure(), alt="")]))
    cells = [
        markdown("# T"),
        speaker("Minute 0."),
        code(figure(1400, 600, 200)),
        code(figure(600, 600, 200), alt="Square"),
    ]
    assert 'alt="Square"' in title(new_notebook(cells=cells))
    assert "picture" not in title(new_notebook(cells=cells[:3]))


def test_slides_are_numbered_and_the_last_names_exercises_and_the_next_chapter(tmp_path):
    (tmp_path / "exercises").mkdir()
    (tmp_path / "exercises" / "02_sample.ipynb").touch()
    build_deck(sample(), tmp_path, "03_other")
    text = build_deck(sample(), tmp_path).read_text(encoding="utf-8")
    numbers = re.findall(r'class="number">(\d+) / (\d+)<', text)
    assert numbers == [(str(i + 1), str(len(numbers))) for i in range(len(numbers))]
    end = text.split('class="frame end"')[1]
    assert "exercises/02_sample.ipynb" in end
    assert "chapter 3, A game of two" in end


def test_a_missing_diagram_or_an_unreadable_question_is_one_line_with_the_chapter(tmp_path):
    for cell, message in (
        (markdown("## A\n\n![x](assets/diagrams/gone.svg)"), "02_sample.ipynb: diagram 'gone' not found"),
        (markdown("```{question} Why?\n- [x] a\n  b\n```"), "02_sample.ipynb: cell 2: question has 1 options"),
    ):
        with pytest.raises(build.BuildError, match=message):
            build_deck(new_notebook(cells=[markdown("# T"), cell]), tmp_path)


def test_the_type_face_lies_in_the_folder_as_data(tmp_path):
    page = build_deck(sample(), tmp_path)
    fonts = (page.parent / "assets" / "fonts.css").read_text(encoding="utf-8")
    assert fonts.count("@font-face") == 4
    assert re.findall(r"url\((?!data:font/woff;base64,)", fonts) == []
