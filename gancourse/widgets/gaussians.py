"""Two Gaussians: the best discriminator between them, what it says of their divergence, and how others fall short."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from gancourse.widgets.drawing import Axes, Picture, path, polyline, segments, short
from gancourse.widgets.widget import Widget, button, slider

FARTHEST, NARROWEST, WIDEST, MOST = 6.0, 0.4, 2.0, 4.0
"""Limits of the generator's mean, of its standard deviation, and of the shift of D's logit."""
GRID = (-10.0, 18.0, 0.02)
"""First place, last place and spacing of the trapezoidal rule: beyond six standard deviations of either density."""
SHOWN = (-4.0, 9.0)
N_CURVE = 60  # pieces of the curves at the right
N_SHAPE = 130  # pieces of those at the left


def two_gaussians(mean: float = 2.0, std: float = 1.0, shift: float = 0.0) -> Widget:
    """Data N(0, 1), a generator N(mean, std²), and D = σ(log p/q + shift), all of which sliders change.

    Above, both densities; below, D(x), with the best one dashed. At the right, the Jensen–Shannon divergence against
    the mean, and the value V(D) against the shift: the largest is 2 JSD − log 4, where the shift is zero.

    Args:
        mean: of the generator at first, 0 to 6, a multiple of 0.1.
        std: its standard deviation at first, 0.4 to 2, a multiple of 0.1.
        shift: of D's logit at first, within ±4, a multiple of 0.2.

    Raises:
        ValueError: a number is out of its range.

    >>> print(two_gaussians().status)
    JSD = 0.337 nats, of at most log 2 = 0.693
    V(D) = −0.713 nats; of the best D: 2 JSD − log 4 = −0.713
    """
    for name, value, low, high, step in (
        ("mean", mean, 0, FARTHEST, 0.1),
        ("std", std, NARROWEST, WIDEST, 0.1),
        ("shift", shift, -MOST, MOST, 0.2),
    ):
        if not (low <= value <= high and abs(value / step - round(value / step)) < 1e-6):
            raise ValueError(f"{name} is {value}; expected {low:g} to {high:g}, a multiple of {step:g}")
    divergence, value = jensen_shannon(mean, std), game_value(mean, std, shift)
    best = 2 * divergence - math.log(4)
    status = (
        f"JSD = {divergence:.3f} nats, of at most log 2 = 0.693\n"
        f"V(D) = {value:.3f} nats; of the best D: 2 JSD − log 4 = {best:.3f}"
    ).replace("-", "−")
    where = f"mean {mean:.1f}, σ = {std:.1f}, logit shifted by {shift:.1f}".replace("-", "−")
    seen = f"Densities of the data and of the generator, and D(x) below; {where}"
    curves = f"Divergence against the mean, and V(D) against the shift; now {status}".replace("\n", ", ")
    return Widget(
        "gaussians",
        "Two Gaussians, data and generator, with the best discriminator between them and a shifted one",
        {"grid": list(GRID), "shown": list(SHOWN), "pieces": [N_SHAPE, N_CURVE]},
        [Picture(384, 396, seen, _shapes(mean, std, shift)), Picture(286, 396, curves, _curves(mean, std, shift))],
        slider("mean", "generator’s mean", 0, FARTHEST, 0.1, mean)
        + slider("std", "its σ", NARROWEST, WIDEST, 0.1, std)
        + slider("shift", "shift of D’s logit", -MOST, MOST, 0.2, shift)
        + button("best", "Best D"),
        status,
    )


def log_ratio(x: Tensor, mean: float, std: float) -> Tensor:
    """The logarithm of p/q, of N(0, 1) and N(mean, std²)."""
    return (((x - mean) / std) ** 2 - x**2) / 2 + math.log(std)


def jensen_shannon(mean: float, std: float) -> float:
    """Jensen–Shannon divergence of N(0, 1) and N(mean, std²), in nats."""
    return (game_value(mean, std, 0.0) + math.log(4)) / 2


def game_value(mean: float, std: float, shift: float) -> float:
    """V(D) of D = σ(log p/q + shift), in nats, by the trapezoidal rule on `GRID`."""
    x, p, q = _densities(mean, std)
    logit = log_ratio(x, mean, std) + shift
    # The densities vanish at both ends, where the rule has half a weight.
    return float((p * logsigmoid(logit) + q * logsigmoid(-logit)).sum() * GRID[2])


def _densities(mean: float, std: float) -> tuple[Tensor, Tensor, Tensor]:
    first, last, spacing = GRID
    x = first + spacing * torch.arange(round((last - first) / spacing) + 1, dtype=torch.float64)
    return x, _bell(x, 0.0, 1.0), _bell(x, mean, std)


def _bell(x: Tensor, mean: float, std: float) -> Tensor:
    return torch.exp(-(((x - mean) / std) ** 2) / 2) / (std * math.sqrt(2 * math.pi))


def _shapes(mean: float, std: float, shift: float) -> str:
    """Both densities, and D below."""
    above, below = Axes(SHOWN, (0, 1), 44, 34, 326, 126), Axes(SHOWN, (0, 1), 44, 228, 326, 120)
    x = SHOWN[0] + (SHOWN[1] - SHOWN[0]) * torch.arange(N_SHAPE + 1, dtype=torch.float64) / N_SHAPE

    def curve(axes: Axes, y: Tensor) -> str:
        return polyline(axes.at(*place) for place in zip(x.tolist(), y.tolist(), strict=True))

    ratio = log_ratio(x, mean, std)
    return above.draw(
        path("truth", curve(above, _bell(x, 0.0, 1.0)), part="real-line")
        + path("generated", curve(above, _bell(x, mean, std)), part="generated-line"),
        part="densities",
        x_ticks=[-4, -2, 0, 2, 4, 6, 8],
        y_ticks=[0, 0.5, 1],
        over=_names(44, 18, (("truth", "data"), ("generated", "generator"))),
    ) + below.draw(
        path("faint gw-dash", curve(below, torch.sigmoid(ratio)), part="best-line")
        + path("line", curve(below, torch.sigmoid(ratio + shift)), part="d-line"),
        part="d",
        x_ticks=[-4, -2, 0, 2, 4, 6, 8],
        x_label="x",
        y_ticks=[0, 0.5, 1],
        over=_names(44, 214, (("line", "D(x)"), ("faint gw-dash", "the best one"))),
    )


def _curves(mean: float, std: float, shift: float) -> str:
    """The divergence against the mean, and V against the shift, with marks where they are now."""
    above, below = Axes((0, FARTHEST), (0, 0.8), 44, 34, 230, 126), Axes((-MOST, MOST), (-4.5, 0), 44, 228, 230, 120)
    means = [FARTHEST * i / N_CURVE for i in range(N_CURVE + 1)]
    shifts = [-MOST + 2 * MOST * i / N_CURVE for i in range(N_CURVE + 1)]
    divergence, value = jensen_shannon(mean, std), game_value(mean, std, shift)
    return above.draw(
        path("faint gw-dash", segments([(above.at(0, math.log(2)), above.at(FARTHEST, math.log(2)))]))
        + path("line", polyline(above.at(m, jensen_shannon(m, std)) for m in means), part="divergence-line"),
        part="divergence",
        x_label="mean",
        y_label="JSD in nats; dashed: log 2",
        x_ticks=[0, 2, 4, 6],
        y_ticks=[0, 0.2, 0.4, 0.6, 0.8],
        over=_mark("divergence-now", *above.at(mean, divergence)),
    ) + below.draw(
        path("faint gw-dash", segments([(below.at(-MOST, -math.log(4)), below.at(MOST, -math.log(4)))]))
        + path("line", polyline(below.at(b, game_value(mean, std, b)) for b in shifts), part="value-line"),
        part="value",
        x_label="shift of D’s logit",
        y_label="V(D) in nats; dashed: −log 4",
        x_ticks=[-4, -2, 0, 2, 4],
        y_ticks=[-4, -3, -2, -1, 0],
        over=_mark("value-now", *below.at(shift, value)),
    )


def _names(left: float, top: float, lines: tuple[tuple[str, str], ...]) -> str:
    """Short lines with their names, side by side."""
    parts = []
    for kind, name in lines:
        parts.append(path(kind, f"M{short(left)} {short(top)}h18"))
        parts.append(f'<text x="{short(left + 24)}" y="{short(top + 5)}">{name}</text>')
        left += 44 + 8 * len(name)
    return "".join(parts)


def _mark(part: str, x: float, y: float) -> str:
    return f'<circle class="gw-now" data-part="{part}" r="5" cx="{short(x)}" cy="{short(y)}"/>'
