"""The package's layers: imports go downwards only, so that a part can be read, tested and replaced without the rest."""

from __future__ import annotations

import ast
import re
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "gancourse"
LAYERS = (
    {
        "rng",
        "device",
        "batch",
        "signature",
        "values",
        "spelling",
        "names",
        "errors",
        "evaluation_mode",
        "functional",
        "laplacian",
        "memory",
        "plans",
        "processes",
    },
    {"data", "models", "objectives", "metrics", "theory", "diffusion", "plots"},
    {"games", "training"},
    {"recipes", "zoo", "experiments"},
    {"checks", "widgets"},
    {"cli"},
)
LAYER = {name: height for height, names in enumerate(LAYERS) for name in names}
SIBLINGS_APART = 1  # the subjects of layer 1 don't know each other
BLIND = {
    # They are handed networks and batches.
    "games": {"data", "models"},
    "training": {"data", "models"},
    # A check has its own right answer: it must not share a mistake with what the course computes.
    "checks": {
        "data",
        "models",
        "objectives",
        "metrics",
        "theory",
        "diffusion",
        "plots",
        "games",
        "training",
        "recipes",
        "zoo",
    },
}
# Which part imports a heavy library. Torchvision has data sets and a feature network, and data don't meet networks.
PLACES = {
    "torchvision": {"data", "zoo"},
    "ipywidgets": {"widgets"},
    "scipy": {"plans"},
    "lightning": {"training"},
    "tyro": {"cli"},
    "PIL": {"data", "plots", "zoo"},
}
BELOW = {"plans": {"numpy", "scipy"}}  # what the lowest layer imports besides torch


def modules() -> dict[str, str]:
    """Source of each module, by its path relative to the package."""
    names = (path.relative_to(PACKAGE).as_posix() for path in sorted(PACKAGE.rglob("*.py")))
    # Editors keep copies in hidden folders.
    return {name: (PACKAGE / name).read_text("utf-8") for name in names if not re.search(r"(^|/)\.", name)}


def part(file: str) -> str:
    """The part of the package that a file belongs to: models/dcgan.py → models, rng.py → rng."""
    return file.split("/")[0].removesuffix(".py")


def imported(source: str) -> set[str]:
    """Dotted names of everything a module imports, wherever the import stands."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "import absolutely"
            assert node.module
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def parts(source: str) -> set[str]:
    """Parts of the package that a module imports from."""
    return {name.split(".")[1] for name in imported(source) if name.startswith("gancourse.")} & set(LAYER)


def violations(file: str, source: str) -> list[str]:
    """Imports that go upwards, sideways in layer 1, or to what the part must not know."""
    here = part(file)
    return [
        f"{file} (layer {LAYER[here]}) imports {there} (layer {LAYER[there]})"
        for there in sorted(parts(source) - {here})
        if LAYER[there] > LAYER[here]
        or (LAYER[there] == LAYER[here] == SIBLINGS_APART)
        or there in BLIND.get(here, set())
    ]


def test_every_part_of_the_package_has_a_layer():
    assert {part(file) for file in modules()} - {"__init__", "__main__"} <= set(LAYER)


def test_imports_go_downwards():
    assert [v for file, source in modules().items() if part(file) in LAYER for v in violations(file, source)] == []


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("rng.py", "from gancourse.data import ring"),
        ("theory/optimum.py", "from gancourse import objectives"),
        ("training/trainer.py", "import gancourse.models.dcgan"),
        ("models/dcgan.py", "def f():\n    from gancourse.cli import main"),
        ("checks/ch02_gan_game/losses.py", "from gancourse.objectives.losses import non_saturating"),
        ("checks/ch08_evaluation/frechet.py", "from gancourse import metrics"),
        ("checks/engine/probe.py", "import gancourse.models"),
    ],
)
def test_an_import_that_goes_upwards_is_found(file: str, line: str):
    assert len(violations(file, line)) == 1


def test_parts_of_one_layer_have_no_import_cycle():
    graph: dict[str, set[str]] = {}
    for file, source in modules().items():
        graph.setdefault(part(file), set()).update(parts(source) - {part(file)})
    assert tuple(TopologicalSorter(graph).static_order())


def test_the_lowest_layer_imports_torch_only():
    for file, source in modules().items():
        if LAYER.get(part(file)) == 0:
            foreign = {name.split(".")[0] for name in imported(source)} - set(sys.stdlib_module_names)
            assert foreign <= {"torch", "gancourse"} | BELOW.get(part(file), set()), file


def test_one_file_alone_knows_how_command_lines_are_read():
    users = {file for file, source in modules().items() if any(n.split(".")[0] == "tyro" for n in imported(source))}
    assert users == {"cli/options.py"}


@pytest.mark.parametrize("library", PLACES)
def test_a_heavy_library_is_imported_where_it_belongs_only(library: str):
    users = {
        part(file)
        for file, source in modules().items()
        if any(name.split(".")[0] == library for name in imported(source))
    }
    assert users <= PLACES[library], f"{library} is imported by {sorted(users)}"
