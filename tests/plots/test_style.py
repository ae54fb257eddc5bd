"""The course's look: colours that can be read and told apart, a real type face, the same bytes on every run."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from itertools import combinations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from gancourse import plots
from gancourse.plots import style

# How colours look without one kind of cone: linear RGB to linear RGB. Machado, Oliveira, Fernandes 2009, severity 1.
VISIONS = {
    "typical": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
# From linear RGB to Oklab, in which distances are about as large as they look: Ottosson 2020.
TO_CONES = [
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
]
TO_LAB = [
    [0.2104542553, 0.7936177850, -0.0040720468],
    [1.9779984951, -2.4285922050, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.8086757660],
]
TELLABLE = 0.1
"""Five times the difference that is just seen side by side."""


@pytest.fixture(autouse=True)
def own_settings() -> Iterator[None]:
    """What a test sets is forgotten after it."""
    with mpl.rc_context():
        yield
    plt.close("all")


def looks(colour: str, vision: str) -> np.ndarray:
    c = np.array(to_rgb(colour))
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    return np.array(TO_LAB) @ np.cbrt(np.array(TO_CONES) @ np.clip(np.array(VISIONS[vision]) @ linear, 0, 1))


def least_distance(palette: tuple[str, ...], vision: str) -> float:
    looked = [looks(colour, vision) for colour in palette]
    return min(np.linalg.norm(a - b) for a, b in combinations(looked, 2))


@pytest.mark.parametrize("vision", VISIONS)
def test_every_reader_tells_the_colours_apart(vision: str):
    assert least_distance(plots.PALETTE, vision) > TELLABLE


def test_a_red_and_a_green_alike_in_lightness_would_be_found():
    assert least_distance(("#d55e00", "#8a6d00"), "typical") > TELLABLE
    assert least_distance(("#d55e00", "#8a6d00"), "deuteranopia") < TELLABLE


def test_lines_stand_out_from_white_and_names_can_be_read():
    assert all(style.contrast(colour) >= 3 for colour in plots.PALETTE)
    assert all(style.contrast(plots.text_colour(colour)) >= 4.5 for colour in plots.PALETTE)
    assert style.contrast("#e69f00") < 3


def test_contrast_is_that_of_the_standard():
    # Values that WCAG's own examples and its calculators give.
    assert round(style.contrast("#777777"), 2) == 4.48
    assert round(style.contrast("#0072b2"), 2) == 5.19
    assert style.contrast("white", "black") == style.contrast("black", "white") == 21


def test_real_and_generated_are_the_first_colours_of_the_cycle():
    plots.use_style()
    assert mpl.rcParams["axes.prop_cycle"].by_key()["color"][:2] == [plots.REAL, plots.GENERATED]


def test_the_package_leaves_figures_alone_until_it_is_asked():
    code = (
        "import matplotlib as mpl; before = dict(mpl.rcParams); import gancourse.plots;"
        "print({k for k in before if mpl.rcParams[k] != before[k]})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() in ("{'figure.dpi'}", "set()")


def test_the_face_of_the_course_is_used_and_other_letters_come_from_another(caplog):
    pytest.importorskip(style.FACE_PACKAGE)
    plots.use_style()
    assert mpl.rcParams["font.family"][0] == style.FACE
    found = mpl.font_manager.findfont(mpl.font_manager.FontProperties(family=style.FACE), fallback_to_default=False)
    assert "SourceSansPro-Regular" in found
    figure, ax = plt.subplots()
    ax.set_title("𝔼 of σ(−s) ∈ ℝ, ∇D ≤ ‖x‖ → 0")  # a letter without a picture would be a warning, and so an error
    ax.set_ylabel(r"$\nabla_x D(x) \sim \mathcal{N}(0, \mathbf{I}), \mathbb{E}$")
    figure.savefig(io.BytesIO())
    assert caplog.records == []  # matplotlib logs, to stderr, what it doesn't find


def test_without_the_face_another_is_used_and_nothing_is_said(monkeypatch, caplog):
    monkeypatch.setattr(style, "find_spec", lambda name: None)
    plots.use_style()
    assert mpl.rcParams["font.family"] == ["DejaVu Sans"]
    figure, ax = plt.subplots()
    ax.set(title="bold", xlabel=r"$\mathcal{N}(0, \mathbf{I})$")
    figure.savefig(io.BytesIO())
    assert caplog.records == []


def test_the_style_can_be_set_twice():
    plots.use_style()
    settings = dict(mpl.rcParams)
    plots.use_style()
    assert dict(mpl.rcParams) == settings


PICTURE = """
import hashlib, io, matplotlib
matplotlib.use("agg")
import matplotlib.pyplot as plt, numpy as np
from gancourse import plots
plots.use_style()
_, ax = plt.subplots()
x = np.arange(20.0)
plots.line_with_band(ax, x, np.stack([np.sin(x), np.sin(x) + 0.2]), label="real σ")
plots.line_with_band(ax, x, np.stack([np.cos(x), np.cos(x) + 0.2]), label="generated")
plots.label_lines(ax)
out = io.BytesIO()
plt.savefig(out)
print(hashlib.sha256(out.getvalue()).hexdigest())
"""


@pytest.mark.slow
def test_a_figure_has_the_same_bytes_on_two_runs():
    runs = [subprocess.run([sys.executable, "-c", PICTURE], capture_output=True, text=True, check=True) for _ in "ab"]
    assert runs[0].stdout == runs[1].stdout
    assert runs[0].stderr == ""


def test_a_saved_figure_has_two_pixels_for_each_one_of_the_page():
    from PIL import Image

    plots.use_style()
    figure, _ = plt.subplots(figsize=(7, 2))
    out = io.BytesIO()
    figure.savefig(out)
    with Image.open(out) as picture:
        assert picture.size == (1344, 384)
        assert round(picture.info["dpi"][0]) == 192
