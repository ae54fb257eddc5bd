"""What each player minimises in a training step: the usual losses, and those that people write instead."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, relu


def entropy(scores: Tensor, label: float, reduction: str = "mean") -> Tensor:
    """Cross-entropy of scores against one label."""
    return binary_cross_entropy_with_logits(scores, torch.full_like(scores, label), reduction=reduction)


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """What D minimises, averaged over the batch."""
    return entropy(real, 1.0) + entropy(fake, 0.0)


def generator_loss(fake: Tensor) -> Tensor:
    """What G minimises, averaged over the batch."""
    return entropy(fake, 1.0)


D_LOSSES: list[tuple[Callable[[Tensor, Tensor], Tensor], str]] = [
    (
        lambda real, fake: entropy(real, 0.0) + entropy(fake, 1.0),
        "D's labels are swapped: real data has the label 1, generated data 0.",
    ),
    (
        lambda real, fake: -discriminator_loss(real, fake),
        "D's loss has the wrong sign: D descends the value that it should ascend.",
    ),
    (
        lambda real, fake: discriminator_loss(real, fake) / 2,
        "D's loss is halved: add the real and the fake half, without the factor ½.",
    ),
    (lambda real, fake: entropy(real, 1.0), "D sees the real half of its loss only."),
    (lambda real, fake: entropy(fake, 0.0), "D sees the fake half of its loss only."),
    (
        lambda real, fake: entropy(real, 1.0, "sum") + entropy(fake, 0.0, "sum"),
        "D's loss is summed over the batch; take the mean, or the learning rate depends on the batch size.",
    ),
    (
        lambda real, fake: entropy(real, 0.9) + entropy(fake, 0.0),
        "D's labels are smoothed: real data has the label 1, not 0.9.",
    ),
    (
        lambda real, fake: entropy(real, 0.9) + entropy(fake, 0.1),
        "D's labels are smoothed, to 0.9 and 0.1; they are 1 and 0.",
    ),
    (lambda real, fake: (fake - real).mean(), "D has the Wasserstein critic's loss; the exercise asks for logarithms."),
    (
        lambda real, fake: (relu(1 - real) + relu(1 + fake)).mean(),
        "D has the hinge loss; the exercise asks for logarithms.",
    ),
    (
        lambda real, fake: ((real - 1).square() + fake.square()).mean(),
        "D has the least-squares loss; the exercise asks for logarithms.",
    ),
    (
        lambda real, fake: entropy(real.sigmoid(), 1.0) + entropy(fake.sigmoid(), 0.0),
        "D's scores pass through two sigmoids: a loss of logits has one inside.",
    ),
]
"""Losses that people give D, and what to say of each."""

G_LOSSES: list[tuple[Callable[[Tensor], Tensor], str]] = [
    (
        lambda fake: -entropy(fake, 0.0),
        "G minimises log(1 − D(G(z))), the saturating minimax loss; the exercise asks "
        "for the non-saturating one, −log D(G(z)).",
    ),
    (
        lambda fake: -entropy(fake, 1.0),
        "G's loss has the wrong sign: it descends +log D(G(z)), which makes its data look worse.",
    ),
    (
        lambda fake: entropy(fake, 0.0),
        "G's loss takes the label 0: it learns to be recognised. G wants D to say 'real', label 1.",
    ),
    (lambda fake: generator_loss(fake) / 2, "G's loss is halved."),
    (
        lambda fake: entropy(fake, 1.0, "sum"),
        "G's loss is summed over the batch; take the mean, or the learning rate depends on the batch size.",
    ),
    (lambda fake: entropy(fake, 0.9), "G's label is smoothed: it is 1, not 0.9."),
    (lambda fake: -fake.mean(), "G has the loss of Wasserstein and hinge GANs, −score; the exercise asks for −log D."),
    (lambda fake: -fake.sigmoid().mean(), "G's loss is −D, without the logarithm."),
    (lambda fake: (fake - 1).square().mean(), "G has the least-squares loss; the exercise asks for −log D."),
    (lambda fake: entropy(fake.sigmoid(), 1.0), "G's scores pass through two sigmoids."),
]
"""Losses that people give G, and what to say of each."""
