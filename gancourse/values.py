"""Values that say what to make, and can be written down: recipes and all that they are made of.

A value is a frozen dataclass. Its fields are numbers, words, switches, other values or tuples of these, so that
everything around it (JSON, command line, help, comparison) is written once, for all of them.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from types import UnionType
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from gancourse.names import lookup

T = TypeVar("T", bound="Value")


class Range(NamedTuple):
    """What a number may be, for a type hint: at least `low`, or above it, and at most `high`, or below it."""

    low: float
    high: float = math.inf
    above: bool = False
    below: bool = False

    def __contains__(self, number: object) -> bool:
        return isinstance(number, int | float) and self.low <= number <= self.high and not self.is_excluded(number)

    def is_excluded(self, number: float) -> bool:
        """Whether a number within the bounds is left out: infinity, and the bounds themselves where these say so."""
        return math.isinf(number) or (self.above and number == self.low) or (self.below and number == self.high)

    def __str__(self) -> str:
        low = f"{'>' if self.above else '≥'} {self.low:g}"
        return f"{low} and {'<' if self.below else '≤'} {self.high:g}" if math.isfinite(self.high) else low


Count = Annotated[int, Range(1)]
Positive = Annotated[float, Range(0, above=True)]
NonNegative = Annotated[float, Range(0)]
Share = Annotated[float, Range(0, 1)]
Decay = Annotated[float, Range(0, 1, below=True)]


@dataclass(frozen=True)
class Value:
    """Base of the frozen dataclasses that can be written down; each class is known by its name from then on.

    Raises:
        ValueError: a field holds what its type hint doesn't allow; two classes share a name.

    >>> @dataclass(frozen=True)
    ... class Spring(Value):
    ...     stiffness: Positive = 1.0
    >>> Spring(-1.0)
    Traceback (most recent call last):
    ValueError: stiffness is -1.0; expected a finite number > 0
    """

    kinds: ClassVar[dict[str, type[Value]]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        known = Value.kinds.get(cls.__name__)
        if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise ValueError(f"{known.__module__} has a value named {cls.__name__!r} already; take another name")
        Value.kinds[cls.__name__] = cls

    def __post_init__(self) -> None:
        for name, hint in hints(type(self)).items():
            _check(name, getattr(self, name), hint)

    def changed(self: T, **changes: Any) -> T:
        """The same value with some options changed, however deep they lie; named as in `options`, `-` being `_`.

        A value inside it can be exchanged whole, by the name of its field; options are then those of the new one. All
        options change at once, so that what they say only has to fit together in the end.

        Raises:
            ValueError: there is no such option (the message suggests the nearest), or it can't be that.
        """
        value, asked = self, {name.replace("_", "-"): new for name, new in changes.items()}
        for name in [name for name, new in asked.items() if isinstance(new, Value)]:
            if name in (inner := _inner(value)):
                value = _replaced(value, {inner[name]: asked.pop(name)})
        paths = _inner(value) | {option.name: option.path for option in options(value).values()}
        return _replaced(value, {lookup(paths, name, "option"): new for name, new in asked.items()})


@cache
def hints(kind: type[Value]) -> dict[str, Any]:
    """Type hints of a value's fields, with their ranges."""
    every_hint = get_type_hints(kind, include_extras=True)
    return {field.name: every_hint[field.name] for field in fields(kind)}


def bare_hint(hint: Any) -> tuple[Any, Range | None]:
    """A hint without its annotations, and its range."""
    if get_origin(hint) is Annotated:
        bare, *extras = get_args(hint)
        return bare, next((extra for extra in extras if isinstance(extra, Range)), None)
    return hint, None


def _check(name: str, value: Any, hint: Any) -> None:
    """Complain unless a field holds what its hint says."""
    kind, allowed = bare_hint(hint)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        if value not in arguments:
            raise ValueError(f"{name} is {value!r}; pass one of {', '.join(map(str, arguments))}")
    elif origin is tuple:
        if not isinstance(value, tuple):
            raise ValueError(f"{name} is {value!r}; expected a tuple")
        for part in value:
            _check(name, part, arguments[0])
    elif kind is float or kind is int:
        is_number = isinstance(value, int if kind is int else (int, float)) and not isinstance(value, bool)
        if not is_number:
            raise ValueError(f"{name} is {value!r}; expected {kind.__name__}")
        if allowed is not None and value not in allowed:
            expected = f"at least {allowed.low:g}" if kind is int else f"a finite number {allowed}"
            raise ValueError(f"{name} is {value!r}; expected {expected}")
    elif origin not in (Union, UnionType) and isinstance(kind, type) and not isinstance(value, kind):
        raise ValueError(f"{name} is {value!r}; expected {kind.__name__}")


def _replaced(value: T, changes: Mapping[tuple[str, ...], Any]) -> T:
    """A value with the fields at the ends of some paths exchanged, each value on the way being made once."""
    new = {path[0]: content for path, content in changes.items() if len(path) == 1}
    for name in dict.fromkeys(path[0] for path in changes if len(path) > 1):
        inside = {path[1:]: content for path, content in changes.items() if len(path) > 1 and path[0] == name}
        new[name] = _replaced(getattr(value, name), inside)
    return dataclasses.replace(value, **new)


def _inner(value: Value, path: tuple[str, ...] = ()) -> dict[str, tuple[str, ...]]:
    """The paths to the values inside a value, by the names of their fields."""
    paths: dict[str, tuple[str, ...]] = {}
    for field in fields(value):
        held, here = getattr(value, field.name), (*path, field.name)
        if isinstance(held, Value) and "option" not in field.metadata:
            paths |= _inner(held, here) | {field.name.replace("_", "-"): here}
    return paths


# JSON


def to_json(value: Any) -> Any:
    """A value as dictionaries and lists; each dictionary names its kind."""
    if isinstance(value, Value):
        return {"kind": type(value).__name__} | {f.name: to_json(getattr(value, f.name)) for f in fields(value)}
    return [to_json(part) for part in value] if isinstance(value, tuple) else value


def from_json(written: Any) -> Any:
    """The value that `to_json` wrote; fields that are left out have their defaults.

    Raises:
        ValueError: a kind or field is unknown, or a field is missing or wrong.
    """
    if isinstance(written, list):
        return tuple(map(from_json, written))
    if not isinstance(written, Mapping):
        return written
    if "kind" not in written:
        raise ValueError(f"its kind is missing in {dict(written)}; expected one of {', '.join(Value.kinds)}")
    kind = lookup({n: k for n, k in Value.kinds.items() if not is_abstract(k)}, str(written["kind"]), "kind")
    known = {field.name: field for field in fields(kind)}
    for name in written.keys() - {"kind"}:
        lookup(known, name, f"field of {kind.__name__}")
    required = {f.name for f in known.values() if f.default is f.default_factory is dataclasses.MISSING}
    if missing := sorted(required - written.keys()):
        raise ValueError(f"{kind.__name__} lacks {', '.join(missing)}")
    return kind(**{name: from_json(part) for name, part in written.items() if name != "kind"})


# Options


class Option(NamedTuple):
    """One field of a value, or of a value inside it, as something that can be set by name.

    Args:
        name: such as "learning-rate"; the field's own, or after that of the field around it where two would clash.
        path: the fields that lead to it.
        hint: its type.
        value: what it holds.
        about: what its docstring says.
    """

    name: str
    path: tuple[str, ...]
    hint: Any
    value: Any
    about: str


def options(value: Value) -> dict[str, Option]:
    """Everything of a value that may be changed, by name, in the order of the fields.

    A field with metadata {"fixed": True} is none, one with {"option": NAME} has that name.
    """
    leaves = list(_leaves(value, ()))
    names = [option.name for option in leaves]
    named = [
        option._replace(name="-".join(option.path[-2:]).replace("_", "-")) if names.count(option.name) > 1 else option
        for option in leaves
    ]
    if len({option.name for option in named}) < len(named):
        raise ValueError(f"{type(value).__name__} has two options of one name among {sorted(o.name for o in named)}")
    return {option.name: option for option in named}


def _leaves(value: Value, path: tuple[str, ...]) -> Iterator[Option]:
    about = _about_fields(type(value))
    for field in fields(value):
        held, here = getattr(value, field.name), (*path, field.name)
        if field.metadata.get("fixed"):
            continue
        if isinstance(held, Value):
            yield from _leaves(held, here)
        else:
            name = field.metadata.get("option", field.name).replace("_", "-")
            yield Option(name, here, hints(type(value))[field.name], held, about.get(field.name, ""))


@cache
def _about_fields(kind: type[Value]) -> dict[str, str]:
    """What the docstring of a class, or of those it inherits from, says about each field."""
    descriptions: dict[str, str] = {}
    for cls in reversed(kind.__mro__):
        section = re.search(r"^ *Args:\n(.*?)(?:\n\s*\n|\Z)", cls.__doc__ or "", re.M | re.S)
        for name, text in re.findall(r"^ +(\w+): ((?:.|\n(?! +\w+: ))+)", section[1] if section else "", re.M):
            descriptions[name] = " ".join(text.split())
    return descriptions


def element_kind(hint: Any) -> type[Value] | None:
    """Which values a tuple holds; None if the hint is no tuple of values."""
    kind = get_args(hint)[0] if get_origin(hint) is tuple else None
    return kind if isinstance(kind, type) and issubclass(kind, Value) else None


def is_abstract(kind: type) -> bool:
    """Whether a class only serves as the base of others."""
    return kind.__dict__.get("abstract", False)
