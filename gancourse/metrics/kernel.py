"""Kernel distance: maximum mean discrepancy with a polynomial kernel."""

from __future__ import annotations

import torch
from torch import Tensor

from gancourse.metrics.estimates import Estimate
from gancourse.metrics.features import Numbers, pair

BLOCK = 1024


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    """k(x, y) = (x·y/d + 1)³, [n, m]."""
    base = torch.addmm(x.new_ones(()), x, y.T, alpha=1 / x.shape[1])
    return base * base * base


def _sum(x: Tensor, y: Tensor) -> Tensor:
    """Sum of the kernel over all pairs; in blocks, so that memory doesn't grow with n · m."""
    return torch.stack([_kernel(part, y).sum() for part in x.split(BLOCK)]).sum()


def _sum_of_pairs(x: Tensor, unbiased: bool) -> Tensor:
    """Mean of the kernel within a set: over pairs of different points, or over all."""
    n, total = len(x), _sum(x, x)
    if not unbiased:
        return total / n**2
    own = (x.square().sum(1) / x.shape[1] + 1).pow(3).sum()
    return (total - own) / (n * (n - 1))


def kernel_distance(real: Numbers, generated: Numbers, unbiased: bool = True) -> float:
    """Squared maximum mean discrepancy with k(x, y) = (x·y/d + 1)³, over all pairs: the kernel (Inception) distance.

    The kernel is a polynomial of degree three, so this compares the first three moments of the features. The unbiased
    value averages over pairs of different points; it may be negative, and its mean doesn't depend on n. The biased one
    counts each point's similarity to itself, and is too large by about (E k(x, x) − E k(x, x'))/n from each set.

    Args:
        real: features of real data, [n, features].
        generated: features of generated data, [m, features].
        unbiased: leave out each point's pair with itself.

    Raises:
        ValueError: shapes disagree, a set has fewer than two rows, or a feature isn't finite.

    Source: Bińkowski et al. 2018, section 4; Gretton et al. 2012, eq. 3 and 5.

    >>> kernel_distance(torch.tensor([[0.0], [0.0]]), torch.tensor([[1.0], [1.0]]))
    7.0
    """
    x, y = pair(real, generated)
    within = _sum_of_pairs(x, unbiased) + _sum_of_pairs(y, unbiased)
    return (within - 2 * _sum(x, y) / (len(x) * len(y))).item()


def kernel_distance_subsets(
    real: Numbers, generated: Numbers, subset_size: int = 1000, n_subsets: int = 100, seed: int = 0
) -> Estimate:
    """Kernel distance as it is usually reported: mean and deviation over random subsets of equal size.

    Args:
        real: features of real data, [n, features].
        generated: features of generated data, [m, features].
        subset_size: samples of each side in a subset, drawn without replacement.
        n_subsets: how many subsets.
        seed: of the draws.

    Raises:
        ValueError: a set is smaller than a subset, or a number is out of range; else as for `kernel_distance`.

    Source: Bińkowski et al. 2018, section 4, "block" estimates of the reference code.

    >>> x = torch.arange(40.0)[:, None] / 40
    >>> estimate = kernel_distance_subsets(x, x + 1, subset_size=10, n_subsets=5)
    >>> estimate.mean > 3 * estimate.standard_deviation, estimate.values.shape
    (True, torch.Size([5]))
    """
    x, y = pair(real, generated)
    if not 2 <= subset_size <= min(len(x), len(y)) or n_subsets < 1:
        raise ValueError(
            f"subset_size is {subset_size} and n_subsets {n_subsets} for {len(x)} real and {len(y)} generated samples; "
            "expected 2 or more, none larger than a set, and at least 1 subset"
        )
    random = torch.Generator().manual_seed(seed)

    def subset(features: Tensor) -> Tensor:
        return features[torch.randperm(len(features), generator=random)[:subset_size].to(features.device)]

    values = [kernel_distance(subset(x), subset(y)) for _ in range(n_subsets)]
    return Estimate.of(torch.tensor(values, dtype=torch.float64))
