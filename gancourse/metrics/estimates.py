"""Values with their uncertainty."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from gancourse.metrics.features import Numbers, pair


class Estimate(NamedTuple):
    """A value measured on several parts of the samples.

    Args:
        mean: over the parts.
        standard_deviation: of the parts about their mean, divided by their number, as these metrics are reported. It
            describes one part, not the error of the mean.
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
    """A value and a confidence interval of its limit for infinitely many samples.

    Args:
        value: the metric of the samples themselves, its bias included; it may lie outside of low … high.
        low: lower end of the interval.
        high: upper end.
        corrected: the value minus its bias as estimated from the resamples.
    """

    value: float
    low: float
    high: float
    corrected: float


def bootstrap(
    metric: Callable[[Tensor, Tensor], float],
    real: Numbers,
    generated: Numbers,
    n_resamples: int = 200,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Confidence interval of a metric by resampling both sets, with the bias removed.

    A Fréchet distance of n samples is too large by about c/n. A resample is drawn from the samples, so its distance is
    too large by about c/n once more: percentiles of the resamples would contain the bias twice. They are therefore
    reflected about the value, low = 2·value − upper percentile, so that a bias that doubles under resampling cancels.
    For an unbiased metric, the interval stays centred.

    The interval holds for the metric at infinitely many samples where the metric is smooth: real and generated
    distribution must differ. Between equal distributions the distance is 0, the boundary of its range, and low may be
    negative. Metrics of nearest neighbours aren't smooth: a point that is repeated in a resample is its own nearest
    neighbour. Don't use the bootstrap for precision and recall.

    Args:
        metric: maps features [n, features] and [m, features] to a number.
        real: features of real data, [n, features].
        generated: features of generated data, [m, features].
        n_resamples: number of resamples of both sets, drawn with replacement.
        level: probability that the interval covers, in (0, 1).
        seed: of the draws.

    Raises:
        ValueError: there are fewer than ten resamples, or the level is out of range.

    Source: Davison and Hinkley 1997, eq. 2.10 (basic bootstrap limits).

    >>> x = torch.arange(100.0)[:, None]
    >>> interval = bootstrap(lambda a, b: (b.mean() - a.mean()).item(), x, x + 50)
    >>> interval.value, interval.low < 50 < interval.high
    (50.0, True)
    """
    if n_resamples < 10 or not 0 < level < 1:
        raise ValueError(f"n_resamples is {n_resamples}, level {level}; expected n_resamples ≥ 10 and 0 < level < 1")
    x, y = pair(real, generated)
    random = torch.Generator().manual_seed(seed)

    def resample(features: Tensor) -> Tensor:
        return features[torch.randint(len(features), (len(features),), generator=random).to(features.device)]

    value = metric(x, y)
    resampled = torch.tensor([metric(resample(x), resample(y)) for _ in range(n_resamples)], dtype=torch.float64)
    lower, upper = resampled.quantile(torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=torch.float64)).tolist()
    return Interval(value, 2 * value - upper, 2 * value - lower, 2 * value - resampled.mean().item())
