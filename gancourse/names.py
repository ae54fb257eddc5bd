"""Looking up entries by name, with an error that suggests the nearest name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


def lookup(known: Mapping[str, T], name: str, what: str) -> T:
    """The entry of that name.

    Args:
        known: all entries, by name.
        name: of the entry.
        what: the kind of entry, for the message.

    Raises:
        ValueError: there is no entry of that name; the message suggests the nearest, or lists all if none is near.

    >>> lookup({"wgan-gp": 1}, "wgan-pg", "recipe")
    Traceback (most recent call last):
    ValueError: recipe 'wgan-pg' not found; did you mean 'wgan-gp'?
    """
    if name in known:
        return known[name]
    original = {each.lower(): each for each in known}
    near = difflib.get_close_matches(name.lower(), original, n=1, cutoff=0.45)
    if near:
        hint = f"did you mean {original[near[0]]!r}?"
    else:
        hint = f"it is one of {', '.join(known)}" if known else "there is none at all"
    raise ValueError(f"{what} {name!r} not found; {hint}")
