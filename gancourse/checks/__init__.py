"""Checks of the exercises: they take your function and say what is wrong with it."""

# Imported so that their exercises are registered.
from gancourse.checks import bounds, divergences, interpolation, losses, sizes, step, upsampling  # noqa: F401
from gancourse.checks.grading import Row, report, table
from gancourse.checks.registry import Exercise, check, exercises
from gancourse.checks.verdict import NotWritten, Wrong

__all__ = ["Exercise", "NotWritten", "Row", "Wrong", "check", "exercises", "report", "table"]
