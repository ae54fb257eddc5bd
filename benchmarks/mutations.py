"""Small mistakes in Python code, by cosmic-ray: which a module can have, and a module with one of them."""

from __future__ import annotations

import ast
import difflib
import functools
import importlib.abc
import importlib.machinery
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

import cosmic_ray.plugins
import parso
from cosmic_ray.ast import ast_nodes
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from parso.python.tree import Keyword
from parso.tree import NodeOrLeaf

WITH_ARGUMENTS = {"core/VariableReplacer", "core/VariableInserter"}
"""Operators that need the name of a variable."""
# Calls whose object could stand alone.
DROPPED = {
    *("abs", "add", "clamp", "clone", "contiguous", "detach", "double", "exp", "eval", "float", "flip", "log", "mul"),
    *("neg", "pow", "relu", "requires_grad_", "round", "sort", "sqrt", "square", "t", "train", "transpose"),
}


def _keyword(value: str, instead_of: NodeOrLeaf) -> Keyword:
    first = instead_of.get_first_leaf()
    return Keyword(value, first.start_pos, first.prefix)


class DropCall(Operator):
    """A statement that only calls something becomes `pass`."""

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator[tuple[Any, Any]]:
        """The statement, if it is a call."""
        if node.type == "simple_stmt" and node.children[0].type == "atom_expr" and _is_call(node.children[0]):
            yield node.start_pos, node.end_pos

    def mutate(self, node: NodeOrLeaf, index: int) -> NodeOrLeaf:
        """`pass` in its place."""
        node.children[0] = _keyword("pass", node)
        return node

    @classmethod
    def examples(cls) -> tuple[Any, ...]:
        """None: cosmic-ray's own tests run these."""
        return ()


class ReturnNone(DropCall):
    """A function returns None."""

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator[tuple[Any, Any]]:
        """A return with a value."""
        if node.type == "return_stmt":
            yield node.start_pos, node.end_pos

    def mutate(self, node: NodeOrLeaf, index: int) -> NodeOrLeaf:
        """The same with None."""
        node.children[1:] = [_keyword("None", node.children[1])]
        return node


class DropMethod(DropCall):
    """`x.abs()` becomes `x`."""

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator[tuple[Any, Any]]:
        """A chain of calls that ends with such a method."""
        if node.type == "atom_expr" and len(node.children) > 2 and _is_call(node):
            name = node.children[-2]
            if name.type == "trailer" and name.children[0].value == "." and name.children[1].value in DROPPED:
                yield node.start_pos, node.end_pos

    def mutate(self, node: NodeOrLeaf, index: int) -> NodeOrLeaf:
        """The chain without it."""
        del node.children[-2:]
        return node


def _is_call(node: NodeOrLeaf) -> bool:
    last = node.children[-1]
    return last.type == "trailer" and last.children[0].value == "("


OWN = {f"own/{operator.__name__}": operator for operator in (DropCall, ReturnNone, DropMethod)}


@functools.cache
def operators() -> dict[str, Operator]:
    """cosmic-ray's operators that need no arguments, and three of ours, by name."""
    names = sorted(set(cosmic_ray.plugins.operator_names()) - WITH_ARGUMENTS)
    return {name: cosmic_ray.plugins.get_operator(name)() for name in names} | {
        name: own() for name, own in OWN.items()
    }


class Mutation(NamedTuple):
    """One mistake.

    Args:
        operator: its kind.
        occurrence: which of the places in the module that the operator could change.
        line: of the code that is changed.
    """

    operator: str
    occurrence: int
    line: int

    def __str__(self) -> str:
        return f"{self.line}: {self.operator.rsplit('/')[-1]} {self.occurrence}"


def mutations_of(source: str) -> dict[tuple[int, int], list[Mutation]]:
    r"""All mistakes that a module can have, by their place, a line and a column.

    >>> mutations = mutations_of("def f(a, b):\n    return a + b\n")
    >>> {place: len(versions) for place, versions in mutations.items()}
    {(2, 4): 1, (2, 13): 11}
    """
    found: dict[tuple[int, int], list[Mutation]] = {}
    counts = dict.fromkeys(operators(), 0)
    for node in ast_nodes(parso.parse(source)):
        for name, operator in operators().items():
            for _ in operator.mutation_positions(node):
                found.setdefault(node.start_pos, []).append(Mutation(name, counts[name], node.start_pos[0]))
                counts[name] += 1
    return found


def mutated(source: str, mutation: Mutation) -> str:
    r"""A module with one of its mistakes.

    Raises:
        ValueError: it has no such place.

    >>> mutated("x = 1 + 1\n", Mutation("core/ReplaceBinaryOperator_Add_Mul", 0, 1))
    'x = 1 * 1\n'
    """
    changed = mutate_code(source, operators()[mutation.operator], mutation.occurrence)
    if changed is None:
        raise ValueError(f"there is no {mutation}; the module has changed")
    return changed


class _WithoutWords(ast.NodeTransformer):
    """Leaves out what no test could notice: annotations, docstrings, and texts of errors."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AnnAssign:
        node.annotation = ast.Constant("")
        return self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.Raise:
        return ast.Raise()

    def visit_Expr(self, node: ast.Expr) -> ast.Expr:
        return ast.Expr(ast.Constant("")) if isinstance(node.value, ast.Constant) else self.generic_visit(node)


def makes_a_difference(source: str, changed: str) -> bool:
    r"""Whether two modules differ in more than annotations, docstrings and texts of errors, and both can be compiled.

    >>> makes_a_difference("def f(x: int | None): ...", "def f(x: int & None): ...")
    False
    """
    try:
        return len({ast.dump(_WithoutWords().visit(ast.parse(text))) for text in (source, changed)}) == 2
    except SyntaxError:
        return False


def change(source: str, changed: str) -> str:
    r"""In one line, what was changed: the lines that differ.

    >>> change("x = 1\ny = 2\n", "x = 1\ny = 3\n")
    'y = 2 → y = 3'
    """
    lines = [line for line in difflib.ndiff(source.splitlines(), changed.splitlines()) if line[:2] in ("- ", "+ ")]
    texts = (" ".join(line[2:].strip() for line in lines if line[0] == sign)[:100] for sign in "-+")
    return " → ".join(texts)


class _Loader(importlib.machinery.SourceFileLoader):
    code: str

    def get_code(self, fullname: str) -> CodeType:
        """Code with the mistake; neither read from the cache of byte code nor written to it."""
        return compile(self.code, self.path, "exec", dont_inherit=True)


class MutantFinder(importlib.abc.MetaPathFinder):
    """Imports one module from other code, and leaves all others to the usual finders.

    Args:
        path: of the module.
        name: of the module.
        code: instead of the file's.
    """

    def __init__(self, path: Path, name: str, code: str) -> None:
        self.path, self.name, self.code = path, name, code

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        """The module's spec; None for all others."""
        if fullname != self.name:
            return None
        loader = _Loader(fullname, str(self.path))
        loader.code = self.code
        return importlib.util.spec_from_file_location(fullname, self.path, loader=loader)
