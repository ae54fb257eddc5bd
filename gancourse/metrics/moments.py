"""Mean and covariance of features, at once or batch by batch."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from gancourse.metrics.features import Numbers, matrix


class Statistics(NamedTuple):
    """Statistics of a set of features, from which a Fréchet distance is computed.

    Args:
        n: number of samples.
        mean: their mean, float64 [features].
        covariance: their sample covariance, which divides by n − 1, float64 [features, features].

    >>> Statistics.of(torch.tensor([[0.0], [2.0]])).covariance.item()
    2.0
    """

    n: int
    mean: Tensor
    covariance: Tensor

    @classmethod
    def of(cls, features: Numbers) -> Statistics:
        """Statistics of features [n, features], n ≥ 2."""
        x = matrix(features, "features")
        centred = x - x.mean(0)
        return cls(len(x), x.mean(0), centred.T @ centred / (len(x) - 1))


class Moments:
    """Mean and covariance of a stream of features, in constant memory.

    Each batch is centred by its own mean before it is added, so a large common offset doesn't reduce precision. Up to
    rounding, the result depends on neither the order nor the size of the batches.

    Args:
        n_features: width of the features.

    Source: Chan, Golub, LeVeque 1983, eq. 2.1, for matrices.

    >>> moments = Moments(1)
    >>> for batch in (torch.tensor([[1.0]]), torch.tensor([[2.0], [6.0]])):
    ...     moments.update(batch)
    >>> moments.statistics().mean.item(), moments.statistics().covariance.item()
    (3.0, 7.0)
    """

    def __init__(self, n_features: int) -> None:
        if n_features < 1:
            raise ValueError(f"n_features is {n_features}; expected at least 1")
        self.n = 0
        self.mean = torch.zeros(n_features, dtype=torch.float64)
        self.scatter = torch.zeros(n_features, n_features, dtype=torch.float64)

    def update(self, features: Numbers) -> None:
        """Add features [n, features], n ≥ 1.

        Raises:
            ValueError: the number of features differs.
            NotFiniteError: a feature isn't finite; then no feature is added.
        """
        x = matrix(features, "features", n_min=1).cpu()
        if x.shape[1] != len(self.mean):
            raise ValueError(f"the batch has {x.shape[1]} features, the stream {len(self.mean)}; use one extractor")
        mean = x.mean(0)
        centred = x - mean
        self._add(len(x), mean, centred.T @ centred)

    def merge(self, other: Moments) -> None:
        """Add the features of another stream, e.g. that of another process.

        Raises:
            ValueError: its number of features differs.
        """
        if len(other.mean) != len(self.mean):
            raise ValueError(
                f"one stream has {len(other.mean)} features, the other {len(self.mean)}; use one extractor"
            )
        self._add(other.n, other.mean, other.scatter)

    def _add(self, n: int, mean: Tensor, scatter: Tensor) -> None:
        if not n:
            return
        total = self.n + n
        shift = mean - self.mean
        self.scatter = self.scatter + scatter + torch.outer(shift, shift) * (self.n * n / total)
        self.mean = self.mean + shift * (n / total)
        self.n = total

    def statistics(self) -> Statistics:
        """Statistics of the stream so far.

        Raises:
            ValueError: it has fewer than two samples.
        """
        if self.n < 2:
            raise ValueError(f"the stream has {self.n} samples; a covariance needs at least 2")
        return Statistics(self.n, self.mean.clone(), self.scatter / (self.n - 1))
