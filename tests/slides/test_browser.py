"""Every slide in a real browser; each check has a twin that must fail."""

import re

import build
import check
import nbformat
import pytest
from nbformat.v4 import new_notebook

from tests import checkout
from tests.slides.chapters import build_deck, code, figure, markdown, printed, recast, sample, shown, speaker


@pytest.mark.slow
@pytest.mark.parametrize("name", checkout.chapters())
def test_every_slide_of_the_chapter_fits_renders_and_stays_offline(driver, name, course, tmp_path):
    assert check.check_deck(driver, build.build_chapter(course / "book" / f"{name}.ipynb", tmp_path / name)) == []


@pytest.mark.slow
@pytest.mark.parametrize("chapter", [sample, recast])
def test_a_sound_deck_passes_every_check(driver, chapter, tmp_path):
    assert check.check_deck(driver, build_deck(chapter(), tmp_path)) == []


@pytest.mark.slow
def test_a_sound_deck_passes_every_check_in_the_dark(driver, tmp_path):
    findings, slides, is_recast = check.look_at_deck(driver, build_deck(recast(), tmp_path), query="?theme=dark")
    assert (findings, len(slides), is_recast) == ([], 8, True)
    ink, paper = driver.execute_script(
        "const s = getComputedStyle(document.querySelector('.frame')); return [s.color, s.backgroundColor]"
    )
    assert sum(map(int, re.findall(r"\d+", ink)[:3])) > 500 > 150 > sum(map(int, re.findall(r"\d+", paper)[:3]))


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


# The limits of recast chapters: each planted into a deck that is sound without


def with_slide(*cells) -> nbformat.NotebookNode:
    """The recast sample with more slides at its end."""
    notebook = recast()
    notebook.cells += cells
    return notebook


BEYOND = {
    "too many slides": (
        [markdown(f"## Claim {i}\n\n- reason") for i in range(20)],
        "28 slides; at most 24",
    ),
    "long notes": (
        [markdown("## A claim"), speaker("Minute 20. Why? Answer: " + "so " * 90)],
        "slide 8: notes of 94 words; at most 90",
    ),
    "notes without question": (
        [cell for i in range(8) for cell in (markdown(f"## Claim {i}\n\n- reason"), speaker("Minute 9. Talk."))],
        "notes with minute, question and answer on 7 of 15 slides",
    ),
    "small type": ([markdown('## A claim\n\n<p style="font-size: 18px">tiny</p>')], "slide 8: type of 18 px"),
    "small type in a diagram": (
        [
            markdown("## A claim"),
            code(shown('<svg viewBox="0 0 99 9" width="99"><text y="9" font-size="9">tiny</text></svg>'), alt=""),
        ],
        "slide 8: type of 9 px, at least 20: tiny",
    ),
    "small type in a figure": (
        [markdown("## A claim"), code(figure(1200, 500, ppi=100))],
        "10-point type of a figure: A grey box",
    ),
    "a figure whose colours nobody explains": (
        [markdown("## A claim"), code(figure(1200, 380, ppi=160), alt="")],
        "slide 8: a figure without a line below it; give its cell a `legend`",
    ),
    "a printout alone": (
        [markdown("## A claim\n\n- reason"), code(printed("loss 1.386"))],
        "slide 8: a printout alone; make it a table or a chart",
    ),
    "a printout beside a figure": (
        [markdown("## A claim"), code(figure(1200, 380, ppi=160)), code(printed("loss 1.386"))],
        "slide 8: a printout; make it a table",
    ),
    "a label in the notes": (
        [markdown("## A claim"), speaker("Minute 20. Look at fig-ring: why? Answer: so.")],
        "slide 8: shows as text: fig-ring",
    ),
    "a thing named by its label": (
        [markdown("## The figure “ring” shows it: the figure “ring”")],
        "shows as text: the figure",
    ),
    "the word True": ([markdown("## A claim\n\n| equal |\n|---|\n| True |")], "slide 8: says True; show the number"),
    "long code": (
        [markdown("## A claim"), code(source="x = 1\n" * 9 + "y", tags=["show-source"], alt="")],
        "slide 8: 10 lines of code; at most 8",
    ),
    "text below the frame": (
        [markdown("## A claim\n\n" + "\n".join(f"- point {i}" for i in range(20)))],
        "slide 8: overflows by",
    ),
    "an unrendered equation": ([markdown("## A claim\n\nLet $x be real.")], "slide 8: equation not rendered"),
    "a picture from outside": (
        [markdown("## A claim\n\n![p](https://example.invalid/p.png)")],
        "requested from outside: https://example.invalid",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BEYOND)
def test_a_recast_deck_beyond_a_limit_is_reported(driver, name, tmp_path):
    cells, finding = BEYOND[name]
    findings = check.check_deck(driver, build_deck(with_slide(*cells), tmp_path))
    assert any(finding in line for line in findings), findings


@pytest.mark.slow
def test_an_old_chapter_may_still_print_and_say_much(driver, tmp_path):
    cells = [markdown("# T"), markdown("## A"), code(printed("equal: True")), markdown("word " * 200, "notes")]
    findings, slides, is_recast = check.look_at_deck(driver, build_deck(new_notebook(cells=cells), tmp_path))
    assert (findings, is_recast) == ([], False)
    assert (slides[1].n_words, slides[1].is_printout_alone, slides[1].trues) == (200, True, 1)


@pytest.mark.slow
def test_the_check_prints_a_table_of_all_decks(driver, tmp_path, capsys):
    for name, chapter in (("02_old", sample()), ("03_new", recast())):
        build_deck(chapter, tmp_path, name)
    assert check.main([str(tmp_path / "out" / "02_old"), str(tmp_path / "out" / "03_new")]) == 0
    heading, old, new = capsys.readouterr().out.split("\n\n")[1].split("\n")
    assert heading.split()[:2] == ["deck", "slides"]
    assert old.split()[0] == "02_old"
    assert new.split()[:5] == ["03_new*", "8", "71", "12", "7/7"]
