"""Above the games nobody asks for a kind: a name is looked up once, and what is found does the thing."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

import gancourse
from gancourse import data, games, models, objectives, recipes
from gancourse.values import Value

PACKAGE = Path(gancourse.__file__).parent
ABOVE = ("recipes", "zoo", "experiments", "cli")
FILES = [path for part in ABOVE for path in sorted((PACKAGE / part).rglob("*.py"))]


def submodules() -> list[str]:
    names = [module.name for module in pkgutil.walk_packages(gancourse.__path__, "gancourse.")]
    return [name for name in names if not name.endswith("__main__")]


def kinds() -> set[str]:
    """Names of our recipes, plays, families, terms, remedies, sources, games and wrappers."""
    for name in submodules():
        importlib.import_module(name)
    exported = [getattr(module, name) for module in (data, games, models, recipes) for name in module.__all__]
    ours = {thing.__name__ for thing in exported if inspect.isclass(thing) and thing.__module__.startswith("gancourse")}
    values = {kind.__name__ for kind in Value.kinds.values() if kind.__module__.startswith("gancourse")}
    return (ours | values) - {"Value", "MissingDataError", "Stopped"}


def names() -> set[str]:
    """What things of ours are called in catalogues."""
    return {*data.data_sets, *recipes.recipes, *objectives.objectives}


def mentioned(node: ast.AST) -> Iterator[str]:
    """Names and last parts of dotted names within an expression."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            yield inner.id
        elif isinstance(inner, ast.Attribute):
            yield inner.attr


def questions_of_kind(source: str, known: set[str]) -> list[str]:
    """Where a module asks whether something is one of some kinds."""
    found = []
    for node in ast.walk(ast.parse(source)):
        asked: list[ast.AST] = []
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("isinstance", "issubclass")
        ):
            asked = node.args[1:]
        elif isinstance(node, ast.Compare) and any(
            isinstance(side, ast.Call) and isinstance(side.func, ast.Name) and side.func.id == "type"
            for side in (node.left, *node.comparators)
        ):
            asked = [node.left, *node.comparators]
        elif isinstance(node, ast.MatchClass):
            asked = [node.cls]
        found += [f"{node.lineno}: {name}" for part in asked for name in mentioned(part) if name in known]
    return found


def questions_of_name(source: str, known: set[str]) -> list[str]:
    """Where a module compares something with a name of a catalogue."""
    found = []
    for node in ast.walk(ast.parse(source)):
        compared: list[ast.AST] = []
        if isinstance(node, ast.Compare):
            compared = [node.left, *node.comparators]
        elif isinstance(node, ast.MatchValue):
            compared = [node.value]
        words = {c.value for part in compared for c in ast.walk(part) if isinstance(c, ast.Constant)}
        found += [f"{node.lineno}: {word!r}" for word in words if isinstance(word, str) and word in known]
    return found


def test_nobody_above_the_games_asks_for_a_kind():
    known = kinds()
    assert {"Recipe", "Adversarial", "DCGAN", "MLP", "R1", "Mixture", "Images", "Source", "GAN", "Wrapper"} <= known
    found = {path: questions_of_kind(path.read_text("utf-8"), known) for path in FILES}
    assert {path: lines for path, lines in found.items() if lines} == {}


def test_nobody_above_the_games_compares_with_a_name_of_a_catalogue():
    found = {path: questions_of_name(path.read_text("utf-8"), names()) for path in FILES}
    assert {path: lines for path, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "line",
    [
        "isinstance(source, Mixture)",
        "isinstance(source, data.Mixture | Images)",
        "issubclass(kind, (int, Recipe))",
        "type(play) is Adversarial",
        "type(play) in (Variational, Classifying)",
        "match play:\n    case Adversarial():\n        pass",
    ],
)
def test_a_question_of_kind_is_found(line: str):
    assert questions_of_kind(line, kinds())


@pytest.mark.parametrize(
    "line",
    [
        "recipe.data.name == 'unit-ring'",
        "name in ('digits', 'fashion')",
        "'hinge' != objective",
        "match name:\n    case 'ring':\n        pass",
    ],
)
def test_a_comparison_with_a_name_is_found(line: str):
    assert questions_of_name(line, names())


@pytest.mark.parametrize("line", ["isinstance(x, str)", "isinstance(network, nn.Module)", "lookup(JUDGES, 'ring')"])
def test_what_asks_for_no_kind_of_ours_is_let_pass(line: str):
    assert questions_of_kind(line, kinds()) == questions_of_name(line, names()) == []


# Names of modules


@pytest.mark.parametrize("name", submodules())
def test_importing_a_module_gives_a_module(name: str):
    """No function or dictionary of the same name hides it: `import gancourse.a.b as b` is what it says."""
    module = importlib.import_module(name)
    reached: object = gancourse
    for part in name.split(".")[1:]:
        reached = getattr(reached, part)
    assert isinstance(reached, types.ModuleType), f"{name} is hidden by a {type(reached).__name__}; rename the module"
    assert reached is module
