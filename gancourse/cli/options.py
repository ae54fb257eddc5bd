"""Options of a command from values and functions. The only place that knows tyro."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import io
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin

import tyro

from gancourse.spelling import from_text, spelt, text
from gancourse.values import Option, Range, Value, element_kind, is_abstract, options

T = TypeVar("T", bound=Value)
Name = Annotated[str, tyro.conf.Positional]
Folder = Annotated[Path, tyro.conf.Positional]
Flat = tyro.conf.OmitArgPrefixes


def parse(what: Any, arguments: list[str], prog: str, **settings: Any) -> Any:
    """What tyro makes of arguments; its boxed errors become one line.

    Raises:
        ValueError: the arguments are wrong.
    """
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.cli(what, args=arguments, prog=prog, **settings)
    except SystemExit as stop:
        if not stop.code:
            raise
        # A title, the message, and help, parted by lines that are blank but for the box.
        title, *lines = [line.strip(" │╭╮╰╯─") for line in said.getvalue().strip().splitlines()] or [""]
        message = itertools.takewhile(bool, itertools.dropwhile(lambda line: not line, lines))
        words = " ".join(message).split()
        raise ValueError(f"{' '.join(words) or title or 'the options are wrong'}; see `{prog} --help`") from None


def read(values: dict[str, T], arguments: list[str], prog: str, about: str) -> dict[str, T]:
    """Values with the changes that arguments ask for: every option of each of them is one of the command's.

    Args:
        values: by a name of the caller's.
        arguments: of the command line.
        prog: the command, for help and errors.
        about: what it does, for help.

    Raises:
        ValueError: the arguments are wrong, two values have an option of one name, or a value can't be that.
    """
    known = {name: options(value) for name, value in values.items()}
    names = [name for each in known.values() for name in each]
    if len(set(names)) < len(names):
        raise ValueError(f"two options are named {sorted(n for n in set(names) if names.count(n) > 1)}")
    fields = [_field(option) for each in known.values() for option in each.values()]
    parsed = parse(dataclasses.make_dataclass("Options", fields), arguments, prog, description=about)
    return {name: _changed(value, known[name], parsed) for name, value in values.items()}


def _field(option: Option) -> tuple[str, Any, Any]:
    """The field of a dataclass by which tyro knows an option: name, type and default."""
    kind, held, about = _bare(option.hint), option.value, option.about
    if element := element_kind(option.hint):
        kind, held = tuple[str, ...], tuple(map(text, option.value))
        names = sorted(spelt(k) for k in Value.kinds.values() if issubclass(k, element) and not is_abstract(k))
        about = f"{about} Known are {', '.join(names)}."
    configured = Annotated[kind, tyro.conf.arg(name=option.name, help=about)]
    return option.name.replace("-", "_"), configured, dataclasses.field(default=held)


def _bare(hint: Any) -> Any:
    """A type hint without its ranges."""
    if get_origin(hint) is Annotated and any(isinstance(extra, Range) for extra in get_args(hint)[1:]):
        return get_args(hint)[0]
    return hint


def _changed(value: T, known: dict[str, Option], parsed: Any) -> T:
    changes: dict[str, Any] = {}
    for name, option in known.items():
        asked = getattr(parsed, name.replace("-", "_"))
        if element := element_kind(option.hint):
            asked = tuple(from_text(word, element) for word in asked)
        if asked != option.value:
            changes[name.replace("-", "_")] = asked
    return value.changed(**changes)


def called_later(command: Callable[..., None], arguments: list[str], prog: str) -> Callable[[], None]:
    """A function with the arguments that a command line gives it, not called yet.

    Tyro only reads the arguments: what the function itself prints or raises must not pass for tyro's.
    """

    @functools.wraps(command)
    def keep(*values: Any, **named: Any) -> Callable[[], None]:
        return lambda: command(*values, **named)

    return parse(keep, arguments, prog)
