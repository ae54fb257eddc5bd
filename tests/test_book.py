"""The book: stored notebooks agree with their texts, and the built pages are whole, readable and need no internet."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
import yaml
from nbformat import NotebookNode
from recast import RECAST

from tests import checkout
from tests.book import page_browser

ROOT = Path(__file__).parents[1]
BOOK = ROOT / "book"
TOC = yaml.safe_load((BOOK / "_toc.yml").read_text("utf-8"))
CHAPTERS = [c["file"] for part in TOC["parts"] for c in part["chapters"] if re.match(r"\d\d_", c["file"])]
LIBRARIES = {"gancourse", "torch", "numpy", "matplotlib"}
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

execute = checkout.script("book/execute.py")

every_chapter = pytest.mark.parametrize("chapter", CHAPTERS)


def notebook(chapter: str) -> NotebookNode:
    return nbformat.reads(checkout.text(f"book/{chapter}.ipynb"), as_version=4)


def code_cells(chapter: str) -> list[NotebookNode]:
    return [cell for cell in notebook(chapter).cells if cell.cell_type == "code"]


def prose(chapter: str) -> str:
    """The texts that the page shows."""
    texts = [cell for cell in notebook(chapter).cells if cell.cell_type == "markdown"]
    return "\n\n".join(cell.source for cell in texts if "remove-cell" not in cell.metadata.get("tags", ()))


def printed(chapter: str) -> set[str]:
    """Every line that a chapter's cells printed, those of tables among them."""
    outputs = [output for cell in code_cells(chapter) for output in cell.outputs]
    texts = [o.text if o.output_type == "stream" else o.get("data", {}).get("text/plain", "") for o in outputs]
    return {line.strip() for text in texts for line in text.splitlines()}


# The stored notebooks


@every_chapter
def test_a_notebook_agrees_with_its_text(chapter: str, course: Path):
    assert execute.difference(course / "book", chapter) is None


@every_chapter
def test_a_notebook_is_as_it_was_stored_and_nobody_has_saved_it_since(chapter: str):
    stored = nbformat.writes(execute.normalise(notebook(chapter), chapter)) + "\n"
    assert checkout.text(f"book/{chapter}.ipynb") == stored, f"run `python book/execute.py {chapter}`"


def test_every_text_and_every_notebook_is_in_the_contents():
    names = checkout.course_files()
    assert {f"book/{chapter}.ipynb" for chapter in CHAPTERS} == {n for n in names if re.match(r"book/\d.*\.ipynb$", n)}
    assert {f"book/src/{chapter}.md" for chapter in CHAPTERS} == {n for n in names if n.startswith("book/src/")}


@every_chapter
def test_every_code_cell_has_an_execution_count(chapter: str):
    assert [cell.execution_count for cell in code_cells(chapter)] == list(range(1, len(code_cells(chapter)) + 1))


def test_at_most_one_cell_in_twenty_is_exempt_from_comparison():
    cells = [cell for chapter in CHAPTERS for cell in code_cells(chapter)]
    exempt = [c for c in cells if "nbval" in " ".join(c.metadata.get("tags", [])).lower() or "# NBVAL" in c.source]
    assert len(exempt) <= len(cells) / 20


def figure_problems(cell: NotebookNode) -> list[str]:
    """What a reader who can't see misses of a cell's figures."""
    if not any("image/png" in output.get("data", {}) for output in cell.get("outputs", ())):
        return []
    about = cell.metadata.get("mystnb", {})
    given = {
        "caption": about.get("figure", {}).get("caption", ""),
        "name": about.get("figure", {}).get("name", ""),
        "alt": about.get("image", {}).get("alt", ""),
    }
    least = {"caption": 20, "name": 5, "alt": 20}
    return [f"{key} of {cell.source[:40]!r} is {text!r}" for key, text in given.items() if len(text) < least[key]]


@every_chapter
def test_every_figure_has_caption_name_and_alternative_text(chapter: str):
    assert [problem for cell in code_cells(chapter) for problem in figure_problems(cell)] == []


def test_a_figure_without_alternative_text_is_found():
    cell = nbformat.v4.new_code_cell("draw()", outputs=[nbformat.v4.new_output("display_data", {"image/png": ""})])
    assert len(figure_problems(cell)) == 3


@every_chapter
def test_no_cell_writes_warnings_or_addresses(chapter: str):
    for cell in code_cells(chapter):
        assert not any(output.get("name") == "stderr" for output in cell.outputs), cell.source
        assert not re.search(r"\bat 0x[0-9a-f]{6}", str([o for o in cell.outputs if "text" in o])), cell.source


@every_chapter
def test_a_chapter_imports_the_package_and_three_libraries_only(chapter: str):
    tree = ast.parse("\n".join(cell.source for cell in code_cells(chapter)))
    names = {a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
    names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} - set(sys.stdlib_module_names) <= LIBRARIES


@every_chapter
def test_every_text_cell_is_a_slide_a_part_of_one_or_a_note(chapter: str):
    kinds = [cell.metadata.get("slideshow", {}).get("slide_type") for cell in notebook(chapter).cells]
    texts = [cell.cell_type == "markdown" for cell in notebook(chapter).cells]
    # Prose of the page alone is "skip": in recast chapters, and in sections that older ones have gained since.
    assert {kind for kind, text in zip(kinds, texts, strict=True) if text} <= {"slide", "fragment", "notes", "skip"}
    assert next(kind for kind in kinds if kind != "skip") == "slide"


@every_chapter
def test_a_chapter_has_three_exercises_or_more_and_the_index_lists_them(chapter: str):
    labels = re.findall(r"^(`{3,}|:{3,})\{exercise\}.*\n:label: (\S+)", prose(chapter), re.M)
    assert len(labels) >= 3
    index = (BOOK / "exercises.md").read_text("utf-8")
    for _, label in labels:
        assert label.startswith(f"ex-{chapter[:2]}-")
        assert f"{{ref}}`{label}`" in index, f"book/exercises.md doesn't list {label}"


@every_chapter
def test_a_chapter_ends_with_exercises_key_points_and_further_reading(chapter: str):
    headings = re.findall(r"^(?:#+ |\*\*)([^*\n]+?)(?:\*\*)?$", prose(chapter), re.M)
    last = [headings.index(name) for name in ("Exercises", "Key points", "Further reading")]
    assert last[2] == max(last)


# Running them


WIDGET = """---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {display_name: Python 3, language: python, name: python3}
---

+++ {"slideshow": {"slide_type": "slide"}}

# Title

```{code-cell} ipython3
import ipywidgets
print("one")
ipywidgets.IntSlider()
```

```{code-cell} ipython3
print("one")
```

```{code-cell} ipython3
print("one")
```
"""


def book_of(folder: Path, text: str) -> Path:
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "01_try.md").write_text(text, "utf-8")
    return folder


@pytest.mark.slow
def test_running_again_changes_nothing_and_agrees_with_the_text(tmp_path: Path):
    book = book_of(tmp_path, WIDGET)
    execute.store(book, "01_try")
    first = [(book / name).read_bytes() for name in ("01_try.ipynb", "src/01_try.md")]
    assert execute.difference(book, "01_try") is None
    execute.store(book, "01_try")
    assert [(book / name).read_bytes() for name in ("01_try.ipynb", "src/01_try.md")] == first
    stored = nbformat.read(book / "01_try.ipynb", as_version=4)
    assert len({cell.id for cell in stored.cells}) == len(stored.cells)

    (book / "src" / "01_try.md").write_text(first[1].decode().replace("# Title", "# Another"), "utf-8")
    assert "differs from" in execute.difference(book, "01_try")
    stored.cells[-1].execution_count = None
    nbformat.write(stored, book / "01_try.ipynb")
    (book / "src" / "01_try.md").write_bytes(first[1])
    assert "without an execution count" in execute.difference(book, "01_try")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("1 / 0", "cell 1 ('1 / 0'): ZeroDivisionError: division by zero"),
        ("import sys; print('oh', file=sys.stderr)", "cell 1 writes to stderr: oh"),
        ("", "cell 1 has no code to run"),
    ],
)
def test_a_chapter_that_cannot_be_stored_is_refused_in_one_line(tmp_path: Path, code: str, message: str, capsys):
    head, _, _ = WIDGET.partition("```")
    book = book_of(tmp_path, f"{head}```{{code-cell}} ipython3\n{code}\n```\n")
    assert execute.main(["--book", str(book)]) == 1
    assert message in capsys.readouterr().err
    assert not (book / "01_try.ipynb").exists()


def test_an_unknown_chapter_is_named_together_with_the_known_ones(tmp_path: Path, capsys):
    assert execute.main(["--book", str(book_of(tmp_path, WIDGET)), "02_tyr"]) == 1
    assert capsys.readouterr().err == "chapter '02_tyr' not found; there are 01_try\n"


# Pages around the chapters


def quotations() -> list[tuple[str, str]]:
    """What book/corrections.md says that a chapter printed: chapter and line."""
    text = (BOOK / "corrections.md").read_text("utf-8")
    blocks = re.findall(r"^```\{code-block\} text\n:class: printed-(\w+)\n\n?(.*?)^```", text, re.M | re.S)
    return [(chapter, line.strip()) for chapter, block in blocks for line in block.splitlines() if line.strip()]


@pytest.mark.parametrize(("chapter", "line"), quotations())
def test_a_number_among_the_corrections_was_printed_by_its_chapter(chapter: str, line: str):
    assert line in printed(chapter)


def test_every_finished_chapter_that_corrects_a_source_is_quoted():
    assert {chapter for chapter, _ in quotations()} >= {"02_gan_game", "09_dcgan"}


def test_the_map_lists_twenty_chapters_and_links_the_finished_ones():
    rows = re.findall(r"^\| (\d+) \| (.*?) \|", (BOOK / "index.md").read_text("utf-8"), re.M)
    assert [int(number) for number, _ in rows] == list(range(1, 21))
    linked = {re.search(r"\((\w+)\.ipynb\)", title)[1] for _, title in rows if "](" in title}
    assert linked == set(CHAPTERS)
    assert all(("](" in title) != ("in preparation" in title) for _, title in rows)


def test_the_package_reference_names_every_public_part():
    modules = [name for name in checkout.course_files() if re.fullmatch(r"gancourse/(\w+/)?\w+\.py", name)]
    parts = {name.split("/")[1].removesuffix(".py") for name in modules}
    documented = set(re.findall(r"automodule:: gancourse\.(\w+)", (BOOK / "api.md").read_text("utf-8")))
    assert parts - {"__init__", "__main__"} == documented


def test_every_finished_chapter_has_a_lecture_plan():
    plans = re.findall(r"^### Chapter (\d+)", (BOOK / "instructor.md").read_text("utf-8"), re.M)
    assert [int(plan) for plan in plans] == [int(chapter[:2]) for chapter in CHAPTERS]


# The built book


@pytest.fixture(scope="module")
def site(course: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The book built from a copy of its files, from another folder than the root, with every warning an error."""
    output = tmp_path_factory.mktemp("book")
    command = [Path(sys.executable).parent / "jupyter-book", "build", "--all", "-W", "-n", "--keep-going"]
    built = subprocess.run(
        [*command, "--path-output", output, course / "book"],
        cwd=output,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    said = re.sub(r"\x1b\[[\d;]*m", "", built.stdout + built.stderr)
    problems = [line for line in said.splitlines() if "WARNING" in line or "ERROR" in line]
    assert built.returncode == 0, "\n".join(problems or said.splitlines()[-20:])
    return output / "_build" / "html"


class Page(HTMLParser):
    """What a page loads, links to, and shows."""

    LOADERS = frozenset({"script", "img", "iframe", "source", "video", "embed"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.alternatives: list[str] = []
        self.scripts: list[str] = []
        self.searches = 0
        self._in_script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the tag loads, links to or names."""
        given = {name: value or "" for name, value in attrs}
        if tag in self.LOADERS and "src" in given:
            self.loads.append(given["src"])
        if tag == "link" and not {"search", "next", "prev", "index", "canonical"} & set(given.get("rel", "").split()):
            self.loads.append(given["href"])
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag == "img":
            self.alternatives.append(given.get("alt", ""))
        self.searches += tag == "button" and "search-button-field" in given.get("class", "")
        self.ids |= {given[name] for name in ("id", "name") if name in given}
        self._in_script = tag == "script"

    def handle_endtag(self, tag: str) -> None:
        """Scripts end here."""
        self._in_script = False

    def handle_data(self, data: str) -> None:
        """Keep what scripts say."""
        if self._in_script:
            self.scripts.append(data)


def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path.read_text("utf-8")) for path in sorted(site.glob("*.html"))}


def is_outside(url: str) -> bool:
    return bool(re.match(r"(https?:)?//", url))


@pytest.mark.slow
def test_the_book_builds_without_a_warning(site: Path):
    assert {f"{chapter}.html" for chapter in CHAPTERS} <= {path.name for path in site.glob("*.html")}


@pytest.mark.slow
def test_no_page_loads_anything_from_outside(site: Path):
    for path, page in pages(site).items():
        assert [url for url in page.loads if is_outside(url)] == [], path.name
        assert [s for s in page.scripts if re.search(r"https?://|import\(", s)] == [], path.name
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", sheet.read_text("utf-8")), sheet.name


def test_a_script_from_outside_would_be_found():
    page = Page('<script src="//cdn.example/x.js"></script><script>const u = "https://cdn.example"</script>')
    assert [is_outside(url) for url in page.loads] == [True]
    assert "https://cdn.example" in page.scripts[0]


@pytest.mark.slow
def test_what_a_page_loads_and_links_to_exists(site: Path):
    built = pages(site)
    broken = []
    for path, page in built.items():
        for url in [*page.loads, *page.links]:
            target = urlsplit(url)
            if target.scheme or target.netloc:
                continue
            file = (path.parent / unquote(target.path)).resolve() if target.path else path
            ids = built[file].ids if file in built else {unquote(target.fragment)}
            if not file.exists() or (target.fragment and unquote(target.fragment) not in ids):
                broken.append(f"{path.name}: {url}")
    assert broken == []


@pytest.mark.slow
def test_every_image_has_alternative_text(site: Path):
    for path, page in pages(site).items():
        # The theme's own little logos on launch buttons say what they are beside the picture.
        assert all(page.alternatives), path.name


@pytest.mark.slow
def test_a_page_has_one_search_field(site: Path):
    for chapter in CHAPTERS:
        assert Page((site / f"{chapter}.html").read_text("utf-8")).searches == 1


@pytest.mark.slow
@every_chapter
def test_a_chapter_opens_on_colab_and_binder(site: Path, chapter: str):
    links = Page((site / f"{chapter}.html").read_text("utf-8")).links
    assert f"https://colab.research.google.com/github/gancourse/gancourse/blob/main/book/{chapter}.ipynb" in links
    assert any(url.startswith("https://mybinder.org/v2/gh/gancourse/gancourse/main?") for url in links)


@pytest.mark.slow
@every_chapter
def test_a_chapter_is_numbered_by_its_file_name(site: Path, chapter: str):
    text = (site / f"{chapter}.html").read_text("utf-8")
    number = int(chapter[:2])
    assert re.search(rf'<h1><span class="section-number">{number}\. </span>', text)
    figures = re.findall(r'<span class="caption-number">Fig\. (\d+)\.(\d+) </span>', text)
    assert {int(of) for of, _ in figures} == {number}
    assert all(int(b) == int(a) + 1 for (_, a), (_, b) in pairwise(figures))


@pytest.mark.slow
def test_headings_do_not_skip_a_level(site: Path):
    for path in site.glob("*.html"):
        levels = [int(level) for level in re.findall(r"<h([1-6])>", path.read_text("utf-8"))]
        assert all(b <= a + 1 for a, b in pairwise(levels)), path.name


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium")
@every_chapter
def test_equations_render_without_the_internet(site: Path, chapter: str, tmp_path: Path):
    flags = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-sync"
    command = [CHROMIUM, *flags.split(), "--disable-component-update", f"--user-data-dir={tmp_path}"]
    command += ["--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=20000", "--dump-dom"]
    dom = subprocess.run([*command, (site / f"{chapter}.html").as_uri()], capture_output=True, text=True, timeout=120)
    equations = len(re.findall(r'class="math notranslate nohighlight', dom.stdout))
    assert equations > 0
    assert dom.stdout.count("<mjx-container") >= equations
    assert "merror" not in re.sub(r"<style.*?</style>", "", dom.stdout, flags=re.S)


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["02_gan_game", "notation", "bibliography", "claims"])
def test_axe_finds_no_fault_on_a_page(site: Path, browser, name: str, theme: str):
    pytest.importorskip("axe_core_python")
    for width in (390, 1280):
        page_browser.open_page(browser, site / f"{name}.html", width=width, theme=theme)
        assert page_browser.faults(browser) == [], width


@pytest.mark.slow
@pytest.mark.parametrize("name", ["index", "notation", *CHAPTERS])
def test_a_page_does_not_scroll_sideways_on_a_phone(site: Path, browser, name: str):
    page_browser.open_page(browser, site / f"{name}.html", width=390, height=844)
    assert browser.execute_script("return document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.slow
@pytest.mark.parametrize("chapter", RECAST)
def test_nothing_of_a_recast_chapter_is_cut(site: Path, browser, chapter: str):
    for width in (1280, 1440, 1920):
        page_browser.open_page(browser, site / f"{chapter}.html", width=width)
        # Folded code is looked at too.
        browser.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")
        assert page_browser.clipped(browser) == [], width
