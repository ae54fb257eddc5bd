"""Looking things up by name, with a helpful error."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


def lookup(known: Mapping[str, T], name: str, what: str) -> T:
    """The thing of that name.

    Args:
        known: everything there is, by name.
        name: which one.
        what: the kind of thing, for the message.

    Raises:
        ValueError: there is none of that name; the message suggests the nearest, or lists all if none is near.

    >>> lookup({"wgan-gp": 1}, "wgan-pg", "recipe")
    Traceback (most recent call last):
    ValueError: recipe 'wgan-pg' not found; did you mean 'wgan-gp'?
    """
    if name in known:
        return known[name]
    plain = {each.lower(): each for each in known}
    near = difflib.get_close_matches(name.lower(), plain, n=1, cutoff=0.45)
    if near:
        hint = f"did you mean {plain[near[0]]!r}?"
    else:
        hint = f"it is one of {', '.join(known)}" if known else "there is none at all"
    raise ValueError(f"{what} {name!r} not found; {hint}")
