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
    extrapolation,
    feature_means,
    fields,
    frechet,
    gradient_penalty,
    inception,
    interpolation,
    kernel,
    lazy,
    likelihoods,
    losses,
    memorisation,
    mode_term,
    neighbours,
    potential,
    power_iteration,
    quantised,
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
