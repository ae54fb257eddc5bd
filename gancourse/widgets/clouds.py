"""Two clouds of points: what it costs to carry one to the other, and what a divergence sees of it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gancourse.names import lookup
from gancourse.theory import optimal_transport
from gancourse.widgets.drawing import Axes, Place, crosses, dots, legend, path, picture, polyline, segments, short
from gancourse.widgets.widget import Widget, menu, slider

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
    _, real, generated = lookup(SHAPES, shape, "shape")
    if len(shift) != 2 or not all(abs(value) <= LIMIT for value in shift):
        raise ValueError(f"shift is {shift}; expected (right, up), both within ±{LIMIT:g}")
    if not 0 <= width <= WIDEST or abs(width / 0.05 - round(width / 0.05)) > 1e-6:
        raise ValueError(f"width is {width}; expected 0 to {WIDEST:g}, a multiple of 0.05")
    x, y = (torch.tensor(points, dtype=torch.float64) for points in (real, generated))

    def there(right: float) -> Tensor:
        return y + torch.tensor([right, shift[1]], dtype=torch.float64)

    carried = optimal_transport(x, there(shift[0]))
    divergence = blurred_divergence(x, there(shift[0]), width)
    where = f"{shift[0]:.2f} to the right, {shift[1]:.2f} up".replace("-", "−")
    status = f"moved {where}\nW₁ = {carried.distance:.3f}\nJSD = {divergence:.3f} nats, of at most log 2 = 0.693"

    plane = Axes((-LIMIT, LIMIT), (-LIMIT, LIMIT), 34, 28, 338, 338)
    at, to = [plane.at(*p) for p in real], [plane.at(*p) for p in there(shift[0]).tolist()]
    pairs = [(at[i], to[j]) for i, j in enumerate(carried.plan.argmax(1).tolist())]
    handle = (
        f'<circle class="gw-handle" data-part="handle" tabindex="0" role="slider" r="8" {_centre(plane.at(*shift))} '
        f'aria-label="middle of the generated cloud; arrow keys move it" aria-valuemin="{-LIMIT:g}" '
        f'aria-valuemax="{LIMIT:g}" aria-valuenow="{shift[0]:.2f}" aria-valuetext="{where}"/>'
    )
    drawn = plane.draw(
        path("faint", segments(pairs), part="plan")
        + path("real", dots(at), part="real")
        + path("generated", crosses(to), part="generated"),
        part="plane",
        over=legend(plane.left, 14) + handle,
    )
    moves = [-LIMIT + i / N_CURVE * 2 * LIMIT for i in range(N_CURVE + 1)]
    above, below = Axes((-LIMIT, LIMIT), (0, 5), 38, 28, 230, 124), Axes((-LIMIT, LIMIT), (0, 0.8), 38, 224, 230, 124)
    costs = [optimal_transport(x, there(a)).distance for a in moves]
    if width:
        seen, meetings = [blurred_divergence(x, there(a), width) for a in moves], []
    else:
        seen = [math.log(2)] * len(moves)
        met = {round(a - c, 6) for a, b in real for c, d in generated if abs(b - d - shift[1]) < 1e-9}
        meetings = [(a, blurred_divergence(x, there(a), 0.0)) for a in sorted(met)]
    line = [below.at(*p) for p in zip(moves, seen, strict=True)]
    curves = above.draw(
        path("line", polyline(above.at(*p) for p in zip(moves, costs, strict=True)), part="cost-line"),
        part="cost",
        y_label="W₁",
        y_ticks=[0, 1, 2, 3, 4, 5],
        x_ticks=[-2, 0, 2],
        over=_mark("cost-now", above.at(shift[0], carried.distance)),
    ) + below.draw(
        path("faint gw-dash", polyline([below.at(-LIMIT, math.log(2)), below.at(LIMIT, math.log(2))]))
        + path("line", polyline(line if width else [line[0], line[-1]]), part="divergence-line"),
        part="divergence",
        x_label="move to the right",
        y_label="JSD in nats; dashed: log 2",
        y_ticks=[0, 0.2, 0.4, 0.6, 0.8],
        x_ticks=[-2, 0, 2],
        over=path("dot", dots(below.at(*p) for p in meetings), part="divergence-dots")
        + _mark("divergence-now", below.at(shift[0], divergence)),
    )
    return Widget(
        "transport",
        "Two clouds of points, one of which can be moved, with the optimal transport plan between them",
        {"shift": list(shift), "shapes": {name: [a, b] for name, (_, a, b) in SHAPES.items()}},
        [
            picture(380, 392, f"Optimal plan between {SHAPES[shape][0]}; {status}", drawn),
            picture(285, 392, "W1 and Jensen–Shannon divergence against the horizontal move", curves),
        ],
        menu("shape", "clouds", {name: label for name, (label, _, _) in SHAPES.items()}, shape)
        + slider("width", "blur σ", 0, WIDEST, 0.05, width)
        + '<button type="button" data-part="reset">Reset place</button>',
        status,
    )


def _centre(place: Place) -> str:
    return f'cx="{short(place[0])}" cy="{short(place[1])}"'


def _mark(part: str, place: Place) -> str:
    return f'<circle class="gw-now" data-part="{part}" r="5" {_centre(place)}/>'
