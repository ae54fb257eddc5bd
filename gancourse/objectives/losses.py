"""Adversarial losses: functions of scores (logits, high = real), one value per sample.

Written with softplus, log(1 + eˢ): −log σ(s) = softplus(−s) and −log(1 − σ(s)) = softplus(s) stay finite, and keep
their gradients, where a sigmoid has rounded to 0 or 1.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import NamedTuple

from torch import Tensor
from torch.nn.functional import relu, softplus

from gancourse.arguments import check_reals


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


def paired(loss: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """A loss of two sets of scores that refuses sets of different shapes: torch would combine each with each.

    >>> import torch
    >>> wasserstein.discriminator(torch.zeros(2, 1), torch.zeros(2))
    Traceback (most recent call last):
    ValueError: scores of real and generated samples have shapes (2, 1) and (2,); expected [batch] of equal lengths
    """

    @wraps(loss)
    def checked(first: Tensor, second: Tensor) -> Tensor:
        if first.shape != second.shape:
            raise ValueError(
                f"scores of real and generated samples have shapes {tuple(first.shape)} and {tuple(second.shape)}; "
                "expected [batch] of equal lengths"
            )
        return loss(first, second)

    return checked


@paired
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
    paired(lambda real, fake: ((real - 1).square() + fake.square()) / 2),
    lambda fake: (fake - 1).square() / 2,
    "Mao et al. 2017, eq. 9: a = 0, b = c = 1",
)
hinge = Objective(
    "hinge",
    paired(lambda real, fake: relu(1 - real) + relu(1 + fake)),
    lambda fake: -fake,
    "Lim and Ye 2017; Miyato et al. 2018, eqs 16 and 17",
)
wasserstein = Objective(
    "wasserstein",
    paired(lambda real, fake: fake - real),
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
    check_reals(real=real, fake=fake)
    if not 0 <= fake < real <= 1:
        raise ValueError(f"labels are real {real} and fake {fake}; expected 0 ≤ fake < real ≤ 1")
    if not hasattr(base, "discriminator"):
        raise ValueError(f"base is {base!r:.100}; pass an objective such as non_saturating")
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
