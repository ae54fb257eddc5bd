"""Wasserstein distances between samples: exact, and averaged over directions."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from gancourse.errors import NotFiniteError
from gancourse.metrics.features import Numbers, comparable
from gancourse.plans import scale_of, transport, value_of


def _points(x: Numbers, y: Numbers, p: float) -> tuple[Tensor, Tensor]:
    x, y = comparable(x=x, y=y)
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or not len(x) or not len(y):
        raise ValueError(f"x {tuple(x.shape)} and y {tuple(y.shape)}; expected [n, dimensions] and [m, dimensions]")
    if not 1 <= p < math.inf:
        raise ValueError(f"p is {p}; W_p is a distance for finite p ≥ 1 only")
    if x.is_complex() or y.is_complex():
        raise ValueError(f"x is {x.dtype} and y {y.dtype}; expected real numbers")
    if not (torch.isfinite(x).all() and torch.isfinite(y).all()):
        raise NotFiniteError("the points have numbers that are not finite; check whether the training diverged")
    return x.detach().double().cpu(), y.detach().double().cpu()


def _on_lines(x: Tensor, y: Tensor, p: float) -> float:
    """p-th root of the mean of W_p^p over columns: of x [n, lines] and y [m, lines]. Sorted points are matched."""
    x, y = x.sort(0).values, y.sort(0).values
    n, m = len(x), len(y)
    if n == m:
        masses, distances = torch.full((n,), 1 / n, dtype=torch.float64), (x - y).abs()
    else:
        # Levels i/n and j/m as integers over lcm(n, m), so that rounding neither merges nor duplicates any.
        common = math.lcm(n, m)
        levels = torch.cat([torch.arange(n + 1) * (common // n), torch.arange(m + 1) * (common // m)]).unique()
        start, masses = levels[:-1], levels.diff().double() / common
        distances = (x[start // (common // n)] - y[start // (common // m)]).abs()
    scale = scale_of(distances.max().item(), p)
    return scale * (masses[:, None] * (distances / scale).pow(p)).sum(0).mean().item() ** (1 / p)


def wasserstein(x: Numbers, y: Numbers, p: float = 1.0) -> float:
    """Wasserstein distance W_p between samples, exactly: the cheapest plan for the cost |x − y|^p.

    Points on a line are sorted; sets of equal size are assigned to each other; other sizes are solved as a linear
    programme in n · m variables. 1,000 points per side take some tenths of a second. The distance between samples is
    larger than between their distributions, and in d dimensions that bias falls only like n^(−1/d): compare equal n.

    Args:
        x: points, [n, dimensions].
        y: points, [m, dimensions].
        p: exponent of the cost.

    Raises:
        ValueError: shapes disagree, there is no point, or p is below one.
        NotFiniteError: a point isn't finite.
        PlanError: the distances have too many orders of magnitude for an exact result.

    Source: Villani 2003, theorem 1.3; the rate is Dudley's (1969).

    >>> wasserstein(torch.tensor([[0.0, 0.0], [1.0, 0.0]]), torch.tensor([[1.0, 2.0], [0.0, 2.0]]))
    2.0
    """
    x, y = _points(x, y, p)
    if x.shape[1] == 1:
        return _on_lines(x, y, p)
    # Differences, because the expanded square loses half the digits of small distances.
    distances = torch.stack([torch.linalg.vector_norm(row - y, dim=1) for row in x]).numpy()
    if len(x) == len(y):
        plan, scale, cost = transport(distances, p)
    else:
        plan, scale, cost = transport(distances, p, *(np.full(n, 1 / n) for n in distances.shape))
    return scale * value_of(cost, plan) ** (1 / p)


def sliced_wasserstein(x: Numbers, y: Numbers, n_projections: int = 128, p: float = 2.0, seed: int = 0) -> float:
    """p-th root of the mean of W_p^p over random directions, with the transport along each solved by sorting.

    For n points it costs n log n per direction, while the exact distance costs about n³; its bias falls like n^(−½) in
    any number of dimensions. For p = 2, the distance of a shift by s is |s|/√d: compare equal d.

    Args:
        x: points, [n, dimensions].
        y: points, [m, dimensions].
        n_projections: number of directions, uniform on the sphere.
        p: exponent of the cost.
        seed: of the directions.

    Raises:
        ValueError: shapes disagree, there is no point or direction, or p is below one.
        NotFiniteError: a point isn't finite.

    Source: Bonneel, Rabin, Peyré, Pfister 2015, definition 4.

    >>> x = torch.zeros(5, 1)
    >>> sliced_wasserstein(x, x + 2)
    2.0
    """
    x, y = _points(x, y, p)
    if n_projections < 1:
        raise ValueError(f"n_projections is {n_projections}; expected at least 1")
    directions = _directions(x.shape[1], n_projections, seed)
    return _on_lines(x @ directions, y @ directions, p)


def _directions(d: int, n: int, seed: int) -> Tensor:
    """Directions uniform on the sphere, [d, n]."""
    normal = torch.randn(d, n, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return normal / normal.norm(dim=0)
