"""Optimal transport between finite sets of points, exactly: by sorting on a line, by linear programming anywhere.

All values are computed in float64 on the CPU. P is the distribution of the data, x, and Q the generated one, y.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gancourse import plans
from gancourse.plans import PlanError, scale_of, sorted_plan, value_of

TINY = 1e-300  # a smaller number may have lost digits


class Transport(NamedTuple):
    """The cheapest transport of P to Q, with potentials that prove that it is the cheapest.

    Args:
        distance: W_p, the p-th root of the cost.
        cost: sum of plan[i, j] · |x_i − y_j|^p.
        plan: mass moved from x_i to y_j, [n, m]; its rows sum to the weights of x, its columns to those of y.
        potential_x: φ, [n].
        potential_y: ψ, [m]; φ_i + ψ_j never exceeds |x_i − y_j|^p.
        dual_value: sum of φ times the weights of x plus ψ times those of y: no plan can cost less.
    """

    distance: float
    cost: float
    plan: Tensor
    potential_x: Tensor
    potential_y: Tensor
    dual_value: float


@dataclass(frozen=True)
class Witness:
    """A 1-Lipschitz function whose means under P and Q differ by W1: an optimal critic.

    f(x) = min over j of heights[j] + |x − anchors[j]|, differentiable where one j attains the minimum, except at the
    anchors. Calling it maps [batch, dimensions] to [batch].

    Args:
        anchors: points where f is given, [m, dimensions].
        heights: the values there, [m].
    """

    anchors: Tensor
    heights: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Values of f at x [batch, dimensions], [batch]."""
        if x.ndim != 2 or x.shape[1] != self.anchors.shape[1]:
            raise ValueError(f"x has shape {tuple(x.shape)}; expected [batch, {self.anchors.shape[1]}]")
        x = x if x.is_floating_point() else x.to(self.anchors.dtype)  # integers would round the anchors
        anchors, heights = self.anchors.to(x), self.heights.to(x)
        return (_distances(x, anchors) + heights).min(1).values


def _distances(x: Tensor, y: Tensor) -> Tensor:
    """Euclidean distances [n, m]; the gradient at distance zero is zero."""
    # Not cdist: it may expand the square, and then lose half the digits of small distances.
    return torch.linalg.vector_norm(x[:, None] - y[None], dim=-1)


def _points(x: Tensor, name: str) -> Tensor:
    """Points as float64 [n, dimensions]; [n] are points on the line."""
    if x.ndim not in (1, 2) or not x.numel() or not x.is_floating_point():
        raise ValueError(f"{name} is {x.dtype} {tuple(x.shape)}; expected floats [n, dimensions] with n ≥ 1, or [n]")
    if not x.isfinite().all():
        raise ValueError(f"{name} has NaN or ∞; pass finite positions")
    return (x if x.ndim == 2 else x[:, None]).cpu().double()


def _weights(weights: Tensor | None, n: int, name: str) -> Tensor:
    """Weights as float64 [n] that sum to one; equal if left out."""
    if weights is None:
        return torch.full((n,), 1 / n, dtype=torch.float64)
    if weights.shape != (n,) or not (weights >= 0).all():
        raise ValueError(f"{name} has shape {tuple(weights.shape)}; expected {n} numbers ≥ 0, one per point")
    w = weights.detach().cpu().double()
    if not abs(w.sum().item() - 1) <= 1e-5:
        raise ValueError(f"{name} sums to {w.sum().item():.6g}; expected 1: divide by the sum")
    return w / w.sum()


def _check(x: Tensor, y: Tensor, p: float) -> tuple[Tensor, Tensor]:
    x, y = _points(x, "x"), _points(y, "y")
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"x has {x.shape[1]} dimensions, y {y.shape[1]}; pass points of the same dimension")
    if not 1 <= p < math.inf:
        raise ValueError(f"p is {p}; W_p is a distance for finite p ≥ 1 only")
    return x, y


def wasserstein_1d(
    x: Tensor, y: Tensor, p: float = 1.0, weights_x: Tensor | None = None, weights_y: Tensor | None = None
) -> Tensor:
    """Wasserstein distance W_p on the line, by sorting: in the cheapest plan, no two paths cross.

    Args:
        x: positions, [n] or [n, 1].
        y: positions, [m] or [m, 1].
        p: exponent of the cost |x − y|^p.
        weights_x: mass at each x, [n]; equal if left out.
        weights_y: mass at each y, [m]; equal if left out.

    Returns:
        A scalar, differentiable with respect to the positions (for p > 1 only where it isn't zero).

    Raises:
        ValueError: the positions are not on a line or not finite, p is below one, or weights are no distribution.

    Source: Villani 2003, section 2.2: W_p is the distance of the quantile functions in Lᵖ.

    >>> wasserstein_1d(torch.tensor([0.0, 10.0]), torch.tensor([11.0, 1.0])).item()
    1.0
    """
    x, y = _check(x, y, p)
    if x.shape[1] != 1:
        raise ValueError(f"the points have {x.shape[1]} dimensions; sorting needs one: use wasserstein(x, y)")
    a, b = _weights(weights_x, len(x), "weights_x"), _weights(weights_y, len(y), "weights_y")
    (x, i), (y, j) = x[:, 0].sort(), y[:, 0].sort()
    at_x, at_y, moved = map(torch.from_numpy, sorted_plan(a[i].tolist(), b[j].tolist()))
    return _root(moved, (x[at_x] - y[at_y]).abs(), p)


def _root(masses: Tensor, distances: Tensor, p: float) -> Tensor:
    """p-th root of the sum of masses times distances^p, differentiable with respect to the distances."""
    unit = scale_of(distances.detach().max().item(), p)  # powers of small distances would underflow
    return unit * (masses * (distances / unit).pow(p)).sum().pow(1 / p)


def optimal_transport(
    x: Tensor, y: Tensor, p: float = 1.0, weights_x: Tensor | None = None, weights_y: Tensor | None = None
) -> Transport:
    """The cheapest plan between two sets of points in any dimension, and potentials that prove it.

    Equal numbers of points of equal weight are an assignment problem; other cases are a linear programme in n · m
    variables. 256 points per side take ten milliseconds as an assignment, and half a second as a programme;
    beside far points some seconds.

    Args:
        x: positions, [n, dimensions] or [n].
        y: positions, [m, dimensions] or [m].
        p: exponent of the cost |x − y|^p.
        weights_x: mass at each x, [n]; equal if left out.
        weights_y: mass at each y, [m]; equal if left out.

    Returns:
        Distance, plan and potentials.

    Raises:
        ValueError: the positions are not finite or of different dimensions, p is below one, or weights are no
            distribution.
        PlanError: the costs, or their differences in size, are beyond float64; there is no inexact result.

    Source: Villani 2003, theorem 1.3 (Kantorovich's duality), here for finite sets.

    >>> result = optimal_transport(torch.zeros(1, 2), torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
    >>> result.distance, result.dual_value
    (2.5, 2.5)
    >>> result.plan
    tensor([[0.5000, 0.5000]], dtype=torch.float64)
    """
    x, y = _check(x.detach(), y.detach(), p)
    a, b = _weights(weights_x, len(x), "weights_x"), _weights(weights_y, len(y), "weights_y")
    plan, unit, cost = _cheapest(x, y, p, weights_x, weights_y)
    phi = (cost - plan.potential).min(1)  # the largest that ψ allows; so φ and ψ are feasible despite rounding
    value = value_of(cost, plan)
    with np.errstate(over="ignore", invalid="ignore"):
        factor = np.float64(unit) ** p
        total, dual = (float(factor * part) for part in (value, a.numpy() @ phi + b.numpy() @ plan.potential))
        potentials = [torch.from_numpy(factor * part) for part in (phi, plan.potential)]
    if not (math.isfinite(total) and all(part.isfinite().all() for part in potentials)) or (value > 0 and total < TINY):
        raise PlanError(
            f"distances of about {unit:.2g} to the power {p:g} are beyond float64's range; scale the points, or use "
            "wasserstein, which returns the distance alone"
        )
    moved = np.zeros_like(cost)
    moved[plan.rows, plan.columns] = plan.masses
    return Transport(unit * value ** (1 / p), total, torch.from_numpy(moved), *potentials, dual)


def _cheapest(x: Tensor, y: Tensor, p: float, weights_x: Tensor | None, weights_y: Tensor | None) -> plans.Transport:
    """Cheapest plan in units of its own; equal numbers of points of equal weight are assigned to each other."""
    distances = _distances(x, y).detach().numpy()
    if weights_x is None and weights_y is None and len(x) == len(y):
        return plans.transport(distances, p)
    a, b = _weights(weights_x, len(x), "weights_x"), _weights(weights_y, len(y), "weights_y")
    return plans.transport(distances, p, a.numpy(), b.numpy())


def wasserstein(
    x: Tensor, y: Tensor, p: float = 1.0, weights_x: Tensor | None = None, weights_y: Tensor | None = None
) -> Tensor:
    """Wasserstein distance W_p as a scalar, differentiable with respect to the positions.

    On a line it is computed by sorting, else from the cheapest plan. For a small move of the points, the derivative of
    the cost is that at a fixed plan (the envelope theorem), so each point's gradient is along the paths of its mass.
    Arguments and errors as for `optimal_transport`.

    >>> x = torch.tensor([[0.0, 0.0]], requires_grad=True)
    >>> wasserstein(x, torch.tensor([[3.0, 4.0]])).backward()
    >>> x.grad
    tensor([[-0.6000, -0.8000]])
    """
    a, b = _check(x, y, p)
    if a.shape[1] == 1:
        return wasserstein_1d(x, y, p, weights_x, weights_y)
    plan = _cheapest(a, b, p, weights_x, weights_y).plan
    i, j, masses = (torch.from_numpy(part) for part in plan[:3])  # n + m − 1 pairs at most, instead of n·m
    return _root(masses, torch.linalg.vector_norm(a[i] - b[j], dim=-1), p)


def witness(x: Tensor, y: Tensor, weights_x: Tensor | None = None, weights_y: Tensor | None = None) -> Witness:
    """A 1-Lipschitz f with E_P[f] − E_Q[f] = W1(P, Q): the maximum of the Kantorovich–Rubinstein duality.

    Like a critic, it is high at x and low at y. It is not the only such function: where no mass is moved, others may
    have other values. Arguments and errors as for `optimal_transport`.

    Source: Villani 2003, theorem 1.14; the extension to all points is McShane's and Whitney's (1934).

    >>> f = witness(torch.tensor([[2.0]]), torch.tensor([[0.0]]))
    >>> f(torch.tensor([[2.0], [1.0], [0.0], [-1.0]]))
    tensor([2., 1., 0., 1.])
    """
    psi = optimal_transport(x, y, 1.0, weights_x, weights_y).potential_y
    return Witness(_points(y.detach(), "y"), psi.max() - psi)


class Lines(NamedTuple):
    """Distances and divergences between two parallel lines."""

    wasserstein: float
    jensen_shannon: float
    kl: float
    reverse_kl: float
    total_variation: float


def parallel_lines(theta: float) -> Lines:
    """Closed forms between (0, u) and (θ, u), u uniform in [0, 1]; only the first depends continuously on θ.

    Source: Arjovsky, Chintala, Bottou 2017, example 1.

    >>> parallel_lines(-0.5).wasserstein, parallel_lines(0.0).kl
    (0.5, 0.0)
    """
    if theta == 0:
        return Lines(0.0, 0.0, 0.0, 0.0, 0.0)
    return Lines(abs(theta), math.log(2), math.inf, math.inf, 1.0)
