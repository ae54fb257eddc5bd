"""Put SVG diagrams into a page so that they follow its colours, and keep their styles and ids to themselves."""

import re
from pathlib import Path

import tinycss2

IDREFS = "aria-labelledby|aria-describedby|href|xlink:href|id|begin|end"


class DiagramError(ValueError):
    """A diagram can't be shown; the message is one line."""


def inline(path: Path, scope: str, alt: str = "") -> str:
    """The SVG element of a file, for an HTML page.

    Args:
        path: the file.
        scope: an id that no other element of the page has; ids and styles of the diagram are kept below it.
        alt: alternative text, for a diagram that doesn't describe itself.

    Raises:
        DiagramError: there is no such file, or it is no SVG, or it would load or run something.
    """
    if not path.is_file():
        raise DiagramError(f"diagram {path.name} not found in {path.parent.name}/; write it or correct the name")
    text = path.read_text(encoding="utf-8")
    found = re.search(r"<svg\b.*</svg>", text, re.DOTALL)
    if not found:
        raise DiagramError(f"{path.name} holds no <svg> element")
    svg = re.sub(r"<!--.*?-->", "", found[0], flags=re.DOTALL)
    if re.search(r"<script|<foreignObject|\son\w+=|(?:href|src)=[\"'](?:https?:)?//|@import|url\([\"']?https?:", svg):
        raise DiagramError(f"{path.name} runs a script or loads from outside; draw it with shapes and text alone")
    if not re.search(r"<svg\b[^>]*\bviewBox=", svg):
        raise DiagramError(f"{path.name} has no viewBox, so it can't be scaled; add one")
    svg = _scoped_ids(svg, scope)
    svg = re.sub(
        r"(<style\b[^>]*>)(.*?)(</style>)",
        lambda match: match[1] + scoped_css(_unwrapped(match[2]), f"#{scope}") + match[3],
        svg,
        flags=re.DOTALL,
    )
    return _open_tag(svg, scope, alt)


def _unwrapped(css: str) -> str:
    return css.replace("<![CDATA[", "").replace("]]>", "").replace("&gt;", ">")


def _open_tag(svg: str, scope: str, alt: str) -> str:
    """The element with its scope as id, no fixed size, and a name for screen readers."""
    opening = re.match(r"<svg\b([^>]*)>", svg)
    attributes = re.sub(r"\s(?:id|width|height)=(\"[^\"]*\"|'[^']*')", "", opening[1])
    if not re.search(r"\brole=", attributes):
        attributes += ' role="img"'
    if alt and not re.search(r"\baria-label(?:ledby)?=", attributes):
        attributes += f' aria-label="{alt}"'
    return f'<svg id="{scope}"{attributes}>{svg[opening.end() :]}'


def _scoped_ids(svg: str, scope: str) -> str:
    """Every id and every reference to one with the scope in front."""
    ids = set(re.findall(r"\bid=[\"']([^\"']+)[\"']", svg))

    def renamed(match: re.Match) -> str:
        words = [
            re.sub(r"^(#?)(.+)$", rf"\1{scope}-\2", word) if word.lstrip("#") in ids else word
            for word in match[3].split(" ")
        ]
        return f"{match[1]}={match[2]}{' '.join(words)}{match[2]}"

    svg = re.sub(rf"(?<=\s)({IDREFS})=([\"'])([^\"']*)\2", renamed, svg)
    svg = re.sub(r"url\(([\"']?)#([^)\"']+)\1\)", rf"url(#{scope}-\2)", svg)

    def selector(match: re.Match) -> str:
        return f"#{scope}-{match[1]}" if match[1] in ids else match[0]

    def style(match: re.Match) -> str:
        return match[1] + re.sub(r"#([A-Za-z][\w-]*)(?=[^{}]*\{)", selector, match[2]) + match[3]

    return re.sub(r"(<style\b[^>]*>)(.*?)(</style>)", style, svg, flags=re.DOTALL)


def scoped_css(css: str, scope: str) -> str:
    """Rules that apply below an element only.

    >>> scoped_css("text, .a > b { fill: red } @media print { .c { x: y } }", "#s")
    '#s text, #s .a > b { fill: red }@media print {#s .c { x: y }}'
    """
    out = []
    for rule in tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True):
        if rule.type == "qualified-rule":
            selectors = _split_at_commas(tinycss2.serialize(rule.prelude))
            body = tinycss2.serialize(rule.content)
            out.append(", ".join(_below(selector, scope) for selector in selectors) + " {" + body + "}")
        elif rule.type == "at-rule" and rule.content is not None and rule.lower_at_keyword in {"media", "supports"}:
            inner = scoped_css(tinycss2.serialize(rule.content), scope)
            out.append(f"@{rule.at_keyword}{tinycss2.serialize(rule.prelude)}{{{inner}}}")
        elif rule.type == "at-rule":
            out.append(tinycss2.serialize([rule]))
    return "".join(out)


def _split_at_commas(selectors: str) -> list[str]:
    return [part.strip() for part in re.split(r",(?![^(]*\))", selectors)]


def _below(selector: str, scope: str) -> str:
    """A selector below the scope; `svg` and `:root` mean the diagram itself."""
    own = re.match(r"(?:svg|:root)(?![\w-])", selector)
    return scope + selector[own.end() :] if own else f"{scope} {selector}"
