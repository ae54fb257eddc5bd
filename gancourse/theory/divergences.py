"""Divergences between known densities by quadrature, in nats.

All values are computed from log densities, so that tails which underflow are not lost. P is the distribution of the
data, Q the generated distribution.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import softplus

from gancourse.theory.quadrature import Grid, LogDensity


def _where_positive(log_p: Tensor, log_q: Tensor, integrand: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Integrand where p > 0, zero elsewhere: the convention 0 · log 0 = 0, also for gradients."""
    on = log_p > -math.inf
    return torch.zeros_like(log_p).masked_scatter(on, integrand(log_p[on], log_q[on]))


def times(log_density: Tensor, values: Tensor) -> Tensor:
    """Density times values; infinite values remain so where the density is positive but underflows."""
    finite = values.isfinite()
    return torch.where(finite, log_density.exp() * values.where(finite, torch.zeros_like(values)), values)


def expected(log_density: Tensor, values: Tensor) -> Tensor:
    """Density times values; zero where the density vanishes, even if the values are infinite."""
    return _where_positive(log_density, values, times)


def _kl(log_p: Tensor, log_q: Tensor) -> Tensor:
    return _where_positive(log_p, log_q, lambda a, b: times(a, a - b))


def kl(log_p: LogDensity, log_q: LogDensity, grid: Grid) -> Tensor:
    """Kullback–Leibler divergence KL(P ‖ Q) = ∫ p log(p/q); +∞ where q vanishes and p doesn't.

    Args:
        log_p: log density, maps [n, dimensions] to [n].
        log_q: log density of Q, likewise.
        grid: points to evaluate them at.

    Returns:
        A scalar, differentiable with respect to all tensors that the densities depend on.

    Raises:
        QuadratureError: a density has lost mass, or the integral has not converged.

    >>> from gancourse.theory import interval
    >>> normal = lambda mean: lambda x: -((x[:, 0] - mean) ** 2) / 2 - math.log(2 * math.pi) / 2
    >>> round(kl(normal(0.0), normal(1.0), interval(-9.0, 9.0)).item(), 9)
    0.5
    """
    return grid.checked(_kl(grid.evaluate(log_p, "p"), grid.evaluate(log_q, "q")))


def reverse_kl(log_p: LogDensity, log_q: LogDensity, grid: Grid) -> Tensor:
    """KL(Q ‖ P) = ∫ q log(q/p); arguments and errors as for `kl`."""
    return kl(log_q, log_p, grid)


def jensen_shannon(log_p: LogDensity, log_q: LogDensity, grid: Grid) -> Tensor:
    """Jensen–Shannon divergence ½ KL(P ‖ M) + ½ KL(Q ‖ M) with M = (P + Q)/2; between 0 and log 2.

    Arguments and errors as for `kl`.

    Source: Lin 1991, eq. 4.1, with equal weights.
    """
    a, b = grid.evaluate(log_p, "p"), grid.evaluate(log_q, "q")

    def half(log_p: Tensor, log_q: Tensor) -> Tensor:
        # log(p/m) = log 2 − log(1 + q/p)
        return _where_positive(log_p, log_q, lambda u, v: u.exp() * (math.log(2) - softplus(v - u)) / 2)

    return grid.checked(half(a, b) + half(b, a))


def total_variation(log_p: LogDensity, log_q: LogDensity, grid: Grid) -> Tensor:
    """Total variation ½ ∫ |p − q|; between 0 and 1. Arguments and errors as for `kl`."""
    return grid.checked((grid.evaluate(log_p, "p").exp() - grid.evaluate(log_q, "q").exp()).abs() / 2)


def pearson(log_p: LogDensity, log_q: LogDensity, grid: Grid) -> Tensor:
    """Pearson's χ² = ∫ (p − q)² / q; +∞ where q vanishes and p doesn't. Arguments and errors as for `kl`."""
    a, b = grid.evaluate(log_p, "p"), grid.evaluate(log_q, "q")
    # ∫ (p − q)²/q = ∫ p²/q − 1 for densities, but this form is exactly zero for p = q.
    inside = _where_positive(a, b, _times_expm1)
    return grid.checked(inside - a.exp() + b.exp())


def _times_expm1(log_p: Tensor, log_q: Tensor) -> Tensor:
    """The density p times (p/q − 1), also where p underflows and p/q overflows."""
    ratio = log_p - log_q
    near = log_p.exp() * torch.expm1(ratio.clamp(max=1))
    return torch.where(ratio < 1, near, (log_p + ratio.clamp(min=1)).exp() - log_p.exp())


def squared_hellinger(log_p: LogDensity, log_q: LogDensity, grid: Grid) -> Tensor:
    """Squared Hellinger distance ∫ (√p − √q)²; between 0 and 2. Arguments and errors as for `kl`.

    Without the factor ½ that some authors put in front: as in Nowozin et al. 2016, table 1.
    """
    a, b = grid.evaluate(log_p, "p"), grid.evaluate(log_q, "q")
    return grid.checked(((a / 2).exp() - (b / 2).exp()).square())
