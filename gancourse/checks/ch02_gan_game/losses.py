"""Checks of the losses of the first game: cross-entropy from logits, for the discriminator and for the generator."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import relu

from gancourse.checks.engine.comparison import Gradients, Mistake, Values, reductions
from gancourse.checks.engine.logits import (
    EVERY_SCORE,
    SOFTPLUS,
    Entropy,
    cross_entropy,
    score_cases,
    swept_scores,
    unstable,
)
from gancourse.checks.engine.ranges import EachSample
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects

DESCRIPTION = "One value per sample, all scores up to ±1000, gradients, in single and double precision."
KEEP = "Return one value per sample; whoever trains takes the mean, after weighting the samples where needed."


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """The right answer of ex-02-discriminator-loss."""
    return _pair(cross_entropy, real, fake)


def generator_loss(fake: Tensor) -> Tensor:
    """The right answer of ex-02-generator-loss."""
    return _single(cross_entropy, fake)


def _pair(entropy: Entropy, real: Tensor, fake: Tensor) -> Tensor:
    return entropy(real, 1.0) + entropy(fake, 0.0)


def _single(entropy: Entropy, fake: Tensor) -> Tensor:
    return entropy(fake, 1.0)


DISCRIMINATOR_MISTAKES = [
    *reductions(discriminator_loss, KEEP),
    Mistake(
        lambda real, fake: discriminator_loss(real, fake).mean() / 2,
        "That is the mean over the batch of half the loss: sum the two parts, and return one value per sample.",
    ),
    Mistake(
        lambda real, fake: cross_entropy(real, 0.0) + cross_entropy(fake, 1.0),
        "That has the labels swapped: it teaches D to give real data the low scores. High score = real.",
    ),
    Mistake(
        lambda real, fake: cross_entropy(real, 1.0) + cross_entropy(fake, 1.0),
        "That calls the fake data real: its half needs −log(1 − σ(fake)) = softplus(+fake).",
    ),
    Mistake(
        lambda real, fake: cross_entropy(real, 0.0) + cross_entropy(fake, 0.0),
        "That calls the real data fake: its half needs −log σ(real) = softplus(−real).",
    ),
    Mistake(lambda real, fake: cross_entropy(real, 1.0), "That is the real half only; D must also learn what is fake."),
    Mistake(lambda real, fake: cross_entropy(fake, 0.0), "That is the fake half only; D must also learn what is real."),
    Mistake(
        lambda real, fake: discriminator_loss(real, fake) / 2,
        "That is half the loss. The value function adds its two expectations; the half changes D's step against G's.",
    ),
    Mistake(
        lambda real, fake: -discriminator_loss(real, fake),
        "That is the value that D maximises. Optimisers descend: return its negative.",
    ),
    Mistake(
        lambda real, fake: torch.cat([cross_entropy(real, 1.0), cross_entropy(fake, 0.0)]),
        "That strings the two halves together; add the losses of real[i] and fake[i].",
    ),
    Mistake(lambda real, fake: fake - real, "That is the Wasserstein critic's loss; this one needs logarithms."),
    Mistake(
        lambda real, fake: relu(1 - real) + relu(1 + fake),
        "That is the hinge loss, which is 0 beyond ±1; this one needs logarithms.",
    ),
    Mistake(
        lambda real, fake: (real - 1).square() + fake.square(),
        "That is the least-squares loss; this one needs logarithms.",
    ),
    Mistake(
        lambda real, fake: -cross_entropy(real, 0.0) - cross_entropy(fake, 1.0),
        "That is log(1 − σ(real)) + log σ(fake): the logarithms of the other side, which are negative. The loss is "
        "−log σ(real) − log(1 − σ(fake)).",
    ),
    Mistake(
        lambda real, fake: cross_entropy(real, 0.9) + cross_entropy(fake, 0.0),
        "That has the label of the real scores smoothed, to 0.9; here it is 1.",
    ),
    Mistake(
        lambda real, fake: discriminator_loss(real, fake) / len(real),
        f"That divides each sample's loss by the size of the batch. {KEEP}",
    ),
    *[Mistake(partial(_pair, entropy), message) for entropy, message in unstable()],
]

GENERATOR_MISTAKES = [
    *reductions(generator_loss, KEEP),
    Mistake(
        lambda fake: -cross_entropy(fake, 0.0),
        "That is log(1 − D), the minimax loss: where D is sure (score −50) its gradient is σ(score) ≈ 0 and G learns "
        "nothing. The non-saturating loss is −log D.",
    ),
    Mistake(
        lambda fake: cross_entropy(fake, 0.0),
        "That is −log(1 − D), the cross-entropy against the label 0: minimising it makes G's data look fake.",
    ),
    Mistake(
        lambda fake: -cross_entropy(fake, 1.0),
        "That is +log D, which G would have to ascend. Optimisers descend: return −log D.",
    ),
    Mistake(lambda fake: -fake, "That is −score, the loss of Wasserstein and hinge GANs; this one is −log σ(score)."),
    Mistake(lambda fake: -fake.sigmoid(), "That is −D without the logarithm: its gradient vanishes where D is sure."),
    Mistake(lambda fake: 1 - fake.sigmoid(), "That is 1 − D, the probability of being caught, without a logarithm."),
    Mistake(lambda fake: generator_loss(fake) / 2, "That is half of −log D."),
    Mistake(lambda fake: (fake - 1).square(), "That is the least-squares generator's loss; this one is −log σ(score)."),
    Mistake(
        lambda fake: generator_loss(fake) / len(fake),
        f"That divides each sample's loss by the size of the batch. {KEEP}",
    ),
    *[Mistake(partial(_single, entropy), message) for entropy, message in unstable()],
]


_pair_cases = partial(score_cases, "real", "fake", example={"real": [0.0, 2.0], "fake": [0.0, -1.0]})
_single_cases = partial(score_cases, "fake", example={"fake": [0.0, -50.0]})
_swept_pairs, _swept = partial(swept_scores, "real", "fake"), partial(swept_scores, "fake")

DISCRIMINATOR_LOSS = Exercise(
    "ex-02-discriminator-loss",
    "discriminator_loss(real, fake)",
    points=2,
    steps=[
        Values(_pair_cases, discriminator_loss, DISCRIMINATOR_MISTAKES),
        Gradients(partial(score_cases, "real", "fake"), discriminator_loss, hint=SOFTPLUS),
        NoSideEffects(_pair_cases),
        EachSample(_swept_pairs, discriminator_loss, hint=EVERY_SCORE),
    ],
    description=DESCRIPTION,
)

GENERATOR_LOSS = Exercise(
    "ex-02-generator-loss",
    "non_saturating_loss(fake)",
    points=2,
    steps=[
        Values(_single_cases, generator_loss, GENERATOR_MISTAKES),
        Gradients(partial(score_cases, "fake"), generator_loss, hint=SOFTPLUS),
        NoSideEffects(_single_cases),
        EachSample(_swept, generator_loss, hint=EVERY_SCORE),
    ],
    description=DESCRIPTION,
)
