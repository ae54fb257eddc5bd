"""Adversarial losses: functions of scores (logits, high = real), one value per sample.

Written with softplus, log(1 + eˢ): −log σ(s) = softplus(−s) and −log(1 − σ(s)) = softplus(s) stay finite, and keep
their gradients, where a sigmoid has rounded to 0 or 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor
from torch.nn.functional import relu, softplus


class Objective(NamedTuple):
    """The losses of the two players.

    Args:
        name: the usual name of the pair.
        discriminator: maps scores of real and of generated data, [batch] each, to losses [batch].
        generator: maps scores of generated data [batch] to losses [batch]; if `relative`, it is called with the scores
            of real data as a second argument.
        source: paper and equation.
        relative: whether the generator's loss also depends on the scores of real data.
    """

    name: str
    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[..., Tensor]
    source: str
    relative: bool = False


def cross_entropy(real: Tensor, fake: Tensor) -> Tensor:
    """The discriminator's loss −log D(real) − log(1 − D(fake)) where D = σ(score), [batch]."""
    return softplus(-real) + softplus(fake)


minimax = Objective(
    "minimax", cross_entropy, lambda fake: -softplus(fake), "Goodfellow et al. 2014, eq. 1: G minimises log(1 − D)"
)
non_saturating = Objective(
    "non-saturating",
    cross_entropy,
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


def label_smoothing(real: float = 0.9, fake: float = 0.0, base: Objective = non_saturating) -> Objective:
    """An objective with soft labels in the discriminator's cross-entropy, and the generator's loss unchanged.

    With label r the loss of a real score s is −r log σ(s) − (1 − r) log(1 − σ(s)) = softplus(−s) + (1 − r) s.
    One-sided smoothing keeps fake at 0: with smoothed fake labels, the gradient of −log σ(s) at the optimal
    discriminator would vanish where there are generated samples only.

    Args:
        real: label of real samples, in (0, 1].
        fake: label of generated samples, in [0, 1).
        base: objective whose discriminator minimises the cross-entropy.

    Raises:
        ValueError: a label is out of range, fake is not below real, or the base has another discriminator loss.

    Source: Salimans et al. 2016, section 3.4.

    >>> label_smoothing().name
    'non-saturating, labels 0.9 and 0'
    """
    if not 0 <= fake < real <= 1:
        raise ValueError(f"labels are real {real} and fake {fake}; expected 0 ≤ fake < real ≤ 1")
    if base.discriminator is not cross_entropy:
        raise ValueError(
            f"the discriminator of {base.name!r} doesn't minimise a cross-entropy, so it has no labels to smooth; pass "
            "a base such as non_saturating"
        )
    return Objective(
        f"{base.name}, labels {real:g} and {fake:g}",
        lambda r, f: cross_entropy(r, f) + (1 - real) * r - fake * f,
        base.generator,
        "Salimans et al. 2016, section 3.4",
        base.relative,
    )
