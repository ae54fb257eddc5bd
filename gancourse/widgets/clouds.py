"""Two clouds of points: what it costs to carry one to the other, and what a divergence sees of it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gancourse.names import lookup
from gancourse.theory import optimal_transport
from gancourse.widgets.drawing import (
    Axes,
    Picture,
    Place,
    crosses,
    dots,
    handle,
    legend,
    path,
    polyline,
    segments,
    short,
)
from gancourse.widgets.widget import Widget, button, menu, slider

LIMIT = 3.0
N_POINTS = 12
WIDEST = 1.0
N_CURVE = 120  # intervals of the drawn curves
SPACING, REACH = 0.5, 9  # of the quadrature: nodes at multiples of half a width, up to nine of them each way


def _line() -> list[Place]:
    return [(0.0, round(-1.1 + 0.2 * i, 2)) for i in range(N_POINTS)]


def _ring() -> list[Place]:
    turns = [2 * math.pi * i / N_POINTS for i in range(N_POINTS)]
    return [(round(1.2 * math.cos(t), 2), round(1.2 * math.sin(t), 2)) for t in turns]


def _spiral() -> list[Place]:
    """Points spread evenly over a disc: each a golden angle further."""
    golden = math.pi * (3 - math.sqrt(5))
    radii = [math.sqrt((i + 0.5) / N_POINTS) for i in range(N_POINTS)]
    return [(round(r * math.cos(i * golden), 2), round(r * math.sin(i * golden), 2)) for i, r in enumerate(radii)]


SHAPES: dict[str, tuple[str, list[Place], list[Place]]] = {
    "lines": ("two parallel lines", _line(), _line()),
    "discs": ("two equal discs", _spiral(), _spiral()),
    "ring": ("a ring and a disc", _ring(), _spiral()),
}


def blurred_divergence(x: Tensor, y: Tensor, width: float) -> float:
    """Jensen–Shannon divergence in nats of two clouds of equally many points, each blurred by a Gaussian.

    The mean of log(2p / (p + q)) over each Gaussian is taken by the trapezoidal rule, with an error below 10⁻⁴.

    Args:
        x: points of P, [n, 2].
        y: points of Q, [n, 2].
        width: standard deviation of the Gaussians; 0: the points themselves, of which only those that coincide count.

    >>> apart = torch.zeros(1, 2, dtype=torch.float64), torch.full((1, 2), 9.0, dtype=torch.float64)
    >>> round(blurred_divergence(*apart, 0.1), 6), blurred_divergence(apart[0], apart[0], 0.0)
    (0.693147, 0.0)
    """
    if width == 0:
        left = y.tolist()
        for point in x.tolist():
            near = [other for other in left if math.dist(point, other) < 1e-9]
            if near:
                left.remove(near[0])
        return math.log(2) * len(left) / len(x)
    offsets = SPACING * torch.arange(-REACH, REACH + 1, dtype=torch.float64)
    bell = (-offsets.square() / 2).softmax(0)  # sums to one, although the tails are cut

    def density(points: Tensor, centres: Tensor) -> Tensor:
        """Unnormalised, at the nodes around each centre: [centres, nodes, nodes]."""
        across = ((centres[:, None] - points) / width)[..., None] + offsets  # [centres, points, 2, nodes]
        bells = torch.exp(-across.square() / 2)
        return torch.einsum("cpi,cpj->cij", bells[:, :, 0], bells[:, :, 1])

    total = 0.0
    for mine, other in ((x, y), (y, x)):
        p, q = density(mine, mine), density(other, mine)
        total += torch.einsum("i,j,cij->", bell, bell, torch.log(2 * p / (p + q))).item()
    return max(0.0, total / (2 * len(x)))


def transport(shape: str = "lines", *, shift: tuple[float, float] = (1.5, 0.0), width: float = 0.0) -> Widget:
    """Move a cloud of points and see how far it is from another: by W1, and by the Jensen–Shannon divergence.

    The lines between the clouds are the optimal plan, and W1 is their mean length. The divergence is that of the
    points blurred by Gaussians of a width set by a slider; at width 0 it is that of the points themselves, which is
    log 2 unless some coincide. Beside the plane: both against the horizontal move.

    Args:
        shape: clouds shown at first: "lines", "discs" or "ring".
        shift: how far the generated cloud is moved to the right and up at first, both within ±3.
        width: of the Gaussians at first, 0 to 1, a multiple of 0.05.

    Raises:
        ValueError: there is no such shape, or a number is out of its range.

    >>> print(transport("lines", shift=(0.5, 0.0)).status)
    moved 0.50 to the right, 0.00 up
    W₁ = 0.500
    JSD = 0.693 nats, of at most log 2 = 0.693
    """
    lookup(SHAPES, shape, "shape")
    if len(shift) != 2 or not all(abs(value) <= LIMIT for value in shift):
        raise ValueError(f"shift is {shift}; expected (right, up), both within ±{LIMIT:g}")
    if not 0 <= width <= WIDEST or abs(width / 0.05 - round(width / 0.05)) > 1e-6:
        raise ValueError(f"width is {width}; expected 0 to {WIDEST:g}, a multiple of 0.05")
    pair = _Pair(shape, shift[1], width)
    cost, divergence = pair.cost(shift[0]), pair.divergence(shift[0])
    where = f"{shift[0]:.2f} to the right, {shift[1]:.2f} up".replace("-", "−")
    values = f"W₁ = {cost:.3f}\nJSD = {divergence:.3f} nats, of at most log 2 = 0.693"
    seen = f"Optimal plan between {SHAPES[shape][0]}; moved {where}\n{values}".replace("\n", ", ")
    curves = f"W₁ and Jensen–Shannon divergence against the horizontal move; now {values}".replace("\n", ", ")
    return Widget(
        "transport",
        "Two clouds of points, one of which can be moved, with the optimal transport plan between them",
        {"shift": list(shift), "shapes": {name: [a, b] for name, (_, a, b) in SHAPES.items()}},
        [Picture(384, 392, seen, _plane(pair, shift[0], where)), Picture(286, 392, curves, _curves(pair, shift[0]))],
        menu("shape", "clouds", {name: label for name, (label, _, _) in SHAPES.items()}, shape)
        + slider("width", "blur σ", 0, WIDEST, 0.05, width)
        + button("reset", "Reset place"),
        f"moved {where}\n{values}",
    )


class _Pair:
    """Two clouds, of which the generated one is moved upwards already, and the width of the blur."""

    def __init__(self, shape: str, up: float, width: float) -> None:
        _, self.real, generated = SHAPES[shape]
        self.up, self.width = up, width
        self._x, y = (torch.tensor(points, dtype=torch.float64) for points in (self.real, generated))
        self._y = y + torch.tensor([0.0, up], dtype=torch.float64)
        # Moves at which a point of one cloud meets a point of the other.
        met = {round(a - c, 6) for a, b in self.real for c, d in generated if abs(b - d - up) < 1e-9}
        self.meetings = [] if width else sorted(met)

    def generated(self, right: float) -> Tensor:
        """The generated cloud after a horizontal move."""
        return self._y + torch.tensor([right, 0.0], dtype=torch.float64)

    def plan(self, right: float) -> list[int]:
        """The generated point to which each real point belongs."""
        return optimal_transport(self._x, self.generated(right)).plan.argmax(1).tolist()

    def cost(self, right: float) -> float:
        """W1 after a horizontal move."""
        return optimal_transport(self._x, self.generated(right)).distance

    def divergence(self, right: float) -> float:
        """Jensen–Shannon divergence after a horizontal move, in nats."""
        return blurred_divergence(self._x, self.generated(right), self.width)


def _plane(pair: _Pair, right: float, where: str) -> str:
    """Both clouds, the optimal plan between them, and the handle in the middle of the generated one."""
    plane = Axes((-LIMIT, LIMIT), (-LIMIT, LIMIT), 34, 28, 338, 338)
    at, to = [plane.at(*p) for p in pair.real], [plane.at(*p) for p in pair.generated(right).tolist()]
    label = "middle of the generated cloud; arrow keys, Page Up and Page Down, Home and End move it"
    middle = plane.at(right, pair.up)
    return plane.draw(
        path("faint", segments((at[i], to[j]) for i, j in enumerate(pair.plan(right))), part="plan")
        + path("real", dots(at), part="real")
        + path("generated", crosses(to), part="generated"),
        part="plane",
        over=legend(plane.left, 14) + handle("handle", middle, label, LIMIT, right, where),
    )


def _curves(pair: _Pair, right: float) -> str:
    """W1 and the divergence against the horizontal move, with marks where the cloud is now."""
    moves = [-LIMIT + i / N_CURVE * 2 * LIMIT for i in range(N_CURVE + 1)]
    above, below = Axes((-LIMIT, LIMIT), (0, 5), 38, 28, 230, 124), Axes((-LIMIT, LIMIT), (0, 0.8), 38, 224, 230, 124)
    if pair.width:
        line = [below.at(move, pair.divergence(move)) for move in moves]
    else:  # log 2, but for single moves
        line = [below.at(-LIMIT, math.log(2)), below.at(LIMIT, math.log(2))]
    return above.draw(
        path("line", polyline(above.at(move, pair.cost(move)) for move in moves), part="cost-line"),
        part="cost",
        y_label="W₁",
        y_ticks=[0, 1, 2, 3, 4, 5],
        x_ticks=[-2, 0, 2],
        over=_mark("cost-now", above.at(right, pair.cost(right))),
    ) + below.draw(
        path("faint gw-dash", polyline([below.at(-LIMIT, math.log(2)), below.at(LIMIT, math.log(2))]))
        + path("line", polyline(line), part="divergence-line"),
        part="divergence",
        x_label="move to the right",
        y_label="JSD in nats; dashed: log 2",
        y_ticks=[0, 0.2, 0.4, 0.6, 0.8],
        x_ticks=[-2, 0, 2],
        over=path("dot", dots(below.at(a, pair.divergence(a)) for a in pair.meetings), part="divergence-dots")
        + _mark("divergence-now", below.at(right, pair.divergence(right))),
    )


def _mark(part: str, place: Place) -> str:
    return f'<circle class="gw-now" data-part="{part}" r="5" cx="{short(place[0])}" cy="{short(place[1])}"/>'
