"""A two-sample test of mode collapse, for data whose modes are not known."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from gancourse.errors import NotFiniteError
from gancourse.metrics.features import Numbers, comparable, tensor


class Variety(NamedTuple):
    """How much of the data a sample covers.

    Args:
        lost: share of the real data in starved cells.
        starved: number of cells whose share of the sample is significantly below half of their share of the real data.
        cells: number of cells.
        collapsed: whether `lost` is above the detector's tolerance.
        shares: share of the sample in each cell, [cells].
    """

    lost: float
    starved: int
    cells: int
    collapsed: bool
    shares: Tensor


def binomial_tail(counts: Tensor, n: int, probability: Tensor) -> Tensor:
    """Probability of at most `counts` successes in n trials, elementwise, float64.

    Args:
        counts: successes, integers [cells].
        n: trials.
        probability: of one success, in [0, 1], [cells].

    >>> binomial_tail(torch.tensor([1]), 2, torch.tensor([0.5])).item()
    0.75
    """
    k = torch.arange(n + 1, dtype=torch.float64)
    ways = torch.lgamma(torch.tensor(n + 1.0, dtype=torch.float64)) - torch.lgamma(k + 1) - torch.lgamma(n - k + 1)
    p = probability.double()[:, None]
    terms = (ways + torch.special.xlogy(k, p) + torch.special.xlogy(n - k, 1 - p)).exp()
    return terms.cumsum(1).gather(1, counts.long()[:, None]).squeeze(1).clamp(max=1.0)


def _k_means(points: Tensor, n: int, random: torch.Generator, n_rounds: int = 10) -> Tensor:
    """Centres of n clusters by k-means, started as in k-means++ (Arthur, Vassilvitskii 2007); fewer if they tie."""
    centres = points[torch.randint(len(points), (1,), generator=random)]
    while len(centres) < n:
        far = torch.cdist(points, centres).amin(1).square()
        if far.sum() == 0:  # every point is a centre already
            break
        centres = torch.cat([centres, points[torch.multinomial(far, 1, generator=random)]])
    for _ in range(n_rounds):
        cell = torch.cdist(points, centres).argmin(1)
        counts = torch.bincount(cell, minlength=len(centres))
        sums = torch.zeros_like(centres).index_add_(0, cell, points)
        centres = torch.where(counts[:, None] > 0, sums / counts.clamp(min=1)[:, None], centres)
    return centres


def _groups(centres: Tensor, radius: float) -> Tensor:
    """Index of each centre's group; centres nearer than `radius` are joined, directly or through others."""
    joined = torch.cdist(centres, centres) <= radius
    for _ in range(len(centres).bit_length()):  # each squaring doubles the length of the chains that are joined
        joined = (joined.float() @ joined.float()) > 0
    return torch.unique(joined.int().argmax(1), return_inverse=True)[1]


class CollapseDetector:
    """Tests how a generator's samples are distributed over cells of the real data.

    Half of the real points are clustered by k-means. A cell holds the points nearest to one centre; the other half of
    the real points gives its share of the data. Centres that are close, relative to the data's spread, share one cell,
    since differences within it are a matter of accuracy. A cell is starved if its share of the generated sample is
    significantly below half of its share of the data, by a one-sided binomial test whose level is divided by the
    number of cells. The generator has lost the share of real data in starved cells. Inaccurate samples are counted in
    the nearest cell, so this measures variety and depends little on quality.

    For identical distributions, the probability of any starved cell is at most `level`, up to the error of the real
    shares. Cells as bins are due to Richardson and Weiss 2018 (NDB), who cluster and test for any difference.

    Args:
        real: data, [n, ...]; images are compared by their pixels, or pass features.
        n_cells: number of centres, which is the largest possible number of cells.
        level: probability of a starved cell if nothing is lost.
        tolerance: largest lost share of the data that doesn't count as collapse.
        resolution: centres nearer than this multiple of the data's root mean square distance from its mean share a
            cell.
        seed: of the split of the points and the initial centres of k-means.

    Raises:
        ValueError: there are fewer than ten points per cell, or a number is out of range.
        NotFiniteError: a point isn't finite.

    >>> real = torch.arange(400.0)[:, None] % 8
    >>> detector = CollapseDetector(real)
    >>> detector(real).collapsed, detector(real[real[:, 0] < 4]).collapsed
    (False, True)
    """

    def __init__(
        self,
        real: Numbers,
        n_cells: int = 32,
        level: float = 0.01,
        tolerance: float = 0.05,
        resolution: float = 0.1,
        seed: int = 0,
    ) -> None:
        real = tensor(real, "real")
        if n_cells < 2 or len(real) < 10 * n_cells:
            raise ValueError(f"{len(real)} points for {n_cells} cells; expected 2 or more cells, ten points for each")
        if not 0 < level < 1 or not 0 <= tolerance < 1 or not 0 <= resolution < 1:
            raise ValueError(
                f"level is {level}, tolerance {tolerance}, resolution {resolution}; expected numbers between 0 and 1"
            )
        self.level, self.tolerance = level, tolerance
        self.sample = real[:0]  # of their kind
        # Distances between points far from 0 would lose digits.
        self.centre = real.detach().cpu().double().flatten(1).mean(0)
        flat = self._flat(real)
        random = torch.Generator().manual_seed(seed)
        first, second = flat[torch.randperm(len(flat), generator=random)].tensor_split(2)
        self.landmarks = _k_means(first, n_cells, random)
        spread = (first - first.mean(0)).square().sum(1).mean().sqrt().item()
        self.groups = _groups(self.landmarks, resolution * spread)
        self.n_cells = int(self.groups.max()) + 1
        # Measured on the other half: points that the landmarks were fitted to would favour their own cells.
        self.expected = self._shares(second)

    def _flat(self, x: Tensor) -> Tensor:
        flat = x.detach().cpu().double().flatten(1)
        if not torch.isfinite(flat).all():
            raise NotFiniteError("the samples have numbers that are not finite; check whether the training diverged")
        return (flat - self.centre).float()

    def _cells(self, flat: Tensor) -> Tensor:
        return self.groups[torch.cdist(flat, self.landmarks).argmin(1)]

    def _shares(self, flat: Tensor) -> Tensor:
        return torch.bincount(self._cells(flat), minlength=self.n_cells).double() / len(flat)

    def __call__(self, fake: Numbers) -> Variety:
        """How much of the data generated samples, [n, ...], cover.

        Raises:
            ValueError: there are no samples, or their shape isn't that of the data.
            NotFiniteError: one isn't finite.
        """
        _, fake = comparable(real=self.sample, samples=fake)
        if not len(fake) or fake[0].numel() != len(self.centre):
            raise ValueError(
                f"samples are {tuple(fake.shape)}; expected at least one, of {len(self.centre)} numbers as the data"
            )
        flat = self._flat(fake)
        shares = self._shares(flat)
        counts = (shares * len(flat)).round()
        starved = binomial_tail(counts, len(flat), self.expected / 2) < self.level / self.n_cells
        lost = self.expected[starved].sum().item()
        return Variety(lost, int(starved.sum()), self.n_cells, lost > self.tolerance, shares)
