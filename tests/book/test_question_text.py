"""Questions as text: what an author writes is read whole, and what can't be read is refused with advice."""

from __future__ import annotations

import re

import jupytext
import pytest
from question_text import Option, QuestionError, parse, read

TEXT = """Prose before.

:::{question} Which two?
:name: q-two

Think of `detach`.

- [x] One
  Because

  it is.
- [ ] Two
  No.
- [X] Three
  Yes.
:::

```{predict} How much?
- [] 1
- [x] 2
  Sum.
```
"""


def test_all_parts_of_a_question_are_read():
    two, much = parse(TEXT)
    assert (two.kind, two.prompt, two.lead, two.right) == ("question", "Which two?", "Think of `detach`.", (0, 2))
    assert two.options[0] == Option("One", True, "Because\n\nit is.", 3)
    assert (much.kind, much.reasons, much.right) == ("predict", ("", "Sum."), (1,))


def test_the_first_paragraph_is_the_prompt_of_a_question_without_an_argument():
    found = read("question", "", ["What?", "- [x] a", "  b", "- [ ] c", "  d"])
    assert (found.prompt, found.lead) == ("What?", "")


def test_a_question_survives_the_way_through_a_notebook():
    head = "---\njupytext: {text_representation: {extension: .md, format_name: myst}}\n---\n\n"
    notebook = jupytext.reads(head + TEXT, "md:myst")
    again = jupytext.reads(jupytext.writes(notebook, "md:myst"), "md:myst")
    assert parse("\n".join(cell.source for cell in again.cells)) == parse(TEXT)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "question has 0 options; write two or more lines `- [ ] text`"),
        (["- [ ] a", "  why", "- [ ] b", "  why"], "question 'What?' has no right option; mark one or more"),
        (["- [x] a", "- [ ] b", "  why"], "option 'a' of question 'What?' has no reason; write it indented below"),
        (["- [x] a", "why", "- [ ] b", "  why"], "'why' belongs to no option; indent it by two spaces"),
    ],
)
def test_a_question_that_cannot_be_read_is_refused_with_advice(lines: list[str], message: str):
    with pytest.raises(QuestionError, match=re.escape(message)):
        read("question", "What?", lines)


def test_a_question_without_a_prompt_is_refused():
    with pytest.raises(QuestionError, match="question has no prompt"):
        read("question", "", ["- [x] a", "  b", "- [ ] c", "  d"])


def test_only_the_right_option_of_a_prediction_needs_a_reason():
    read("predict", "How much?", ["- [x] a", "  why", "- [ ] b"])
    with pytest.raises(QuestionError, match="option 'a' of predict 'How much"):
        read("predict", "How much?", ["- [x] a", "- [ ] b"])
