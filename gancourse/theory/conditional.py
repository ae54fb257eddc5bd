"""The value of a conditional game, by quadrature over x for each class."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import softplus

from gancourse.theory.quadrature import Grid, LogDensity


def conditional_value(
    log_p: Sequence[LogDensity],
    log_q: Sequence[LogDensity],
    weights: Tensor,
    grid: Grid,
    generated_weights: Tensor | None = None,
) -> Tensor:
    """Value at the best discriminator of pairs (x, c): E log D*(x, c) + E log(1 − D*(x, c)), in nats.

    D* compares the joint densities p(c) p(x | c) and r(c) q(x | c). Where the generator draws its classes like the
    data's, r = p, the value is E_c[2 JS(p(· | c), q(· | c))] − 2 log 2: each class is a game of its own, with the
    class's weight. A discriminator of x alone reaches 2 JS of the marginals only, which is 0 for swapped labels.

    Args:
        log_p: log density of the data within each class; each maps [n, dimensions] to [n].
        log_q: of generated samples, likewise.
        weights: probability of each class in the data, [classes].
        grid: points to evaluate them at.
        generated_weights: probability of each class in generated samples; those of the data if left out.

    Returns:
        A scalar, differentiable with respect to all tensors that the densities and weights depend on.

    Raises:
        ValueError: the numbers of classes differ, or weights aren't probabilities.
        QuadratureError: a density has lost mass, or the integral has not converged.

    Source: Goodfellow et al. 2014, theorem 1, for the joint distributions; Mirza and Osindero 2014, eq. 2.

    >>> from gancourse.theory import interval
    >>> normal = lambda mean: lambda x: torch.distributions.Normal(mean, 1.0).log_prob(x[:, 0])
    >>> value = conditional_value(
    ...     [normal(-2.0), normal(2.0)], [normal(0.0), normal(2.0)], torch.ones(2) / 2, interval(-12.0, 12.0)
    ... )
    >>> round(value.item(), 6)
    -1.049464
    """
    other = weights if generated_weights is None else generated_weights
    for name, numbers in (("weights", weights), ("generated_weights", other)):
        if numbers.shape != (len(log_p),) or len(log_q) != len(log_p):
            raise ValueError(
                f"{name} has shape {tuple(numbers.shape)} for {len(log_p)} densities of data and {len(log_q)} generated"
                " ones; pass one of each for every class"
            )
        if not (numbers >= 0).all() or abs(numbers.sum().item() - 1) > 1e-6:
            raise ValueError(f"{name} are {numbers.tolist()}; expected probabilities that sum to 1")
    return sum(
        _of_class(p, q, mine, theirs, grid)
        for p, q, mine, theirs in zip(log_p, log_q, weights.double(), other.double(), strict=True)
    )


def _of_class(log_p: LogDensity, log_q: LogDensity, weight: Tensor, generated_weight: Tensor, grid: Grid) -> Tensor:
    """What one class adds to the value; nothing where neither draws it."""
    if not weight and not generated_weight:
        return weight * 0
    a = weight.log() + grid.evaluate(log_p, "the data's density")
    b = generated_weight.log() + grid.evaluate(log_q, "the generated density")

    def half(u: Tensor, v: Tensor) -> Tensor:
        """∫ exp(u) log(exp(u) / (exp(u) + exp(v))), with 0 · log 0 = 0."""
        on = u > -torch.inf
        return grid.checked(torch.zeros_like(u).masked_scatter(on, -u[on].exp() * softplus(v[on] - u[on])))

    return half(a, b) + half(b, a)
