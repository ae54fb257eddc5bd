"""What a network is trained to predict of x_t = α x₀ + σ ε, and how x₀ and ε follow from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from gancourse.diffusion.forward import Level, any_of, fitted
from gancourse.names import lookup


class Estimate(NamedTuple):
    """What a denoiser says of a noisy x: α · x0 + σ · noise = x.

    Args:
        x0: estimate of the data, [batch, ...].
        noise: estimate of ε, of the same shape.
    """

    x0: Tensor
    noise: Tensor


class Target(NamedTuple):
    """A quantity a · x₀ + b · ε that a network predicts.

    Args:
        name: of the target.
        weights: maps the level to (a, b), each float64 of the level's shape.
        source: who proposed it.
    """

    name: str
    weights: Callable[[Level], tuple[Tensor, Tensor]]
    source: str

    def of(self, x0: Tensor, noise: Tensor, level: Level) -> Tensor:
        """What the network should predict, [batch, ...].

        Args:
            x0: data, [batch, ...].
            noise: ε, of the same shape.
            level: at which x is.

        >>> target("velocity").of(torch.tensor([[1.0]]), torch.tensor([[3.0]]), Level(*torch.tensor([0.6, 0.8])))
        tensor([[2.]])
        """
        a, b = self.weights(level)
        return fitted(a, x0) * x0 + fitted(b, x0) * noise

    def _determinant(self, level: Level) -> Tensor:
        a, b = self.weights(level)
        determinant = level.signal * b - level.noise * a
        if any_of(determinant == 0):
            raise ValueError(
                f"predicting the {self.name} doesn't determine x₀ and ε where the signal is "
                f"{level.signal.min().item():g} and the noise {level.noise.min().item():g}; leave this time out, or "
                "predict v or the velocity"
            )
        return determinant

    def estimate(self, x: Tensor, prediction: Tensor, level: Level) -> Estimate:
        """x̂₀ and ε̂ that follow from a prediction: the solution of two linear equations.

        Args:
            x: noisy data, [batch, ...].
            prediction: of the target at x, of the same shape.
            level: at which x is.

        Raises:
            ValueError: shapes differ, or the target doesn't determine both: ε where no signal is left, x₀ where there
                is no noise.

        Source: Ho et al. 2020, eq. 15 (ε); Salimans and Ho 2022, appendix D (v).

        >>> level = Level(*torch.tensor([0.6, 0.8]))
        >>> x0, noise = torch.tensor([[1.0]]), torch.tensor([[3.0]])
        >>> target("v").estimate(0.6 * x0 + 0.8 * noise, target("v").of(x0, noise, level), level)
        Estimate(x0=tensor([[1.]]), noise=tensor([[3.]]))
        """
        if prediction.shape != x.shape:
            raise ValueError(f"the prediction has shape {tuple(prediction.shape)}, x {tuple(x.shape)}; expected equal")
        (a, b), determinant = self.weights(level), self._determinant(level)

        def combined(of_x: Tensor, of_prediction: Tensor) -> Tensor:
            return fitted(of_x / determinant, x) * x + fitted(of_prediction / determinant, x) * prediction

        return Estimate(combined(b, -level.noise), combined(-a, level.signal))

    def data_weight(self, level: Level) -> Tensor:
        """What a squared error of the prediction is multiplied by to become one of x̂₀, float64 of the level's shape.

        For ε it is σ²/α², so that the unweighted loss of ε weights errors of x₀ by the signal-to-noise ratio.

        >>> target("noise").data_weight(Level(*torch.tensor([0.6, 0.8])))
        tensor(1.7778)
        """
        return (level.noise / self._determinant(level)).square()


def _constant(a: float, b: float) -> Callable[[Level], tuple[Tensor, Tensor]]:
    return lambda level: (torch.full_like(level.signal, a), torch.full_like(level.signal, b))


targets = {
    t.name: t
    for t in (
        Target("noise", _constant(0, 1), "Ho, Jain, Abbeel 2020, eq. 14"),
        Target("data", _constant(1, 0), "Ho, Jain, Abbeel 2020, section 3.2"),
        Target("v", lambda level: (-level.noise, level.signal), "Salimans and Ho 2022, section 4"),
        Target("velocity", _constant(-1, 1), "Lipman et al. 2023, eq. 23; Liu, Gong, Liu 2023, eq. 1"),
    )
}
"""Targets by name: ε, x₀, v = α ε − σ x₀ and the velocity ε − x₀."""


def target(name: str) -> Target:
    """Target of that name: "noise", "data", "v" or "velocity".

    Raises:
        ValueError: there is none; the message suggests the nearest.

    >>> target("noise").source
    'Ho, Jain, Abbeel 2020, eq. 14'
    """
    return lookup(targets, name, "target")


def converted(prediction: Tensor, x: Tensor, level: Level, source: str, to: str) -> Tensor:
    """A prediction of one target as one of another, [batch, ...].

    Args:
        prediction: of the target `source`, [batch, ...].
        x: the noisy data, of the same shape.
        level: at which x is.
        source: name of the target that was predicted.
        to: name of the wanted one.

    Raises:
        ValueError: a target is unknown, or the first doesn't determine the second at this level.

    >>> level = Level(*torch.tensor([0.6, 0.8]))
    >>> converted(torch.tensor([[3.0]]), torch.tensor([[3.0]]), level, "noise", "data")
    tensor([[1.0000]])
    """
    if target(source) is target(to):  # possible at every level
        return prediction
    return target(to).of(*target(source).estimate(x, prediction, level), level)
