"""Integrals over uniform grids, in float64, with checks of the densities' mass and of convergence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

LogDensity = Callable[[Tensor], Tensor]
"""Log density in nats: maps x [n, dimensions] to [n]; −∞ where the density vanishes."""


class QuadratureError(ArithmeticError):
    """A grid is too coarse or too small for the integrand."""


class Integral(NamedTuple):
    """An integral, as a differentiable scalar, and its difference from the same rule at twice the step."""

    value: Tensor
    error: float


@dataclass(frozen=True)
class Grid:
    """Points and weights of the trapezoid rule on a box.

    For smooth functions that vanish at the boundary, such as Gaussian mixtures, the error falls faster than any power
    of the step; for functions with kinks, it falls with the step squared.

    Args:
        points: to evaluate at, float64 [n, dimensions]; the last dimension varies fastest.
        weights: of each point, [n].
        coarse_weights: of the same rule at twice the step, [n]; zero at the points that it doesn't use.
        shape: points along each axis.
        tolerance: largest difference of a density's mass from one, and largest change by doubling the step, without an
            error; relative for integrals above one.
    """

    points: Tensor
    weights: Tensor
    coarse_weights: Tensor
    shape: tuple[int, ...]
    tolerance: float = 1e-5

    def integrate(self, values: Tensor) -> Integral:
        """Integral of a function from its values at `points`, [n].

        Raises:
            ValueError: values has another shape.

        >>> grid = interval(0.0, 1.0, 5)
        >>> integral = grid.integrate(grid.points[:, 0] ** 2)
        >>> integral.value.item(), round(integral.error, 5)
        (0.34375, 0.03125)
        """
        if values.shape != self.weights.shape:
            raise ValueError(
                f"values has shape {tuple(values.shape)}; expected one number per point, [{len(self.weights)}]"
            )
        fine = (self.weights * values).sum()
        coarse = (self.coarse_weights * values.detach())[self.coarse_weights > 0].sum()
        return Integral(fine, 0.0 if fine.isinf() else abs(fine.item() - coarse.item()))

    def checked(self, values: Tensor) -> Tensor:
        """Integral as a scalar, after checking that it has converged; infinite integrals pass.

        Raises:
            QuadratureError: at twice the step, the value differs by more than the tolerance.
            ValueError: values has another shape.
        """
        value, error = self.integrate(values)
        if not error <= self.tolerance * max(1.0, abs(value.item())):
            raise QuadratureError(
                f"the integral is {value.item():.6g}, but twice the step changes it by {error:.2g}, more than "
                f"{self.tolerance:g}; pass a finer grid or a larger tolerance"
            )
        return value

    def evaluate(self, log_density: LogDensity, name: str = "the density") -> Tensor:
        """Log density at the points, [n], after checking that its mass on the grid is one.

        Raises:
            QuadratureError: it isn't, because the density isn't normalised, or part of it is outside the box or
                between the points.
        """
        values = log_density(self.points)
        mass = self.integrate(values.exp()).value.item()
        if not abs(mass - 1) <= self.tolerance:
            low, high = self.points.min(0).values.tolist(), self.points.max(0).values.tolist()
            raise QuadratureError(
                f"{name} has mass {mass:.6g} on the grid from {low} to {high} with {self.shape} points; expected 1 "
                f"within {self.tolerance:g}; pass a wider or finer grid, or a normalised density"
            )
        return values

    def image(self, values: Tensor) -> Tensor:
        """Values [n] as an array of the grid's shape; in two dimensions transposed, so that rows are the second axis.

        >>> grid = box([0.0, 0.0], [1.0, 2.0], 3)
        >>> grid.image(grid.points[:, 1])[:, 0]
        tensor([0., 1., 2.], dtype=torch.float64)
        """
        return values.reshape(self.shape).mT if len(self.shape) == 2 else values.reshape(self.shape)


def box(low: Sequence[float], high: Sequence[float], n: int, tolerance: float = 1e-5) -> Grid:
    """Grid on a box of one or more dimensions, n points along each axis.

    Args:
        low: the box's lower corner, one number per dimension.
        high: its upper corner.
        n: points along each axis, odd and at least 3, so that every second point is a grid too.
        tolerance: as in `Grid`.

    Raises:
        ValueError: a side is not positive, the corners differ in length, or n is even or below 3.

    >>> box([-1.0, -1.0], [1.0, 1.0], 5).points.shape
    torch.Size([25, 2])
    """
    if len(low) != len(high) or not low or any(a >= b for a, b in zip(low, high, strict=True)):
        raise ValueError(f"the box runs from {list(low)} to {list(high)}; pass low < high along each axis")
    if n < 3 or n % 2 == 0:
        raise ValueError(f"{n} points along each axis; pass an odd number ≥ 3, so that the step can be doubled")
    axes = [torch.linspace(a, b, n, dtype=torch.float64) for a, b in zip(low, high, strict=True)]
    steps = [(b - a) / (n - 1) for a, b in zip(low, high, strict=True)]
    fine = torch.ones(n, dtype=torch.float64)
    fine[[0, -1]] = 0.5
    coarse = torch.zeros(n, dtype=torch.float64)
    coarse[::2] = 2 * fine[::2]
    points = torch.cartesian_prod(*axes).reshape(-1, len(axes))

    return Grid(points, _product(fine, steps), _product(coarse, steps), (n,) * len(axes), tolerance)


def _product(rule: Tensor, steps: Sequence[float]) -> Tensor:
    """Product of one rule along every axis."""
    weights = torch.ones(1, dtype=rule.dtype)
    for step in steps:
        weights = (weights[:, None] * (rule * step)).flatten()
    return weights


def interval(low: float, high: float, n: int = 2001, tolerance: float = 1e-5) -> Grid:
    """Grid on an interval; arguments and errors as for `box`.

    >>> interval(-1.0, 1.0, 5).points[:, 0].tolist()
    [-1.0, -0.5, 0.0, 0.5, 1.0]
    """
    return box([low], [high], n, tolerance)
