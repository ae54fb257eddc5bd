"""The package says things in plain words: values are nouns with their kind, and no phrase is private or figurative."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

import gancourse

PACKAGE = Path(gancourse.__file__).parent
PARTS = (
    *("games", "training", "models", "objectives", "metrics", "theory", "diffusion", "data", "plots"),
    *("recipes", "zoo", "cli", "experiments", "plans"),
)
MODULES = (
    *(
        "batch",
        "device",
        "errors",
        "evaluation_mode",
        "functional",
        "laplacian",
        "memory",
        "names",
        "processes",
        "rng",
    ),
    *("signature", "spelling", "values"),
)
FILES = [
    *(PACKAGE / f"{module}.py" for module in MODULES),
    *(path for part in PARTS for path in sorted((PACKAGE / part).rglob("*.py"))),
]
PHRASES = {
    r"\bso[ -]many-th\b": "every `every` updates",
    r"by heart": "memorised",
    r"\brim\b": "boundary",
    r"\bfor want of\b": "because … ran out",
    r"\bin a moment\b": "later",
    r"\bat present\b": "currently",
    r"\blaid out\b": "in channels-last format, or stored as",
    r"\bstray(s|ed|ing)?\b": "distance",
    r"\bremember": "memory, or state",
    r"\bwhoever\b": "the player, or the process",
    r"\bhand(s|ed)? (out|on|over)\b": "returns, forwards, allocates",
    r"\bgo(es)? on\b": "continues, or resumes",
    r"\bstands? (in|for|between|beside)\b": "is",
    r"\b(is|are|was|were|be) told\b": "is recorded, or gets",
    r"\bwithout a word\b": "silently",
}
"""Phrases that only their author understands at once, and what to say instead."""
SLOPES = (
    "games",
    "training",
    "models",
    "objectives",
)  # elsewhere lines and f-divergences have slopes, as in their field
PARTICIPLES = {"found", "made", "told", "given", "chosen", "strange"}


def texts(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of each comment, docstring and other string; a string's line breaks are spaces."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in (tokenize.COMMENT, tokenize.STRING):
            yield token.start[0], " ".join(token.string.split())


def private_phrases(source: str) -> list[str]:
    """What to change, one line each."""
    return [
        f"line {line}: {match.group()!r}; say {plain!r}"
        for line, text in texts(source)
        for phrase, plain in PHRASES.items()
        for match in re.finditer(phrase, text, re.I)
    ]


def participles(source: str) -> list[str]:
    """Variables and arguments whose name doesn't say what kind of value they are."""
    nodes = list(ast.walk(ast.parse(source)))
    names = [(node.id, node.lineno) for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    names += [(node.arg, node.lineno) for node in nodes if isinstance(node, ast.arg)]
    return [f"line {line}: {name}" for name, line in names if name in PARTICIPLES]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_module_says_things_in_plain_words(path: Path):
    assert private_phrases(path.read_text("utf-8")) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_value_is_named_by_its_kind(path: Path):
    assert participles(path.read_text("utf-8")) == []


@pytest.mark.parametrize("part", SLOPES)
def test_a_gradient_is_called_a_gradient(part: str):
    for path in (PACKAGE / part).rglob("*.py"):
        source = path.read_text("utf-8").replace("negative_slope", "")  # torch's name of LeakyReLU's
        assert not re.findall(r"slopes?", source, re.I), path


def test_private_phrases_and_participles_are_noticed():
    source = '"""Samples on a ball\'s\n    rim count."""\nfound, (made, x) = f(lambda given: 1)  # whoever moves\n'
    assert [line.split(";")[0] for line in private_phrases(source)] == ["line 1: 'rim'", "line 3: 'whoever'"]
    assert sorted(participles(source)) == ["line 3: found", "line 3: given", "line 3: made"]
    for phrase in (
        "computed at every so-many-th update",
        "for want of memory",
        "the same\n command goes on",
        "is told",
    ):
        assert len(private_phrases(f'"""It {phrase}."""\n')) == 1, phrase
    assert private_phrases("found = 1\n") == participles("# found\n") == []
