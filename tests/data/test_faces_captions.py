"""Captions: true sentences, and their words as numbers."""

import re

import pytest
import torch

from gancourse.data.faces import (
    FACTORS,
    LENGTH,
    N_WORDINGS,
    VOCABULARY,
    caption,
    changed,
    decode,
    encode,
    labels,
    neutral,
    random_factors,
    values,
)
from gancourse.rng import generator

FACES = random_factors(3000, generator("captioned faces"))
WORDINGS = torch.arange(len(FACES)) % N_WORDINGS
COLOURS = "|".join(FACTORS["hair colour"].classes)
PLAIN_STYLES = "short|spiky|curly|long"


def reading(sentence: str) -> dict[str, str | bool]:
    """What a sentence says, by its words alone: a reader that knows nothing of the grammar that wrote it."""
    said: dict[str, str | bool] = {}
    patterns = {
        "backdrop": r"(\w+) background",
        "eye colour": r"(brown|green|blue) eyes",
        "bow": r"bow on the (left|right)",
        "gaze": r"looking (left|right)",
        "mood": r"(smiling|frowning)",
    }
    for name, pattern in patterns.items():
        if match := re.search(pattern, sentence):
            said[name] = match[1]
    for name, words in {"open": "open mouth", "closed": "closed eyes", "freckles": "freckles"}.items():
        if words in sentence:
            said[name] = True
    if "earrings" in sentence:
        said["earrings"] = True
    if "glasses" in sentence:
        said["glasses"] = "without glasses" not in sentence
    if match := re.search(rf"({PLAIN_STYLES}) ({COLOURS}) hair", sentence):
        said["hair style"], said["hair colour"] = match[1], match[2]
    elif match := re.search(rf"({COLOURS}) (hair in a bun|bob|pigtails)", sentence):
        said["hair style"], said["hair colour"] = match[2].removeprefix("hair in a "), match[1]
    elif "bald" in sentence:
        said["hair style"] = "bald"
    return said


def lies(sentence: str, face: torch.Tensor) -> list[str]:
    """What a sentence says wrongly of a face [1, factors]."""
    number = {name: values(face, name).item() for name in ("smile", "mouth", "eyelids", "gaze")}
    wrong = []
    for name, said in reading(sentence).items():
        if name in FACTORS and FACTORS[name].classes:
            actual = FACTORS[name].classes[labels(face, name).item()]
            is_true = said == (actual == "yes") if isinstance(said, bool) else said == actual
        else:
            is_true = {
                "mood": number["smile"] >= 0.6 if said == "smiling" else number["smile"] < 0.25,
                "open": number["mouth"] >= 0.65,
                "closed": number["eyelids"] < 0.15,
                "gaze": number["gaze"] < 0.25 if said == "left" else number["gaze"] >= 0.75,
            }[name]
        if not is_true:
            wrong.append(name)
    return wrong


def test_captions_are_true():
    sentences = caption(FACES, WORDINGS)
    assert [lies(sentence, FACES[i : i + 1]) for i, sentence in enumerate(sentences)] == [[]] * len(FACES)
    # The same reader finds that nearly all captions of other faces are wrong.
    others = [lies(sentence, FACES[i - 1 : i]) for i, sentence in enumerate(sentences) if i]
    assert sum(map(bool, others)) > 0.95 * len(others)


def test_every_caption_says_at_least_two_things_and_every_thing_is_said_somewhere():
    readings = [reading(sentence) for sentence in caption(FACES, WORDINGS)]
    assert min(map(len, readings)) >= 1
    assert sum(len(said) >= 2 for said in readings) > 0.98 * len(readings)
    assert {name for said in readings for name in said} == {
        *("backdrop", "eye colour", "bow", "gaze", "mood", "open", "closed", "freckles", "earrings", "glasses"),
        *("hair style", "hair colour"),
    }


def test_the_first_wording_names_all_accessories_and_no_gender():
    face = changed(neutral(), glasses="yes", freckles="yes", earrings="yes", bow="right", hair_style="pigtails")
    (sentence,) = caption(changed(face, hair_colour="green", smile=0.1, backdrop="teal"))
    assert sentence == (
        "a frowning face with green pigtails, round glasses, freckles, golden earrings and a bow on the right on a "
        "teal background"
    )
    assert not {"he", "she", "his", "her", "man", "woman", "boy", "girl"} & set(VOCABULARY)


def test_wordings_differ_and_one_face_and_wording_is_one_sentence():
    face = changed(neutral(), smile=0.9, glasses="yes", gaze=0.9)
    sentences = caption(face.repeat(N_WORDINGS, 1), torch.arange(N_WORDINGS))
    assert len(set(sentences)) == N_WORDINGS
    assert sentences == [caption(face, wording)[0] for wording in range(N_WORDINGS)]


def test_numbers_of_words_give_the_sentence_back():
    sentences = caption(FACES, WORDINGS)
    tokens = encode(sentences)
    assert tokens.shape == (len(FACES), LENGTH)
    assert tokens.dtype == torch.int64
    assert decode(tokens) == sentences
    # Number 0 fills up the end only.
    assert ((tokens == 0).long().diff(dim=1) >= 0).all()
    assert len(set(VOCABULARY)) == len(VOCABULARY)
    assert VOCABULARY[0] == ""


def test_every_word_is_used_and_the_longest_caption_fits():
    classes = [changed(FACES, eyelids=value, gaze=0.9, mouth=0.9) for value in (0.1, 0.9)]
    faces = torch.cat([FACES, *classes, changed(FACES, gaze=0.1, eyelids=0.9)])
    tokens = torch.cat([encode(caption(faces, wording)) for wording in range(N_WORDINGS)])
    assert set(tokens.unique().tolist()) == set(range(len(VOCABULARY)))
    assert 28 <= int((tokens > 0).sum(1).max()) <= LENGTH


def test_captions_and_words_that_do_not_exist_are_refused():
    with pytest.raises(ValueError, match="wording is 6; pass integers from 0 to 5"):
        caption(neutral(), 6)
    with pytest.raises(ValueError, match="pass integers from 0 to 5"):
        caption(neutral(), torch.tensor([0.5]))
    with pytest.raises(ValueError, match="expected floats"):
        caption(torch.zeros(1, 3))
    with pytest.raises(ValueError, match="word 'smilling' not found; did you mean 'smiling'"):
        encode(["a smilling face"])
    with pytest.raises(ValueError, match="has 33 words; pass at most 32"):
        encode([" ".join(["a"] * 33)])
    assert encode([]).shape == (0, LENGTH)
    assert caption(neutral(0)) == []
