"""HTML of a slide's parts: text in steps, diagrams, numbers for the last row, and polls."""

import re
from collections.abc import Callable, Iterator, Mapping
from html import escape
from pathlib import Path

from bs4 import BeautifulSoup, Tag
from diagrams import inline
from room import svg_aspect, uri_aspect

SVG = re.compile(r"!\[(?P<alt>[^\]]*)\]\((?!\w+:|//)(?P<path>[^)\s]+\.svg)(?:\s+[^)]*)?\)")
EYEBROWS = {"question": "Question", "predict": "Prediction"}
Render = Callable[[str], str]
WIDE = 1.6  # on the title slide, a diagram of a larger ratio stands below the text
PLACE = "diagram-placeholder-{}"


def split_heading(source: str) -> tuple[str, str]:
    r"""The first line if it is a heading, and the rest.

    >>> split_heading("## A claim\n\n- reason")
    ('## A claim', '- reason')
    >>> split_heading("- reason")
    ('', '- reason')
    """
    first, _, rest = source.strip().partition("\n")
    return (first, rest.strip()) if re.match(r"#{1,3} ", first) else ("", source.strip())


def stepped(html: str) -> str:
    """HTML whose list items, table rows and pictures appear one after the other."""
    soup = BeautifulSoup(html, "html.parser")
    for item in _steps(soup):
        item["class"] = [*item.get("class", []), "fragment"]
    return str(soup)


def _steps(soup: Tag) -> Iterator[Tag]:
    """What appears in one step: items, rows but for the header's, pictures; nothing inside another step."""
    for element in soup.find_all(["li", "tr", "figure", "img"]):
        if element.find_parent(["li", "tr", "figure"]):
            continue
        if element.name != "tr" or (element.find("td") and not element.find_parent("thead")):
            yield element


def canvas(source: str, alt: str, ppi: float | None = None) -> str:
    """A picture's element; one whose shape is known is as large as its room, and its box no larger than itself.

    Args:
        source: the picture as a `data:` address, or another one.
        alt: what one sees in it.
        ppi: pixels an inch.

    >>> canvas("a.png", "grey", 192)
    '<img src="a.png" alt="grey" data-ppi="192">'
    """
    known = f' data-ppi="{ppi}"' if ppi else ""
    image = f'<img src="{source}" alt="{escape(alt)}"{known}>'
    ratio = uri_aspect(source)
    return f'<div class="canvas" style="--ratio: {ratio:.4f}">{image}</div>' if ratio else image


class Composer:
    """Makes the HTML of Markdown cells; one for each deck, because ids of diagrams are counted.

    Args:
        folder: where the paths of diagrams start.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.n_diagrams = folder, 0

    def body(self, source: str, tags: list[str], polls: list[Mapping], render: Render) -> str:
        """What stands below a slide's heading: text, and pictures each as an item of its own.

        Args:
            source: plain Markdown, without the heading.
            tags: the cell's; "steps" and "numbers" have an effect.
            polls: questions to the room, as `deck.visible` returns them.
            render: Markdown to HTML, with pictures embedded.

        Raises:
            DiagramError: a diagram can't be shown.
        """
        diagrams: dict[str, str] = {}

        def placed(match: re.Match) -> str:
            self.n_diagrams += 1
            place = PLACE.format(self.n_diagrams)
            diagrams[place] = self._diagram(match["path"], match["alt"])
            return f"![{match['alt']}]({place})"

        source = SVG.sub(placed, source)
        soup = BeautifulSoup(render(source) if source else "", "html.parser")
        figures = _taken_figures(soup)
        if "numbers" in tags:
            for block in soup.find_all("ul"):
                block["class"] = "numbers"
        groups = [str(soup)] if soup.get_text(strip=True) or soup.find(True) else []
        pictures = "".join(map(str, figures))
        if "steps" in tags:
            groups, pictures = [stepped(group) for group in groups], stepped(pictures)
        out = "".join(f'<div class="text">{group}</div>' for group in groups)
        if pictures:
            wide = " wide" if max(filter(None, map(svg_aspect, diagrams.values())), default=0) > WIDE else ""
            out += f'<div class="pictures{wide}">{pictures}</div>'
        for place, svg in diagrams.items():
            out = re.sub(rf'<img\b[^>]*src="{re.escape(place)}"[^>]*/?>', lambda _, svg=svg: svg, out)
        return out + "".join(poll_html(poll, render) for poll in polls)

    def _diagram(self, path: str, alt: str) -> str:
        """A diagram of the page, under an id of its own."""
        file = self.folder / path
        return inline(file.stem, f"diagram-{self.n_diagrams}", file.parent, alt or None)


def poll_html(poll: Mapping, render: Render) -> str:
    """A question to the room: its options, and as a step which of them are right, with the reason.

    Args:
        poll: a question, as `deck.visible` returns it.
        render: Markdown to HTML.
    """
    rows, answers = [], []
    for letter, option in zip("ABCDEFGH", poll["options"], strict=False):
        mark = '<span class="fragment mark" data-fragment-index="0" aria-hidden="true">✓</span>'
        rows.append(
            f'<li><span class="letter">{letter}</span><div>{_line(option["text"], render)}</div>'
            f"{mark if option['right'] else ''}</li>"
        )
        if option["right"]:
            answers.append(
                f'<div class="answer"><span class="letter">{letter}</span><div>{render(option["reason"])}</div></div>'
            )
    asked = f'<p class="prompt">{_line(poll["prompt"], render)}</p>' if poll["asks"] else ""
    lead = f'<div class="text">{render(poll["lead"])}</div>' if poll["lead"] else ""
    return (
        f'<div class="poll"><p class="eyebrow">{EYEBROWS[poll["kind"]]}</p>{asked}{lead}<ol>{"".join(rows)}</ol>'
        f'<div class="fragment answers" data-fragment-index="0">{"".join(answers)}</div></div>'
    )


def _line(text: str, render: Render) -> str:
    """One line of Markdown, without the paragraph around it."""
    return re.sub(r"^<p>|</p>$", "", render(text).strip())


def _taken_figures(soup: BeautifulSoup) -> list[Tag]:
    """The pictures of a text, taken out of it, each in a figure with its title as the caption."""
    figures = []
    for image in soup.find_all("img"):
        paragraph = image.parent
        figure = soup.new_tag("figure", attrs={"class": "picture"})
        figure.append(_on_canvas(image.extract(), soup))
        if image.get("title"):
            caption = soup.new_tag("figcaption")
            caption.string = image["title"]
            figure.append(caption)
            del image["title"]
        figures.append(figure)
        if paragraph.name == "p" and not paragraph.get_text(strip=True) and not paragraph.find(True):
            paragraph.decompose()
    return figures


def _on_canvas(image: Tag, soup: BeautifulSoup) -> Tag:
    """The picture, in a box of its shape where that is known."""
    ratio = uri_aspect(image.get("src", ""))
    if not ratio:
        return image
    box = soup.new_tag("div", attrs={"class": "canvas", "style": f"--ratio: {ratio:.4f}"})
    box.append(image)
    return box
