"""Checks of the exercises: they take your function and say what is wrong with it.

The checks of a notebook lie in a folder of its own, `ch02_gan_game` for `02_gan_game`, which is imported when the first
of its exercises is looked up: `check("ex-02-generator-loss", …)` loads no other notebook's checks.
"""

from typing import TYPE_CHECKING, Any

from gancourse.checks.engine.registry import Exercise, check, exercises
from gancourse.checks.engine.verdict import NotWritten, Wrong

if TYPE_CHECKING:
    from gancourse.checks.engine.grading import Row, report, table

__all__ = ["Exercise", "NotWritten", "Row", "Wrong", "check", "exercises", "report", "table"]


def __getattr__(name: str) -> Any:
    """Grading, on demand: a notebook with exercises needn't wait for nbclient and nbformat to be imported."""
    if name in ("Row", "report", "table"):
        from gancourse.checks.engine import grading

        return getattr(grading, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
