"""The family of f-divergences, from their definition and from their dual form, in nats.

Computed from log densities: densities and their ratios are formed only where float64 can hold them. P is the
distribution of the data, Q the generated distribution.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import softplus

from gancourse.theory.divergences import times
from gancourse.theory.quadrature import Grid, LogDensity, QuadratureError

MOST = 300.0  # logarithm of a ratio whose square and reciprocal are within float64's range, as e^±600 is

Function = Callable[[Tensor], Tensor]


class Tails(NamedTuple):
    """What f, g_f and f* give where densities or their ratio are beyond float64, from log densities a of P and b of Q.

    Args:
        integrand: q f(p/q), of (a, b).
        real: p g_f(v), of (a, v).
        fake: q f*(g_f(v)), of (b, v).
    """

    integrand: Callable[[Tensor, Tensor], Tensor]
    real: Callable[[Tensor, Tensor], Tensor]
    fake: Callable[[Tensor, Tensor], Tensor]


class FDivergence(NamedTuple):
    """One f-divergence D_f(P ‖ Q) = ∫ q f(p/q), with the functions of its dual form.

    A network's output v is any real number. The dual function is T = g_f(v), and the bound needs g_f(v) on the data and
    f*(g_f(v)) on generated samples. The latter is a separate field: `conjugate(activation(v))` overflows once g_f(v)
    has rounded to the end of the domain, in float32 from v = 17 for Hellinger.

    Args:
        name: of the divergence.
        f: convex function on [0, ∞).
        conjugate: Fenchel conjugate f*(t) = sup over u ≥ 0 of t·u − f(u), on `domain`.
        domain: open interval on which f* is finite; at a finite upper end it is ∞.
        activation: g_f, increasing function from the whole line into the domain.
        conjugate_of_activation: f*(g_f(v)) as a function of v, also for v = ±∞.
        optimal_output: the v* with g_f(v*) = T*, as a function of the log ratio log(p/q).
        slope_at_infinity: limit of f(u)/u, the contribution of mass of P where Q has none.
        source: paper and table.
        tails: the same functions for the far tails of densities; without them, such tails are an error.
    """

    name: str
    f: Function
    conjugate: Function
    domain: tuple[float, float]
    activation: Function
    conjugate_of_activation: Function
    optimal_output: Function
    slope_at_infinity: float
    source: str = "Nowozin et al. 2016, tables 1 and 2"
    tails: Tails | None = None

    def dual(self, log_ratio: Tensor) -> Tensor:
        """The optimal T* = f'(p/q), from the log ratio log(p/q).

        >>> f_divergences["KL"].dual(torch.zeros(1))
        tensor([1.])
        """
        return self.activation(self.optimal_output(log_ratio))


def _u_log_u(u: Tensor) -> Tensor:
    return torch.special.xlogy(u, u)


def _pearson_conjugate(t: Tensor) -> Tensor:
    # A parabola for t ≥ −2 only: below, the supremum over u ≥ 0 is at u = 0.
    t = t.clamp(min=-2)
    return t.square() / 4 + t


def _pearson_fake(log_q: Tensor, v: Tensor) -> Tensor:
    v = v.clamp(min=-2)
    return (log_q + 2 * v.abs().log()).exp() / 4 + times(log_q, v)


def _half_jensen_shannon(log_p: Tensor, log_q: Tensor) -> Tensor:
    return times(log_p, math.log(2) - softplus(log_q - log_p))


_TAILS = {
    "KL": Tails(lambda a, b: times(a, a - b), times, lambda b, v: (b + v - 1).exp()),
    "reverse KL": Tails(lambda a, b: times(b, b - a), lambda a, v: -(a - v).exp(), lambda b, v: times(b, v - 1)),
    "Pearson χ²": Tails(lambda a, b: (2 * a - b).exp() - 2 * a.exp() + b.exp(), times, _pearson_fake),
    "squared Hellinger": Tails(
        lambda a, b: ((a / 2).exp() - (b / 2).exp()).square(),
        lambda a, v: a.exp() - (a - v).exp(),
        lambda b, v: (b + v).exp() - b.exp(),
    ),
    "Jensen–Shannon": Tails(
        lambda a, b: _half_jensen_shannon(a, b) + _half_jensen_shannon(b, a),
        lambda a, v: times(a, math.log(2) - softplus(-v)),
        lambda b, v: times(b, softplus(v) - math.log(2)),
    ),
    "GAN": Tails(
        lambda a, b: times(a, -softplus(b - a)) + times(b, -softplus(a - b)),
        lambda a, v: times(a, -softplus(-v)),
        lambda b, v: times(b, softplus(v)),
    ),
}

f_divergences: Mapping[str, FDivergence] = MappingProxyType(
    {
        d.name: d._replace(tails=_TAILS[d.name])
        for d in (
            FDivergence(
                "KL",
                f=_u_log_u,
                conjugate=lambda t: (t - 1).exp(),
                domain=(-math.inf, math.inf),
                activation=lambda v: v,
                conjugate_of_activation=lambda v: (v - 1).exp(),
                optimal_output=lambda r: 1 + r,
                slope_at_infinity=math.inf,
            ),
            FDivergence(
                "reverse KL",
                f=lambda u: -u.log(),
                conjugate=lambda t: -1 - (-t).log(),
                domain=(-math.inf, 0.0),
                activation=lambda v: -(-v).exp(),
                conjugate_of_activation=lambda v: v - 1,
                optimal_output=lambda r: r,
                slope_at_infinity=0.0,
            ),
            FDivergence(
                "Pearson χ²",
                f=lambda u: (u - 1).square(),
                conjugate=_pearson_conjugate,
                domain=(-math.inf, math.inf),
                activation=lambda v: v,
                conjugate_of_activation=_pearson_conjugate,
                optimal_output=lambda r: 2 * torch.expm1(r),
                slope_at_infinity=math.inf,
            ),
            FDivergence(
                "squared Hellinger",
                f=lambda u: (u.sqrt() - 1).square(),
                conjugate=lambda t: 1 / (1 - t) - 1,  # t / (1 − t) would be −∞/∞ at t = −∞
                domain=(-math.inf, 1.0),
                activation=lambda v: -torch.expm1(-v),
                conjugate_of_activation=torch.expm1,
                optimal_output=lambda r: r / 2,
                slope_at_infinity=1.0,
            ),
            FDivergence(
                "Jensen–Shannon",
                # With this f, D_f is twice the Jensen–Shannon divergence: table 1 halves the integral but not f.
                f=lambda u: _u_log_u(u) - (1 + u) * ((1 + u) / 2).log(),
                conjugate=lambda t: -(2 - t.exp()).log(),
                domain=(-math.inf, math.log(2)),
                activation=lambda v: math.log(2) - softplus(-v),
                conjugate_of_activation=lambda v: softplus(v) - math.log(2),
                optimal_output=lambda r: r,
                slope_at_infinity=math.log(2),
            ),
            FDivergence(
                "GAN",
                f=lambda u: _u_log_u(u) - (1 + u) * torch.log1p(u),
                conjugate=lambda t: -torch.log(-torch.expm1(t)),
                domain=(-math.inf, 0.0),
                activation=lambda v: -softplus(-v),
                conjugate_of_activation=softplus,
                optimal_output=lambda r: r,
                slope_at_infinity=0.0,
            ),
        )
    }
)
"""The family by name. "Jensen–Shannon" is 2 JSD, "GAN" is 2 JSD − log 4, the value function at the optimum."""


def f_divergence(divergence: FDivergence, log_p: LogDensity, log_q: LogDensity, grid: Grid) -> Tensor:
    """D_f(P ‖ Q) = ∫ q f(p/q) computed from f; mass of P where q vanishes is multiplied by the slope of f at infinity.

    The functions named after one divergence are exact in the tails too; this one is their common definition.

    Args:
        divergence: the f-divergence.
        log_p: log density of P.
        log_q: log density of Q.
        grid: points to evaluate them at.

    Raises:
        QuadratureError: a density has lost mass, or the integral has not converged.

    Source: Nowozin et al. 2016, eq. 2; Csiszár 1967.
    """
    a, b = grid.evaluate(log_p, "p"), grid.evaluate(log_q, "q")
    on_p, on_q = a > -math.inf, b > -math.inf
    both, values = on_p & on_q, torch.zeros_like(a)
    ratio = torch.where(both, a, 0.0) - torch.where(both, b, 0.0)
    near = both & (ratio.abs() < MOST) & (b > -2 * MOST)
    values = values.masked_scatter(near, b[near].exp() * divergence.f(ratio[near].exp()))
    if (far := both & ~near).any():
        values = values.masked_scatter(far, _tails(divergence).integrand(a[far], b[far]))
    # Where only one of the densities is positive: f(0) times q, and the slope at infinity times p.
    alone = on_q & ~on_p
    values = values.masked_scatter(alone, times(b[alone], divergence.f(torch.zeros_like(b[alone]))))
    alone = on_p & ~on_q
    slope = torch.full_like(a[alone], divergence.slope_at_infinity)
    return grid.checked(values.masked_scatter(alone, times(a[alone], slope)))


def _tails(divergence: FDivergence) -> Tails:
    """The functions for far tails.

    Raises:
        QuadratureError: it has none.
    """
    if divergence.tails is None:
        raise QuadratureError(
            "a density, or p/q, is beyond float64 at points of the grid where both are positive, and "
            f"{divergence.name} has no functions for such tails; pass a smaller grid, or an FDivergence with tails"
        )
    return divergence.tails


def dual_bound(divergence: FDivergence, output: Function, log_p: LogDensity, log_q: LogDensity, grid: Grid) -> Tensor:
    """The lower bound E_P[g_f(v)] − E_Q[f*(g_f(v))] ≤ D_f(P ‖ Q) by quadrature, where T = g_f(v).

    An equality at v* = `divergence.optimal_output` of log(p/q), also where one density vanishes and v* is infinite.

    Args:
        divergence: the f-divergence to bound.
        output: the function v, maps x [n, dimensions] to [n]; any number is allowed, as T = g_f(v) is in the domain of
            f*, and ±∞ gives the limit.
        log_p: log density of P.
        log_q: log density of Q.
        grid: points to evaluate all three at.

    Returns:
        A scalar, differentiable with respect to all tensors that the arguments depend on.

    Raises:
        QuadratureError: a density has lost mass, or the integral has not converged.
        ValueError: v has another shape than [n], or is NaN where a density is positive.

    Source: Nowozin et al. 2016, eq. 4 and 6; Nguyen, Wainwright, Jordan 2010, lemma 1.
    """
    a, b = grid.evaluate(log_p, "p"), grid.evaluate(log_q, "q")
    v = output(grid.points)
    if v.shape != a.shape:
        raise ValueError(f"v has shape {tuple(v.shape)}; expected one number per point, {list(a.shape)}")
    on_p, on_q = a > -math.inf, b > -math.inf
    if (v.isnan() & (on_p | on_q)).any():
        raise ValueError("v is NaN at points that have density; pass an output that is a number or ±∞ there")
    real = _weighted(divergence, "real", divergence.activation, a, v)
    fake = _weighted(divergence, "fake", divergence.conjugate_of_activation, b, v)
    return grid.checked(real - fake)


def _weighted(divergence: FDivergence, side: str, function: Function, log_density: Tensor, v: Tensor) -> Tensor:
    """Density times a function of v, [n]; by the divergence's tails where one of the two is beyond float64."""
    on = log_density > -math.inf
    values = function(v.detach())
    beyond = (log_density < -2 * MOST) | (values.abs() > math.exp(MOST))
    near, far = on & (~beyond | v.isinf()), on & beyond & ~v.isinf()
    # Points are selected before the function is applied: zero times an infinite value or gradient would be NaN.
    result = torch.zeros_like(log_density)
    result = result.masked_scatter(near, times(log_density[near], function(v[near])))
    if far.any():
        result = result.masked_scatter(far, getattr(_tails(divergence), side)(log_density[far], v[far]))
    return result


def dual_bound_monte_carlo(divergence: FDivergence, v_real: Tensor, v_fake: Tensor) -> Tensor:
    """The same bound from the outputs v at samples of P, [n], and of Q, [m].

    >>> dual_bound_monte_carlo(f_divergences["KL"], torch.ones(3), torch.ones(4))
    tensor(0.)
    """
    return divergence.activation(v_real).mean() - divergence.conjugate_of_activation(v_fake).mean()
