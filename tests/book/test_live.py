"""The files with which pages run a generator: made where all is at hand, else one line says why, and pictures stay."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
import time
from base64 import b64encode
from hashlib import sha512
from html import unescape
from pathlib import Path

import check
import live
import live_figures
import pytest

from gancourse import zoo
from gancourse.widgets import onnx_graphs, record_faces, steer, styled
from tests.book import small_book
from tests.book.page_browser import faults, open_page
from tests.widgets import live_page
from tests.widgets.figures import part, run
from tests.widgets.style_based import small

LINE = "live: the generator isn't put into the page, which keeps its picture: "


@pytest.fixture
def all_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """A zoo with the generator, and packages that export it."""
    card = zoo.card("faces-regressor")
    monkeypatch.setattr(zoo, "cards", lambda: {styled.GENERATOR: card, styled.REGRESSOR: card})
    monkeypatch.setattr(styled, "of_zoo", small)
    monkeypatch.setattr(onnx_graphs, "missing_packages", list)
    monkeypatch.setattr(onnx_graphs, "network_script", lambda networks, name: f"networks of {name}")


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """An archive with the two files that are wanted, and its checksum as the pinned one."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name, data in ((live.MODULE, b"export {};"), (live.WASM, b"\0asm")):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    monkeypatch.setattr(live, "SHA512", b64encode(sha512(archive.getvalue()).digest()).decode())
    return archive.getvalue()


def npm_that_packs(data: bytes, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Let npm's command write an archive; the commands that were run."""
    commands: list[list[str]] = []

    def run(command: list[str], cwd: str, **options: object) -> None:
        commands.append(command)
        Path(cwd, "package.tgz").write_bytes(data)

    monkeypatch.setattr(live.shutil, "which", lambda name: name)
    monkeypatch.setattr(live.subprocess, "run", run)
    return commands


def said(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, list[str]]:
    """The exit status, and what was printed."""
    status = live.main(["--out", str(folder), *options])
    streams = capsys.readouterr()
    return status, (streams.out + streams.err).splitlines()


# Making them


def test_without_weights_one_line_says_so(tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(zoo, "cards", dict)
    assert said(tmp_path / "live", capsys) == (0, [f"{LINE}the zoo has no weights 'stylegan2-faces'"])
    assert said(tmp_path / "live", capsys, "--strict")[0] == 1
    assert not (tmp_path / "live").exists()


def test_without_onnx_one_line_says_so(tmp_path: Path, capsys, all_at_hand, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(onnx_graphs, "missing_packages", lambda: ["onnx", "onnxscript"])
    assert said(tmp_path, capsys) == (0, [f"{LINE}onnx and onnxscript not installed; run `make live`"])


def test_without_npm_one_line_says_so(tmp_path: Path, capsys, all_at_hand, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(live.shutil, "which", lambda name: None)
    line = f"{LINE}npm, which downloads onnxruntime-web@1.30.0, isn't installed"
    assert said(tmp_path, capsys) == (0, [line])


def test_without_a_network_one_line_says_so(tmp_path: Path, capsys, all_at_hand, monkeypatch: pytest.MonkeyPatch):
    def fail(command: list[str], **options: object) -> None:
        raise subprocess.CalledProcessError(1, command)

    monkeypatch.setattr(live.shutil, "which", lambda name: name)
    monkeypatch.setattr(live.subprocess, "run", fail)
    line = f"{LINE}npm can't download onnxruntime-web@1.30.0; is there a network?"
    assert said(tmp_path, capsys) == (0, [line])


def test_a_download_that_is_not_the_pinned_one_is_deleted(
    tmp_path: Path, capsys, all_at_hand, package: bytes, monkeypatch: pytest.MonkeyPatch
):
    npm_that_packs(package + b"\0", monkeypatch)
    status, (line,) = said(tmp_path, capsys)
    assert status == 0
    assert re.search(r"npm's onnxruntime-web@1.30.0 has SHA-512 .{12}…, expected .{12}…; it was deleted", line)
    assert list(tmp_path.iterdir()) == []


def test_both_files_are_made_once_and_again_when_something_changed(
    tmp_path: Path, capsys, all_at_hand, package: bytes, monkeypatch: pytest.MonkeyPatch
):
    commands = npm_that_packs(package, monkeypatch)
    status, (line,) = said(tmp_path, capsys)
    assert (status, line) == (0, "live: runtime.js 0.0 MB, stylegan2-faces.js 0.0 MB")
    assert (tmp_path / "stylegan2-faces.js").read_text("utf-8") == "networks of stylegan2-faces"
    assert (tmp_path / "runtime.js").read_text("utf-8") == onnx_graphs.runtime_script(b"export {};", b"\0asm")
    assert said(tmp_path, capsys) == (0, [])
    (tmp_path / "stylegan2-faces.js").unlink()
    assert len(said(tmp_path, capsys)[1]) == 1
    monkeypatch.setattr(live, "_stamp", lambda digests: "other weights")
    assert len(said(tmp_path, capsys)[1]) == 1
    assert len(commands) == 1  # the download is kept
    assert commands[0][1:3] == ["pack", "onnxruntime-web@1.30.0"]


def test_the_stamp_depends_on_the_weights():
    assert live._stamp(["a", "b"]) == live._stamp(["a", "b"]) != live._stamp(["a", "c"])


# Placing them


def put(root: Path, **files: str) -> Path:
    (root / live_figures.FOLDER).mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (root / live_figures.FOLDER / f"{name}.js").write_text(text, "utf-8")
    return root


def test_runtime_or_networks_alone_are_no_assets(tmp_path: Path):
    assert live_figures.assets(tmp_path) is None
    assert live_figures.assets(put(tmp_path / "a", runtime="1")) is None
    assert live_figures.assets(put(tmp_path / "b", small="1")) is None
    assert sorted(live_figures.assets(put(tmp_path / "c", runtime="1", small="22")).digests) == ["runtime", "small"]


def test_a_page_with_the_figure_says_where_the_files_are(tmp_path: Path):
    root = put(tmp_path, runtime="1", small="22")
    page = f"<html><head><title>t</title></head><body><div {live_figures.FIGURE}></div></body></html>"
    html = live_figures.declared(page, tmp_path / "live", "assets/live", root)
    (content,) = re.findall('<meta name="gancourse-live" content="([^"]+)">', html.partition("</head>")[0])
    files = json.loads(unescape(content))
    assert {name: file["bytes"] for name, file in files.items()} == {"runtime": 1, "small": 2}
    assert {name: file["address"].partition("?v=")[0] for name, file in files.items()} == {
        "runtime": "assets/live/runtime.js",
        "small": "assets/live/small.js",
    }
    assert (tmp_path / "live" / "small.js").read_text("utf-8") == "22"
    plain = page.replace(live_figures.FIGURE, "")
    assert live_figures.declared(plain, tmp_path / "other", "assets/live", root) == plain
    assert not (tmp_path / "other").exists()
    assert live_figures.declared(page, tmp_path / "other", "assets/live", tmp_path / "nothing") == page


def test_files_are_copied_anew_when_they_changed_only(tmp_path: Path):
    there = live_figures.assets(put(tmp_path, runtime="1", small="22"))
    target = tmp_path / "target"
    there.copy(target)
    before = {path.name: path.stat().st_mtime_ns for path in target.iterdir()}
    time.sleep(0.02)
    there.copy(target)
    assert {path.name: path.stat().st_mtime_ns for path in target.iterdir()} == before
    live_figures.assets(put(tmp_path, small="333")).copy(target)
    assert (target / "small.js").read_text("utf-8") == "333"
    assert sorted(path.name for path in target.iterdir()) == ["runtime.js", "small.js"]


# In the book


def write_book(folder: Path) -> Path:
    figure = steer(record_faces(small(), name=live_page.NAME)).html
    cells = ["# Sample\n\nA generator to steer.", small_book.code("steer()", small_book.shown(html=figure, plain="x"))]
    return small_book.write(folder, cells, {"text": "# Text\n\nA page without a figure, but with a sentence.\n"})


def build_again(book: Path) -> str:
    """Build what changed; what was printed."""
    command = [Path(sys.executable).parent / "jupyter-book", "build", book]
    built = subprocess.run(
        command, cwd=book.parent, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    return built.stdout + built.stderr


@pytest.mark.slow
def test_a_book_without_files_keeps_the_picture_and_a_later_build_places_them(tmp_path: Path):
    book = write_book(tmp_path)
    assert build_again(book).count(live_figures.ABSENT) == 1
    html = tmp_path / "_build" / "html"
    page, tag = html / f"{small_book.CHAPTER}.html", f'<meta name="{live_figures.SIGN}"'
    assert tag not in page.read_text("utf-8")
    assert not (html / "_static/live").exists()
    put(tmp_path, runtime="1", small="22")
    assert live_figures.ABSENT not in build_again(book)
    text = page.read_text("utf-8")
    assert tag in text.partition("</head>")[0]
    assert "_static/live/small.js?v=" in text
    assert tag not in (html / "text.html").read_text("utf-8")
    assert sorted(path.name for path in (html / "_static/live").iterdir()) == ["runtime.js", "small.js"]


@pytest.mark.slow
@pytest.mark.skipif(check.browser_paths() is None, reason="no chromium with chromedriver")
def test_in_the_book_the_figure_runs_and_asks_for_nothing_outside(browser, tmp_path: Path):
    runtime = live_page.runtime()
    put(tmp_path, runtime=runtime, small=onnx_graphs.network_script(small(), live_page.NAME))
    html, problems = small_book.build(write_book(tmp_path))
    assert problems == []
    shutil.rmtree(tmp_path / "_build" / "live")  # what the page needs lies beside it
    for theme, width in (("light", 1280), ("dark", 390)):
        for log in ("browser", "performance"):
            browser.get_log(log)
        open_page(browser, html / f"{small_book.CHAPTER}.html", width, theme=theme)
        part(browser, 0, "run").click()
        end = time.monotonic() + 60
        while run(browser, "return widgets[0].dataset.running") != "yes":
            assert time.monotonic() < end, check.console_errors(browser)
            time.sleep(0.1)
        assert faults(browser, ".gancourse-widget") == []
        assert check.console_errors(browser) == []
        assert check.outside_requests(browser) == []
