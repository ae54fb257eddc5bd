"""Diffusion in the plane: drag a noisy point, and see its way back and what samplers make of noise."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gancourse.metrics import mode_widths
from gancourse.names import lookup
from gancourse.widgets import noising
from gancourse.widgets.drawing import Axes, Picture, Place, dots, handle, path, polyline, saltire, short
from gancourse.widgets.noising import CLASS, COUNTS, MODES, N_SAMPLES, PROCESSES, Walk
from gancourse.widgets.widget import Widget, button, menu, slider

LIMIT, SMALL = 3.0, 2.5  # of the large plane and of the small ones
ARROWS = 10  # along each axis
MARKED = 52  # a way of so many points or fewer has a dot after each step
GUIDANCE, STRIDE, EARLIEST = 5.0, 0.5, 0.01
MAP = "one-step map"


def diffuse(
    method: str = "DDIM",
    *,
    n_steps: int = 50,
    guidance: float = 0.0,
    modes: str = "wide",
    time: float = 1.0,
    point: tuple[float, float] = (0.5, -0.2),
) -> Widget:
    """Drag a noisy point and see the way on which a sampler leads it back to data; with arrow keys too.

    The data are a ring of eight Gaussians of variance 1. Left: data with noise of the chosen time, as dots; arrows
    along the exact score, guided if there is guidance, of length 18 s/(s + ½) where s is σ times the score's norm; the
    point, and its way back. Right: what the sampler makes of 200 starts that are spread evenly over the normal
    distribution, and what a map of one step makes of them, with circles of two standard deviations. Beside them: the
    width of the modes over the true one, as by `metrics.mode_widths`, with its standard error, and the shares of
    samples in the class and in its middle mode.

    The denoiser is exact, so that errors come from the steps alone: their number, and what each assumes. DDPM adds
    noise of the large variance, β; the flow is solved by Euler's method. DDPM and DDIM have times of the spacing
    "linspace". The class consists of three neighbouring modes. The map of one step is no trained network: it is exact,
    and jumps from mode to mode, where a GAN's generator can only be steep. It knows the class but no guidance.

    Args:
        method: chosen at first: "DDPM", "DDIM" or "flow".
        n_steps: at first; one of 1, 2, 3, 5, 10, 20, 50, 100, 200, 500 and 1000.
        guidance: scale s at first, 0 to 5, a multiple of 0.5: 0 is no class, 1 the class without guidance.
        modes: at first: "wide", as of `data.ring(std=0.2)`, or "narrow", as of `data.ring()`.
        time: of the point at first, 0.01 to 1, a multiple of 0.01: 1 is noise.
        point: at first, both coordinates within ±3.

    Raises:
        ValueError: there is no such method or kind of modes, or a number is out of its range.

    >>> print(diffuse("DDIM", n_steps=50).status)
    x = (0.50, −0.20), t = 1.00: α 0.01, σ 1.00
    DDIM, 50 steps: ends at (1.18, −0.30)
    width / truth 0.95 ± 0.03, in class 0.38, middle 0.13
    """
    _check(method, n_steps, guidance, modes, time, point)
    walk = Walk(modes, method, n_steps, guidance, time)
    states = walk.states(torch.tensor([point], dtype=torch.float64), first=N_SAMPLES)
    way = [(x, y) for ((x, y),) in (state.tolist() for state in states)]
    clouds = _clouds(walk)
    alpha, sigma = (value.item() for value in walk.level)
    seen = f"x = ({_pair(point)}), t = {time:.2f}: α {alpha:.2f}, σ {sigma:.2f}"
    seen += f"\n{_counted(walk)}: ends at ({_pair(way[-1])})"
    of_sampler, of_map = (_spoken(_read(walk, cloud)) for cloud in clouds.values())
    return Widget(
        "diffuse",
        "Diffusion in the plane with the exact score of eight Gaussians; the class is the three modes at the right. "
        "The one-step map is exact and not trained; it jumps from mode to mode, where a GAN’s generator, being "
        "continuous, can only be steep",
        _state(point),
        [
            Picture(
                384,
                392,
                f"Data with noise, score as arrows and a point’s way back; {seen}".replace("\n", ", "),
                _plane(walk, way, point),
            ),
            Picture(
                286,
                392,
                f"Samples from noise by {_counted(walk)}, guidance {guidance:g}: {of_sampler}; by the {MAP}: {of_map}",
                _samples(walk, clouds, way),
            ),
        ],
        _controls(walk),
        f"{seen}\n{of_sampler}",
    )


def _check(method: str, n_steps: int, guidance: float, modes: str, time: float, point: tuple[float, float]) -> None:
    lookup(PROCESSES, method, "method")
    lookup(MODES, modes, "modes")
    if n_steps not in COUNTS:
        raise ValueError(f"n_steps is {n_steps}; pass one of {', '.join(map(str, COUNTS))}")
    if not 0 <= guidance <= GUIDANCE or not _multiple(guidance, STRIDE):
        raise ValueError(f"guidance is {guidance}; expected 0 to {GUIDANCE:g}, a multiple of {STRIDE}")
    if not EARLIEST <= time <= 1 or not _multiple(time, EARLIEST):
        raise ValueError(f"time is {time}; expected {EARLIEST} to 1, a multiple of {EARLIEST}")
    if len(point) != 2 or not all(abs(value) <= LIMIT for value in point):
        raise ValueError(f"point is {point}; expected two coordinates within ±{LIMIT:g}")


def _multiple(value: float, step: float) -> bool:
    return abs(value / step - round(value / step)) < 1e-6


def _state(point: tuple[float, float]) -> dict[str, object]:
    """What the script starts from."""
    mixtures = {name: noising.mixture(name) for name in MODES}
    return {
        "point": list(point),
        "counts": list(COUNTS),
        "samples": N_SAMPLES,
        "arrows": ARROWS,
        "marked": MARKED,
        "draws": [noising.DATA_STEP, noising.NOISE_STEP],
        "mixtures": {
            name: {
                "means": data.means.double().tolist(),
                "std": data.std,
                "members": list(CLASS),
                "all": list(range(len(data.means))),
            }
            for name, data in mixtures.items()
        },
    }


def _controls(walk: Walk) -> str:
    place = COUNTS.index(walk.n_steps)
    return (
        menu("modes", "modes", {name: f"{name}, sd {noising.mixture(name).std:.3f}" for name in MODES}, walk.modes)
        + menu("method", "back by", {name: name for name in PROCESSES}, walk.method)
        + slider("steps", "steps N", 0, len(COUNTS) - 1, 1, place, text=str(walk.n_steps))
        + slider("guidance", "guidance s", 0, GUIDANCE, STRIDE, walk.guidance)
        + slider("time", "time t", EARLIEST, 1, EARLIEST, walk.time)
        + button("reset", "Reset point")
    )


def _clouds(walk: Walk) -> dict[str, Tensor]:
    """Samples from noise, by the sampler and by the map of one step."""
    z = noising.spiral()
    return {walk.method: walk._replace(time=1.0).states(z)[-1], MAP: noising.mapped(walk, z)}


def _read(walk: Walk, cloud: Tensor) -> tuple[str, str, str]:
    """Width of the modes over the truth, share in the class and share in its middle mode."""
    data = noising.mixture(walk.modes)
    widths = mode_widths(cloud, data.means, data.std)
    in_class = widths.shares[list(CLASS)].sum().item()
    return (
        f"{widths.ratio:.2f} ± {widths.ratio_error:.2f}",
        f"{in_class:.2f}",
        f"{widths.shares[CLASS[1]].item():.2f}",
    )


def _spoken(reading: tuple[str, str, str]) -> str:
    width, in_class, middle = reading
    return f"width / truth {width}, in class {in_class}, middle {middle}"


def _counted(walk: Walk) -> str:
    return f"{walk.method}, {walk.n_steps} step{'s' if walk.n_steps > 1 else ''}"


def _pair(point: Place) -> str:
    """Coordinates with two decimals; no minus before a zero."""
    return ", ".join("0.00" if text == "-0.00" else text.replace("-", "−") for text in (f"{v:.2f}" for v in point))


def _plane(walk: Walk, way: list[Place], point: Place) -> str:
    """Noisy data, the score as arrows, the way back, and the handle at its beginning."""
    plane = Axes((-LIMIT, LIMIT), (-LIMIT, LIMIT), 34, 28, 338, 338)
    places = [plane.at(*p) for p in way]
    noisy = [plane.at(*p) for p in noising.noisy_data(walk).tolist()]
    legend = (
        path("real", dots([(40, 14)]))
        + '<text x="49" y="19">data with noise</text><circle class="gw-ring" r="6" cx="192" cy="14"/>'
        + f'<text x="204" y="19">the point</text>{path("end", saltire((298, 14)))}<text x="310" y="19">its end</text>'
    )
    label = "noisy point; arrow keys, Page Up and Page Down, Home and End move it"
    return plane.draw(
        path("real", dots(noisy), part="data")
        + path("faint", _arrows(walk, plane), part="arrows")
        + path("line", polyline(places), part="path")
        + path("step", dots(places[1:]) if len(places) <= MARKED else "", part="marks")
        + path("end", saltire(places[-1]), part="end"),
        part="plane",
        over=legend + handle("point", plane.at(*point), label, LIMIT, point[0], _pair(point)),
    )


def _arrows(walk: Walk, plane: Axes) -> str:
    """The guided score times σ as arrows, whose length stays below 18 however large it is."""
    line = -LIMIT + (torch.arange(ARROWS, dtype=torch.float64) + 0.5) / ARROWS * 2 * LIMIT
    points = torch.cartesian_prod(line, line)
    directions = -walk.denoiser(points, walk.times[0]).noise
    d = []
    for point, (a, b) in zip(points.tolist(), directions.tolist(), strict=True):
        size, (x, y) = math.hypot(a, b), plane.at(*point)
        if size < 1e-9:
            continue
        length = 18 * size / (size + 0.5)
        u, v = a / size * length, -b / size * length
        e, f = x + u / 2, y + v / 2
        left, right = (e - 0.3 * u - 0.2 * v, f - 0.3 * v + 0.2 * u), (e - 0.3 * u + 0.2 * v, f - 0.3 * v - 0.2 * u)
        d.append(polyline([(x - u / 2, y - v / 2), (e, f)]) + polyline([left, (e, f), right]))
    return "".join(d)


def _samples(walk: Walk, clouds: dict[str, Tensor], way: list[Place]) -> str:
    """Two small planes: what the sampler makes of noise, and what the map of one step does."""
    ends = [way[-1], noising.mapped(walk, torch.tensor([way[0]], dtype=torch.float64))[0].tolist()]
    titles = [_counted(walk), MAP]
    return "".join(
        _small(walk, name, 26 + 200 * i, titles[i], cloud, ends[i])
        for i, (name, cloud) in enumerate(zip(("samples", "images"), clouds.values(), strict=True))
    )


def _small(walk: Walk, name: str, top: float, title: str, cloud: Tensor, end: Place) -> str:
    """Samples beside circles of two standard deviations around the true modes, with their readings at the right."""
    axes = Axes((-SMALL, SMALL), (-SMALL, SMALL), 4, top, 164, 164)
    data = noising.mixture(walk.modes)
    radius = 2 * data.std * 164 / (2 * SMALL)
    width, in_class, middle = _read(walk, cloud)
    texts = {
        "heading": ("", "width / truth", 24),
        "width": ("", width, 46),
        "class": ("in class ", in_class, 84),
        "middle": ("middle ", middle, 106),
    }
    words = "".join(
        f'<text data-part="{name}-{key}" x="176" y="{top + y:g}">{before}{text}</text>'
        for key, (before, text, y) in texts.items()
    )
    return axes.draw(
        path(
            "truth", "".join(_circle(axes.at(*mean), radius) for mean in data.means.double().tolist()), f"{name}-truth"
        )
        + path("generated", "".join(_cross(axes.at(*p)) for p in cloud.tolist()), f"{name}-points")
        + path("end", saltire(axes.at(*end)) if walk.time == 1 else "", f"{name}-end"),
        part=name,
        x_ticks=[],
        y_ticks=[],
        over=f'<text data-part="{name}-title" x="4" y="{top - 8:g}">{title}</text>{words}',
    )


def _cross(place: Place) -> str:
    return f"M{short(place[0] - 2)} {short(place[1] - 2)}l4 4m0-4l-4 4"


def _circle(place: Place, radius: float) -> str:
    r, across = short(radius), short(2 * radius)
    return f"M{short(place[0] - radius)} {short(place[1])}a{r} {r} 0 1 0 {across} 0a{r} {r} 0 1 0 -{across} 0"
