"""Objectives that come from reweighting generated samples: boundary-seeking and softmax GANs."""

from __future__ import annotations

import torch
from torch import Tensor

from gancourse.objectives.losses import Objective, cross_entropy
from gancourse.processes import gather

boundary_seeking = Objective(
    "boundary-seeking",
    cross_entropy,
    # log D − log(1 − D) is the score itself.
    lambda fake: fake.square() / 2,
    "Hjelm et al. 2018, the loss for continuous data: G minimises ½ (log D − log(1 − D))²",
)


def _check(real: Tensor, fake: Tensor) -> None:
    if real.shape != fake.shape:
        raise ValueError(
            f"{tuple(real.shape)} real and {tuple(fake.shape)} generated scores; pass equally many of each"
        )


def _log_partition(real: Tensor, fake: Tensor) -> Tensor:
    """Log of Σ eˢ over the scores of the whole batch, real and generated."""
    return gather(torch.cat([real, fake])).logsumexp(0)


def _softmax_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    _check(real, fake)
    return _log_partition(real, fake) - real


def _softmax_generator(fake: Tensor, real: Tensor) -> Tensor:
    _check(real, fake)
    return _log_partition(real, fake) - (real + fake) / 2


softmax = Objective(
    "softmax",
    # The batch's 2n scores make one softmax. D's target is equal mass on the n real samples, G's on all 2n. The mean
    # of these values is the paper's loss; each contains the partition sum, so it depends on the whole batch.
    _softmax_discriminator,
    _softmax_generator,
    "Lin 2017 (Softmax GAN), section 3, with score = −µ",
    relative=True,
)
