"""Relativistic objectives: a real sample has to score higher than a generated one, not high as such.

All of them change nothing if a constant is added to every score, and in all of them the generator sees real scores.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn.functional import relu, softplus

from gancourse.objectives.losses import Objective
from gancourse.processes import mean

Loss = Callable[[Tensor], Tensor]
"""What it costs that a real sample's score exceeds its opponent's by so much, elementwise."""


def pairing(name: str, loss: Loss, source: str) -> Objective:
    """Each real sample against one generated sample: D minimises loss(real − fake), G loss(fake − real)."""
    return Objective(
        name, lambda real, fake: loss(real - fake), lambda fake, real: loss(fake - real), source, relative=True
    )


def average(name: str, loss: Loss, source: str) -> Objective:
    """Each sample against the mean score of the other kind in the batch; D's and G's losses are each other's mirror."""

    def first_above_second(first: Tensor, second: Tensor) -> Tensor:
        return loss(first - mean(second.mean())) + loss(mean(first.mean()) - second)

    return Objective(
        name,
        first_above_second,
        lambda fake, real: first_above_second(fake, real),
        source,
        relative=True,
    )


_PAPER = "Jolicoeur-Martineau 2019"
relativistic_pairing = pairing("relativistic-pairing", lambda d: softplus(-d), f"{_PAPER} (RSGAN)")
relativistic_average = average("relativistic-average", lambda d: softplus(-d), f"{_PAPER} (RaSGAN)")
relativistic_average_least_squares = average(
    "relativistic-average-least-squares", lambda d: (d - 1).square(), f"{_PAPER} (RaLSGAN)"
)
relativistic_average_hinge = average("relativistic-average-hinge", lambda d: relu(1 - d), f"{_PAPER} (RaHingeGAN)")
