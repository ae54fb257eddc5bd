"""The discriminator that maximises the value function, and its value.

Computed from densities, without the losses that train a network; a test compares the two.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor
from torch.nn.functional import softplus

from gancourse.theory.divergences import expected, jensen_shannon
from gancourse.theory.quadrature import Grid, LogDensity

Logit = Callable[[Tensor], Tensor]
"""A discriminator before its sigmoid: maps x [n, dimensions] to logits [n], high = real."""


class Estimate(NamedTuple):
    """A Monte-Carlo mean and its standard error."""

    value: float
    standard_error: float


def optimal_logit(log_p_data: Tensor, log_p_g: Tensor) -> Tensor:
    """Logit of the optimal discriminator: log p_data(x) − log p_g(x).

    From log densities, it is exact where both densities underflow. Where both vanish (both are −∞) every value is
    optimal; 0 is returned.

    Args:
        log_p_data: log density of the data at any points, of any shape.
        log_p_g: log density of generated samples at the same points.

    Returns:
        Logits of the same shape; ±∞ where one density vanishes.

    Raises:
        ValueError: the shapes differ, or a log density is NaN or +∞.

    Source: Goodfellow et al. 2014, eq. 2, through the inverse of the sigmoid.

    >>> import torch
    >>> optimal_logit(torch.tensor([-1000.0]), torch.tensor([-1002.0]))
    tensor([2.])
    """
    if log_p_data.shape != log_p_g.shape:
        raise ValueError(
            f"log_p_data has shape {tuple(log_p_data.shape)}, log_p_g {tuple(log_p_g.shape)}; "
            "evaluate both at the same points"
        )
    for name, values in (("log_p_data", log_p_data), ("log_p_g", log_p_g)):
        if (values.isnan() | (values == math.inf)).any():
            raise ValueError(f"{name} holds NaN or +∞; pass log densities, −∞ where a density vanishes")
    vanish = (log_p_data == -math.inf) & (log_p_g == -math.inf)
    logit = log_p_data.masked_fill(vanish, 0.0) - log_p_g.masked_fill(vanish, 0.0)
    return logit


def optimal_discriminator(log_p_data: Tensor, log_p_g: Tensor) -> Tensor:
    """The optimal discriminator as a probability: p_data(x) / (p_data(x) + p_g(x)).

    Arguments and errors as for `optimal_logit`; ½ where both densities vanish.

    Source: Goodfellow et al. 2014, eq. 2.

    >>> import torch
    >>> optimal_discriminator(torch.tensor([0.75]).log(), torch.tensor([0.25]).log())
    tensor([0.7500])
    """
    return optimal_logit(log_p_data, log_p_g).sigmoid()


def value(logit: Logit, log_p_data: LogDensity, log_p_g: LogDensity, grid: Grid) -> Tensor:
    """V(D, G) by quadrature: ∫ p_data log D + ∫ p_g log(1 − D), in nats.

    Args:
        logit: the discriminator before its sigmoid.
        log_p_data: log density of the data.
        log_p_g: log density of generated samples.
        grid: points to evaluate all three at.

    Returns:
        A scalar, differentiable with respect to all tensors that the arguments depend on.

    Raises:
        QuadratureError: the grid is too small or too coarse.
        ValueError: the discriminator returns another shape than [n].

    Source: Goodfellow et al. 2014, eq. 3.

    >>> from gancourse.theory import interval
    >>> normal = lambda x: -(x[:, 0] ** 2) / 2 - math.log(2 * math.pi) / 2
    >>> round(value(lambda x: 0 * x[:, 0], normal, normal, interval(-9.0, 9.0)).item(), 4)
    -1.3863
    """
    p, q = grid.evaluate(log_p_data, "p_data"), grid.evaluate(log_p_g, "p_g")
    score = logit(grid.points)
    if score.shape != p.shape:
        raise ValueError(
            f"the discriminator returns shape {tuple(score.shape)}; expected one logit per point, {list(p.shape)}"
        )
    return grid.checked(expected(p, -softplus(-score)) + expected(q, -softplus(score)))


def value_monte_carlo(logits_real: Tensor, logits_fake: Tensor) -> Estimate:
    """V(D, G) from the logits of real and of generated samples, with its standard error.

    Args:
        logits_real: D's logits at samples of p_data, [n].
        logits_fake: D's logits at independent samples of p_g, [m].

    Raises:
        ValueError: there are fewer than two samples of either kind, or the logits have more than one axis.

    >>> import torch
    >>> value_monte_carlo(torch.zeros(5), torch.zeros(7)).standard_error
    0.0
    """
    if logits_real.ndim != 1 or logits_fake.ndim != 1 or min(len(logits_real), len(logits_fake)) < 2:
        raise ValueError(
            f"logits have shapes {tuple(logits_real.shape)} and {tuple(logits_fake.shape)}; expected [n] and [m], "
            "at least two each, for a standard error"
        )
    terms = [-softplus(-logits_real.double()), -softplus(logits_fake.double())]
    variance = sum(term.var().item() / len(term) for term in terms)
    return Estimate(sum(term.mean().item() for term in terms), math.sqrt(variance))


def criterion(log_p_data: LogDensity, log_p_g: LogDensity, grid: Grid) -> Tensor:
    """C(G) = max over D of V(D, G) = 2 JSD(p_data ‖ p_g) − log 4, in nats; between −log 4 and 0.

    Arguments and errors as for `value`.

    Source: Goodfellow et al. 2014, eq. 6.
    """
    return 2 * jensen_shannon(log_p_data, log_p_g, grid) - math.log(4)
