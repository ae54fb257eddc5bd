"""A style-based generator to steer: two seeds, truncation, crossover and noise, and what a regressor reads."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gancourse.widgets.drawing import Picture, path, short
from gancourse.widgets.stored import Pictures, pictures
from gancourse.widgets.styled import GENERATOR, LOWEST, N_NOISES, Faces, Reading, Setting, Styled, highest, of_zoo, rows
from gancourse.widgets.widget import Widget, button, menu, slider

FRAMES = ("mixture", "first", "second")
HEADLINES = ("smile", "glasses", "hair amount")  # readings in the line of values
DESCRIPTION = "A face of a style-based generator, and what a regressor reads of it"
ABSENT = (
    "The generator itself is not in this page: make live puts it into the book, and in a notebook "
    "widgets.steer_in_kernel() runs it."
)
TOP, ROW_HEIGHT, BAR_LEFT, BAR_WIDTH = 40, 24, 106, 88


def steer(rest: Pictures | None = None) -> Widget:
    """Steer a style-based generator: two seeds, truncation ψ, the crossover of style mixing, and noise.

    On a page of the built book it offers to run the networks in the browser, if `make live` has put them there: nothing
    is loaded before. Anywhere else it is a picture; `steer_in_kernel` shows the same with the notebook's kernel.

    Args:
        rest: what the picture at rest shows, as `record_faces` makes it; the recorded one of the zoo's generator if
            left out.

    Raises:
        ValueError: nothing is recorded of that generator, or the recording isn't one of `record_faces`.
    """
    rest = pictures(GENERATOR) if rest is None else rest
    if set(rest.frames) != set(FRAMES) or "readings" not in rest.about:
        raise ValueError(f"rest has frames {sorted(rest.frames)}; expected a recording of `record_faces`")
    setting, readings = Setting(**rest.about["setting"]), [Reading(*r) for r in rest.about["readings"]]
    labels = layer_labels(rest.about["noise_sizes"], rest.about["n_layers"])
    panels, status = panels_of(rest.frames, setting, readings, labels)
    state = {
        "generator": rest.about["generator"],
        "rows": [[row.name, row.column, list(row.classes)] for row in rows()],
        "headlines": list(HEADLINES),
        "layers": labels,
        "rest": setting._asdict(),
        "bar_width": BAR_WIDTH,
        "absent": ABSENT,
    }
    return Widget("steer", DESCRIPTION, state, panels, _controls(setting, len(labels)), status)


def record_faces(networks: Styled | None = None, setting: Setting | None = None, name: str = GENERATOR) -> Pictures:
    """What `steer` shows at rest, once computed: rounding differs from processor to processor.

    Args:
        networks: the zoo's if left out.
        setting: where the controls stand; `Setting()` if left out.
        name: of the generator, and so of the file with the networks that the page loads.

    Raises:
        ValueError: the zoo has no such generator, or the setting is out of range.
    """
    networks, setting = networks or of_zoo(name), setting or Setting()
    faces = networks.faces(setting)
    about = {
        "command": f"python -m gancourse.widgets.record {name}",
        "generator": name,
        "setting": setting._asdict(),
        "readings": [[r.name, round(r.value, 4), r.word] for r in faces.readings],
        "n_layers": networks.generator.n_layers,
        "noise_sizes": list(networks.generator.noise_sizes),
        "torch": torch.__version__.split("+")[0],
    }
    return Pictures(frames_of(faces), json.loads(json.dumps(about)))


def frames_of(faces: Faces) -> dict[str, bytes]:
    """PNG files of the mixture and of both seeds' own faces."""
    # Imported here, because it sets the resolution of figures, which pages that import widgets mayn't have chosen.
    from gancourse.plots.pictures import small_png

    return {name: small_png(_pixels(image)) for name, image in zip(FRAMES, faces.images, strict=True)}


def _pixels(image: Tensor) -> np.ndarray:
    """An image [3, height, width] from −1 to 1 as bytes by pixel and channel."""
    return ((image.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy()


def layer_labels(noise_sizes: Sequence[int], n_layers: int) -> list[str]:
    """Which layers are the second seed's, for the crossovers 1 to n_layers.

    >>> layer_labels([4, 8, 8], 4)
    ['layers 1 to 3 (from 8 × 8 on)', 'layers 2 to 3 (from 8 × 8 on)', 'layer 3 (colours)', 'no layer']
    """
    last = n_layers - 1
    between = [f"layers {k} to {last} (from {noise_sizes[k]} × {noise_sizes[k]} on)" for k in range(1, last)]
    return [*between, f"layer {last} (colours)", "no layer"]


def panels_of(
    frames: Mapping[str, bytes], setting: Setting, readings: Sequence[Reading], labels: Sequence[str]
) -> tuple[list[Picture], str]:
    """Both pictures at a setting, and the line of values.

    Args:
        frames: PNG files of `frames_of`.
        setting: where the controls stand.
        readings: of the mixture, a bar each.
        labels: what is said of the crossovers 1, 2, ….
    """
    where = said(setting, labels)
    headlines = ", ".join(f"{r.name} {r.text}" for r in readings if r.name in HEADLINES)
    spoken = ", ".join(f"{r.name} {r.text}" for r in readings)
    face = Picture(374, 292, f"Generated face: {where}", _faces(frames, setting))
    meter = Picture(296, 340, f"Factors that the regressor reads: {spoken}", _meter(readings))
    return [face, meter], f"{where}\nthe regressor reads: {headlines}"


def said(setting: Setting, labels: Sequence[str]) -> str:
    """A setting in words.

    >>> said(Setting(), layer_labels([4, 8, 8, 16, 16], 6))
    'seed 7, ψ = 0.70, layers 3 to 5 (from 16 × 16 on) of seed 2, noise 1'
    """
    noise = f"noise {setting.noise}" if setting.noise else "no noise"
    return (
        f"seed {setting.seed}, ψ = {setting.psi:.2f}, {labels[setting.crossover - 1]} of seed {setting.second}, {noise}"
    )


def _faces(frames: Mapping[str, bytes], setting: Setting) -> str:
    """The mixture, and beside it the faces that it is mixed of."""
    return (
        _picture("face", "the mixture", 4, 28, 256, frames["mixture"])
        + _picture("first-face", f"seed {setting.seed}", 274, 28, 96, frames["first"])
        + _picture("second-face", f"seed {setting.second}", 274, 160, 96, frames["second"])
    )


def _picture(name: str, label: str, left: int, top: int, size: int, png: bytes) -> str:
    """A picture with square pixels and a label above."""
    return (
        f'<text data-part="{name}-label" x="{left}" y="{top - 9}">{escape(label)}</text>'
        f'<image data-part="{name}" x="{left}" y="{top}" width="{size}" height="{size}" '
        f'style="image-rendering:pixelated" href="data:image/png;base64,{b64encode(png).decode()}"/>'
    )


def _meter(readings: Sequence[Reading]) -> str:
    """A bar and a number or a word for each reading; a word's bar says how likely it is."""
    drawn = ['<text x="4" y="19">what the regressor reads</text>']
    for i, each in enumerate(readings):
        y = TOP + ROW_HEIGHT * i + 8
        drawn.append(
            f'<text x="4" y="{y + 5}">{escape(each.name)}</text>'
            + path("grid", f"M{BAR_LEFT} {y}h{BAR_WIDTH}")
            + f'<path class="gw-generated" data-part="bar{i}" style="stroke-width:12" d="{bar(y, each.value)}"/>'
            + f'<text data-part="word{i}" x="{BAR_LEFT + BAR_WIDTH + 8}" y="{y + 5}">{escape(each.text)}</text>'
        )
    last = TOP + ROW_HEIGHT * len(readings) - 6
    return "".join(drawn) + path("faint", f"M{BAR_LEFT} {TOP - 4}V{last}")


def bar(y: float, value: float) -> str:
    """A path as long as a value from 0 to 1."""
    return f"M{BAR_LEFT} {short(y)}h{short(BAR_WIDTH * value)}"


def _controls(setting: Setting, n_layers: int) -> str:
    """The button that loads the networks, and what it uncovers."""
    top: dict[str, Any] = highest(n_layers)._asdict()
    noises = {"0": "none"} | {str(k): str(k) for k in range(1, N_NOISES + 1)}
    return (
        button("run", "Run the generator here")
        + slider("seed", "seed", 0, top["seed"], 1, setting.seed)
        + slider("second", "second seed", 0, top["second"], 1, setting.second)
        + slider("psi", "truncation ψ", 0, top["psi"], 0.05, setting.psi)
        + slider("crossover", "second seed from layer", LOWEST.crossover, top["crossover"], 1, setting.crossover)
        + menu("noise", "noise", noises, str(setting.noise))
        + button("reset", "Reset")
    )
