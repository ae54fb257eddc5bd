"""Precision, recall, density and coverage: shares of samples within nearest-neighbour balls.

Nearly all of the time is one matrix product for each pair of sets. It is computed in float32, with a bound on its
rounding error. Distances closer to a threshold than the bound are computed again in float64, from differences. The
counts are therefore those of float64, at about the cost of float32.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from gancourse.metrics.features import Numbers, pair

ROWS = 1024  # points that are compared with a whole set at a time
N_EXTRA = 2  # further candidates for the k-th neighbour
MOST_UNCERTAIN = 1e-3  # share of pairs within rounding of their threshold, above which float64 is faster
PAIRS = 2**22  # numbers in memory at a time when distances are computed from differences


class PrecisionRecall(NamedTuple):
    """Quality and variety of samples. All are shares, except for the density, which may exceed one.

    Args:
        precision: share of generated samples in the ball of at least one real sample.
        recall: share of real samples in the ball of at least one generated sample.
        density: mean number of real samples whose balls contain a generated sample, divided by k.
        coverage: share of real samples whose ball contains at least one generated sample.
    """

    precision: float
    recall: float
    density: float
    coverage: float


class _Approximation:
    """Two sets, centred and scaled, in a given precision, with a bound on the error of squared distances.

    Args:
        sets: float64 [n, d] and [m, d].
        dtype: of the approximation.
    """

    def __init__(self, sets: Sequence[Tensor], dtype: torch.dtype) -> None:
        largest = max(x.abs().amax().item() for x in sets)
        centred = [x - sets[0].mean(0) for x in sets]
        extent = max(x.abs().amax().item() for x in centred)
        scale = (
            2.0 ** -math.frexp(extent)[1]
        )  # a power of two causes no rounding; after scaling, squares don't overflow
        self.sets = sets
        self.points = [x.mul_(scale).to(dtype) for x in centred]
        self.norms = [x.square().sum(1) for x in self.points]
        self.scale = scale**2
        longest, d = max(norms.amax().item() for norms in self.norms), sets[0].shape[1]
        # The error of a sum of d products in any order is at most d/2 eps times the sum of their absolute values.
        product = 2 * (d + 16) * torch.finfo(dtype).eps * longest
        centring = torch.finfo(torch.float64).eps * largest * scale * d**0.5
        self.error = product + 8 * centring * longest**0.5 + 4 * centring**2

    def squares(self, a: int, rows: slice | Tensor, b: int, columns: slice | Tensor) -> Tensor:
        """‖x − y‖² of some points of set a and some of set b, scaled, up to `error`, [rows, columns]."""
        near = torch.addmm(self.norms[b][columns], self.points[a][rows], self.points[b][columns].T, alpha=-2)
        return near.add_(self.norms[a][rows, None])

    def radii(self, which: int, k: int) -> Tensor:
        """Squared distance from each point of a set to its k-th nearest other one, up to `error`, [n]."""
        n = len(self.points[which])
        candidates: list[list[Tensor]] = [[] for _ in range(0, n, ROWS)]
        # Only blocks on and above the diagonal are computed; their transposes are the blocks below it.
        for block, start in enumerate(range(0, n, ROWS)):
            end = min(start + ROWS, n)
            near = self.squares(which, slice(start, end), which, slice(start, n))
            near.diagonal().fill_(torch.inf)  # a point isn't its own neighbour
            candidates[block].append(near.topk(min(k, n - start), largest=False).values)
            for other in range(block + 1, len(candidates)):
                below = near[:, other * ROWS - start : (other + 1) * ROWS - start].T.contiguous()
                candidates[other].append(below.topk(min(k, end - start), largest=False).values)
        return torch.cat([torch.cat(parts, 1).kthvalue(k).values for parts in candidates])

    def exact_radii(self, which: int, rows: Tensor, k: int) -> Tensor:
        """The same for some points, from differences in float64, [rows]."""
        x, radii = self.sets[which], []
        n_candidates = min(k + N_EXTRA, len(x) - 1)
        for part in rows.split(ROWS):
            near = self.squares(which, part, which, slice(None))
            near[torch.arange(len(part), device=x.device), part] = torch.inf
            candidates = near.topk(n_candidates, largest=False).indices
            squares = _exact(x, part.repeat_interleave(n_candidates), x, candidates.flatten())
            radii.append(squares.view_as(candidates).kthvalue(k).values)
        return torch.cat(radii) if radii else x.new_zeros(0)


def _exact(x: Tensor, i: Tensor, y: Tensor, j: Tensor) -> Tensor:
    """Squared distances of the pairs x[i], y[j] from their differences, [pairs]."""
    step = max(1, PAIRS // x.shape[1])
    parts = [(x[a] - y[b]).square().sum(1) for a, b in zip(i.split(step), j.split(step), strict=True)]
    return torch.cat(parts) if parts else x.new_zeros(0)


class _Uncertain(NamedTuple):
    """Pairs within rounding of a radius: of the ball of the real sample, and of the ball of the generated sample."""

    real: list[tuple[Tensor, Tensor]]
    generated: list[tuple[Tensor, Tensor]]


class _Counts(NamedTuple):
    """Counts per sample, as float64 [m] or [n].

    Args:
        balls: number of real balls that contain each generated sample.
        inside: 1 for each generated sample in a real ball.
        covered: 1 for each real sample whose ball contains a generated sample.
        reached: 1 for each real sample in a generated ball.
    """

    balls: Tensor
    inside: Tensor
    covered: Tensor
    reached: Tensor


def _compare(approximation: _Approximation, k: int, most: float) -> tuple[_Counts, _Uncertain] | None:
    """Counts of the certain pairs, and the uncertain pairs; None if there are more than `most` of those."""
    x, y = approximation.sets
    counts = _Counts(*(x.new_zeros(len(s)) for s in (y, y, x, x)))
    real_radii, generated_radii = approximation.radii(0, k), approximation.radii(1, k)
    uncertain, n_uncertain = _Uncertain([], []), 0
    error = 3 * approximation.error  # of the distance, the radius, and their difference
    for start in range(0, len(x), ROWS):
        near = approximation.squares(0, slice(start, start + ROWS), 1, slice(None))
        limit = real_radii[start : start + ROWS]
        i, j = (near <= (limit + error)[:, None]).nonzero(as_tuple=True)
        certain = near[i, j] < (limit - error)[i]
        counts.balls.add_(torch.bincount(j[certain], minlength=len(y)))
        counts.inside[j[certain]] = 1
        counts.covered[start + i[certain]] = 1
        uncertain.real.append((start + i[~certain], j[~certain]))
        least = near.sub_(generated_radii).amin(1)
        counts.reached[start : start + ROWS] = (least < -error).to(x)
        rows = ((least <= error) & (least >= -error)).nonzero()[:, 0]
        a, b = (near[rows] <= error).nonzero(as_tuple=True)
        uncertain.generated.append((start + rows[a], b))
        n_uncertain += len(uncertain.real[-1][0]) + len(b)
        if n_uncertain > most:
            return None
    return counts, uncertain


def _decide(
    approximation: _Approximation, pairs: list[tuple[Tensor, Tensor]], which: int, k: int
) -> tuple[Tensor, Tensor, Tensor]:
    """The pairs within the closed ball of their point of that set, and whether each is within the open ball.

    Equal distances are equal to the last bit: both are sums of the same squares in the same order.
    """
    i, j = (torch.cat(parts) for parts in zip(*pairs, strict=True))
    rows, at = (i, j)[which].unique(return_inverse=True)
    x, y = approximation.sets
    squares, limits = _exact(x, i, y, j), approximation.exact_radii(which, rows, k)[at]
    in_closed = squares <= limits
    return i[in_closed], j[in_closed], (squares < limits)[in_closed]


def precision_recall(real: Numbers, generated: Numbers, k: int = 3) -> PrecisionRecall:
    """Precision, recall, density and coverage by balls whose radius is the distance to the k-th nearest neighbour.

    Precision and density measure whether generated samples are where real ones are; recall and coverage measure
    whether generated samples cover the real ones. An outlier has a large ball, which distorts precision and recall;
    density counts balls, and coverage has balls around real samples only. A point is not its own neighbour. A sample
    on the boundary of a ball counts as inside for precision and recall, by their equation, and as outside for density
    and coverage, by their authors' code. This matters only for samples that repeat or lie on a lattice.

    Args:
        real: features of real data, [n, features].
        generated: features of generated data, [m, features].
        k: index of the neighbour that gives the radius. Published values: 3 for precision and recall, 5 for density
            and coverage.

    Returns:
        The four values; all counts are those of float64.

    Raises:
        ValueError: shapes disagree, k isn't positive, a set has k or fewer samples, or a feature isn't finite.

    Source: Kynkäänniemi et al. 2019, eq. 1 and 2; Naeem et al. 2020, eq. 3 and 4.

    >>> x = torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
    >>> precision_recall(x, x + 100)
    PrecisionRecall(precision=0.0, recall=0.0, density=0.0, coverage=0.0)
    >>> precision_recall(x, x).precision
    1.0
    """
    if k < 1:
        raise ValueError(f"k is {k}; expected at least 1")
    x, y = pair(real, generated, n_min=k + 1)
    # TF32 and similar modes have errors beyond the bound.
    is_float32_exact = x.device.type == "cpu" and torch.get_float32_matmul_precision() == "highest"
    dtypes = (torch.float32, torch.float64) if is_float32_exact else (torch.float64,)
    for dtype in dtypes:
        approximation = _Approximation((x, y), dtype)
        result = _compare(approximation, k, MOST_UNCERTAIN * len(x) * len(y) if dtype == torch.float32 else math.inf)
        if result:
            break
    (balls, inside, covered, reached), uncertain = result
    i, j, in_open = _decide(approximation, uncertain.real, 0, k)
    inside[j] = 1
    balls += torch.bincount(j[in_open], minlength=len(y))
    covered[i[in_open]] = 1
    reached[_decide(approximation, uncertain.generated, 1, k)[0]] = 1
    precision, recall, coverage = (x.mean().item() for x in (inside, reached, covered))
    return PrecisionRecall(precision, recall, balls.mean().item() / k, coverage)
