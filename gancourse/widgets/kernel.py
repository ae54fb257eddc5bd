"""Figures that a notebook's kernel draws, with the sliders of ipywidgets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gancourse.widgets.steering import frames_of, layer_labels, panels_of
from gancourse.widgets.styled import GENERATOR, N_NOISES, Setting, Styled, highest, of_zoo
from gancourse.widgets.widget import images

if TYPE_CHECKING:
    from ipywidgets import VBox


def steer_in_kernel(networks: Styled | None = None, setting: Setting | None = None) -> VBox:
    """The figure of `steer` with sliders of ipywidgets; each face is computed by torch, in the kernel.

    Args:
        networks: the zoo's if left out.
        setting: where the sliders stand at first; `Setting()` if left out.

    Raises:
        ModuleNotFoundError: ipywidgets isn't installed.
        ValueError: the zoo has no such generator, or the setting is out of range.
    """
    try:
        import ipywidgets
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "steer_in_kernel needs ipywidgets; install it with: pip install 'gancourse[book]'"
        ) from None
    networks, setting = networks or of_zoo(GENERATOR), setting or Setting()
    labels = layer_labels(networks.generator.noise_sizes, networks.generator.n_layers)
    picture = ipywidgets.HTML()
    controls = _controls(ipywidgets, setting, labels)

    def draw(_: object = None) -> None:
        now = Setting(**{name: control.value for name, control in controls.items()})
        faces = networks.faces(now)
        panels, status = panels_of(frames_of(faces), now, faces.readings, labels)
        picture.value = f"{images(panels)}<p>{'<br>'.join(status.splitlines())}</p>"

    for control in controls.values():
        control.observe(draw, "value")
    draw()
    return ipywidgets.VBox([*controls.values(), picture])


def _controls(ipywidgets: Any, setting: Setting, labels: list[str]) -> dict[str, Any]:
    """A control for each number of a setting, by its name."""
    top = highest(len(labels) - 1)
    wide = {"style": {"description_width": "12em"}, "layout": {"width": "32em"}}
    noises = [("none", 0), *((str(k), k) for k in range(1, N_NOISES + 1))]
    slider = ipywidgets.IntSlider
    return {
        "seed": slider(setting.seed, 0, top.seed, description="seed", **wide),
        "second": slider(setting.second, 0, top.second, description="second seed", **wide),
        "psi": ipywidgets.FloatSlider(setting.psi, min=0, max=top.psi, step=0.05, description="truncation ψ", **wide),
        "crossover": slider(setting.crossover, 0, top.crossover, description="second seed from layer", **wide),
        "noise": ipywidgets.Dropdown(options=noises, value=setting.noise, description="noise", **wide),
    }
