"""What a speaker cell says: the minute, a question to the room, and its answer."""

import re
from dataclasses import dataclass
from itertools import pairwise

MOST_WORDS = 90
MINUTE = re.compile(r"\bmin(?:ute|utes|\.)?\s*(\d+)(?:\s*(?:to|-|–)\s*(\d+))?", re.IGNORECASE)
ANSWER = re.compile(r"\banswers?\b", re.IGNORECASE)
WORD = re.compile(r"[^\W_]+(?:[’'.,-][^\W_]+)*")
# What readable text never holds: a role, a directive, a label of the course, a thing named by its label, a file's stem.
LEAK = re.compile(
    r"\{[a-z][\w:.-]*\}`?|^:::.*|\b(?:eq|fig|thm|lem|lemma|prop|cor|alg|sec|ex-\d\d|question|predict)-[a-z][\w-]*"
    r"|\bthe (?:equation|figure|table|theorem|lemma|proposition|corollary|definition|algorithm|section|exercise)"
    r" “[^”]*”"
    r"|\b\d\d_[a-z]\w*|%s|\x00",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Speech:
    """What the notes of a slide hold; `minute` is None where they name none."""

    n_words: int
    minute: int | None
    has_question: bool
    has_answer: bool

    @property
    def is_complete(self) -> bool:
        """Minute, question and answer are there."""
        return self.minute is not None and self.has_question and self.has_answer


def read_speech(text: str) -> Speech:
    """Read the notes of a slide.

    >>> read_speech("Minute 12. Which run is nearer? Hands. Answer: the left one.")
    Speech(n_words=11, minute=12, has_question=True, has_answer=True)
    """
    minute = MINUTE.search(text)
    return Speech(
        len(WORD.findall(text)),
        int(minute[1]) if minute else None,
        "?" in text,
        bool(ANSWER.search(text)),
    )


def leaks(text: str) -> list[str]:
    """Roles, directives and labels that show as text.

    >>> leaks("See the figure “ring” and {eq}`value`; D wins.")
    ['the figure “ring”', '{eq}`']
    """
    return LEAK.findall(text)


def timings(minutes: list[int | None]) -> list[int | None]:
    """Seconds for each slide, from the minutes that its notes name; the last has none.

    A slide without a minute shares the time with the one before it that has.

    >>> timings([0, 2, None, 6])
    [120, 120, 120, None]
    """
    known = [i for i, minute in enumerate(minutes) if minute is not None]
    seconds: list[int | None] = [None] * len(minutes)
    for start, end in pairwise(known):
        share = max(0, minutes[end] - minutes[start]) * 60 // (end - start)
        seconds[start:end] = [share] * (end - start)
    return seconds
