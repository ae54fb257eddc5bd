"""Captions of faces: sentences that are true of them, in several wordings, and their words as numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from gancourse.data.faces.description import BACKDROPS, EYE_COLOURS, FACTORS, HAIR_COLOURS, checked, labels, values
from gancourse.names import lookup

# From which number on a continuous factor is called that; between the words, captions say nothing of it.
SMILING, FROWNING = 0.6, 0.25
OPEN_MOUTH = 0.65
SEEING, SLEEPING = 0.25, 0.1
LEFTWARDS, RIGHTWARDS = 0.25, 0.75

Facts = dict[str, str]
"""What captions can say of a face, in phrases; empty where a face doesn't have it."""


def _hair(style: str, colour: str) -> str:
    return {
        "bald": "a bald head",
        "bob": f"a {colour} bob",
        "bun": f"{colour} hair in a bun",
        "pigtails": f"{colour} pigtails",
    }.get(style, f"{style} {colour} hair")


def _level(value: float, low: float, high: float, words: tuple[str, str, str]) -> str:
    return words[0] if value < low else words[2] if value >= high else words[1]


def facts(factors: Tensor) -> list[Facts]:
    """What captions can say of each face [n, factors]."""
    classes = {
        name: [factor.classes[label] for label in labels(factors, name).tolist()]
        for name, factor in FACTORS.items()
        if factor.classes
    }
    numbers = {name: values(factors, name).tolist() for name in ("smile", "mouth", "eyelids", "gaze")}
    return [
        _facts({k: v[row] for k, v in classes.items()}, {k: v[row] for k, v in numbers.items()})
        for row in range(len(factors))
    ]


def _facts(named: dict[str, str], numbers: dict[str, float]) -> Facts:
    """What captions can say of one face, by its classes and its continuous factors."""
    sees = numbers["eyelids"] >= SEEING
    side = _level(numbers["gaze"], LEFTWARDS, RIGHTWARDS, ("left", "", "right")) if sees else ""
    closed = "closed eyes" if numbers["eyelids"] < SLEEPING else ""
    return {
        "mood": _level(numbers["smile"], FROWNING, SMILING, ("frowning", "", "smiling")),
        "mouth": "an open mouth" if numbers["mouth"] >= OPEN_MOUTH else "",
        "eyes": f"{named['eye colour']} eyes" if sees else closed,
        "gaze": f"looking {side}" if side else "",
        "hair": _hair(named["hair style"], named["hair colour"]),
        "glasses": "round glasses" if named["glasses"] == "yes" else "",
        "freckles": "freckles" if named["freckles"] == "yes" else "",
        "earrings": "golden earrings" if named["earrings"] == "yes" else "",
        "bow": "" if named["bow"] == "none" else f"a bow on the {named['bow']}",
        "backdrop": f"{named['backdrop']} background",
    }


def _join(*items: str) -> str:
    """The items that aren't empty, as a list in words."""
    *most, last = [item for item in items if item] or [""]
    return f"{', '.join(most)} and {last}" if most else last


def _words(*items: str) -> str:
    return " ".join(item for item in items if item)


def _with(*items: str) -> str:
    listing = _join(*items)
    return f"with {listing}" if listing else ""


def _extras(f: Facts) -> tuple[str, ...]:
    return f["glasses"], f["freckles"], f["earrings"], f["bow"]


WORDINGS: tuple[Callable[[Facts], str], ...] = (
    lambda f: _words("a", f["mood"], "face", _with(f["hair"], *_extras(f)), "on a", f["backdrop"]),
    lambda f: _words("on a", f["backdrop"], ", a", f["mood"], "face", _with(f["glasses"], f["hair"], f["bow"])),
    lambda f: _words(_join(f["hair"], f["eyes"], f["mouth"]), "on a", f["mood"], "face", _with(*_extras(f))),
    lambda f: _words("a", f["mood"], "face", _with(f["hair"])),
    lambda f: _words("somebody", _with(f["eyes"], f["hair"], f["mouth"]), f["gaze"], ", on a", f["backdrop"]),
    lambda f: _words(
        "a face",
        _with(f["hair"], f["freckles"], f["earrings"], f["glasses"]),
        "" if f["glasses"] else ", without glasses",
        f["gaze"] and f", {f['gaze']}",
    ),
)
"""Each makes one sentence of the facts; most leave some out."""

N_WORDINGS = len(WORDINGS)


def caption(factors: Tensor, wording: Tensor | int = 0) -> list[str]:
    """A sentence about each face, which is true of it.

    Args:
        factors: from 0 to 1, [n, factors].
        wording: which wording, from 0 to `N_WORDINGS` − 1: one number, or one a face, [n].

    Raises:
        ValueError: the factors are not floats of that shape and range, or there is no such wording.

    >>> from gancourse.data.faces.description import changed, neutral
    >>> face = changed(neutral(), smile=0.9, hair_style="long", hair_colour="red", glasses="yes", bow="left")
    >>> caption(face)
    ['a smiling face with long red hair, round glasses and a bow on the left on a blue background']
    >>> caption(face, 1)
    ['on a blue background, a smiling face with round glasses, long red hair and a bow on the left']
    """
    numbers = torch.as_tensor(wording).expand(len(checked(factors))).tolist()
    if not all(isinstance(number, int) and 0 <= number < N_WORDINGS for number in numbers):
        raise ValueError(f"wording is {wording}; pass integers from 0 to {N_WORDINGS - 1}")
    return [WORDINGS[number](fact).replace(" ,", ",") for number, fact in zip(numbers, facts(factors), strict=True)]


def _vocabulary() -> tuple[str, ...]:
    """All words of captions, without repetition, after the empty word that fills up short sentences."""
    phrases = (
        "a an face somebody on the with without and , in hair head eyes glasses background",
        "smiling frowning open closed mouth round freckles golden earrings bow left right looking",
        "bald short spiky curly bob long bun pigtails",
        *(*HAIR_COLOURS, *EYE_COLOURS, *BACKDROPS),
    )
    return ("", *dict.fromkeys(" ".join(phrases).split()))


VOCABULARY = _vocabulary()
LENGTH = 32
"""Words in a sentence as numbers; the longest caption has 30."""
_NUMBERS = {word: number for number, word in enumerate(VOCABULARY)}


def encode(sentences: Sequence[str]) -> Tensor:
    """Sentences as the numbers of their words, int64 [n, LENGTH]; commas are words.

    Raises:
        ValueError: a word is not in the vocabulary (the message suggests the nearest), or a sentence is too long.

    >>> encode(["a smiling face"])[0, :4].tolist()
    [1, 17, 3, 0]
    """
    rows = []
    for sentence in sentences:
        words = sentence.replace(",", " , ").split()
        if len(words) > LENGTH:
            raise ValueError(f"{sentence!r} has {len(words)} words; pass at most {LENGTH}")
        numbers = [_NUMBERS[word] if word in _NUMBERS else lookup(_NUMBERS, word, "word") for word in words]
        rows.append(numbers + [0] * (LENGTH - len(words)))
    return torch.tensor(rows, dtype=torch.int64).view(-1, LENGTH)


def decode(tokens: Tensor) -> list[str]:
    """Sentences from the numbers of their words, [n, LENGTH].

    >>> decode(encode(["a face with round glasses, freckles and a bow on the left"]))
    ['a face with round glasses, freckles and a bow on the left']
    """
    return [" ".join(VOCABULARY[word] for word in row if word).replace(" ,", ",") for row in tokens.tolist()]
