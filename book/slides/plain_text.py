"""Turn MyST Markdown into plain Markdown that a speaker can read aloud.

Slides and speaker notes are rendered without Sphinx, so directives, roles and labels would show as raw text.
"""

import re
import unicodedata
from pathlib import Path

FENCE = re.compile(r"^(?P<indent>[ ]*)(?P<fence>`{3,}|:{3,}|~{3,})\{(?P<name>[\w:.-]+)\}[ ]*(?P<argument>.*)$")
ROLE_OR_CODE = re.compile(
    r"\{(?P<name>[\w:.-]+)\}(?P<ticks>`+)(?P<body>.+?)(?P=ticks)"
    r"|^[ ]*(?P<fence>`{3,}|~{3,})(?!\{).*?^[ ]*(?P=fence)[ \t]*$|(?P<inline>`+)(?!`).+?(?<!`)(?P=inline)(?!`)",
    re.MULTILINE | re.DOTALL,
)
TARGETED = re.compile(r"^(?P<text>.*?)\s*<(?P<target>[^<>]+)>$", re.DOTALL)
EQUATION_LABEL = re.compile(r"(\$\$)[ \t]*\(([\w:.-]+)\)[ \t]*$", re.MULTILINE)
TARGET_LINE = re.compile(r"^\([\w:. -]+\)=[ \t]*\n?", re.MULTILINE)
COMMENT = re.compile(r"^%.*\n?|<!--.*?-->", re.MULTILINE | re.DOTALL)
OPTION = re.compile(r"^\s*:[\w-]+:")

# What a reference is called when its number isn't known.
THINGS = {
    "eq": "the equation",
    "fig": "the figure",
    "tab": "the table",
    "thm": "the theorem",
    "theorem": "the theorem",
    "lemma": "the lemma",
    "lem": "the lemma",
    "prop": "the proposition",
    "cor": "the corollary",
    "def": "the definition",
    "alg": "the algorithm",
    "sec": "the section",
    "ex": "the exercise",
}
DROPPED = {
    "bibliography",
    "contents",
    "tableofcontents",
    "image",
    "index",
    "predict",
    "question",
    "raw",
    "toctree",
}
VERBATIM = {"code", "code-block", "code-cell", "literalinclude", "sourcecode"}
BARE = {
    "div",
    "epigraph",
    "grid",
    "grid-item",
    "margin",
    "sidebar",
    "table",
    "list-table",
    "glossary",
    "centered",
    "math-wrapper",
}


def strip_labels(text: str) -> str:
    r"""Remove equation labels, target lines and comments.

    >>> strip_labels("(sec-a)=\n$$ x = y $$ (eq-a)")
    '$$ x = y $$'
    """
    return COMMENT.sub("", TARGET_LINE.sub("", EQUATION_LABEL.sub(r"\1", text)))


def plain(text: str, authors: dict[str, str] | None = None) -> str:
    """MyST Markdown as plain Markdown: directives, roles and labels become readable text; code is left as it is.

    Args:
        text: the source of a Markdown cell.
        authors: citation key to "Goodfellow et al. 2014", as `read_bibliography` returns it.

    >>> plain("As {cite:t}`a2014` show in {eq}`eq-value`.", {"a2014": "Adams 2014"})
    'As Adams (2014) show in the equation.'
    """
    lines = "\n".join(_open_directives(text.split("\n")))
    kept: list[str] = []

    def keep(match: re.Match) -> str:
        kept.append(_role(match, authors or {}) if match["name"] else match.group(0))
        return f"\x00{len(kept) - 1}\x00"

    # Code may hold what looks like a role or a comment: convert roles and take code out in one pass, put both back.
    out = ROLE_OR_CODE.sub(keep, lines)
    out = strip_labels(out)
    out = re.sub(r"\[([^\]]*)\]\((?!https?:)[^)]*\)", _link, out)
    out = re.sub(r"\[\^[\w-]+\](?!:)", "", out)
    out = re.sub(r"\x00(\d+)\x00", lambda match: kept[int(match.group(1))], out)
    return re.sub(r"\n{3,}", "\n\n", out).strip()


def _link(match: re.Match) -> str:
    """A link inside the book as its text; pictures keep their source."""
    before = match.string[: match.start()]
    return match.group(0) if before.endswith("!") else match.group(1) or "the text"


def _open_directives(lines: list[str]) -> list[str]:
    """Replace each fenced directive by a bold heading and its body, from the outside inwards."""
    out: list[str] = []
    i = 0
    while i < len(lines):
        opening = FENCE.match(lines[i])
        if not opening:
            out.append(lines[i])
            i += 1
            continue
        close = re.compile(rf"^\s*{re.escape(opening['fence'][0])}{{{len(opening['fence'])},}}\s*$")
        end = next((j for j in range(i + 1, len(lines)) if close.match(lines[j])), len(lines))
        out += ["", *_directive(opening["name"], opening["argument"].strip(), lines[i + 1 : end]), ""]
        i = end + 1
    return out


def _directive(name: str, argument: str, body: list[str]) -> list[str]:
    """One directive as Markdown lines."""
    if body and body[0].strip() == "---":  # options as a YAML block
        end = next((i for i in range(1, len(body)) if body[i].strip() == "---"), 0)
        body = body[end + 1 :]
    while body and (OPTION.match(body[0]) or not body[0].strip()):
        body = body[1:]
    name = name.split(":")[-1]
    if name in DROPPED:
        return []
    if name == "math":
        return ["$$", *body, "$$"]
    if name in VERBATIM:
        return [f"```{argument.split()[0] if argument else ''}", *body, "```"]
    inner = _open_directives(body)
    if name == "figure":
        return ["Figure: " + " ".join(line.strip() for line in inner if line.strip())] if inner else []
    if name in BARE or (name.startswith("tab-") or name.startswith("grid")):
        return ([f"**{argument}**", ""] if argument else []) + inner
    if name == "admonition" or name == "dropdown":
        heading = argument or name.capitalize()
    else:  # theorem, proof, definition, exercise, note, tip, warning, …
        kind = re.sub(r"[-_]", " ", name).capitalize()
        heading = f"{kind} ({argument})" if argument else kind
    return [f"**{heading}.**", "", *inner]


def _role(role: re.Match, authors: dict[str, str]) -> str:
    """One role as text."""
    name, body = role["name"], role["body"].strip()
    targeted = TARGETED.match(body)
    text, target = (targeted["text"], targeted["target"]) if targeted else ("", body)
    kind = name.split(":")[-1]
    if name.startswith("cite"):
        return _citation(kind, target if targeted else body, authors)
    if name == "math":
        return f"${body}$"
    if kind in {"sub", "sup"}:
        return f"<{kind}>{body}</{kind}>"
    chapter = re.match(r"(?:.*/)?(\d\d)_", target)
    if name in {"doc", "ref", "download"} and (chapter or name != "ref"):
        return text or (f"chapter {int(chapter[1])}" if chapter else target)
    if kind == "numref" and chapter:
        number = str(int(chapter[1]))
        return text.replace("%s", number).replace("{number}", number) if text else f"chapter {number}"
    if kind in {"eq", "ref", "numref"}:
        if text and "%s" not in text and "{number}" not in text:
            return text
        # Slides number nothing, and a label says nothing to a room: name the kind of thing alone.
        return THINGS.get(target.partition("-")[0], THINGS["eq"] if kind == "eq" else "the section")
    if kind in {"class", "func", "meth", "mod", "attr", "data", "obj", "exc", "file"}:
        return f"`{text or body.lstrip('~')}`"
    return text or re.sub(r"\s*\(.*\)$", "", body) if kind == "abbr" else text or body


def _citation(kind: str, keys: str, authors: dict[str, str]) -> str:
    """`{cite:t}` as "Adams (2014)", every other form as "(Adams, 2014)"."""
    found = [authors.get(key.strip(), key.strip()) for key in keys.split(",")]
    pairs = [re.match(r"(.*) (\d{4}\w?)$", entry) for entry in found]
    if kind in {"t", "ct", "text"}:
        return ", ".join(f"{pair[1]} ({pair[2]})" if pair else entry for pair, entry in zip(pairs, found, strict=True))
    joined = "; ".join(f"{pair[1]}, {pair[2]}" if pair else entry for pair, entry in zip(pairs, found, strict=True))
    return f"({joined})"


def read_bibliography(path: Path) -> dict[str, str]:
    """Citation key to "Goodfellow et al. 2014" for each entry of a BibTeX file; empty if there is no such file."""
    if not path.exists():
        return {}
    authors = {}
    for entry in re.split(r"^@", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        key = re.match(r"\w+\s*\{\s*([^,\s]+)\s*,", entry)
        names, year = _field(entry, "author") or _field(entry, "editor"), _field(entry, "year")
        if key and names and year:
            authors[key[1]] = f"{_surnames(names)} {year}"
    return authors


def _field(entry: str, name: str) -> str:
    """One field of a BibTeX entry, without braces; empty if missing."""
    start = re.search(rf"[,\s]{name}\s*=\s*", entry, re.IGNORECASE)
    if not start:
        return ""
    rest = entry[start.end() :]
    if rest[0] not in '{"':
        return re.match(r"\w*", rest)[0]
    depth = 0
    for i, char in enumerate(rest):
        depth += (char == "{") - (char == "}")
        if (rest[0] == "{" and depth == 0) or (rest[0] == '"' and i and char == '"' and depth == 0):
            return " ".join(_unaccent(rest[1:i]).split())
    return ""


ACCENTS = {
    '"': "\u0308",
    "'": "\u0301",
    "`": "\u0300",
    "^": "\u0302",
    "~": "\u0303",
    "c": "\u0327",
    "v": "\u030c",
    "=": "\u0304",
}


def _unaccent(text: str) -> str:
    r"""TeX accents as letters: `K{\"o}nig` → `König`."""
    text = re.sub(
        r"\\([\"'`^~=]|[cv](?![a-z]))\s*\{?\\?([A-Za-z])\}?",
        lambda match: unicodedata.normalize("NFC", match[2] + ACCENTS[match[1]]),
        text,
    )
    for tex, letter in {"\\aa": "å", "\\o": "ø", "\\ss": "ß", "\\l": "ł", "\\ae": "æ", "\\&": "&"}.items():
        text = text.replace(tex, letter)
    return text.replace("{", "").replace("}", "")


def _surnames(names: str) -> str:
    """`A, B and C, D` → `A and C`; from three names on `A et al.`."""
    people = [person.strip() for person in re.split(r"\s+and\s+", names)]
    surnames = [person.split(",")[0].strip() if "," in person else _last_name(person.split()) for person in people]
    if len(surnames) > 2 or surnames[-1] == "others":
        return f"{surnames[0]} et al."
    return " and ".join(surnames)


def _last_name(words: list[str]) -> str:
    """The surname of "First von Last": from the first word in lower case on, or the last word."""
    start = next((i for i, word in enumerate(words[:-1]) if word[0].islower()), len(words) - 1)
    return " ".join(words[start:])
