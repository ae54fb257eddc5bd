"""The Dirac-GAN: drag the start, choose a method, and see where it leads."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.names import lookup
from gancourse.theory import dirac as theory
from gancourse.theory import fields
from gancourse.widgets.drawing import Axes, Picture, dots, handle, path, polyline, saltire
from gancourse.widgets.widget import Widget, button, menu, slider

LIMIT = 3.5
ARROWS = 13  # along each axis
LEAST = -12  # exponent of the smallest distance drawn

# What each method's slider sets: label, lowest, highest, step, published value; methods without a setting aren't named.
STRENGTHS: dict[str, tuple[str, float, float, float, float]] = {
    "WGAN": ("clipping bound", 0.1, 3, 0.1, 1),
    "WGAN-GP": ("weight γ", 0, 2, 0.05, 0.7),
    "instance noise": ("noise σ", 0, 2, 0.05, 0.7),
    "R1": ("weight γ", 0, 2, 0.05, 0.3),
    "R2": ("weight γ", 0, 2, 0.05, 0.3),
    "consensus": ("weight γ", 0, 2, 0.05, 1),
    "unrolled": ("steps ahead", 0, 20, 1, 5),
}
STEPPINGS = {
    "simultaneous": "simultaneous",
    "alternating": "alternating, D first",
    "5:1": "5:1, five of D",
}


def made(method: str, strength: float | None = None) -> theory.Dirac:
    """A method of the theory with the strength that the slider shows; the published one if left out."""
    make: Callable[..., theory.Dirac] = lookup(theory.methods, method, "method")
    if method not in STRENGTHS or strength is None:
        return make()
    return make(int(strength) if method == "unrolled" else strength)


def dirac(
    method: str = "GAN",
    *,
    stepping: str = "simultaneous",
    step_size: float = theory.STEP_SIZE,
    n_steps: int = theory.N_STEPS,
    start: tuple[float, float] = theory.START,
) -> Widget:
    """Drag the start of a Dirac-GAN and see where a training method leads; with arrow keys too.

    Menus choose the method and who moves when; sliders set the step size and the method's own strength. Beside the
    plane (θ, ψ): the distance from the equilibrium, step by step. Below: the distance at the end, the eigenvalues of
    the field's Jacobian at the equilibrium, and by what factor a step multiplies a small error there.

    Args:
        method: chosen at first; one of `theory.dirac.methods`.
        stepping: chosen at first: simultaneous, alternating or 5:1.
        step_size: h at first, between 0.01 and 1.
        n_steps: as many steps are drawn, 1 to 1000.
        start: (θ, ψ) at first, both within ±3.5.

    Raises:
        ValueError: there is no such method or stepping, or a number is out of its range.

    >>> print(dirac("R1").status)
    start θ = 1.00, ψ = −1.00, distance 1.41
    after 500 steps: distance 2.64 · 10⁻⁶
    """
    lookup(theory.methods, method, "method")
    lookup(theory.steppings, stepping, "stepping")
    if not 0.01 <= step_size <= 1 or not 1 <= n_steps <= 1000:
        raise ValueError(f"step_size {step_size}, n_steps {n_steps}; expected 0.01 to 1, and 1 to 1000")
    if len(start) != 2 or not all(abs(value) <= LIMIT for value in start):
        raise ValueError(f"start is {start}; expected (θ, ψ), both within ±{LIMIT}")
    field = made(method).field
    points = fields.trajectory(
        theory.step(field, stepping, step_size), torch.tensor(start, dtype=torch.float64), n_steps
    )
    far = theory.distances(points).tolist()
    first, last = _distance(far[0]), _distance(far[-1])
    status = f"start {_where(start)}, distance {far[0]:.2f}\nafter {n_steps} steps: distance {last}"
    seen = f"Field and trajectory of {method}, {stepping} steps of {step_size:g}; {status}".replace("\n", ", ")
    falls = f"Distance from the equilibrium by step, logarithmic: from {first} to {last} after {n_steps} steps"
    return Widget(
        "dirac",
        "The plane (θ, ψ) of the Dirac-GAN with the trajectory of a training method from a start that can be moved",
        {"start": list(start), "n": n_steps, "arrows": ARROWS, "strengths": STRENGTHS},
        [Picture(384, 396, seen, _plane(field, points, start)), Picture(286, 340, falls, _fall(far))],
        menu("method", "method", {name: name for name in theory.methods}, method)
        + menu("stepping", "steps", STEPPINGS, stepping)
        + slider("h", "step size h", 0.01, 1, 0.01, step_size)
        + slider("strength", *STRENGTHS.get(method, ("", 0, 1, 1, 0)))
        + button("reset", "Reset start"),
        status,
    )


def _plane(field: Callable[[Tensor], Tensor], points: Tensor, start: tuple[float, float]) -> str:
    """The field as arrows, the trajectory, and the handle at its start."""
    plane = Axes((-LIMIT, LIMIT), (-LIMIT, LIMIT), 52, 28, 330, 330)
    finite = points[points.isfinite().all(1)]
    places = [plane.at(*point) for point in finite.clamp(-9, 9).tolist()]
    label = "start of the trajectory; arrow keys, Page Up and Page Down, Home and End move it"
    return plane.draw(
        path("faint", _arrows(field, plane), part="arrows")
        + path("line", polyline(places), part="path")
        + path("real", dots([plane.at(0, 0)]))
        + path("end", saltire(places[-1]), part="end"),
        part="plane",
        x_label="θ, the generated point",
        y_side="ψ, the discriminator’s slope",
        over=_legend(len(points) - 1) + handle("start", plane.at(*start), label, LIMIT, start[0], _where(start)),
    )


def _fall(far: list[float]) -> str:
    """The distance from the equilibrium by step, on a logarithmic scale."""
    n_steps = len(far) - 1
    fall = Axes((0, n_steps), (LEAST, 1), 50, 28, 222, 270)
    logs = [max(LEAST, min(1.0, math.log10(r) if r > 0 else LEAST)) for r in far if math.isfinite(r)]
    powers = range(LEAST, 2, 3)
    return fall.draw(
        path("line", polyline(fall.at(i, r) for i, r in enumerate(logs)), part="distance"),
        part="fall",
        x_label="step",
        y_label="distance from the equilibrium",
        x_ticks=[0, n_steps // 2, n_steps] if n_steps > 1 else [0, 1],
        y_ticks=list(powers),
        y_names=[_power(e) for e in powers],
    )


def _legend(n_steps: int) -> str:
    return (
        path("real", dots([(56, 14)]))
        + '<text x="64" y="19">equilibrium</text><circle class="gw-ring" r="6" cx="169" cy="14"/>'
        + f'<text x="180" y="19">start</text>{path("end", saltire((233, 14)))}'
        + f'<text x="244" y="19">after {n_steps} steps</text>'
    )


def _where(start: tuple[float, float]) -> str:
    return f"θ = {start[0]:.2f}, ψ = {start[1]:.2f}".replace("-", "−")


def _distance(value: float) -> str:
    """Three digits, as the script writes them."""
    if not math.isfinite(value):
        return "not finite"
    if value == 0 or 1e-3 <= value < 1000:
        digits = 2 if value == 0 else max(0, 2 - math.floor(math.log10(float(f"{value:.2e}"))))
        return f"{value:.{digits}f}"
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{mantissa} · {_power(int(exponent))}"


def _power(exponent: int) -> str:
    return "1" if exponent == 0 else "10" + f"{exponent}".translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _arrows(field: Callable[[Tensor], Tensor], plane: Axes) -> str:
    """The field as arrows, whose length stays below 16 however strong it is; drawn as the script draws them."""
    (x0, x1), (y0, y1) = plane.x, plane.y
    d = []
    for i in range(ARROWS):
        for j in range(ARROWS):
            t, p = x0 + (i + 0.5) / ARROWS * (x1 - x0), y0 + (j + 0.5) / ARROWS * (y1 - y0)
            a, b = field(torch.tensor([t, p], dtype=torch.float64)).tolist()
            size, (x, y) = math.hypot(a, b), plane.at(t, p)
            if size < 1e-9:
                continue
            length = 16 * size / (size + 0.5)
            u, v = a / size * length, -b / size * length
            e, f = x + u / 2, y + v / 2
            left, right = (e - 0.3 * u - 0.2 * v, f - 0.3 * v + 0.2 * u), (e - 0.3 * u + 0.2 * v, f - 0.3 * v - 0.2 * u)
            d.append(polyline([(x - u / 2, y - v / 2), (e, f)]) + polyline([left, (e, f), right]))
    return "".join(d)
