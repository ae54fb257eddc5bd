"""A limit on a function's calls, in the place of a limit in time: a loop that won't end is noticed on any machine."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from gancourse.checks.engine.verdict import Wrong


class TooManyCalls(BaseException):
    """A function calls others again and again; no `except Exception` of the function's own stops it."""


@contextmanager
def call_limit(n: int, text: str, advice: str) -> Iterator[None]:
    """Inside, a student's function runs; it may call at most n functions, those of torch included.

    Args:
        n: the limit.
        text: the call, for the message.
        advice: what to do, said at its end.

    Raises:
        Wrong: it calls more.
    """
    n_left = n

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal n_left
        if event in ("call", "c_call"):
            n_left -= 1
            if n_left < 0:
                sys.setprofile(None)
                raise TooManyCalls

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield
    except TooManyCalls:
        raise Wrong(f"{text} hasn't ended after {n:,} calls. {advice}") from None
    finally:
        sys.setprofile(before)
