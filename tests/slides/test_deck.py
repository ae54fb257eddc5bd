"""Chapter notebook to the notebook of its slides."""

import re

import nbformat
import pytest
from deck import DeckError, slide_notebook, visible
from nbformat.v4 import new_notebook, new_output
from recast import RECAST

from tests import checkout
from tests.slides.chapters import (
    AUTHORS,
    QUESTION,
    TABLE,
    code,
    figure,
    markdown,
    png,
    printed,
    recast,
    sample,
    shown,
    speaker,
)


def test_prose_becomes_the_notes_of_its_slide():
    cells = slide_notebook(sample(), AUTHORS).cells
    notes = [cell.source for cell in cells if cell.metadata.slideshow.slide_type == "notes"]
    assert notes[0] == "Follows Goodfellow et al. (2014)."
    theorem = "**Theorem (Optimum).**\n\n$D^* = p/(p+q)$ by the equation."
    assert notes[1] == theorem + "\n\n*Figure: All is grey. See the figure.*"


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
    for caption, cut in (("One. Two.", "One. Two."), ("One. " + "Two " * 60, "One.")):
        cell = code(figure(), kind="slide")
        cell.metadata.mystnb.figure.caption = caption
        cells = slide_notebook(new_notebook(cells=[markdown("# T"), cell])).cells
        assert cells[-1].metadata.deck.shown_caption == cut


def test_a_recast_figure_has_a_line_below_it_its_own_or_a_short_sentence_of_the_caption():
    for legend, caption, line in (
        ("Dots: data.", "All is grey. More.", "Dots: data."),
        ("", "All is grey, see {numref}`fig-a`. More.", "All is grey, see the figure."),
        ("", "Word " * 16 + "end. More.", ""),
    ):
        cell = code(figure())
        cell.metadata |= {"legend": legend} if legend else {}
        cell.metadata.mystnb.figure.caption = caption
        cells = [markdown("# T"), markdown("## A"), cell, speaker("Minute 1.")]
        assert slide_notebook(new_notebook(cells=cells)).cells[-1].metadata.deck.shown_caption == line


def test_an_old_chapters_figure_keeps_its_caption_in_the_notes():
    cells = slide_notebook(new_notebook(cells=[markdown("# T"), markdown("## A"), code(figure())])).cells
    assert "shown_caption" not in cells[-1].metadata.deck
    assert "*Figure: All is grey. See the figure.*" in cells[-2].source


def test_a_legend_that_nobody_reads_in_passing_is_refused():
    cell = code(figure())
    cell.metadata["legend"] = "word " * 16
    with pytest.raises(DeckError, match=r"cell 2: a legend of 16 words; at most 15: say what"):
        slide_notebook(new_notebook(cells=[markdown("# T"), cell, speaker("Minute 1.")]))


def test_long_printed_lines_are_set_smaller():
    assert not visible(code(printed("x" * 77))).metadata.deck.wide
    assert visible(code(printed("x\n" + "x" * 78))).metadata.deck.wide


@pytest.mark.parametrize("name", checkout.chapters())
def test_nothing_on_slides_or_in_notes_is_left_of_roles_or_named_by_its_file(name):
    cells = slide_notebook(nbformat.reads(checkout.text(f"book/{name}.ipynb"), as_version=4), AUTHORS).cells
    text = "\n".join(re.sub(r"`+.+?`+", "", c.source, flags=re.DOTALL) for c in cells if c.cell_type == "markdown")
    assert re.findall(r"(?m)\S*(?:\b\d\d_[a-z]|\{[a-z:]+\}`|%s)\S*", text) == []


@pytest.mark.parametrize("chapter", [sample, recast])
def test_the_notebook_itself_is_left_as_it_was(chapter):
    notebook = chapter()
    before = nbformat.writes(notebook)
    slide_notebook(notebook, AUTHORS)
    assert nbformat.writes(notebook) == before


def test_a_notebook_without_slides_is_refused():
    with pytest.raises(DeckError, match="no cell is marked as a slide"):
        slide_notebook(new_notebook(cells=[markdown("a", "notes")]))


# Recast chapters


def test_one_speaker_cell_makes_a_chapter_recast():
    old = new_notebook(cells=[markdown("# T"), markdown("Prose", "notes")])
    assert not slide_notebook(old).metadata.recast
    old.cells.append(speaker("Minute 1. Why? Answer: so."))
    deck = slide_notebook(old)
    assert deck.metadata.recast
    assert [c.source for c in deck.cells] == ["# T", "Minute 1. Why? Answer: so."]


def test_a_speaker_cell_counts_by_its_tag_whatever_its_slide_type():
    for kind in ("notes", "skip", "-"):
        deck = slide_notebook(new_notebook(cells=[markdown("# T"), markdown("Minute 1.", kind, "speaker")]))
        assert [c.metadata.slideshow.slide_type for c in deck.cells] == ["slide", "notes"]


def test_cells_off_the_page_are_on_the_slides():
    hidden = code(shown(TABLE), tags=["remove-cell"])
    assert visible(hidden).outputs == hidden.outputs
    deck = slide_notebook(new_notebook(cells=[markdown("# T"), markdown("## A", "slide", "remove-cell"), hidden]))
    assert [c.cell_type for c in deck.cells] == ["markdown", "markdown", "code"]


def test_source_is_shown_with_the_tag_alone_and_never_of_a_folded_cell():
    assert visible(code(printed("1"), tags=["show-source"])).metadata.deck.show_source
    with pytest.raises(DeckError, match="cell 2: show-source on a cell that is folded on the page"):
        slide_notebook(new_notebook(cells=[markdown("# T"), code(printed("1"), tags=["show-source", "hide-input"])]))


def test_a_question_becomes_a_poll_whose_prompt_is_the_heading_if_there_is_none():
    bare, headed = visible(markdown(QUESTION)), visible(markdown(f"## Who moves?\n\n{QUESTION}"))
    assert bare.source == "## Whose weights change in the turn of $G$?"
    assert headed.source == "## Who moves?"
    assert [bare.metadata.deck.polls[0].asks, headed.metadata.deck.polls[0].asks] == [False, True]
    assert [option["right"] for option in bare.metadata.deck.polls[0].options] == [True, False, False]


def test_an_option_too_many_for_a_slide_is_refused():
    many = QUESTION.replace("```{q", "````{q").replace("```", "") + "".join(
        f"- [ ] no {i}\n  Because.\n" for i in range(4)
    )
    with pytest.raises(DeckError, match="7 options; at most 6"):
        visible(markdown("```" + many.removeprefix("`") + "```"))


def test_a_poll_in_the_prose_of_the_page_is_on_no_slide():
    deck = slide_notebook(
        new_notebook(cells=[markdown("# T"), markdown(QUESTION, "skip"), markdown(QUESTION, "notes")])
    )
    assert [c.source for c in deck.cells] == ["# T"]


def test_a_square_figure_stands_beside_the_text_and_a_wide_one_below():
    text = "## A\n\n- one\n- two\n- three"

    def classes(width: int, height: int) -> str:
        cells = [markdown(text), code(figure(width, height))]
        return slide_notebook(new_notebook(cells=cells)).cells[0].metadata.deck.frame

    assert (classes(600, 600), classes(1400, 500)) == ("beside", "")


def test_chapters_in_the_new_form_are_recast_to_the_slides_too():
    for name in RECAST:
        notebook = nbformat.reads(checkout.text(f"book/{name}.ipynb"), as_version=4)
        assert slide_notebook(notebook).metadata.recast, name
