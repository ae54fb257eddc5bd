"""The commands of the README and of the book's pages work, one after the other, in a fresh copy of the course."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from PIL import Image

from tests import checkout

BIN = Path(sys.executable).parent
ON_REQUEST = {"live", "mutants"}
"""Extras that neither the book nor the tests need."""
TAKES_LONG = re.compile("gancourse (train|check|experiment|evaluate) [^-]")


def console(page: str) -> list[str]:
    """Commands in the console blocks of a Markdown file; one that goes on after a backslash is a single line."""
    blocks = re.findall(r"^```console\n(.*?)^```", checkout.text(page), re.M | re.S)
    lines = (re.sub(r"\s*\\\n\s*", " ", block).splitlines() for block in blocks)
    return [line[2:] for block in lines for line in block if line.startswith("$ ")]


def targets() -> set[str]:
    """What can be made."""
    return set(re.findall(r"^([a-z]+):", (checkout.ROOT / "Makefile").read_text("utf-8"), re.M))


def run(command: str, here: Path, expected: int = 0) -> str:
    """What a command prints in a folder, in the activated environment; its exit code must be the expected one."""
    environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        shlex.split(command), cwd=here, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert done.returncode == expected, f"$ {command}\nexit code {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def own_images(folder: Path) -> None:
    """What a reader puts into a folder: thirty photographs of different sizes, and files that can't be used."""
    folder.mkdir()
    for i in range(30):
        Image.effect_noise((40 + i, 30), 50).convert("RGB").save(folder / f"{i}.jpg")
    (folder / "empty.png").touch()
    (folder / "broken.jpg").write_bytes((folder / "0.jpg").read_bytes()[:300])


def follow(command: str, here: Path) -> Path:
    """Do what a page recommends, or check that it could be done; returns the folder that one is in afterwards.

    Args:
        command: the page's line, without its prompt.
        here: the folder that one is in; the course's files lie there, unless they have still to be cloned.
    """
    match shlex.split(command):
        case ["make", target]:
            assert target in targets(), f"$ {command}: there is no such target"
            run(f"make --dry-run {target}", here)
        case ["source", ".venv/bin/activate"]:
            assert re.search(r"^VENV \?= \.venv$", (here / "Makefile").read_text("utf-8"), re.M)
        case ["gancourse", "check", _]:
            last = run(command, here, expected=1).splitlines()[-1]
            assert re.fullmatch(r"0 of [1-9]\d* exercises passed", last), f"$ {command}\n{last}"
        case ["gancourse", *_]:
            run(command, here)
        case ["jupyter", "lab", path]:
            assert (here / path).is_file(), f"$ {command}: there is no such file"
        case ["jupyter-book", "build", "book/"] | ["pytest", "--nbval"]:
            assert (BIN / shlex.split(command)[0]).exists(), command
        case ["pip", "install", "-c", constraints, "-e", extras]:
            assert (here / constraints).is_file()
            pyproject = tomllib.loads((here / "pyproject.toml").read_text("utf-8"))
            offered = pyproject["project"]["optional-dependencies"]
            asked = re.fullmatch(r"\.\[(.*)\]", extras)[1].split(",")
            assert {p for name in asked for p in offered[name]} == {
                p for name, packages in offered.items() if name not in ON_REQUEST for p in packages
            }
        case ["git", "clone", url]:
            assert url == yaml.safe_load((checkout.ROOT / "_config.yml").read_text("utf-8"))["repository"]["url"]
            checkout.copy(here / url.split("/")[-1])
        case ["mkdir", path]:
            own_images(here / path)
        case ["cd", path]:
            assert (here / path).is_dir(), f"$ {command}: there is no such folder"
            return here / path
        case _:
            pytest.fail(f"no test knows how to check {command!r}")
    return here


def pages_with_commands() -> list[str]:
    return sorted(name for name in checkout.course_files() if name.endswith(".md") and console(name))


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=pytest.mark.slow if any(map(TAKES_LONG.match, console(page))) else ())
        for page in pages_with_commands()
    ],
)
def test_the_commands_of_a_page_work_one_after_the_other(page: str, tmp_path: Path):
    commands = console(page)
    here = tmp_path if any(command.startswith("git clone ") for command in commands) else checkout.copy(tmp_path)
    for command in commands:
        here = follow(command, here)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("make coffee", "no such target"),
        ("gancourse fly", "command 'fly' not found"),
        ("gancourse sample runs/ring", "there is no folder runs/ring"),
        ("jupyter lab book/99_missing.ipynb", "no such file"),
        ("cd gancurse", "no such folder"),
    ],
)
def test_a_recommended_command_that_cannot_work_is_named(command: str, message: str, tmp_path: Path):
    with pytest.raises(AssertionError, match=message) as caught:
        follow(command, tmp_path)
    assert f"$ {command}" in str(caught.value)


def test_the_example_in_the_readme_runs(capsys: pytest.CaptureFixture[str]):
    (code,) = re.findall(r"^```python\n(.*?)^```", checkout.text("README.md"), re.M | re.S)
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out.splitlines()[-1].startswith("99 ")
