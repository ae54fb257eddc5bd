"""Theory computed from known densities and formulas, independently of the losses in `objectives`."""

from gancourse.theory import dirac, fields
from gancourse.theory.conditional import conditional_value
from gancourse.theory.divergences import (
    jensen_shannon,
    kl,
    pearson,
    reverse_kl,
    squared_hellinger,
    total_variation,
)
from gancourse.theory.duality import (
    FDivergence,
    Tails,
    dual_bound,
    dual_bound_monte_carlo,
    f_divergence,
    f_divergences,
)
from gancourse.theory.noisy import Components, Expectations, NoisyMixture
from gancourse.theory.optimum import (
    Estimate,
    criterion,
    optimal_discriminator,
    optimal_logit,
    value,
    value_monte_carlo,
)
from gancourse.theory.quadrature import Grid, Integral, QuadratureError, box, interval
from gancourse.theory.transport import (
    Lines,
    Transport,
    Witness,
    optimal_transport,
    parallel_lines,
    wasserstein,
    wasserstein_1d,
    witness,
)

__all__ = [
    "Components",
    "Estimate",
    "Expectations",
    "FDivergence",
    "Grid",
    "Integral",
    "Lines",
    "NoisyMixture",
    "QuadratureError",
    "Tails",
    "Transport",
    "Witness",
    "box",
    "conditional_value",
    "criterion",
    "dirac",
    "dual_bound",
    "dual_bound_monte_carlo",
    "f_divergence",
    "f_divergences",
    "fields",
    "interval",
    "jensen_shannon",
    "kl",
    "optimal_discriminator",
    "optimal_logit",
    "optimal_transport",
    "parallel_lines",
    "pearson",
    "reverse_kl",
    "squared_hellinger",
    "total_variation",
    "value",
    "value_monte_carlo",
    "wasserstein",
    "wasserstein_1d",
    "witness",
]
