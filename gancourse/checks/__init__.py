"""Checks of the exercises: they take your function and say what is wrong with it."""

from typing import TYPE_CHECKING, Any

# Imported so that their exercises are registered.
from gancourse.checks import (  # noqa: F401
    bounds,
    clipping,
    convergence,
    coverage,
    critic,
    divergences,
    elbo,
    feature_means,
    fields,
    gradient_penalty,
    interpolation,
    lazy,
    likelihoods,
    losses,
    mode_term,
    potential,
    power_iteration,
    sharpness,
    sizes,
    smoothing,
    sorting,
    step,
    upsampling,
    zero_centred,
)
from gancourse.checks.registry import Exercise, check, exercises
from gancourse.checks.verdict import NotWritten, Wrong

if TYPE_CHECKING:
    from gancourse.checks.grading import Row, report, table

__all__ = ["Exercise", "NotWritten", "Row", "Wrong", "check", "exercises", "report", "table"]


def __getattr__(name: str) -> Any:
    """Grading, on demand: a notebook with exercises needn't wait for nbclient and nbformat to be imported."""
    if name in ("Row", "report", "table"):
        from gancourse.checks import grading

        return getattr(grading, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
