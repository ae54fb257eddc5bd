"""Which modes of a known mixture a sample reaches."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from gancourse.errors import NotFiniteError


class Coverage(NamedTuple):
    """How a sample covers the modes of a mixture.

    Args:
        modes: how many modes at least one good sample lies at.
        share: share of good samples: those within the radius of their nearest mode.
        counts: good samples at each mode, [modes].
        reverse_kl: KL divergence in nats of the samples' shares from equal shares, each sample counted at its nearest
            mode, good or not.
        nearest: samples, good or not, that each mode is nearest to, [modes].
    """

    modes: int
    share: float
    counts: Tensor
    reverse_kl: float
    nearest: Tensor


def mode_coverage(samples: Tensor, means: Tensor, std: float, n_std: float = 3.0) -> Coverage:
    """Count the modes that samples reach, and the samples that reach one.

    Args:
        samples: points, [n, dimensions].
        means: centres of the modes, [modes, dimensions].
        std: standard deviation of each mode along each axis.
        n_std: a sample is good within so many standard deviations of its nearest centre. Of the true mixture in two
            dimensions a share 1 − exp(−n_std²/2) is: 0.989 for the usual 3.

    Raises:
        ValueError: shapes disagree, there is no sample or mode, or a width isn't positive.
        NotFiniteError: a sample isn't finite.

    Source: Srivastava et al. 2017 (VEEGAN), section 4.1; Lin et al. 2018 (PacGAN), section 4.1.

    >>> mode_coverage(torch.tensor([[0.0, 0.1], [5.0, 5.0]]), torch.tensor([[0.0, 0.0], [2.0, 0.0]]), std=0.1)[:2]
    (1, 0.5)
    """
    if samples.ndim != 2 or means.ndim != 2 or samples.shape[1] != means.shape[1] or len(samples) == 0:
        raise ValueError(
            f"samples {tuple(samples.shape)} and means {tuple(means.shape)}; expected [n, dimensions] and "
            "[modes, dimensions], with at least one sample"
        )
    if not len(means) or not std > 0 or not n_std > 0:
        raise ValueError(
            f"{len(means)} modes, std {std}, n_std {n_std}; expected at least one mode, and positive numbers"
        )
    if not torch.isfinite(samples).all():
        raise NotFiniteError("samples hold numbers that are not finite; did the training diverge?")
    distance, nearest = torch.cdist(samples.double(), means.to(samples.device).double()).min(1)
    good = nearest[distance <= n_std * std]
    counts = torch.bincount(good, minlength=len(means))
    all_counts = torch.bincount(nearest, minlength=len(means))
    shares = all_counts.double() / len(samples)
    kl = torch.special.xlogy(shares, shares * len(means)).sum().item()
    return Coverage(int((counts > 0).sum()), len(good) / len(samples), counts, kl, all_counts)
