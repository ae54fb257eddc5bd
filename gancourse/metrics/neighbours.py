"""Precision, recall, density and coverage: who lies within whose nearest neighbours.

Nearly all of the work is one matrix product a pair of sets. It is done in float32, with a bound on its rounding; what
lies nearer to a threshold than the bound is computed again in float64, from differences. So the counts are those of
float64 at the price of float32.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from gancourse.metrics.features import pair

ROWS = 1024  # points compared with a whole set at a time
SPARE = 2  # candidates for a neighbour beyond the k-th
DOUBTFUL = 1e-3  # share of pairs within the rounding of their threshold, above which float32 isn't worth it
PAIRS = 2**22  # numbers held at a time when distances are computed one by one


class PrecisionRecall(NamedTuple):
    """Quality and variety of samples, each a share, but for the density, which may exceed one.

    Args:
        precision: share of generated samples that lie in the ball of some real one.
        recall: share of real samples that lie in the ball of some generated one.
        density: mean number of real balls that a generated sample lies in, divided by k.
        coverage: share of real samples whose ball holds some generated one.
    """

    precision: float
    recall: float
    density: float
    coverage: float


class _Approximation:
    """Two sets, centred and scaled, in a precision of one's choice, and how wrong squared distances may be there.

    Args:
        sets: float64 [n, d] and [m, d].
        dtype: the precision.
    """

    def __init__(self, sets: Sequence[Tensor], dtype: torch.dtype) -> None:
        largest = max(x.abs().amax().item() for x in sets)
        centred = [x - sets[0].mean(0) for x in sets]
        reach = max(x.abs().amax().item() for x in centred)
        scale = 2.0 ** -math.frexp(reach)[1]  # a power of two rounds nothing; afterwards nothing overflows
        self.sets = sets
        self.points = [x.mul_(scale).to(dtype) for x in centred]
        self.norms = [x.square().sum(1) for x in self.points]
        self.scale = scale**2
        longest, d = max(norms.amax().item() for norms in self.norms), sets[0].shape[1]
        # A product of d terms, summed in any order, is off by at most d/2 eps times the sum of their sizes.
        product = 2 * (d + 16) * torch.finfo(dtype).eps * longest
        centring = torch.finfo(torch.float64).eps * largest * scale * d**0.5
        self.error = product + 8 * centring * longest**0.5 + 4 * centring**2

    def squares(self, a: int, rows: slice | Tensor, b: int, columns: slice | Tensor) -> Tensor:
        """‖x − y‖² of some points of set a and some of set b, scaled, off by at most `error`, [rows, columns]."""
        near = torch.addmm(self.norms[b][columns], self.points[a][rows], self.points[b][columns].T, alpha=-2)
        return near.add_(self.norms[a][rows, None])

    def radii(self, which: int, k: int) -> Tensor:
        """Squared distance from each point of a set to its k-th nearest other one, off by at most `error`, [n]."""
        n = len(self.points[which])
        found: list[list[Tensor]] = [[] for _ in range(0, n, ROWS)]
        # Only blocks on and above the diagonal are computed: their columns stand for the blocks below it.
        for block, start in enumerate(range(0, n, ROWS)):
            end = min(start + ROWS, n)
            near = self.squares(which, slice(start, end), which, slice(start, n))
            near.diagonal().fill_(torch.inf)  # a point isn't its own neighbour
            found[block].append(near.topk(min(k, n - start), largest=False).values)
            for other in range(block + 1, len(found)):
                below = near[:, other * ROWS - start : (other + 1) * ROWS - start].T.contiguous()
                found[other].append(below.topk(min(k, end - start), largest=False).values)
        return torch.cat([torch.cat(parts, 1).kthvalue(k).values for parts in found])

    def exact_radii(self, which: int, rows: Tensor, k: int) -> Tensor:
        """The same for some points, from differences in float64, [rows]."""
        x, found = self.sets[which], []
        wanted = min(k + SPARE, len(x) - 1)
        for part in rows.split(ROWS):
            near = self.squares(which, part, which, slice(None))
            near[torch.arange(len(part), device=x.device), part] = torch.inf
            candidates = near.topk(wanted, largest=False).indices
            squares = _exact(x, part.repeat_interleave(wanted), x, candidates.flatten())
            found.append(squares.view_as(candidates).kthvalue(k).values)
        return torch.cat(found) if found else x.new_zeros(0)


def _exact(x: Tensor, i: Tensor, y: Tensor, j: Tensor) -> Tensor:
    """Squared distances of the pairs x[i], y[j] from their differences, [pairs]."""
    step = max(1, PAIRS // x.shape[1])
    parts = [(x[a] - y[b]).square().sum(1) for a, b in zip(i.split(step), j.split(step), strict=True)]
    return torch.cat(parts) if parts else x.new_zeros(0)


class _Doubt(NamedTuple):
    """Pairs too near to a radius to tell on which side: of the real sample's ball, and of the generated one's."""

    real: list[tuple[Tensor, Tensor]]
    generated: list[tuple[Tensor, Tensor]]


class _Counts(NamedTuple):
    """Real balls about each generated sample, which generated ones lie in one, which real ones hold or lie in one."""

    balls: Tensor
    inside: Tensor
    covered: Tensor
    reached: Tensor


def _compare(level: _Approximation, k: int, most: float) -> tuple[_Counts, _Doubt] | None:
    """What an approximation is sure of, and which pairs it isn't; None if those are more than `most`."""
    x, y = level.sets
    counts = _Counts(*(x.new_zeros(len(s)) for s in (y, y, x, x)))
    radii, others = level.radii(0, k), level.radii(1, k)
    doubt, n_doubts, error = _Doubt([], []), 0, 3 * level.error  # of distance, radius, and their difference
    for start in range(0, len(x), ROWS):
        near = level.squares(0, slice(start, start + ROWS), 1, slice(None))
        limit = radii[start : start + ROWS]
        i, j = (near <= (limit + error)[:, None]).nonzero(as_tuple=True)
        sure = near[i, j] < (limit - error)[i]
        counts.balls.add_(torch.bincount(j[sure], minlength=len(y)))
        counts.inside[j[sure]] = 1
        counts.covered[start + i[sure]] = 1
        doubt.real.append((start + i[~sure], j[~sure]))
        least = near.sub_(others).amin(1)
        counts.reached[start : start + ROWS] = (least < -error).to(x)
        rows = ((least <= error) & (least >= -error)).nonzero()[:, 0]
        a, b = (near[rows] <= error).nonzero(as_tuple=True)
        doubt.generated.append((start + rows[a], b))
        n_doubts += len(doubt.real[-1][0]) + len(b)
        if n_doubts > most:
            return None
    return counts, doubt


def _decide(
    level: _Approximation, pairs: list[tuple[Tensor, Tensor]], which: int, k: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Those of the doubtful pairs that lie in the closed ball of their point of that set, and whether in the open one.

    Distances that are equal are equal to the last bit: both are sums of the same squares in the same order.
    """
    i, j = (torch.cat(parts) for parts in zip(*pairs, strict=True))
    rows, at = (i, j)[which].unique(return_inverse=True)
    squares, limits = _exact(level.sets[0], i, level.sets[1], j), level.exact_radii(which, rows, k)[at]
    held = squares <= limits
    return i[held], j[held], (squares < limits)[held]


def precision_recall(real: Tensor, generated: Tensor, k: int = 3) -> PrecisionRecall:
    """Precision, recall, density and coverage by balls that reach to each point's k-th nearest neighbour in its set.

    Precision and density ask whether generated samples lie where real ones do; recall and coverage whether all of the
    real ones are reached. One outlier makes a large ball, which precision and recall trust; density counts balls, and
    coverage has balls about real samples only. The point itself doesn't count as a neighbour. A sample on a ball's rim
    counts as in it for precision and recall, by their equation, and as outside for density and coverage, by their
    authors' code: it matters only for samples that repeat or lie on a lattice.

    Args:
        real: features of real data, [n, features].
        generated: features of generated data, [m, features].
        k: which neighbour a ball reaches to. Published: 3 for precision and recall, 5 for density and coverage.

    Returns:
        The four values, from counts that are those of float64.

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
    # TF32 and the like have errors beyond the bound.
    trusted = x.device.type == "cpu" and torch.get_float32_matmul_precision() == "highest"
    dtypes = (torch.float32, torch.float64) if trusted else (torch.float64,)
    for dtype in dtypes:
        level = _Approximation((x, y), dtype)
        compared = _compare(level, k, DOUBTFUL * len(x) * len(y) if dtype == torch.float32 else math.inf)
        if compared:
            break
    (balls, inside, covered, reached), doubt = compared
    i, j, in_open = _decide(level, doubt.real, 0, k)
    inside[j] = 1
    balls += torch.bincount(j[in_open], minlength=len(y))
    covered[i[in_open]] = 1
    reached[_decide(level, doubt.generated, 1, k)[0]] = 1
    precision, recall, coverage = (x.mean().item() for x in (inside, reached, covered))
    return PrecisionRecall(precision, recall, balls.mean().item() / k, coverage)
