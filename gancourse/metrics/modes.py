"""Coverage of the modes of a known mixture, or of classes, by samples."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from gancourse.errors import NotFiniteError
from gancourse.metrics.features import Numbers, comparable, tensor


class Coverage(NamedTuple):
    """How a sample covers the modes of a mixture.

    Args:
        modes: number of modes with at least one good sample.
        share: share of good samples, which are those within the radius of their nearest mode.
        counts: good samples at each mode, [modes].
        reverse_kl: KL divergence in nats of the samples' shares from equal shares, each sample counted at its nearest
            mode, good or not.
        nearest: number of samples, good or not, nearest to each mode, [modes].
    """

    modes: int
    share: float
    counts: Tensor
    reverse_kl: float
    nearest: Tensor


def mode_coverage(samples: Numbers, means: Numbers, std: float, n_std: float = 3.0) -> Coverage:
    """Count the modes that samples cover, and the samples close to a mode.

    Args:
        samples: points, [n, dimensions].
        means: centres of the modes, [modes, dimensions].
        std: standard deviation of each mode along each axis.
        n_std: a sample is good within this number of standard deviations of its nearest centre. For the true mixture in
            two dimensions, the share of good samples is 1 − exp(−n_std²/2): 0.989 for the usual 3.

    Raises:
        ValueError: shapes disagree, there is no sample or mode, a width isn't positive, or a centre isn't finite.
        NotFiniteError: a sample isn't finite.

    Source: Srivastava et al. 2017 (VEEGAN), section 4.1; Lin et al. 2018 (PacGAN), section 4.1.

    >>> mode_coverage(torch.tensor([[0.0, 0.1], [5.0, 5.0]]), torch.tensor([[0.0, 0.0], [2.0, 0.0]]), std=0.1)[:2]
    (1, 0.5)
    """
    samples, means = comparable(samples=samples, means=means)
    if samples.ndim != 2 or means.ndim != 2 or samples.shape[1] != means.shape[1] or len(samples) == 0:
        raise ValueError(
            f"samples {tuple(samples.shape)} and means {tuple(means.shape)}; expected [n, dimensions] and "
            "[modes, dimensions], with at least one sample"
        )
    if not len(means) or not std > 0 or not n_std > 0:
        raise ValueError(
            f"{len(means)} modes, std {std}, n_std {n_std}; expected at least one mode, and positive numbers"
        )
    if not torch.isfinite(means).all():
        raise ValueError("means have numbers that are not finite; pass the centres of modes")
    if not torch.isfinite(samples).all():
        raise NotFiniteError("samples have numbers that are not finite; check whether the training diverged")
    x, centres = samples.double(), means.to(samples.device).double()
    # From differences: the expanded square loses half its digits far from 0.
    distance, nearest = torch.cdist(x, centres, compute_mode="donot_use_mm_for_euclid_dist").min(1)
    good = nearest[distance <= n_std * std]
    counts = torch.bincount(good, minlength=len(means))
    all_counts = torch.bincount(nearest, minlength=len(means))
    shares = all_counts.double() / len(samples)
    kl = torch.special.xlogy(shares, shares * len(means)).sum().item()
    return Coverage(int((counts > 0).sum()), len(good) / len(samples), counts, kl, all_counts)


class ClassCoverage(NamedTuple):
    """The distribution of samples over classes.

    Args:
        modes: number of classes that occur.
        reverse_kl: KL divergence in nats of the samples' shares from equal shares; log n_classes if only one occurs.
        counts: samples of each class, [n_classes].
    """

    modes: int
    reverse_kl: float
    counts: Tensor


def class_coverage(labels: Numbers, n_classes: int) -> ClassCoverage:
    """Count the classes of samples, as labelled by a classifier; there are 1,000 for stacked digits.

    A class that doesn't occur adds 0 · log 0 = 0 to the divergence. n perfect samples have a reverse KL of about
    (n_classes − 1)/2n, not 0.

    Args:
        labels: class of each sample, integers [n].
        n_classes: number of classes.

    Raises:
        ValueError: there is no sample, or a label isn't one of 0 … n_classes − 1.

    Source: Metz et al. 2017, section 3.3.1; Srivastava et al. 2017, section 4.2.

    >>> class_coverage(torch.tensor([0, 0, 1, 1]), 4)[:2]
    (2, 0.6931471805599453)
    """
    labels = tensor(labels, "labels")
    if labels.ndim != 1 or not len(labels) or labels.is_floating_point() or labels.is_complex():
        raise ValueError(f"labels are {labels.dtype} {tuple(labels.shape)}; expected integers [n], at least one")
    if not 0 <= int(labels.min()) <= int(labels.max()) < n_classes:
        raise ValueError(
            f"labels run from {int(labels.min())} to {int(labels.max())}; expected 0 to {n_classes - 1}: "
            "pass n_classes as large as the classifier's"
        )
    counts = torch.bincount(labels.long(), minlength=n_classes)
    shares = counts.double() / len(labels)
    kl = torch.special.xlogy(shares, shares * n_classes).sum().item()
    return ClassCoverage(int((counts > 0).sum()), max(kl, 0.0), counts)
