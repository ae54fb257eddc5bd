"""A test of whether a generator has memorised its training set."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from gancourse.metrics.features import Numbers, comparable, matrix

BLOCK = 1024


class Memorisation(NamedTuple):
    """Distances of generated samples to training data, compared with those to held-out data.

    Args:
        ratio: median of the distance to the nearest training sample over that to the nearest held-out one.
        share: share of generated samples that are nearer to a training sample than to any held-out one.
        p_value: probability of this share or a larger one if training and held-out samples were exchangeable.
        null_ratio: the ratio for held-out samples, each compared with the other ones: that of a perfect generator.
        null_share: the share for held-out samples. It is above ½ if there is more training than held-out data.
    """

    ratio: float
    share: float
    p_value: float
    null_ratio: float
    null_share: float


def _nearest(x: Tensor, y: Tensor, same: bool = False) -> tuple[Tensor, Tensor]:
    """Distance from each x [n, d] to the nearest y [m, d], and its index; `same` excludes the point itself."""
    offset = y.mean(0)  # the expanded square loses fewer digits near 0
    x0, y0 = x - offset, y - offset
    indices = []
    for start in range(0, len(x), BLOCK):
        rows = torch.arange(start, min(start + BLOCK, len(x)), device=x.device)
        near = torch.addmm(y0.square().sum(1), x0[rows], y0.T, alpha=-2)
        if same:
            near[rows - start, rows] = torch.inf
        indices.append(near.argmin(1))
    index = torch.cat(indices)
    return (x - y[index]).norm(dim=1), index


def _ratio(to_train: Tensor, to_test: Tensor) -> float:
    """Median ratio of distances, where 0/0 counts as 1; for an even number, the mean of the middle two."""
    both = (to_train == 0) & (to_test == 0)
    ratios, n = torch.where(both, 1.0, to_train / to_test).sort().values, len(to_train)
    return ((ratios[(n - 1) // 2] + ratios[n // 2]) / 2).item()


def _share(to_train: Tensor, to_test: Tensor) -> Tensor:
    """For each sample 1 if the training data is nearer, ½ at a tie, else 0."""
    return (to_train < to_test).double() + (to_train == to_test).double() / 2


def nearest_ratio(
    train: Numbers, test: Numbers, generated: Numbers, n_permutations: int = 999, seed: int = 0
) -> Memorisation:
    """Compare generated samples' nearest neighbours in the training set with those in held-out data.

    The samples of a generator that has learnt the distribution are not closer to its training samples than to others.
    The p-value is that of a permutation test of which samples count as training data. It is valid for sets of
    different sizes, and where a few samples in the middle of the data are the nearest of many. Compare
    `ratio` and `share` with their null values, those of held-out samples. Copies of training data have ratio 0.

    Args:
        train: features of the training data, [n, features].
        test: features of held-out data, [m, features].
        generated: features of generated data, [l, features].
        n_permutations: for the p-value; its smallest value is 1/(n_permutations + 1).
        seed: of the permutations.

    Raises:
        ValueError: shapes disagree, test has fewer than two rows, or another set is empty.
        NotFiniteError: a feature isn't finite.

    Source: Lopez-Paz and Oquab 2017 and Meehan et al. 2020 test with nearest neighbours; the permutation is ours.

    >>> x = torch.randn(300, 8, generator=torch.Generator().manual_seed(0))
    >>> result = nearest_ratio(x[:100], x[100:200], x[:50])
    >>> result.ratio, result.share, result.p_value
    (0.0, 1.0, 0.001)
    >>> nearest_ratio(x[:100], x[100:200], x[200:]).p_value > 0.01
    True
    """
    train, test, generated = comparable(train=train, test=test, generated=generated)
    x, y = matrix(train, "train", n_min=1), matrix(test, "test")
    z = matrix(generated, "generated", n_min=1)
    if len({s.shape[1] for s in (x, y, z)}) > 1:
        raise ValueError(
            f"train has {x.shape[1]} features, test {y.shape[1]}, generated {z.shape[1]}; use one extractor"
        )
    if n_permutations < 1:
        raise ValueError(f"n_permutations is {n_permutations}; expected at least 1")
    (to_train, i), (to_test, j) = _nearest(z, x), _nearest(z, y)
    nearer = _share(to_train, to_test)
    # Number of generated samples whose nearest neighbour is each training or held-out sample.
    weights = z.new_zeros(len(x) + len(y))
    weights.index_add_(0, i, nearer).index_add_(0, len(x) + j, 1 - nearer)
    random = torch.Generator().manual_seed(seed)
    draws = [torch.randperm(len(weights), generator=random)[: len(x)] for _ in range(n_permutations)]
    permuted = torch.stack([weights[draw.to(z.device)].sum() for draw in draws])
    # Sums of halves are exact, so that a tie is a tie.
    p_value = (1 + (permuted >= nearer.sum()).sum().item()) / (1 + n_permutations)
    null_train, null_test = _nearest(y, x)[0], _nearest(y, y, same=True)[0]
    return Memorisation(
        _ratio(to_train, to_test),
        nearer.mean().item(),
        p_value,
        _ratio(null_train, null_test),
        _share(null_train, null_test).mean().item(),
    )
