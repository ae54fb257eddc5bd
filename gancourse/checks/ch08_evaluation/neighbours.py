"""Check of precision and recall: what lies within the k-nearest-neighbour balls of the other set."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.engine.comparison import Mistake, Values
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import OF_EVERY_KIND, drawn, sizes


def _distances(x: Tensor, y: Tensor) -> Tensor:
    """Euclidean distances, [x, y]."""
    return (x.double()[:, None] - y.double()[None]).square().sum(2).sqrt()


def _radii(x: Tensor, k: int) -> Tensor:
    """Distance of each point to its k-th neighbour, itself not counted."""
    return _distances(x, x).sort(1).values[:, k]


def _share(inside: Tensor) -> Tensor:
    return inside.float().mean()


def _inside(points: Tensor, support: Tensor, radii: Tensor) -> Tensor:
    """Share of points that lie in some ball around the support."""
    return _share((_distances(points, support) <= radii).any(1))


def _both(share: Callable[[Tensor, Tensor, int], Tensor]) -> Callable[[Tensor, Tensor, int], Tensor]:
    """Precision and recall from the share of points, first, that a support, second, holds."""
    return lambda real, generated, k: torch.stack([share(generated, real, k), share(real, generated, k)])


def precision_recall(real: Tensor, generated: Tensor, k: int) -> Tensor:
    """The right answer of ex-08-precision-recall."""
    return _both(lambda points, support, k: _inside(points, support, _radii(support, k)))(real, generated, k)


def _covered(points: Tensor, support: Tensor, k: int) -> Tensor:
    """Share of the support's balls that hold some point."""
    return _share((_distances(points, support) <= _radii(support, k)).any(0))


def _nearest_ball(points: Tensor, support: Tensor, k: int) -> Tensor:
    distance, nearest = _distances(points, support).min(1)
    return _share(distance <= _radii(support, k)[nearest])


def _other_radii(points: Tensor, support: Tensor, k: int) -> Tensor:
    return _inside(points, support, _distances(support, points).sort(1).values[:, k - 1])


def _own_radii(points: Tensor, support: Tensor, k: int) -> Tensor:
    return _share((_distances(points, support) <= _radii(points, k)[:, None]).any(1))


def _density(points: Tensor, support: Tensor, k: int) -> Tensor:
    return (_distances(points, support) <= _radii(support, k)).float().sum(1).mean() / k


MISTAKES = [
    Mistake(
        _both(lambda p, s, k: _inside(p, s, _distances(s, s).sort(1).values[:, k - 1])),
        "That counts each point as its own nearest neighbour, at distance 0, so that the radius is that of k − 1 "
        "neighbours. Take the (k + 1)-th smallest distance within a set, or leave the diagonal out.",
    ),
    Mistake(
        _both(lambda p, s, k: _inside(p, s, _distances(s, s).sort(1).values[:, k + 1])),
        "That has one neighbour too many: the radius is the distance to the k-th one.",
    ),
    Mistake(
        lambda r, g, k: precision_recall(r, g, k).flip(0),
        "That has the two exchanged: precision is the share of *generated* points within balls around real ones, and "
        "comes first.",
    ),
    Mistake(
        lambda r, g, k: precision_recall(r, g, k)[:1].repeat(2),
        "That gives precision twice. For recall the two sets change places: balls around the generated points, share "
        "of the real ones.",
    ),
    Mistake(lambda r, g, k: precision_recall(r, g, k)[1:].repeat(2), "That gives recall twice."),
    Mistake(
        lambda r, g, k: torch.stack([precision_recall(r, g, k)[0], _covered(g, r, k)]),
        "The second number is the share of balls around *real* points that hold a generated one: coverage. For recall "
        "real and generated change places entirely, so the balls are around the generated points.",
    ),
    Mistake(
        lambda r, g, k: torch.stack([precision_recall(r, g, k)[0], _inside(r, g, _radii(r, k).mean())]),
        "The recall uses one radius, the mean of the real balls', around the generated points. Each generated point "
        "needs its own, from its neighbours among the generated points.",
    ),
    Mistake(
        _both(_covered),
        "That is the share of balls that hold a point of the other set (axis 0); wanted is the share of points that "
        "lie in some ball (axis 1).",
    ),
    Mistake(
        _both(_nearest_ball),
        "That looks at the ball of the nearest point only. A farther one may have a larger ball that holds the point: "
        "ask for any ball.",
    ),
    Mistake(
        _both(_other_radii),
        "That takes the radii from distances to the *other* set; a ball reaches to the k-th neighbour within its own.",
    ),
    Mistake(
        _both(_own_radii),
        "That gives each point that is tested a ball of its own; balls belong to the set that it is tested against.",
    ),
    Mistake(
        _both(lambda p, s, k: _inside(p, s, _radii(s, k).mean())),
        "That uses the mean radius for all balls; each point has its own.",
    ),
    Mistake(
        _both(lambda p, s, k: _inside(p, s, _radii(s, k).max())),
        "That uses the largest radius for all balls; each point has its own.",
    ),
    Mistake(
        _both(lambda p, s, k: _share((_distances(p, s) <= _radii(s, k)).all(1))),
        "That asks for a point in *all* balls; one is enough.",
    ),
    Mistake(
        _both(_density),
        "That counts in how many balls a point lies, divided by k: density. For precision one ball is enough.",
    ),
    Mistake(
        _both(lambda p, s, k: (_distances(p, s) <= _radii(s, k)).float().mean()),
        "That is the mean over all pairs of a point and a ball: reduce over the balls by `any` first.",
    ),
    Mistake(
        _both(lambda p, s, k: (_distances(p, s) <= _radii(s, k)).any(1).float().sum()),
        "That counts points; divide by how many were tested.",
    ),
    Mistake(lambda r, g, k: 100 * precision_recall(r, g, k), "That is in per cent; a share lies between 0 and 1."),
    Mistake(lambda r, g, k: 1 - precision_recall(r, g, k), "That is the share outside of all balls."),
]


def _cases() -> list[Case]:
    line = [torch.tensor(v)[:, None] for v in ([0.0, 1.0, 3.0, 7.0], [0.5, 4.9, 12.0])]
    cases = [
        Case({"real": line[0], "generated": line[1], "k": 1}, "points of a line: radii 1, 1, 2, 4 and 4.4, 4.4, 7.1")
    ]
    for seed, (n, m, d, k, scale, shift) in enumerate(
        [(14, 14, 2, 3, 0.6, 0.5), (20, 11, 3, 2, 1.4, 0.0), (9, 16, 1, 1, 0.5, 1.0), (24, 24, 2, 5, 2.5, 0.3)]
    ):
        draws = torch.Generator().manual_seed(20 + seed)
        real = torch.randn(n, d, generator=draws)
        generated = scale * torch.randn(m, d, generator=draws) + shift
        cases.append(Case({"real": real, "generated": generated, "k": k}, f"random points, k = {k}"))
    return cases


def _swept() -> list[Case]:
    """Up to 60 points and 8 features, k up to 9, in double precision beyond 25 points."""
    cases = []
    for k in range(16):
        is_single = k % 4 == 3
        largest = 14 if is_single else 49
        n, m, d, n_neighbours = sizes(k, largest, largest, 8, 9)
        real, generated = drawn(k, n + 11, d), (0.4 + k % 3) * drawn(k + 50, m + 11, d)
        args = {"real": real, "generated": generated}
        args = {key: value.float() if is_single else value for key, value in args.items()}
        cases.append(
            Case(args | {"k": n_neighbours}, f"{n + 11} and {m + 11} points, {d} features, k = {n_neighbours}")
        )
    return cases


PRECISION_RECALL = Exercise(
    "ex-08-precision-recall",
    "precision_recall(real, generated, k)",
    points=2,
    steps=[
        Values(_cases, precision_recall, MISTAKES),
        Values(_swept, precision_recall, hint=OF_EVERY_KIND),
        NoSideEffects(_cases, with_gradient=False),
    ],
    description="A line by hand, one to eight features, narrow, wide and shifted samples, k from 1 to 9.",
)
