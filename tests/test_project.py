"""The project around the package: what it requires, what its README promises, what it may not hold."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import gancourse
from tests import checkout

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LARGEST_MIB = 5


def required() -> dict[str, Requirement]:
    """Everything that pyproject.toml asks for, by name."""
    project = PYPROJECT["project"]
    texts = [*project["dependencies"], *(r for extra in project["optional-dependencies"].values() for r in extra)]
    return {canonicalize_name(r.name): r for r in map(Requirement, texts)}


def pinned() -> dict[str, Version]:
    """Every version in constraints.txt, by name."""
    lines = [line.split("#")[0].strip() for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()]
    pins = {}
    for line in filter(None, lines):
        name, version = line.split(";")[0].split("==")
        pins[canonicalize_name(name.strip())] = Version(version.strip())
    return pins


def conda() -> tuple[list[str], list[str]]:
    """What environment.yml asks conda for, and what it asks pip for."""
    dependencies = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))["dependencies"]
    return [d for d in dependencies if isinstance(d, str)], next(d["pip"] for d in dependencies if isinstance(d, dict))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What git would commit, by name: its index, whatever else lies in the checkout."""
    if checkout.tracked() is None:
        pytest.skip("not a git checkout")
    folder = tmp_path_factory.mktemp("index")
    return {path.relative_to(folder).as_posix(): path for path in checkout.export_index(folder)}


# What is required


@pytest.mark.parametrize("name", sorted(required()))
def test_each_requirement_is_pinned_to_a_version_that_satisfies_it(name: str):
    assert name in pinned(), f"constraints.txt doesn't pin {name}"
    assert required()[name].specifier.contains(pinned()[name], prereleases=True)


def test_what_book_and_tests_rest_on_is_required_by_name():
    names = {"jupyter-book", "jupytext", "torch", "torchvision", "matplotlib", "nbval", "ipywidgets"}
    assert names <= set(required())
    assert names <= {canonicalize_name(Requirement(r).name) for r in conda()[1] if not r.startswith("-")}


def test_conda_asks_for_what_pyproject_asks_for():
    of_conda, of_pip = conda()
    assert f"python{PYPROJECT['project']['requires-python']}" in of_conda
    assert "-c constraints.txt" in of_pip
    assert "-e .[book,test]" in of_pip
    for text in of_pip:
        if not text.startswith("-"):
            asked = Requirement(text)
            assert asked.specifier == required()[canonicalize_name(asked.name)].specifier, text


def test_torch_is_not_the_release_that_some_machines_shadow():
    assert pinned()["torch"] != Version("2.13.0")
    assert pinned()["torch"].local is None
    assert pinned()["torchvision"].local is None


@pytest.mark.parametrize("file", ["constraints.txt", "pyproject.toml", "environment.yml"])
def test_requirements_hold_names_and_versions_but_no_address(file: str):
    text = (ROOT / file).read_text("utf-8")
    assert not re.search(r"https?://|file:|git\+|index-url|find-links|\+cpu|\+cu\d", text)


# What is said


def test_the_readme_has_at_most_150_lines():
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 150


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_links_of_the_readme_lead_somewhere(page: str):
    links = re.findall(r"\]\(([^)#]+)\)", (ROOT / page).read_text("utf-8"))
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []


def test_the_picture_in_the_readme_is_small():
    assert (ROOT / "book/assets/screenshot.png").stat().st_size < 300_000


def test_all_places_agree_on_the_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    changelog = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)[1]
    assert gancourse.__version__ == PYPROJECT["project"]["version"] == citation["version"] == changelog


# What make does


def test_make_without_a_target_lists_the_targets():
    said = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("book", "test", "notebooks", "exercises", "slides", "unit", "format", "clean"):
        assert re.search(rf"^  {target} ", said, re.M), target


def test_make_says_in_one_line_that_python_is_too_old(tmp_path: Path):
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    tools = tmp_path / "bin"  # a machine without uv
    tools.mkdir()
    for tool in ("cat", "cksum", "sh"):
        (tools / tool).symlink_to(shutil.which(tool))
    old = tools / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    made = subprocess.run(
        [shutil.which("make"), "environment"], cwd=tmp_path, env={"PATH": str(tools)}, capture_output=True, text=True
    )
    assert made.returncode != 0
    assert "python3 is missing or older than 3.11; install Python 3.11 or newer" in made.stderr.splitlines()[0]


def test_make_does_not_install_again_what_is_installed(tmp_path: Path):
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".venv").mkdir()
    stamp = subprocess.run("cat pyproject.toml constraints.txt | cksum", shell=True, cwd=tmp_path, capture_output=True)
    (tmp_path / ".venv" / "stamp").write_bytes(stamp.stdout)
    make = [shutil.which("make"), "environment", "PYTHON=/nowhere/python"]
    env = {"PATH": "/usr/bin:/bin"}
    assert subprocess.run(make, cwd=tmp_path, env=env, capture_output=True).returncode == 0
    (tmp_path / "constraints.txt").write_text("torch==2.11.0\n")
    assert subprocess.run(make, cwd=tmp_path, env=env | {"PATH": ""}, capture_output=True).returncode != 0


def test_the_script_for_continuous_integration_is_sound():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert subprocess.run(["bash", "-n", str(script)], capture_output=True).returncode == 0
    assert script.read_text("utf-8").splitlines()[-1] == "make test"


def test_hooks_are_local_and_use_the_tools_at_hand():
    for repo in yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]:
        assert repo["repo"] == "local"
        assert all(hook["language"] == "system" for hook in repo["hooks"])


# What may be in the repository


def test_no_file_is_large(files: dict[str, Path]):
    assert [name for name, path in files.items() if path.stat().st_size > LARGEST_MIB * 2**20] == []


def test_licences_of_code_text_and_data_are_present():
    assert "MIT License" in (ROOT / "LICENSE").read_text("utf-8")
    assert "SPDX-License-Identifier: CC-BY-4.0" in (ROOT / "LICENSE-text").read_text("utf-8")
    assert (ROOT / "gancourse/data/embedded/LICENCES.md").stat().st_size > 0


def addresses(files: dict[str, Path]) -> list[str]:
    """Which files name a registry of packages, or a path of this or somebody's machine."""
    here = (f"{folder}/" for folder in (ROOT.parent, Path.home()) if folder != Path("/"))
    registry = r"pypi\.(?:org|python)|pythonhosted|download\.pytorch|index-url|/home/\w"
    forbidden = re.compile("|".join([registry, *(rf"(?<![\w./-]){re.escape(folder)}" for folder in here)]))
    texts = {
        name: path.read_text("utf-8")
        for name, path in files.items()
        if path.suffix not in (".npz", ".png", ".safetensors") and name != "tests/test_project.py"
    }
    return [f"{name}: {match[0]}" for name, text in texts.items() if (match := forbidden.search(text))]


def test_no_file_names_a_registry_or_a_path_of_one_machine(files: dict[str, Path]):
    assert addresses(files) == []


@pytest.mark.parametrize("line", ["see /home/ada/runs", "--index-url x", "see /somebody/runs"])
def test_an_address_in_a_file_is_reported(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Path, "home", lambda: Path("/somebody"))
    (tmp_path / "notes.md").write_text(f"A note\n{line}\n", "utf-8")
    assert len(addresses({"notes.md": tmp_path / "notes.md"})) == 1


# What tests may do


def test_a_test_cannot_reach_the_network():
    with socket.socket() as s, pytest.raises(OSError, match="run without the network"):
        s.connect(("192.0.2.1", 80))


def test_a_test_can_reach_its_own_machine():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as s:
        s.connect(server.getsockname())
        assert s.getpeername() == server.getsockname()
