"""Adversarial losses: functions of scores (logits, high = real), one value per sample.

Written with softplus, log(1 + eˢ): −log σ(s) = softplus(−s) and −log(1 − σ(s)) = softplus(s) stay finite, and keep
their gradients, where a sigmoid has rounded to 0 or 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor
from torch.nn.functional import relu, softplus

from gancourse.names import lookup


class Objective(NamedTuple):
    """What the two players minimise.

    Args:
        name: the field's name for the pair.
        discriminator: maps scores of real and of generated data, [batch] each, to losses [batch].
        generator: maps scores of generated data [batch] to losses [batch]; if `relative`, it is called with the scores
            of real data as a second argument.
        source: paper and equation.
        relative: whether the generator's loss looks at the scores of real data too.
    """

    name: str
    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[..., Tensor]
    source: str
    relative: bool = False


def _cross_entropy(real: Tensor, fake: Tensor) -> Tensor:
    return softplus(-real) + softplus(fake)


minimax = Objective(
    "minimax", _cross_entropy, lambda fake: -softplus(fake), "Goodfellow et al. 2014, eq. 1: G minimises log(1 − D)"
)
non_saturating = Objective(
    "non-saturating",
    _cross_entropy,
    lambda fake: softplus(-fake),
    "Goodfellow et al. 2014, section 3: G minimises −log D",
)
least_squares = Objective(
    "least-squares",
    lambda real, fake: ((real - 1).square() + fake.square()) / 2,
    lambda fake: (fake - 1).square() / 2,
    "Mao et al. 2017, eq. 9: a = 0, b = c = 1",
)
hinge = Objective(
    "hinge",
    lambda real, fake: relu(1 - real) + relu(1 + fake),
    lambda fake: -fake,
    "Lim and Ye 2017; Miyato et al. 2018, eqs 16 and 17",
)
wasserstein = Objective(
    "wasserstein",
    lambda real, fake: fake - real,
    lambda fake: -fake,
    "Arjovsky, Chintala, Bottou 2017, eqs 2 and 3: needs a Lipschitz critic",
)

objectives = {o.name: o for o in (minimax, non_saturating, least_squares, hinge, wasserstein)}
"""Every objective by name."""


def objective(name: str) -> Objective:
    """Objective of that name.

    Raises:
        ValueError: there is none; the message suggests the nearest.

    >>> objective("hinge").source
    'Lim and Ye 2017; Miyato et al. 2018, eqs 16 and 17'
    """
    return lookup(objectives, name, "objective")
