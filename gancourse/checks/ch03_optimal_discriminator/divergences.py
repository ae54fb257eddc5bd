"""Checks of the optimal discriminator and of the Jensen–Shannon divergence."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.engine.comparison import PRECISIONS, Mistake, Values
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.ranges import EachSample
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import OF_EVERY_KIND, drawn, sizes


def normal(x: Tensor, mean: float = 0.0, std: float = 1.0) -> Tensor:
    """Density of a Gaussian."""
    return (-((x - mean) / std).square() / 2).exp() / (std * math.sqrt(2 * math.pi))


def optimal_discriminator(p_data: Tensor, p_g: Tensor) -> Tensor:
    """The right answer of ex-03-optimal-discriminator, by way of the larger density."""
    larger = torch.maximum(p_data, p_g)
    scale = torch.where(larger > 0, larger, torch.ones_like(larger))
    a, b = p_data / scale, p_g / scale
    return torch.where(larger > 0, a / torch.where(larger > 0, a + b, scale), 0.5)


def _density_cases() -> list[Case]:
    cases = []
    for dtype in PRECISIONS:
        p = torch.tensor([0.5, 0.2, 0.3, 0.9], dtype=dtype)
        q = torch.tensor([0.25, 0.2, 0.6, 0.1], dtype=dtype)
        zero = torch.tensor([0.4, 0.0, 0.0, 0.3], dtype=dtype)
        example = {"p_data": [0.3, 0.0, 0.0], "p_g": [0.1, 0.2, 0.0]}
        cases += [
            Case({"p_data": p, "p_g": q}, "two positive densities"),
            Case({k: torch.tensor(v, dtype=dtype) for k, v in example.items()}, "the task's example"),
            Case({"p_data": zero, "p_g": zero.flip(0).roll(1)}, "points where a density, or both, vanish"),
            Case({"p_data": 1e-12 * p, "p_g": 1e-12 * q}, "tiny densities, far out in the tails"),
            Case({"p_data": torch.stack([p, 40 * q]), "p_g": torch.stack([q, p])}, "a grid of shape [2, 4]"),
        ]
    return cases


def _swept_densities() -> list[Case]:
    """Densities from 1e-13 to 1e4 and exact zeros, in any pairs, and others that nearly agree."""
    cases = []
    for dtype in PRECISIONS:
        grid = torch.cat([torch.zeros(1), 10 ** torch.linspace(-13, 4, 35)]).to(dtype)
        p, q = torch.cartesian_prod(grid, grid).T
        near = grid.repeat(3) * torch.tensor([1.001, 1.01, 1.1], dtype=dtype).repeat_interleave(len(grid))
        args = {"p_data": torch.cat([p, near]), "p_g": torch.cat([q, grid.repeat(3)])}
        cases.append(Case(args, "densities of every size"))
    return cases


def _padded(e: float) -> list[Mistake]:
    """Densities protected from 0/0 by a small number."""
    return [
        Mistake(
            lambda p, q: p / (p + q + e),
            f"That is p / (p + q + ε) with ε = {e:g}: it gives 0 where both vanish, and drowns the tails.",
        ),
        Mistake(
            lambda p, q: (p + e) / (p + q + 2 * e),
            f"That adds ε = {e:g} to both densities: in the tails, where they are smaller than ε, D* becomes ½.",
        ),
        Mistake(
            lambda p, q: p / (p + q).clamp(min=e),
            f"That clamps p + q from below at {e:g}: the tails are smaller. Ask where the sum is exactly 0.",
        ),
    ]


OPTIMAL_MISTAKES = [
    Mistake(
        lambda p, q: p / (p + q),
        "That is p / (p + q), or σ(log p − log q): right wherever the sum is positive, but 0/0, or −∞ + ∞, where both "
        "densities vanish; return ½ there (torch.where).",
    ),
    Mistake(
        lambda p, q: (p / (p + q)).nan_to_num(0.0),
        "That replaces 0/0 by 0, which says 'surely fake'. Where there is no data at all D* is ½: nobody knows.",
    ),
    Mistake(
        lambda p, q: (p / (p + q)).nan_to_num(1.0),
        "That replaces 0/0 by 1, which says 'surely real'. Where there is no data at all D* is ½: nobody knows.",
    ),
    Mistake(
        lambda p, q: 1 - optimal_discriminator(p, q),
        "That is p_g / (p_data + p_g), the probability of being fake; D is high where the data is real.",
    ),
    Mistake(lambda p, q: q / (p + q), "That is p_g / (p_data + p_g), the probability of being fake, and 0/0 besides."),
    Mistake(
        lambda p, q: optimal_discriminator(p.square(), q.square()),
        "That takes the squares of the densities: D* has the densities themselves.",
    ),
    Mistake(lambda p, q: p / q, "That is the density ratio r = p_data / p_g; the discriminator is r / (1 + r)."),
    Mistake(lambda p, q: (p - q).sigmoid(), "That is σ(p − q); D* = σ(log p − log q): the logs are missing."),
    Mistake(lambda p, q: p.log() - q.log(), "That is the optimal logit log p − log q; D* is its sigmoid."),
    Mistake(lambda p, q: p / (p + q) / 2, "That has ½(p + q) mixed up: D* = p / (p + q) has no factor ½."),
    Mistake(lambda p, q: p / ((p + q) / 2), "That divides by the mixture ½(p + q), and gets 2 D*: divide by p + q."),
    *[m for e in (1e-3, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-12) for m in _padded(e)],
]


def entropy(p: Tensor, dx: float) -> Tensor:
    """Differential entropy −∫ p log p of a density on a grid, in nats."""
    return torch.special.entr(p).sum() * dx


def jensen_shannon(p: Tensor, q: Tensor, dx: float) -> Tensor:
    """The right answer of ex-03-jsd, from entropies: H(m) − ½ H(p) − ½ H(q)."""
    return entropy((p + q) / 2, dx) - (entropy(p, dx) + entropy(q, dx)) / 2


def _grid_cases() -> list[Case]:
    cases = []
    for dtype in PRECISIONS:
        for n, shift, std in ((401, 1.0, 1.0), (801, -2.0, 0.5)):
            x = torch.linspace(-10, 10, n, dtype=torch.float64)
            args = {"p": normal(x).to(dtype), "q": normal(x, shift, std).to(dtype), "dx": 20 / (n - 1)}
            cases.append(Case(args, f"N(0, 1) against N({shift:g}, {std:g}²)"))
        example = [torch.tensor(v, dtype=dtype) for v in ([1.0, 1.0, 0.0, 0.0], [0.0, 1.0, 1.0, 0.0])]
        cases.append(Case({"p": example[0], "q": example[1], "dx": 0.5}, f"the task's example, {AT_THE_ENDS}"))
        for offset, share in ((4, "disjoint"), (2, "half overlapping"), (0, "equal")):
            p = torch.tensor([0.0, 1, 1, 1, 1, 0, 0, 0, 0, 0], dtype=dtype)
            args = {"p": p, "q": p.roll(offset), "dx": 0.25}
            cases.append(Case(args, f"{share} uniform densities, with zeros"))
    return cases


AT_THE_ENDS = "whose densities aren't 0 at the ends of the grid: every point counts, and counts once"


def _swept_grids() -> list[Case]:
    """Densities on grids of up to 300 points, that reach the ends, with zeros among them, flat and peaked."""
    cases = []
    for k in range(20):
        n, dx = 2 + sizes(k, 300)[0], 10 ** (k % 5 - 3)
        heights = (drawn(k, 2, n) * (0.5 + k % 4)).exp() * (drawn(k + 50, 2, n) > -0.8)
        heights[:, 0] += 0.5
        p, q = (heights / heights.sum(1, keepdim=True) / dx).to(PRECISIONS[k % 2])
        cases.append(Case({"p": p, "q": q, "dx": dx}, f"a grid of {n} points, {AT_THE_ENDS}"))
    return cases


def _kl(p: Tensor, q: Tensor, dx: float) -> Tensor:
    """KL divergence with 0 · log 0 = 0, infinite where q misses p."""
    return (torch.special.xlogy(p, p) - torch.special.xlogy(p, q)).sum() * dx


def _kl_naive(p: Tensor, q: Tensor, dx: float) -> Tensor:
    return (p * (p / q).log()).sum() * dx


def _kl_padded(p: Tensor, q: Tensor, dx: float, e: float) -> Tensor:
    return (p * ((p + e) / (q + e)).log()).sum() * dx


def _jsd(kl: Callable[..., Tensor]) -> Callable[[Tensor, Tensor, float], Tensor]:
    return lambda p, q, dx: (kl(p, (p + q) / 2, dx) + kl(q, (p + q) / 2, dx)) / 2


JSD_MISTAKES = [
    Mistake(
        _jsd(_kl_naive),
        "That is 0 · log 0 computed as 0 · (−∞). Its limit is 0: xlogy(p, p) − xlogy(p, m), or torch.where on p > 0.",
    ),
    Mistake(
        _jsd(lambda p, m, dx: torch.special.xlogy(p, p / m).sum() * dx),
        "That is xlogy(p, p / m), which divides 0 by 0 where both densities vanish: split the logarithm, "
        "xlogy(p, p) − xlogy(p, m).",
    ),
    Mistake(
        lambda p, q, dx: 2 * jensen_shannon(p, q, dx),
        "That is twice the divergence: JSD = ½ KL(p‖m) + ½ KL(q‖m), and it never exceeds log 2.",
    ),
    Mistake(
        lambda p, q, dx: jensen_shannon(p, q, dx) / math.log(2),
        "That is the divergence in bits (log2); this course measures in nats, with the natural logarithm.",
    ),
    Mistake(
        lambda p, q, dx: jensen_shannon(p, q, 1.0),
        "That sums without dx: an integral on a grid is a sum of heights times the width dx.",
    ),
    Mistake(
        lambda p, q, dx: jensen_shannon(p, q, 1.0) / len(p),
        "That is a mean over the grid points: an integral is the sum times dx.",
    ),
    Mistake(
        lambda p, q, dx: jensen_shannon(p, q, dx).clamp(min=0).sqrt(),
        "That is the square root, the Jensen–Shannon distance; the divergence is its square.",
    ),
    Mistake(
        lambda p, q, dx: jensen_shannon(p, q, dx) - math.log(2),
        "That is too small by log 2: the mixture is ½(p + q), not p + q.",
    ),
    Mistake(
        lambda p, q, dx: (p - q).abs().sum() * dx / 2,
        "That is the total variation, ½ ∫ |p − q|; the divergence has logarithms.",
    ),
    Mistake(lambda p, q, dx: -jensen_shannon(p, q, dx), "That has the sign turned: a divergence is never negative."),
    Mistake(
        lambda p, q, dx: (_kl(p, q, dx) + _kl(q, p, dx)) / 2,
        "That is ½ KL(p‖q) + ½ KL(q‖p), Jeffreys' divergence, infinite for disjoint densities; each KL goes to the "
        "mixture m = ½(p + q).",
    ),
    Mistake(
        lambda p, q, dx: (_kl_naive(p, q, dx) + _kl_naive(q, p, dx)) / 2,
        "That compares p with q themselves, and 0/0 besides; each KL goes to the mixture m = ½(p + q).",
    ),
    Mistake(
        lambda p, q, dx: _kl(p, (p + q) / 2, dx),
        "That is KL(p‖m) alone; the divergence is the mean of KL(p‖m) and KL(q‖m).",
    ),
    Mistake(
        lambda p, q, dx: _kl(p, (p + q) / 2, dx) / 2, "That is the first half, ½ KL(p‖m); add the half of q, ½ KL(q‖m)."
    ),
    Mistake(
        lambda p, q, dx: (_kl((p + q) / 2, p, dx) + _kl((p + q) / 2, q, dx)) / 2,
        "That has the arguments of KL swapped, KL(m‖p): the density under the integral is p, not the mixture. "
        "(torch's kl_div(input, target) takes the target first in this sense.)",
    ),
    Mistake(
        lambda p, q, dx: (_kl_naive((p + q) / 2, p, dx) + _kl_naive((p + q) / 2, q, dx)) / 2,
        "That has the arguments of KL swapped, KL(m‖p), and 0/0 besides.",
    ),
    *[
        Mistake(
            _jsd(lambda p, q, dx, e=e: _kl_padded(p, q, dx, e)),
            f"That adds ε = {e:g} inside the logarithm, which bends the value; treat p = 0 exactly.",
        )
        for e in (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
    ],
]


OPTIMAL_DISCRIMINATOR = Exercise(
    "ex-03-optimal-discriminator",
    "optimal_discriminator(p_data, p_g)",
    points=1,
    steps=[
        Values(_density_cases, optimal_discriminator, OPTIMAL_MISTAKES),
        EachSample(_swept_densities, optimal_discriminator, OF_EVERY_KIND, with_gradient=False),
        NoSideEffects(_density_cases, with_gradient=False),
    ],
    description="Densities from 1e-13 to 10,000, zeros, points and grids, in single and double precision.",
)

JENSEN_SHANNON = Exercise(
    "ex-03-jsd",
    "jensen_shannon(p, q, dx)",
    points=2,
    steps=[
        Values(_grid_cases, jensen_shannon, JSD_MISTAKES),
        Values(_swept_grids, jensen_shannon, hint=OF_EVERY_KIND),
        NoSideEffects(_grid_cases, with_gradient=False),
    ],
    description="Gaussians, and uniform densities that overlap in full, by half and not at all (log 2).",
)
