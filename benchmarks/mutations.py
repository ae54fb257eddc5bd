"""Small mistakes in Python code: which a module can have, and a module with one of them."""

from __future__ import annotations

import ast
import copy
import importlib.abc
import importlib.machinery
import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

COMPARISONS = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
ARITHMETIC = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
}
# Calls whose object could stand alone.
DROPPED = {
    *("abs", "add", "clamp", "clone", "contiguous", "detach", "double", "exp", "eval", "float", "flip", "log", "mul"),
    *("neg", "pow", "relu", "requires_grad_", "round", "sort", "sqrt", "square", "t", "train", "transpose"),
}


class Mutation(NamedTuple):
    """One mistake.

    Args:
        index: of the mistake among all of its module.
        line: of the code that is changed.
        before: that code.
        after: what it becomes; empty for a dropped statement.
    """

    index: int
    line: int
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.line}: {self.before} → {self.after or 'nothing'}"


Replace = Callable[[ast.AST], None]
"""Puts a node into the place of another one."""


def _places(node: ast.AST, replace: Replace | None = None) -> Iterator[tuple[ast.AST, Replace | None]]:
    """Each node that may be changed, with its place; not annotations, decorators, messages of errors and docstrings."""
    yield node, replace
    if isinstance(node, ast.Raise | ast.JoinedStr | ast.Import | ast.ImportFrom):
        return
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list", "type_comment"}:
            continue
        if isinstance(value, ast.AST):
            yield from _places(value, lambda new, name=name: setattr(node, name, new))
        elif isinstance(value, list):
            for i, item in enumerate(value):
                if isinstance(item, ast.AST):
                    yield from _places(item, lambda new, i=i, value=value: value.__setitem__(i, new))


def _with(node: ast.AST, **fields: Any) -> ast.AST:
    """A copy of a node with other fields."""
    new = copy.deepcopy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def _versions(node: ast.AST) -> Iterator[ast.AST]:
    """What a node may be changed to."""
    match node:
        case ast.Compare(ops=ops):
            for i, op in enumerate(ops):
                yield _with(node, ops=[*ops[:i], COMPARISONS[type(op)](), *ops[i + 1 :]])
        case ast.BinOp(op=op) if type(op) in ARITHMETIC and not isinstance(node.left, ast.Constant | ast.JoinedStr):
            yield _with(node, op=ARITHMETIC[type(op)]())
        case ast.BinOp(op=op, left=ast.Constant(value=int() | float())) if type(op) in ARITHMETIC:
            yield _with(node, op=ARITHMETIC[type(op)]())
        case ast.AugAssign(op=op) if type(op) in ARITHMETIC:
            yield _with(node, op=ARITHMETIC[type(op)]())
        case ast.BoolOp(op=op):
            yield _with(node, op=ast.Or() if isinstance(op, ast.And) else ast.And())
        case ast.UnaryOp(op=ast.USub() | ast.Not()):
            yield copy.deepcopy(node.operand)
        case ast.Constant(value=bool()):
            yield ast.Constant(not node.value)
        case ast.Constant(value=int() | float()):
            yield ast.Constant(node.value + 1)
            if node.value > 1:
                yield ast.Constant(node.value / 2 if isinstance(node.value, float) else node.value - 1)
        case ast.If() | ast.IfExp() | ast.While():
            yield _with(node, test=ast.UnaryOp(ast.Not(), copy.deepcopy(node.test)))
        case ast.Expr(value=ast.Call()):
            yield ast.Pass()
        case ast.Call(func=ast.Attribute(attr=name)) if name in DROPPED:
            yield copy.deepcopy(node.func.value)
        case ast.Return(value=ast.AST()):
            yield _with(node, value=ast.Constant(None))


def _changes(tree: ast.Module) -> Iterator[tuple[ast.AST, ast.AST, Replace]]:
    """Each node with one version of it and its place, always in the same order."""
    for node, replace in list(_places(tree)):
        if replace is not None:
            for version in _versions(node):
                yield node, version, replace


def _text(node: ast.AST) -> str:
    """One line of code for a node; of an if, its condition."""
    if isinstance(node, ast.If | ast.While):
        node = node.test
    return "" if isinstance(node, ast.Pass) else " ".join(ast.unparse(ast.fix_missing_locations(node)).split())[:100]


def mutations_of(source: str) -> list[Mutation]:
    r"""All mistakes that a module can have.

    >>> [str(mutation) for mutation in mutations_of("def f(a, b):\n    return a < b\n")]
    ['2: return a < b → return None', '2: a < b → a <= b']
    """
    return [
        Mutation(index, node.lineno, _text(node), _text(version))
        for index, (node, version, _) in enumerate(_changes(ast.parse(source)))
    ]


def mutated(source: str, mutation: Mutation, filename: str = "<mutant>") -> CodeType:
    r"""A module's code with one of its mistakes.

    >>> names = {}
    >>> source = "def f(a, b):\n    return a < b\n"
    >>> exec(mutated(source, mutations_of(source)[1]), names)
    >>> names["f"](1, 1)
    True
    """
    tree = ast.parse(source)
    for index, (node, version, replace) in enumerate(_changes(tree)):
        if index == mutation.index:
            replace(ast.copy_location(version, node))
            return compile(ast.fix_missing_locations(tree), filename, "exec", dont_inherit=True)
    raise ValueError(f"there is no mutation {mutation.index}; the module has changed")


class _Loader(importlib.machinery.SourceFileLoader):
    mutation: Mutation

    def get_code(self, fullname: str) -> CodeType:
        """Code with the mistake; neither read from the cache of byte code nor written to it."""
        return mutated(Path(self.path).read_text("utf-8"), self.mutation, self.path)


class MutantFinder(importlib.abc.MetaPathFinder):
    """Imports one module with a mistake, and leaves all others to the usual finders.

    Args:
        root: folder that the module is imported from.
        path: of the module, relative to it.
        mutation: the mistake.
    """

    def __init__(self, root: Path, path: str, mutation: Mutation) -> None:
        self.path, self.mutation = root / path, mutation
        self.name = ".".join(Path(path).with_suffix("").parts)

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        """The module's spec; None for all others."""
        if fullname != self.name:
            return None
        loader = _Loader(fullname, str(self.path))
        loader.mutation = self.mutation
        return importlib.util.spec_from_file_location(fullname, self.path, loader=loader)
