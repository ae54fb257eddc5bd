"""What a deck measures, and the limits that a recast chapter's deck keeps."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from speaker import MOST_WORDS, leaks, read_speech

MOST_SLIDES = 24
LEAST_TYPE = 20
MOST_SOURCE = 8
COMPLETE = 0.5  # more than this share of the notes has minute, question and answer
TRUE = re.compile(r"\bTrue\b")


@dataclass(frozen=True)
class SlideMeasures:
    """One slide: sizes in pixels of 1280 x 720, shares between 0 and 1.

    Args:
        n_words: of its notes.
        is_spoken: whether its notes have minute, question and answer; a poll brings the last two.
        type: smallest type on it.
        smallest: what is set in that type.
        empty: share of its area on which nothing lies.
        printouts: printed outputs on it.
        is_printout_alone: whether it shows printed outputs and no picture, table, equation or code.
        source_lines: of the longest code on it.
        leaked: roles, directives and labels that show as text, on it or in its notes.
        trues: how often the word True is on it, outside of code.
        unexplained: figures on it without a line that says what their colours and marks mean.
        is_end: whether the builder added it, as the last one.
    """

    n_words: int
    is_spoken: bool
    type: float
    smallest: str
    empty: float
    printouts: int
    is_printout_alone: bool
    source_lines: int
    leaked: tuple[str, ...]
    trues: int
    unexplained: int
    is_end: bool


def read_measures(raw: Mapping) -> SlideMeasures:
    """A slide's measures from what measure_slide.js returns."""
    speech = read_speech(raw["notes"])
    return SlideMeasures(
        n_words=speech.n_words,
        is_spoken=speech.minute is not None and (raw["poll"] or speech.is_complete),
        type=raw["type"] or 0.0,
        smallest=raw["smallest"],
        empty=raw["empty"],
        printouts=raw["printouts"],
        is_printout_alone=bool(raw["printouts"] and not raw["evidence"]),
        source_lines=raw["source"],
        leaked=tuple(leaks(raw["text"]) + leaks(raw["spoken"])),
        trues=len(TRUE.findall(raw["text"])),
        unexplained=raw["unexplained"],
        is_end=raw["last"],
    )


def beyond_limits(slides: Sequence[SlideMeasures]) -> list[str]:
    """Which limits of a recast chapter a deck doesn't keep, one line each."""
    findings = []
    if len(slides) > MOST_SLIDES:
        findings.append(f"{len(slides)} slides; at most {MOST_SLIDES}: join some, or drop some")
    own = [slide for slide in slides if not slide.is_end]
    complete = sum(slide.is_spoken for slide in own)
    if complete <= COMPLETE * len(own):
        without = ", ".join(str(i) for i, slide in enumerate(slides, 1) if not slide.is_spoken and not slide.is_end)
        findings.append(
            f"notes with minute, question and answer on {complete} of {len(own)} slides; missing on {without}"
        )
    for i, slide in enumerate(slides, 1):
        findings += [f"slide {i}: {finding}" for finding in _beyond(slide)]
    return findings


def _beyond(slide: SlideMeasures) -> list[str]:
    findings = []
    if slide.n_words > MOST_WORDS:
        findings.append(f"notes of {slide.n_words} words; at most {MOST_WORDS}")
    if slide.type < LEAST_TYPE:
        findings.append(f"type of {slide.type:g} px, at least {LEAST_TYPE}: {slide.smallest}")
    if slide.is_printout_alone:
        findings.append("a printout alone; make it a table or a chart")
    elif slide.printouts:
        findings.append("a printout; make it a table (plots.table), or split the cell")
    if slide.source_lines > MOST_SOURCE:
        findings.append(f"{slide.source_lines} lines of code; at most {MOST_SOURCE}")
    if slide.leaked:
        findings.append(f"shows as text: {', '.join(sorted(set(slide.leaked)))}")
    if slide.trues:
        findings.append("says True; show the number")
    if slide.unexplained:
        findings.append("a figure without a line below it; give its cell a `legend` of at most 15 words")
    return findings


# The table

COLUMNS = (
    "deck",
    "slides",
    "notes: words",
    "most",
    "complete",
    "type px",
    "empty",
    "printouts",
    "alone",
    "labels",
    "True",
    "overflow",
    "equations",
    "outside",
)


def table_row(name: str, recast: bool, slides: Sequence[SlideMeasures], findings: Sequence[str]) -> list[str]:
    """A deck's line of the table; a star marks a recast chapter."""
    own = [slide for slide in slides if not slide.is_end]

    def count(*marks: str) -> str:
        return str(sum(any(mark in finding for mark in marks) for finding in findings))

    return [
        name + ("*" if recast else ""),
        str(len(slides)),
        str(sum(slide.n_words for slide in slides)),
        str(max(slide.n_words for slide in slides)),
        f"{sum(slide.is_spoken for slide in own)}/{len(own)}",
        f"{min(slide.type for slide in slides):g}",
        f"{100 * median(slide.empty for slide in own):.0f} %",
        str(sum(slide.printouts > 0 for slide in slides)),
        str(sum(slide.is_printout_alone for slide in slides)),
        str(sum(len(slide.leaked) for slide in slides)),
        str(sum(slide.trues for slide in slides)),
        count("overflows"),
        count("equation not rendered", "equation is wrong"),
        count("from outside"),
    ]


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows under their headings, aligned; a star marks chapters that keep the limits."""
    lines = [COLUMNS, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(pairs)).rstrip()
        for pairs in (list(zip(line, widths, strict=True)) for line in lines)
    )
