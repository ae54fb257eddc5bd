"""Relativistic objectives: losses of the difference between scores of real and of generated samples.

They are invariant to a constant added to every score, and in all of them the generator's loss uses real scores too.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn.functional import relu, softplus

from gancourse.objectives.losses import Objective
from gancourse.processes import mean

Loss = Callable[[Tensor], Tensor]
"""Maps the difference by which a real score exceeds a generated one to a loss, elementwise."""


def pairing(name: str, loss: Loss, source: str) -> Objective:
    """Each real sample against one generated sample: D minimises loss(real − fake), G loss(fake − real)."""
    return Objective(
        name, lambda real, fake: loss(real - fake), lambda fake, real: loss(fake - real), source, relative=True
    )


def average(name: str, loss: Loss, source: str) -> Objective:
    """Each sample against the mean score of the other kind in the batch; G's loss is D's with both swapped."""

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
