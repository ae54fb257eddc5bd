"""Values that come with their uncertainty."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from gancourse.metrics.features import pair


class Estimate(NamedTuple):
    """A value measured on several parts of the samples.

    Args:
        mean: over the parts.
        standard_deviation: of the parts about their mean, divided by their number, as these metrics are reported. It
            is the scatter of one part, not the error of the mean.
        values: the value on each part, float64 [parts].
    """

    mean: float
    standard_deviation: float
    values: Tensor

    @classmethod
    def of(cls, values: Tensor) -> Estimate:
        """Mean and deviation of the values of parts, [parts]."""
        return cls(values.mean().item(), values.std(correction=0).item(), values)


class Interval(NamedTuple):
    """A value and where it would lie for infinitely many samples.

    Args:
        value: the metric of the samples themselves, its bias included; it may lie outside of low … high.
        low: lower end of the interval.
        high: upper end.
        corrected: the value less its bias as the resamples show it.
    """

    value: float
    low: float
    high: float
    corrected: float


def bootstrap(
    metric: Callable[[Tensor, Tensor], float],
    real: Tensor,
    generated: Tensor,
    n_resamples: int = 200,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Confidence interval of a metric by resampling both sets, with the bias taken out.

    A Fréchet distance of n samples is too large by about c/n. A resample has its samples from the samples, so it is
    too large once more, by about the same: percentiles of the resamples would have the bias twice. They are therefore
    reflected about the value, low = 2·value − upper percentile: a bias that doubles under resampling cancels. An
    unbiased metric keeps its centre.

    The interval holds for the metric at infinitely many samples where the metric is smooth: real and generated
    distribution must differ. Between equal distributions the distance is 0, at the edge of what it can be, and low may
    be negative. Metrics of nearest neighbours aren't smooth: a resample holds points several times, whose neighbour is
    then the point itself; don't use it for precision and recall.

    Args:
        metric: maps features [n, features] and [m, features] to a number.
        real: features of real data, [n, features].
        generated: features of generated data, [m, features].
        n_resamples: how many times both sets are drawn anew, with replacement.
        level: probability that the interval covers, in (0, 1).
        seed: of the draws.

    Raises:
        ValueError: there are fewer than ten resamples, or the level is out of range.

    Source: Davison and Hinkley 1997, eq. 2.10 (basic bootstrap limits).

    >>> x = torch.arange(100.0)[:, None]
    >>> found = bootstrap(lambda a, b: (b.mean() - a.mean()).item(), x, x + 50)
    >>> found.value, found.low < 50 < found.high
    (50.0, True)
    """
    if n_resamples < 10 or not 0 < level < 1:
        raise ValueError(f"n_resamples is {n_resamples}, level {level}; expected 10 or more, and between 0 and 1")
    x, y = pair(real, generated)
    random = torch.Generator().manual_seed(seed)

    def drawn(features: Tensor) -> Tensor:
        return features[torch.randint(len(features), (len(features),), generator=random).to(features.device)]

    value = metric(x, y)
    resampled = torch.tensor([metric(drawn(x), drawn(y)) for _ in range(n_resamples)], dtype=torch.float64)
    lower, upper = resampled.quantile(torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=torch.float64)).tolist()
    return Interval(value, 2 * value - upper, 2 * value - lower, 2 * value - resampled.mean().item())
