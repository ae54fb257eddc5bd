"""Build the slides of each chapter: `python book/slides/build.py [NN_slug ...] [--out DIR]`.

One folder per chapter, complete in itself: open its index.html in a browser, with or without a network.
"""

import argparse
import difflib
import importlib.metadata
import re
import shutil
import sys
from html import escape
from pathlib import Path

HERE = Path(__file__).resolve().parent
BOOK = HERE.parent
OUT = BOOK.parent / "_build" / "slides"
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
    for name in ("slides.css", "slides.js", "mathjax-config.js"):
        shutil.copyfile(HERE / "template" / name, folder / name)


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
        BuildError: the notebook isn't readable, or holds no slides.
    """
    import nbformat
    from deck import DeckError, slide_notebook
    from nbconvert.exporters import SlidesExporter
    from plain_text import read_bibliography

    try:
        source = nbformat.read(notebook, as_version=4)
        slides = slide_notebook(source, read_bibliography(notebook.parent / "references.bib"))
    except (OSError, nbformat.reader.NotJSONError, nbformat.ValidationError, DeckError) as error:
        raise BuildError(f"{notebook.name}: {str(error).splitlines()[0]}") from error
    number = re.match(r"(\d\d)_", notebook.stem)
    title = re.sub(r"[*`$]", "", slides.metadata.title) or notebook.stem
    footer = f"Chapter {int(number[1])} · {title}" if number else title
    exporter = SlidesExporter(
        template_name="template",
        extra_template_basedirs=[str(HERE)],
        embed_images=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
    )
    resources = {
        "deck": {"title": title, "footer": footer},
        "metadata": {"name": notebook.stem, "path": str(notebook.parent)},
    }
    page, _ = exporter.from_notebook_node(slides, resources=resources)
    out.mkdir(parents=True, exist_ok=True)
    copy_assets(out / "assets")
    (out / "index.html").write_text(page, encoding="utf-8", newline="\n")
    return out / "index.html"


def write_list(out: Path) -> Path:
    """Write `out/index.html`, which lists the chapters that lie in `out`."""
    rows = []
    for page in sorted(out.glob("[0-9]*/index.html")):
        title = re.search(r"<title>(.*?)</title>", page.read_text(encoding="utf-8"), re.DOTALL)[1]
        rows.append(
            f'<li value="{int(page.parent.name[:2])}"><a href="{escape(page.parent.name)}/index.html">{title}</a></li>'
        )
    text = (HERE / "template" / "list.html").read_text(encoding="utf-8")
    text = text.replace("COURSE", COURSE).replace("ROWS", "\n".join(rows))
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
