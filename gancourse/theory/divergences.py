"""Divergences between known densities by quadrature, in nats, and the f-divergences' dual form.

All values are computed from log densities, so that tails which underflow are not lost. P is the distribution of the
data, Q the generated distribution.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import softplus

from gancourse.theory.quadrature import Grid, LogDensity

Function = Callable[[Tensor], Tensor]


def _where_positive(log_p: Tensor, log_q: Tensor, integrand: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Integrand where p > 0, zero elsewhere: the convention 0 · log 0 = 0, also for gradients."""
    on = log_p > -math.inf
    return torch.zeros_like(log_p).masked_scatter(on, integrand(log_p[on], log_q[on]))


def _kl(log_p: Tensor, log_q: Tensor) -> Tensor:
    return _where_positive(log_p, log_q, lambda a, b: a.exp() * (a - b))


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
    inside = _where_positive(a, b, lambda u, v: u.exp() * torch.expm1(u - v))
    return grid.checked(inside - a.exp() + b.exp())


def squared_hellinger(log_p: LogDensity, log_q: LogDensity, grid: Grid) -> Tensor:
    """Squared Hellinger distance ∫ (√p − √q)²; between 0 and 2. Arguments and errors as for `kl`.

    Without the factor ½ that some authors put in front: as in Nowozin et al. 2016, table 1.
    """
    a, b = grid.evaluate(log_p, "p"), grid.evaluate(log_q, "q")
    return grid.checked(((a / 2).exp() - (b / 2).exp()).square())


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


f_divergences: Mapping[str, FDivergence] = MappingProxyType(
    {
        d.name: d
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
    p, q = grid.evaluate(log_p, "p").exp(), grid.evaluate(log_q, "q").exp()
    on = q > 0
    values = torch.zeros_like(q).masked_scatter(on, q[on] * divergence.f(p[on] / q[on]))
    alone = (p > 0) & ~on
    values = values.masked_scatter(alone, divergence.slope_at_infinity * p[alone])
    return grid.checked(values)


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
    p, q = grid.evaluate(log_p, "p").exp(), grid.evaluate(log_q, "q").exp()
    v = output(grid.points)
    if v.shape != p.shape:
        raise ValueError(f"v has shape {tuple(v.shape)}; expected one number per point, {list(p.shape)}")
    if (v.isnan() & ((p > 0) | (q > 0))).any():
        raise ValueError("v is NaN at points that have density; pass an output that is a number or ±∞ there")
    zero = torch.zeros_like(p)
    # Points are selected before g_f is applied: zero times an infinite value or gradient would be NaN.
    real = zero.masked_scatter(p > 0, p[p > 0] * divergence.activation(v[p > 0]))
    fake = zero.masked_scatter(q > 0, q[q > 0] * divergence.conjugate_of_activation(v[q > 0]))
    return grid.checked(real - fake)


def dual_bound_monte_carlo(divergence: FDivergence, v_real: Tensor, v_fake: Tensor) -> Tensor:
    """The same bound from the outputs v at samples of P, [n], and of Q, [m].

    >>> dual_bound_monte_carlo(f_divergences["KL"], torch.ones(3), torch.ones(4))
    tensor(0.)
    """
    return divergence.activation(v_real).mean() - divergence.conjugate_of_activation(v_fake).mean()
