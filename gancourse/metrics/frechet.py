"""Fréchet distance between Gaussians fitted to two sets of features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from gancourse.errors import NotFiniteError
from gancourse.metrics.features import Numbers, comparable, matrix, pair, tensor
from gancourse.metrics.moments import Statistics

SMALL = 256  # for at most this number of features, the singular values are fast to compute
BLOCK = 256  # rows per block of a matrix product of which half is zero or not needed
WELL_CONDITIONED = 1e-8  # smallest to largest squared singular value; above it the roots have nine digits


def _factor(features: Tensor | Statistics, name: str) -> tuple[Tensor, Tensor]:
    """Mean [d] and a factor F [·, d] with FᵀF the sample covariance, both float64."""
    if isinstance(features, Statistics):
        return features.mean, _factor_of_covariance(features, name)
    x = matrix(features, name)
    mean = x.mean(0)
    # The factor R of a QR decomposition doesn't square the features, so small variances keep their digits.
    return mean, torch.linalg.qr((x - mean) / (len(x) - 1) ** 0.5, mode="r").R


def _factor_of_covariance(statistics: Statistics, name: str) -> Tensor:
    mean, covariance = statistics.mean, statistics.covariance
    d = len(mean)
    if mean.shape != (d,) or covariance.shape != (d, d) or {mean.dtype, covariance.dtype} != {torch.float64}:
        raise ValueError(
            f"{name} has a mean {tuple(mean.shape)} and a covariance {tuple(covariance.shape)} in "
            f"{covariance.dtype}; expected [d] and [d, d] in float64: make them by Statistics.of"
        )
    if not (torch.isfinite(mean).all() and torch.isfinite(covariance).all()):
        raise NotFiniteError(f"{name} has numbers that are not finite; check whether the training diverged")
    if not torch.allclose(covariance, covariance.T, rtol=1e-9, atol=1e-9 * covariance.abs().amax().item()):
        raise ValueError(f"the covariance of {name} isn't symmetric; make it by Statistics.of")
    lower, failed = torch.linalg.cholesky_ex(covariance)
    if not failed and lower.diagonal().amin() ** 2 > WELL_CONDITIONED * covariance.diagonal().amax():
        return lower.T
    values, vectors = torch.linalg.eigh(covariance)
    noise = d * torch.finfo(torch.float64).eps * values[-1].abs()
    if values[0] < -1e3 * noise:
        raise ValueError(f"the covariance of {name} has the eigenvalue {values[0]:.3g} < 0; make it by Statistics.of")
    # Rounding errors in place of an eigenvalue 0 would grow by seven digits in the root.
    return (vectors * values.where(values > noise, 0.0).sqrt()).T


def _product(f: Tensor, g: Tensor) -> Tensor:
    """F Gᵀ [n, m]; without computing with the zeros below the diagonal of a triangular F."""
    if len(f) <= SMALL or f.tril(-1).any():
        return f @ g.T
    return torch.cat([f[i : i + BLOCK, i:] @ g[:, i:].T for i in range(0, len(f), BLOCK)])


def _gram(a: Tensor) -> Tensor:
    """A Aᵀ [n, n], its lower half only, which is enough for the eigenvalues."""
    gram = a.new_zeros(len(a), len(a))
    for i in range(0, len(a), BLOCK):
        gram[i : i + BLOCK, : i + BLOCK] = a[i : i + BLOCK] @ a[: i + BLOCK].T
    return gram


def _nuclear_norm(a: Tensor) -> Tensor:
    """Sum of the singular values of a matrix [n, m]."""
    if min(a.shape) > SMALL:
        squares = torch.linalg.eigvalsh(_gram(a if a.shape[0] <= a.shape[1] else a.T))
        # Squaring halves the digits of small singular values: without them, the fast way is as accurate.
        if squares[0] > WELL_CONDITIONED * squares[-1]:
            return squares.sqrt().sum()
    return torch.linalg.svdvals(a).sum()


def frechet_distance(real: Numbers | Statistics, generated: Numbers | Statistics) -> float:
    """Squared 2-Wasserstein distance between Gaussians fitted to features: ‖μᵣ − μ_g‖² + tr(Σᵣ + Σ_g − 2(ΣᵣΣ_g)^½).

    With factors Σᵣ = FᵀF and Σ_g = GᵀG, the last trace is the sum of the singular values of F Gᵀ. The factor
    of features is computed by a QR decomposition, that of a covariance by Cholesky's. No matrix square root is taken,
    so singular covariances are exact too.

    Args:
        real: features of real data, [n, features], or their statistics.
        generated: features of generated data, [m, features], or their statistics.

    Returns:
        The distance; 0 means equal means and covariances. Computed in float64. Its value depends on the features and
        on n and m, so report them with it: see `label`.

    Raises:
        ValueError: shapes disagree, a set has fewer than two rows, or a covariance isn't symmetric and positive.
        NotFiniteError: a feature isn't finite, or the distance overflows float64.

    Source: Dowson and Landau 1982; with Inception features, Heusel et al. 2017, eq. 6.

    >>> x = torch.randn(100, 3, generator=torch.Generator().manual_seed(0))
    >>> round(frechet_distance(x, x + 2), 6)
    12.0
    """
    sets = {"real": real, "generated": generated}
    numbers = {name: x for name, x in sets.items() if not isinstance(x, Statistics)}
    sets |= dict(zip(numbers, comparable(**numbers), strict=True))
    real, generated = sets.values()
    widths = [
        len(x.mean) if isinstance(x, Statistics) else x.shape[-1] if x.ndim == 2 else 0 for x in (real, generated)
    ]
    if all(widths) and widths[0] != widths[1]:
        raise ValueError(f"real has {widths[0]} features, generated {widths[1]}; use one extractor")
    mean_real, f = _factor(real, "real")
    mean_generated, g = _factor(generated, "generated")
    cross = _nuclear_norm(_product(f, g))
    distance = (mean_real - mean_generated).square().sum() + f.square().sum() + g.square().sum() - 2 * cross
    if not torch.isfinite(distance):
        raise NotFiniteError("the distance is larger than float64 can hold; check whether the training diverged")
    return max(distance.item(), 0.0)


class Extrapolation(NamedTuple):
    """Fréchet distances at growing numbers of samples, and a line fitted to them.

    Args:
        value: of the line at 1/n = 0, the distance for infinitely many samples.
        slope: of the line over 1/n; the distance at n is about value + slope/n.
        standard_error: of `value`, from the residuals of the line alone. The sizes share samples, so the error
            over new samples is larger.
        sizes: numbers of samples n.
        distances: mean distance at each size.
    """

    value: float
    slope: float
    standard_error: float
    sizes: tuple[int, ...]
    distances: tuple[float, ...]


def _sizes(n: int, n_features: int) -> tuple[int, ...]:
    """Eight sizes up to n, evenly spaced in 1/n, from n/8 or four samples a feature on."""
    smallest = max(n // 8, min(4 * n_features, n // 2), 2)
    inverse = torch.linspace(1 / smallest, 1 / n, 8, dtype=torch.float64)
    return tuple(sorted({min(round(1 / i), n) for i in inverse.tolist()}))


def frechet_extrapolated(
    real: Numbers | Statistics, generated: Numbers, sizes: Sequence[int] | None = None, seed: int = 0
) -> Extrapolation:
    """Fréchet distance extrapolated to infinitely many samples, as its bias falls like 1/n.

    At each size n, real and generated samples are shuffled and cut into disjoint sets of n, and the distances between
    them are averaged; a line in 1/n is fitted, each size weighted by its number of sets. Real data passed as
    statistics is the same at every size. This is the published procedure; the bias due to the real sample remains.

    Args:
        real: features of real data, [n, features], or their statistics.
        generated: features of generated data, [m, features].
        sizes: numbers of samples, at least two different ones; None for eight, from an eighth of the samples to all.
        seed: of the shuffling.

    Raises:
        ValueError: a size is larger than a set or below 2, or there are fewer than two sizes.

    Source: Chong and Forsyth 2020, section 4.1, who draw one set a size, with replacement.

    >>> x = torch.randn(3000, 4, generator=torch.Generator().manual_seed(0))
    >>> extrapolation = frechet_extrapolated(x[:1500], x[1500:])
    >>> extrapolation.value < min(extrapolation.distances)
    True
    """
    if isinstance(real, Statistics):
        x, y = real, matrix(generated, "generated")
    else:
        x, y = pair(real, generated)
    n = len(y) if isinstance(x, Statistics) else min(len(x), len(y))
    sizes = _sizes(n, y.shape[1]) if sizes is None else tuple(sorted({int(s) for s in sizes}))
    if len(sizes) < 2 or not 2 <= sizes[0] <= sizes[-1] <= n:
        raise ValueError(f"sizes are {sizes}; expected two or more different ones from 2 to {n}")
    random = torch.Generator().manual_seed(seed)
    means, counts = [], []
    for size in sizes:
        generated_parts = y[torch.randperm(len(y), generator=random)[: n // size * size]].split(size)
        real_parts = [x] * len(generated_parts)
        if not isinstance(x, Statistics):
            real_parts = x[torch.randperm(len(x), generator=random)[: n // size * size]].split(size)
        distances = [frechet_distance(r, g) for r, g in zip(real_parts, generated_parts, strict=True)]
        means.append(sum(distances) / len(distances))
        counts.append(len(distances))
    value, slope, error = _line([1 / s for s in sizes], means, counts)
    return Extrapolation(value, slope, error, sizes, tuple(means))


def _line(x: Sequence[float], y: Sequence[float], weights: Sequence[float]) -> tuple[float, float, float]:
    """Intercept, slope and standard error of the intercept of a weighted line."""
    u, v, w = (torch.tensor(numbers, dtype=torch.float64) for numbers in (x, y, weights))
    centre = (w * u).sum() / w.sum()
    spread = (w * (u - centre).square()).sum()
    slope = (w * (u - centre) * v).sum() / spread
    intercept = (w * v).sum() / w.sum() - slope * centre
    free = len(u) - 2
    scatter = (w * (v - intercept - slope * u).square()).sum() / free if free else torch.tensor(torch.nan)
    error = (scatter * (1 / w.sum() + centre.square() / spread)).sqrt()
    return intercept.item(), slope.item(), error.item()


def intra_class_frechet(
    real: Numbers, real_labels: Numbers, generated: Numbers, generated_labels: Numbers
) -> dict[int, float]:
    """Fréchet distance within each class: large for a generator that ignores its label, unlike the plain distance.

    Args:
        real: features of real data, [n, features].
        real_labels: their classes, integers [n].
        generated: features of generated data, [m, features].
        generated_labels: the classes that they were generated for, integers [m].

    Returns:
        The distance of each class of the real data.

    Raises:
        ValueError: shapes disagree, or a class has fewer than two samples on a side.

    Source: Miyato and Koyama 2018, section 5, "intra FID".

    >>> x, y = torch.tensor([[0.0], [2.0], [5.0], [7.0]]), torch.tensor([0, 0, 1, 1])
    >>> intra_class_frechet(x, y, x + 1, y)
    {0: 1.0, 1: 1.0}
    """
    x, y = pair(real, generated)
    real_labels, generated_labels = tensor(real_labels, "real_labels"), tensor(generated_labels, "generated_labels")
    for name, features, labels in (("real", x, real_labels), ("generated", y, generated_labels)):
        if labels.shape != (len(features),) or labels.is_floating_point():
            raise ValueError(
                f"{len(features)} {name} features but labels {labels.dtype} {tuple(labels.shape)}; "
                "pass one integer a sample"
            )
    classes = real_labels.unique().tolist()
    if unknown := sorted(set(generated_labels.unique().tolist()) - set(classes)):
        raise ValueError(f"generated_labels hold the classes {unknown}, which the real data lacks; leave them out")
    distances = {}
    for c in classes:
        sides = x[real_labels == c], y[generated_labels == c]
        if min(map(len, sides)) < 2:
            raise ValueError(
                f"class {c} has {len(sides[0])} real and {len(sides[1])} generated samples; each needs 2 or more"
            )
        distances[int(c)] = frechet_distance(*sides)
    return distances
