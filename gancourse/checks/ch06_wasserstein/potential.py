"""Check of the Kantorovich–Rubinstein witness: a potential extended to the whole space."""

from __future__ import annotations

import torch
from torch import Tensor

from gancourse.checks.engine.comparison import PRECISIONS, Mistake, Values
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import OF_EVERY_KIND, drawn, sizes


def extend(x: Tensor, anchors: Tensor, heights: Tensor) -> Tensor:
    """The right answer of ex-06-extend, one anchor after the other."""
    lowest = torch.full_like(x[:, 0], float("inf"))
    for anchor, height in zip(anchors, heights, strict=True):
        lowest = torch.minimum(lowest, height + torch.linalg.vector_norm(x - anchor, dim=1))
    return lowest


def _cases() -> list[Case]:
    cases = []
    for dtype in PRECISIONS:
        x = torch.tensor([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]], dtype=dtype)
        example = {"x": x[1:2], "anchors": x[:2], "heights": torch.tensor([0.0, 1.0], dtype=dtype)}
        cases.append(Case(example, "the task's example"))
        one = {"x": x, "anchors": x[:1], "heights": torch.tensor([1.0], dtype=dtype)}
        cases.append(Case(one, "a single anchor: a cone"))
        noise = torch.Generator().manual_seed(2)
        x, anchors = torch.randn(2, 4, 2, generator=noise, dtype=torch.float64)
        heights = 2 * torch.randn(4, generator=noise, dtype=torch.float64)
        cases.append(
            Case({"x": (2 * x).to(dtype), "anchors": anchors.to(dtype), "heights": heights.to(dtype)}, "4 anchors")
        )
        x = torch.randn(7, 3, generator=noise, dtype=torch.float64)
        cases.append(
            Case(
                {"x": x.to(dtype), "anchors": x[:5].to(dtype), "heights": x[:5, 0].abs().to(dtype)},
                "7 points, 5 anchors, 3 dimensions",
            )
        )
    return cases


def _swept() -> list[Case]:
    """Up to 25 points, 20 anchors and 8 dimensions, near each other and far away, heights of both signs."""
    cases = []
    for k in range(20):
        n, m, d = sizes(k, 25, 20, 8)
        scale = 10 ** (k % 3)
        args = {
            "x": scale * drawn(k, n, d),
            "anchors": scale * drawn(k + 50, m, d),
            "heights": scale * drawn(k + 99, m),
        }
        about = f"{n} points, {m} anchors, {d} dimensions"
        cases.append(Case({key: value.to(PRECISIONS[k % 2]) for key, value in args.items()}, about))
    return cases


def _distances(x: Tensor, anchors: Tensor) -> Tensor:
    return torch.linalg.vector_norm(x[:, None] - anchors, dim=-1)


MISTAKES = [
    Mistake(
        lambda x, a, h: (h + _distances(x, a)).max(1).values,
        "That takes the largest cone instead of the lowest: still 1-Lipschitz, but far above the anchors' heights.",
    ),
    Mistake(
        lambda x, a, h: (h - _distances(x, a)).max(1).values,
        "That is the other extension, the highest of the cones that open downwards, max of height − distance: "
        "1-Lipschitz too, the lowest such function. The highest is asked for: min of height + distance.",
    ),
    Mistake(
        lambda x, a, h: (h - _distances(x, a)).min(1).values,
        "That subtracts the distance: f then falls without bound, and passes below the heights at the anchors.",
    ),
    Mistake(
        lambda x, a, h: (h + _distances(x, a).square()).min(1).values,
        "That squares the distance: the gradient grows with it, so the function isn't 1-Lipschitz.",
    ),
    Mistake(
        lambda x, a, h: (h + (x[:, None] - a).abs().sum(-1)).min(1).values,
        "That measures by the sum of absolute coordinates: its gradient's Euclidean norm is up to √dimensions.",
    ),
    Mistake(
        lambda x, a, h: h[_distances(x, a).argmin(1)],
        "That copies the nearest anchor's height: a staircase, which jumps where the nearest anchor changes.",
    ),
    Mistake(
        lambda x, a, h: h[_distances(x, a).argmin(1)] + _distances(x, a).min(1).values,
        "That takes the nearest anchor's cone; a farther one may be lower, and where the nearest changes f jumps.",
    ),
    Mistake(
        lambda x, a, h: _distances(x, a).min(1).values,
        "That leaves the heights out: the distance to the nearest anchor.",
    ),
    Mistake(
        lambda x, a, h: -(-(h + _distances(x, a))).logsumexp(1),
        "That is a soft minimum, which lies below the true one by up to log m.",
    ),
    Mistake(
        lambda x, a, h: (h + _distances(x, a)).mean(1),
        "That averages the cones: 1-Lipschitz, but it doesn't keep to the heights at the anchors.",
    ),
    Mistake(lambda x, a, h: h + _distances(x, a), "That is every cone at every point; take the minimum over anchors."),
    Mistake(
        lambda x, a, h: (h + _distances(x, a)).min(0).values,
        "That takes the minimum over the points x: one value per anchor. Take it over the anchors, axis 1.",
    ),
]


EXTEND = Exercise(
    "ex-06-extend",
    "extend(x, anchors, heights)",
    points=2,
    steps=[
        Values(_cases, extend, MISTAKES),
        Values(_swept, extend, hint=OF_EVERY_KIND),
        NoSideEffects(_cases, with_gradient=False),
    ],
    description="One anchor and many, one to eight dimensions, near and far, in single and double precision.",
)
