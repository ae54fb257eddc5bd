"""Values in the words of a command line: their names, their settings, and what makes one of another."""

from __future__ import annotations

import re
import shlex
from dataclasses import fields
from typing import Any, TypeVar

from gancourse.names import lookup
from gancourse.values import Value, bare_hint, hints, is_abstract, options

T = TypeVar("T", bound=Value)


def spelt(kind: type[Value]) -> str:
    """The name of a kind of value in text: GradientPenalty is gradient-penalty, UnrolledRemedy, a Remedy, unrolled."""
    name = kind.__name__
    for base in kind.__mro__[1:]:
        if is_abstract(base) and name != base.__name__:
            name = name.removesuffix(base.__name__) or name
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()


def text(value: Any) -> str:
    """A value in a word: its kind and what differs from the defaults; anything else as it prints.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class SoftSpring(Value):
    ...     stiffness: float = 1.0
    >>> text(SoftSpring(0.5)), text(SoftSpring())
    ('soft-spring:stiffness=0.5', 'soft-spring')
    """
    if not isinstance(value, Value):
        return str(value)
    changes = [
        f"{f.name.replace('_', '-')}={text(getattr(value, f.name))}"
        for f in fields(value)
        if getattr(value, f.name) != f.default
    ]
    return spelt(type(value)) + (":" + ",".join(changes) if changes else "")


def from_text(written: str, base: type[T]) -> T:
    """The value of a subclass of `base` that `text` wrote.

    Raises:
        ValueError: there is no such kind or field, the message suggests the nearest; or it can't be that.
    """
    name, _, rest = written.partition(":")
    known = {spelt(kind): kind for kind in Value.kinds.values() if issubclass(kind, base) and not is_abstract(kind)}
    kind = lookup(known, name, spelt(base))
    values: dict[str, Any] = {}
    for part in filter(None, rest.split(",")):
        key, equals, said = part.partition("=")
        hint = lookup({n.replace("_", "-"): (n, h) for n, h in hints(kind).items()}, key, f"setting of {name}")
        if not equals:
            raise ValueError(f"{part!r} in {written!r} has no value; write {key}=…")
        if hint[0] in values:
            raise ValueError(f"{written!r} sets {key} twice; once is enough")
        values[hint[0]] = _read(key, said, hint[1])
    return kind(**values)


def _read(name: str, said: str, hint: Any) -> Any:
    kind, _ = bare_hint(hint)
    if kind is bool:
        return lookup({"True": True, "False": False, "true": True, "false": False}, said, name)
    try:
        return kind(said) if kind in (int, float) else said
    except ValueError:
        raise ValueError(f"{name} is {said!r}; expected {kind.__name__}") from None


def difference(value: Value, base: Value) -> list[str]:
    """What to add to a command that makes `base` so that it makes `value`.

    Raises:
        ValueError: no options lead from one to the other: they are made of other kinds.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Pendulum(Value):
    ...     length: float = 1.0
    ...     damped: bool = False
    >>> difference(Pendulum(2.0, damped=True), Pendulum())
    ['--length 2.0', '--damped']
    """
    theirs, words = options(base), []
    for name, option in options(value).items():
        if name not in theirs or theirs[name].path != option.path:
            raise ValueError(f"{type(value).__name__} has an option {name!r} that the other hasn't")
        if option.value != theirs[name].value:
            words.append(_as_words(name, option.value))
    changes = {name.replace("-", "_"): option.value for name, option in options(value).items()}
    if base.changed(**changes) != value:
        raise ValueError("they differ in more than options can say")
    return words


def _as_words(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no-{name}"
    words = map(text, value if isinstance(value, tuple) else (value,))
    return " ".join([f"--{name}", *map(shlex.quote, words)])
