"""Build the slides of each chapter: `python book/slides/build.py [NN_slug ...] [--out DIR]`.

One folder per chapter, complete in itself: open its index.html in a browser, with or without a network.
"""

import argparse
import difflib
import importlib.metadata
import re
import shutil
import sys
from functools import partial
from html import escape
from pathlib import Path

from typeface import style_sheet

HERE = Path(__file__).resolve().parent
BOOK = HERE.parent
if str(BOOK) not in sys.path:  # question_text lies there, for the page and the slides
    sys.path.append(str(BOOK))
OUT = BOOK.parent / "_build" / "slides"
NUMBER = ">slide number<"
TITLE_PICTURE = (626, 572)  # pixels beside the title
COURSE = "Generative adversarial networks"
NEEDED = {
    "nbconvert": "nbconvert",
    "nbformat": "nbformat",
    "sphinx-revealjs": "reveal.js",
    "sphinx-mathjax-offline": "MathJax",
}
REVEAL = {"dist/reveal.js", "dist/reveal.css", "dist/reset.css", "plugin/notes/notes.js", "LICENSE"}


class BuildError(Exception):
    """What went wrong, in one line that says what to do."""


def chapters(book: Path = BOOK) -> dict[str, Path]:
    """Slug to notebook, in reading order: those `_toc.yml` names, or all numbered notebooks where there is none."""
    toc = book / "_toc.yml"
    if not toc.exists():
        return {path.stem: path for path in sorted(book.glob("[0-9]*.ipynb"))}
    files = re.findall(r"^\s*(?:-\s+)?file:\s*[\"']?([^\"'\s#]+)", toc.read_text(encoding="utf-8"), re.MULTILINE)
    names = [file.removesuffix(".ipynb") for file in files if re.match(r"\d\d_", Path(file).name)]
    return {Path(name).name: book / f"{name}.ipynb" for name in names if (book / f"{name}.ipynb").exists()}


def choose(names: list[str], known: dict[str, Path]) -> dict[str, Path]:
    """The named chapters, or all of them.

    Raises:
        BuildError: a name isn't known.
    """
    if not known:
        raise BuildError(f"no chapter notebooks in {BOOK.name}/; run `make notebooks` first")
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.3)
            hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(known)}"
            raise BuildError(f"chapter '{name}' not found; {hint}")
    return {name: known[name] for name in names} if names else known


def check_packages() -> None:
    """Raise BuildError if a package is missing."""
    missing = []
    for package in NEEDED:
        try:
            importlib.metadata.distribution(package)
        except importlib.metadata.PackageNotFoundError:
            missing.append(package)
    if missing:
        what = ", ".join(
            f"{package} ({NEEDED[package]})" if NEEDED[package] != package else package for package in missing
        )
        raise BuildError(f"the slides need {what}; install with: pip install {' '.join(missing)}")


def copy_assets(folder: Path) -> None:
    """Copy reveal.js, MathJax and our style sheet to the slides' `assets` folder."""
    for package, marker, target, wanted in (
        ("sphinx-revealjs", "/_static/revealjs/", "reveal", lambda path: path in REVEAL),
        ("sphinx-mathjax-offline", "/static/mathjax/", "mathjax", _is_mathjax),
    ):
        copied = 0
        for file in importlib.metadata.files(package) or []:
            _, found, inside = file.as_posix().partition(marker)
            if found and wanted(inside):
                path = folder / target / (Path(inside).name if target == "reveal" else inside)
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file.locate(), path)
                copied += 1
        if copied < (len(REVEAL) if target == "reveal" else 2):
            version = importlib.metadata.version(package)
            raise BuildError(
                f"{package} {version} lacks the expected files under {marker}; install another version of it"
            )
    for name in ("slides.css", "slides.js", "widgets.js", "handout.js", "mathjax-config.js"):
        shutil.copyfile(HERE / "template" / name, folder / name)
    try:
        (folder / "fonts.css").write_text(style_sheet(), encoding="utf-8", newline="\n")
    except FileNotFoundError as error:
        raise BuildError(f"{error}; install another version of it") from error


def _is_mathjax(path: str) -> bool:
    # The extensions are loaded only when a formula asks for one, such as \cancel.
    return path == "tex-svg.js" or path.startswith("input/tex/extensions/")


def build_chapter(notebook: Path, out: Path) -> Path:
    """Write `out/index.html` and `out/assets`.

    Args:
        notebook: an executed chapter; citations are looked up in references.bib beside it.
        out: the chapter's folder.

    Returns:
        The page.

    Raises:
        BuildError: the notebook isn't readable, or holds no slides, or a diagram or question of it isn't.
    """
    import nbformat
    from deck import DeckError, slide_notebook
    from diagrams import DiagramError
    from live_figures import declared
    from plain_text import read_bibliography

    try:
        source = nbformat.read(notebook, as_version=4)
        slides = slide_notebook(source, read_bibliography(notebook.parent / "references.bib"))
        page = _rendered(slides, notebook)
    except (OSError, nbformat.reader.NotJSONError, nbformat.ValidationError, DeckError, DiagramError) as error:
        raise BuildError(f"{notebook.name}: {str(error).splitlines()[0]}") from error
    out.mkdir(parents=True, exist_ok=True)
    copy_assets(out / "assets")
    page = declared(page, out / "assets" / "live", "assets/live", notebook.parent.parent)
    (out / "index.html").write_text(page, encoding="utf-8", newline="\n")
    return out / "index.html"


def _rendered(slides, notebook: Path) -> str:
    """The page of a deck."""
    number = re.match(r"(\d\d)_", notebook.stem)
    title = plain_title(slides) or notebook.stem
    deck = {
        "title": title,
        "chapter": f"Chapter {int(number[1])}" if number else "",
        "footer": f"{int(number[1])} · {title}" if number else title,
        "course": COURSE,
        "recast": slides.metadata.recast,
        "picture": title_picture(slides),
        "end": end_lines(notebook),
    }
    resources = {"deck": deck, "metadata": {"name": notebook.stem, "path": str(notebook.parent)}}
    page, _ = _exporter(notebook.parent).from_notebook_node(slides, resources=resources)
    total = page.count(NUMBER)
    for i in range(total):
        page = page.replace(NUMBER, f">{i + 1} / {total}<", 1)
    return page


def _exporter(folder: Path):
    """The exporter of nbconvert with the template of the slides; diagrams are looked up from the folder."""
    from jinja2 import pass_context
    from nbconvert.exporters import SlidesExporter
    from slide_html import Composer, canvas, split_heading

    exporter = SlidesExporter(
        template_name="template",
        extra_template_basedirs=[str(HERE)],
        embed_images=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
    )
    composer = Composer(folder)

    @pass_context
    def slide_body(context, cell) -> str:
        body = split_heading(cell.source)[1] if cell.metadata.get("subslide_start") else cell.source
        render = partial(exporter.markdown2html, context)
        return composer.body(body, cell.metadata.get("tags", []), cell.metadata.deck.get("polls", []), render)

    exporter.register_filter("slide_body", slide_body)
    exporter.register_filter("canvas", canvas)
    exporter.register_filter("slide_heading", lambda source: split_heading(source)[0])
    return exporter


def plain_title(notebook) -> str:
    """The first heading of a chapter, without marks of emphasis."""
    from deck import heading_of

    title = notebook.metadata.get("title") or next(
        (heading for cell in notebook.cells if (heading := heading_of(cell.source))), ""
    )
    return re.sub(r"[*`$]", "", title)


def title_picture(slides) -> dict[str, str] | None:
    """The first described picture of a deck, for its title slide; None if that has one of its own, or there is none.

    A recast chapter's must have type that can be read in its place.
    """
    from room import is_readable
    from slide_html import canvas

    if not slides.cells or slides.cells[0].metadata.deck.get("fill"):
        return None
    for cell in slides.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "image/png" in data and cell.metadata.deck.get("alt"):
                picture = "".join(data["image/png"]).replace("\n", "")
                if slides.metadata.recast and not is_readable(picture, *TITLE_PICTURE):
                    continue
                return {"image": canvas(f"data:image/png;base64,{picture}", cell.metadata.deck.alt)}
    return None


def end_lines(notebook: Path) -> list[tuple[str, str]]:
    """What the last slide says: where the exercises are, and which chapter comes next."""
    import nbformat

    known = chapters(notebook.parent)
    lines = []
    exercises = notebook.parent.parent / "exercises" / notebook.name
    if exercises.is_file():
        lines.append(("Exercises", f"exercises/{notebook.name}"))
    names = list(known)
    following = names[names.index(notebook.stem) + 1 :][:1] if notebook.stem in names else []
    for name in following:
        title = plain_title(nbformat.read(known[name], as_version=4))
        number = re.match(r"(\d\d)_", name)
        lines.append(("Next", f"chapter {int(number[1])}, {title}" if number else title))
    return lines


def write_list(out: Path) -> Path:
    """Write `out/index.html`, which lists the chapters that lie in `out`."""
    rows = []
    for page in sorted(out.glob("[0-9]*/index.html")):
        title = re.search(r"<title>(.*?)</title>", page.read_text(encoding="utf-8"), re.DOTALL)[1]
        rows.append(
            f'<li value="{int(page.parent.name[:2])}"><a href="{escape(page.parent.name)}/index.html">{title}</a></li>'
        )
    text = (HERE / "template" / "list.html").read_text(encoding="utf-8")
    faces = next((sheet.relative_to(out).as_posix() for sheet in sorted(out.glob("[0-9]*/assets/fonts.css"))), "")
    fonts = f'<link rel="stylesheet" href="{escape(faces)}">' if faces else ""
    text = text.replace("COURSE", COURSE).replace("FONTS", fonts).replace("ROWS", "\n".join(rows))
    (out / "index.html").write_text(text, encoding="utf-8", newline="\n")
    return out / "index.html"


def main(arguments: list[str] | None = None) -> int:
    """Build the slides the command line asks for; 0 if all went well, 2 for bad input."""
    parser = argparse.ArgumentParser(
        description="Build the slides of the chapters: one folder each, which opens offline."
    )
    parser.add_argument("chapters", nargs="*", metavar="NN_slug", help="chapters to build (default: all)")
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="where to write (default: _build/slides)")
    options = parser.parse_args(arguments)
    try:
        check_packages()
        chosen = choose(options.chapters, chapters())
        for name, notebook in chosen.items():
            print(build_chapter(notebook, options.out / name))
        print(write_list(options.out))
    except BuildError as error:
        print(f"slides: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
