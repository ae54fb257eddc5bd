"""Read the text of a self-test question or a prediction, for the page and for the slides.

    ```{question} Whose weights change in $G$'s turn?
    - [x] Those of $G$ alone
      Only $G$'s optimiser takes a step.
    - [ ] Those of $G$ and $D$
      The gradient passes through $D$, but no optimiser of $D$ takes a step.
    ```

The words behind the name are the prompt; Markdown between them and the options belongs to it. An option is one line,
`[x]` marks the right ones. What is indented below an option is its reason: a line or more, Markdown. A question has a
reason for every option; a `predict`, which has the same form, has one for the right option or more.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import dedent

OPTION = re.compile(r"^- \[(?P<mark>[ xX]?)\]\s+(?P<text>\S.*)$")
SETTING = re.compile(r"^:[\w-]+:")
BLOCK = re.compile(
    r"^(?P<fence>`{3,}|:{3,})\{(?P<kind>question|predict)\}[ \t]*(?P<argument>[^\n]*)\n(?P<body>.*?)^(?P=fence)\s*$",
    re.M | re.S,
)


class QuestionError(ValueError):
    """A question can't be read; the message says which part and what to do."""


@dataclass(frozen=True)
class Option:
    """An answer to choose: its text, whether it is right, and why. `line` counts from 0 in the body."""

    text: str
    right: bool
    reason: str
    line: int = 0


@dataclass(frozen=True)
class Question:
    """A prompt with options; `lead` is what of the prompt stands below its first line, often nothing."""

    kind: str
    prompt: str
    lead: str
    options: tuple[Option, ...]

    @property
    def right(self) -> tuple[int, ...]:
        """Positions of the right options, from 0."""
        return tuple(i for i, option in enumerate(self.options) if option.right)

    @property
    def reasons(self) -> tuple[str, ...]:
        """A reason for each option; of a prediction, some may be empty."""
        return tuple(option.reason for option in self.options)


def parse(source: str) -> tuple[Question, ...]:
    r"""Every question and prediction in a Markdown cell, in their order.

    Raises:
        QuestionError: one of them can't be read.

    >>> text = "```{predict} How many modes?\n:name: p\n- [ ] 1\n- [x] 8\n  All of them.\n```"
    >>> [found] = parse(text)
    >>> found.kind, found.prompt, [o.text for o in found.options], found.right, found.reasons
    ('predict', 'How many modes?', ['1', '8'], (1,), ('', 'All of them.'))
    >>> parse("Prose.")
    ()
    """
    questions = []
    for block in BLOCK.finditer(source):
        lines = block["body"].splitlines()
        while lines and SETTING.match(lines[0]):
            lines.pop(0)
        questions.append(read(block["kind"], block["argument"], lines))
    return tuple(questions)


def read(kind: str, argument: str, lines: Sequence[str]) -> Question:
    """One question from the words behind its name and the lines of its body.

    Raises:
        QuestionError: there are fewer than two options, none is right, or one has no reason.
    """
    starts = [i for i, line in enumerate(lines) if OPTION.match(line)]
    if len(starts) < 2:
        raise QuestionError(f"{kind} has {len(starts)} options; write two or more lines `- [ ] text`, `- [x]` if right")
    options = tuple(
        _option(lines[start:end], start) for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)
    )
    prompt, lead = argument.strip(), "\n".join(lines[: starts[0]]).strip()
    if not prompt:
        prompt, _, lead = (part.strip() for part in lead.partition("\n"))
    if not prompt:
        raise QuestionError(f"{kind} has no prompt; write it behind {{{kind}}}")
    if not any(option.right for option in options):
        raise QuestionError(f"{kind} {prompt!r} has no right option; mark one or more with `- [x]`")
    for option in options:
        if not option.reason and (kind == "question" or option.right):
            raise QuestionError(f"option {option.text!r} of {kind} {prompt!r} has no reason; write it indented below")
    return Question(kind, prompt, lead, options)


def _option(lines: Sequence[str], start: int) -> Option:
    first = OPTION.match(lines[0])
    for line in lines[1:]:
        if line.strip() and not line.startswith("  "):
            raise QuestionError(f"{line.strip()!r} belongs to no option; indent it by two spaces below its option")
    reason = dedent("\n".join(lines[1:])).strip()
    return Option(first["text"].strip(), first["mark"] in ("x", "X"), reason, start)
