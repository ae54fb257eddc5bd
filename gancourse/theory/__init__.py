"""What the mathematics says, computed from known densities: never from the losses that train a network."""

from gancourse.theory.divergences import (
    FDivergence,
    dual_bound,
    dual_bound_monte_carlo,
    f_divergence,
    f_divergences,
    jensen_shannon,
    kl,
    pearson,
    reverse_kl,
    squared_hellinger,
    total_variation,
)
from gancourse.theory.optimum import (
    Estimate,
    criterion,
    optimal_discriminator,
    optimal_logit,
    value,
    value_monte_carlo,
)
from gancourse.theory.quadrature import Grid, Integral, QuadratureError, box, interval

__all__ = [
    "Estimate",
    "FDivergence",
    "Grid",
    "Integral",
    "QuadratureError",
    "box",
    "criterion",
    "dual_bound",
    "dual_bound_monte_carlo",
    "f_divergence",
    "f_divergences",
    "interval",
    "jensen_shannon",
    "kl",
    "optimal_discriminator",
    "optimal_logit",
    "pearson",
    "reverse_kl",
    "squared_hellinger",
    "total_variation",
    "value",
    "value_monte_carlo",
]
