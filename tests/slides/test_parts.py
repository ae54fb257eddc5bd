"""Parts of slides: steps, numbers, polls, diagrams, what a speaker says, measures."""

import re

import pytest
from measure import SlideMeasures, beyond_limits, read_measures, table, table_row
from room import is_better_beside, png_size, svg_aspect
from slide_html import Composer, canvas, poll_html, split_heading, stepped
from speaker import leaks, read_speech, timings

from tests.slides.chapters import DIAGRAM, TABLE, png


def paragraph(source: str) -> str:
    return f"<p>{source}</p>"


# Steps, numbers, polls


def test_items_and_rows_appear_one_by_one_but_not_the_header_and_nothing_inside_a_step():
    assert stepped("<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>").count("fragment") == 2
    assert re.findall(r'<tr class="fragment"><td>(.*?)</td>', stepped(TABLE)) == ["1 : 1", "10 : 1"]
    headless = "<table><tr><th>a</th></tr><tr><td>1</td></tr></table>"
    assert stepped(headless) == headless.replace("<tr><td>", '<tr class="fragment"><td>')
    assert stepped('<figure><img src="a"/></figure>') == '<figure class="fragment"><img src="a"/></figure>'


def test_a_heading_is_split_from_its_text_only_at_the_start():
    assert split_heading("text\n\n## Heading") == ("", "text\n\n## Heading")


def test_pictures_become_items_of_the_slide_with_their_title_as_caption(tmp_path):
    body = Composer(tmp_path).body("x", [], [], lambda _: '<p>text</p><p><img src="a.png" title="Grey"/></p>')
    figure = '<figure class="picture"><img src="a.png"/><figcaption>Grey</figcaption></figure>'
    assert body == f'<div class="text"><p>text</p></div><div class="pictures">{figure}</div>'


def test_a_picture_whose_shape_is_known_has_a_box_of_that_shape(tmp_path):
    uri = f"data:image/png;base64,{png(60, 20)}"
    box = f'<div class="canvas" style="--ratio: 3.0000"><img src="{uri}" alt="a &amp; b" data-ppi="192"></div>'
    assert canvas(uri, "a & b", 192) == box
    body = Composer(tmp_path).body("x", [], [], lambda _: f'<p><img src="{uri}" alt="a" title="Grey"/></p>')
    assert re.findall(r'<div class="canvas" style="(.*?)"><img', body) == ["--ratio: 3.0000"]
    assert body.index("</div><figcaption>Grey</figcaption>") > 0


def test_numbers_are_a_list_in_a_row(tmp_path):
    body = Composer(tmp_path).body("x", ["numbers"], [], lambda _: "<ul><li><strong>97 %</strong> of it</li></ul>")
    assert '<ul class="numbers">' in body


def test_a_poll_says_what_is_right_only_in_its_step():
    options = [{"text": "a", "right": False, "reason": ""}, {"text": "b", "right": True, "reason": "because"}]
    html = poll_html({"kind": "predict", "prompt": "?", "asks": False, "lead": "", "options": options}, paragraph)
    before, answers = html.split('<div class="fragment answers"')
    assert "because" in answers
    assert "because" not in before
    assert re.findall(r'class="letter">(.)<', before) == ["A", "B"]
    assert before.count('class="fragment mark"') == 1
    assert before.index('class="fragment mark"') > before.index(">b<")


# Diagrams


def test_each_diagram_of_a_deck_has_ids_of_its_own(tmp_path):
    (tmp_path / "game.svg").write_text(DIAGRAM, encoding="utf-8")
    composer = Composer(tmp_path)
    source = "![Who gives what](game.svg)"
    bodies = [composer.body(source, [], [], lambda text: re.sub(r".*\((.*)\)", r'<img src="\1"/>', text)) for _ in "ab"]
    assert [re.findall(r'<svg id="([^"]+)"', body) for body in bodies] == [["diagram-1"], ["diagram-2"]]
    assert all("Who gives what</desc>" in body and "<img" not in body for body in bodies)
    assert 'class="pictures wide"' in bodies[0]


def test_a_picture_from_elsewhere_is_no_diagram(tmp_path):
    source = "![p](https://example.invalid/p.svg)"
    assert Composer(tmp_path).body(source, [], [], str) == f'<div class="text">{source}</div>'


# Room


def test_sizes_of_pictures_are_read_from_their_files():
    assert png_size(png(70, 30, 160))[:2] == (70, 30)
    assert png_size(png(70, 30, 160))[2] == pytest.approx(160, abs=0.1)
    assert png_size(png(70, 30)) == (70, 30, None)
    assert png_size("aGVsbG8=") is None
    assert svg_aspect(DIAGRAM) == 2.5
    assert svg_aspect("<svg></svg>") is None


def test_equations_tables_and_code_stay_above_the_figure():
    for body in ("$$x$$", "| a |\n|---|\n| b |", "```\nx\n```", ""):
        assert not is_better_beside(f"## A\n\n{body}", 1.0)


# What the speaker says


def test_the_parts_of_notes_are_recognised():
    assert read_speech("Minute 4 to 6: hands? Answer: B.").is_complete
    assert not read_speech("Minute 4. Hands! Answer: B.").has_question
    assert not read_speech("Minute 4. Hands? B.").has_answer
    assert read_speech("At four. Hands? Answer: B.").minute is None
    assert read_speech("It's 0.98, well-known: log 2.").n_words == 5


@pytest.mark.parametrize("text", ["{cite:t}`x`", ":::{note}", "fig-ring", "the theorem “optimal d”", "see 02_gan_game"])
def test_what_readable_text_never_holds_is_found(text):
    assert leaks(f"Look: {text} here.\n{text}")


def test_ordinary_words_are_no_labels():
    assert leaks("a tab-separated ex-ante definition of eq. 3 in the figure, 100 %; {1, 2} and the theorem") == []


def test_pace_comes_from_the_minutes():
    assert timings([None, 1, None, None, 4]) == [None, 60, 60, 60, None]
    assert timings([None]) == [None]


# Measures

RAW = {
    "notes": "Minute 1. Why? Answer: so.",
    "spoken": "Minute 1. Why? Answer: so.",
    "poll": False,
    "type": 24,
    "smallest": "text",
    "empty": 0.5,
    "printouts": 0,
    "evidence": 1,
    "source": 0,
    "text": "A claim",
    "unexplained": 0,
    "last": False,
}


def measured(**changes: object) -> SlideMeasures:
    return read_measures({**RAW, **changes})


def test_a_deck_at_the_limits_has_no_findings_and_one_beyond_has_one():
    at = measured(notes="Minute 1. Why? Answer: " + "so " * 86, type=20, source=8)
    assert at.n_words == 90
    assert beyond_limits([at] * 24) == []
    assert beyond_limits([at] * 25) == ["25 slides; at most 24: join some, or drop some"]
    for change in (
        {"type": 19.9},
        {"source": 9},
        {"printouts": 1},
        {"text": "equal: True"},
        {"text": "eq-value"},
        {"unexplained": 1},
    ):
        assert len(beyond_limits([measured(**change)])) == 1, change
    assert len(beyond_limits([measured(notes="Minute 1. Why? Answer: " + "so " * 87)])) == 1


def test_most_slides_need_minute_question_and_answer_and_a_poll_brings_two_of_them():
    silent, asked = measured(notes=""), measured(notes="Minute 3.", poll=True)
    assert beyond_limits([measured(), asked, silent]) == []
    assert beyond_limits([measured(), silent]) == [
        "notes with minute, question and answer on 1 of 2 slides; missing on 2"
    ]
    assert beyond_limits([measured(), measured(notes="", last=True)]) == []


def test_the_table_counts_what_was_found():
    row = table_row("02_a", True, [measured(printouts=2, evidence=0, text="True")], ["slide 1: overflows by 3 px: x"])
    lines = table([row]).split("\n")
    cells = dict(zip(re.split(r"\s{2,}", lines[0]), re.split(r"\s{2,}", lines[1]), strict=True))
    assert cells["deck"] == "02_a*"
    assert (cells["printouts"], cells["alone"], cells["True"], cells["overflow"]) == ("1", "1", "1", "1")
    assert (cells["empty"], cells["complete"]) == ("50 %", "1/1")
