"""Sphinx directives for self-test questions and predictions; `question_text` says how they are written.

    ```{question} Whose weights change in $G$'s turn?
    :name: question-whose-turn

    - [x] Those of $G$ alone
      Only $G$'s optimiser takes a step.
    - [ ] Those of $G$ and $D$
      The gradient passes through $D$, but no optimiser of $D$ takes a step.
    ```

A `predict` stands before a code cell, whose output its script covers until the reader has chosen. The page says all
that it has to say without a script: options, then the answers to unfold. `assets/questions.js` adds the choosing.
"""

from __future__ import annotations

from html import escape
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from question_text import Option, Question, QuestionError, read
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

LOG = logging.getLogger(__name__)
KIND_NAMES = {"question": "Question", "predict": "Predict"}
# Before the page is drawn: what a script will cover is covered from the start. And the theme complains of a mode that
# it leaves empty itself; set in the configuration, it would take the colours from a page without scripts.
SCRIPTED = "document.documentElement.classList.add('scripted'); document.documentElement.dataset.mode ||= 'auto'"
SUMMARIES = {"question": "Answers", "predict": "Answer"}


class question(nodes.General, nodes.Element):  # noqa: N801
    """The whole of it; `kind`, `multiple`."""


class question_prompt(nodes.General, nodes.Element):  # noqa: N801
    """What is asked: inline nodes."""


class question_options(nodes.General, nodes.Element):  # noqa: N801
    """The list of options."""


class question_option(nodes.General, nodes.Element):  # noqa: N801
    """One option: inline nodes; `right`."""


class question_answers(nodes.General, nodes.Element):  # noqa: N801
    """The list of answers, folded on the screen; `summary`."""


class question_answer(nodes.General, nodes.Element):  # noqa: N801
    """Whether the option of the same position is right, and the nodes that say why."""


class QuestionDirective(SphinxDirective):
    """A prompt with options and a reason for each; the options are radio buttons, or boxes if several are right."""

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[dict] = {"name": directives.unchanged, "multiple": directives.flag}

    def run(self) -> list[nodes.Node]:
        """The question's nodes; an error with the directive's line if it can't be read."""
        try:
            text = read(self.name, " ".join(self.arguments), list(self.content))
        except QuestionError as error:
            raise self.error(str(error)) from None
        multiple = "multiple" in self.options or len(text.right) > 1
        node = question(kind=self.name, multiple=multiple)
        self.set_source_info(node)
        if "name" in self.options:
            self.add_name(node)
        else:
            node["ids"].append(f"{self.name}-{self.env.new_serialno('question') + 1}")
        node += question_prompt("", *self._inline(text.prompt))
        if text.lead:
            self._blocks(text.lead, 0, node)
        node += [self._options(text), self._answers(text)]
        return [node]

    def _options(self, text: Question) -> nodes.Node:
        options = (question_option("", *self._inline(option.text), right=option.right) for option in text.options)
        return question_options("", *options)

    def _answers(self, text: Question) -> nodes.Node:
        answers = question_answers(summary=SUMMARIES[self.name])
        for option in text.options:
            answers += self._answer(option)
        return answers

    def _answer(self, option: Option) -> nodes.Node:
        answer = question_answer(right=option.right)
        self._blocks(option.reason, option.line + 1, answer)
        return answer

    def _inline(self, text: str) -> list[nodes.Node]:
        parsed, messages = self.state.inline_text(text, self.lineno)
        return [*parsed, *messages]

    def _blocks(self, text: str, line: int, parent: nodes.Element) -> None:
        self.state.nested_parse(StringList(text.splitlines(), ""), self.content_offset + line, parent)


def _cover(app: Any, doctree: nodes.document) -> None:
    """Mark the output that each prediction is about: that of the next code cell which has one."""
    outputs = [n for n in doctree.findall(nodes.container) if n.get("nb_element") == "cell_code_output"]
    order = {id(node): place for place, node in enumerate(doctree.findall())}
    for prediction in doctree.findall(question):
        if prediction["kind"] != "predict":
            continue
        following = [node for node in outputs if order[id(node)] > order[id(prediction)]]
        if not following:
            LOG.warning("no output follows this prediction; put it before a code cell that prints", location=prediction)
            continue
        output = following[0]
        output["classes"].append("predicted")
        output["ids"].append(f"{prediction['ids'][0]}-output")


def _enter_question(writer: Any, node: question) -> None:
    name = node["ids"][0]
    writer.body.append(
        f'<fieldset class="question" id="{name}" data-kind="{node["kind"]}" data-type="'
        f'{"checkbox" if node["multiple"] else "radio"}">\n'
    )
    writer.body.extend(f'<span id="{other}"></span>' for other in node["ids"][1:])


def _leave_question(writer: Any, node: question) -> None:
    writer.body.append("</fieldset>\n")


def _enter_prompt(writer: Any, node: question_prompt) -> None:
    parent = node.parent
    kind = KIND_NAMES[parent["kind"]] + (", several answers" if parent["multiple"] else "")
    writer.body.append(f'<legend><span class="question-kind">{kind}</span> ')


def _leave_prompt(writer: Any, node: question_prompt) -> None:
    writer.body.append("</legend>\n")


def _enter_options(writer: Any, node: question_options) -> None:
    writer.body.append('<ol class="question-options" type="A">\n')


def _leave_options(writer: Any, node: question_options) -> None:
    writer.body.append("</ol>\n")


def _enter_option(writer: Any, node: question_option) -> None:
    whole = node.parent.parent
    kind = "checkbox" if whole["multiple"] else "radio"
    control = f'<input type="{kind}" name="{whole["ids"][0]}" autocomplete="off">'
    writer.body.append(f'<li data-right="{"yes" if node["right"] else "no"}"><label>{control}<span>')


def _leave_option(writer: Any, node: question_option) -> None:
    writer.body.append("</span></label></li>\n")


def _enter_answers(writer: Any, node: question_answers) -> None:
    summary = escape(node["summary"])
    writer.body.append(f'<details class="question-answers"><summary>{summary}</summary>\n<ol type="A">\n')


def _leave_answers(writer: Any, node: question_answers) -> None:
    writer.body.append("</ol></details>\n")


def _enter_answer(writer: Any, node: question_answer) -> None:
    verdict = "Right." if node["right"] else "Wrong."
    writer.body.append(f'<li><div class="question-reason"><span class="question-verdict">{verdict}</span> ')


def _leave_answer(writer: Any, node: question_answer) -> None:
    writer.body.append("</div></li>\n")


def _pass(writer: Any, node: nodes.Node) -> None:
    """Builders other than HTML write the parts one after the other."""


PARTS = (
    (question, _enter_question, _leave_question),
    (question_prompt, _enter_prompt, _leave_prompt),
    (question_options, _enter_options, _leave_options),
    (question_option, _enter_option, _leave_option),
    (question_answers, _enter_answers, _leave_answers),
    (question_answer, _enter_answer, _leave_answer),
)


def setup(app: Any) -> dict[str, bool]:
    """Take part in a Sphinx build."""
    for part, enter, leave in PARTS:
        app.add_node(part, html=(enter, leave), latex=(_pass, _pass), text=(_pass, _pass))
    for kind in KIND_NAMES:
        app.add_directive(kind, QuestionDirective)
    app.connect("doctree-read", _cover)
    app.add_css_file("questions.css")
    # Classic scripts: browsers refuse modules of a page that is opened as a file.
    app.add_js_file(None, body=SCRIPTED)
    app.add_js_file("questions.js", loading_method="defer")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
