"""How faces are drawn: shapes, windows, symmetry, bits."""

import hashlib
import os
import subprocess
import sys
import time

import pytest
import torch

from gancourse.data import faces
from gancourse.data.faces import (
    FACTORS,
    anatomy,
    changed,
    draw,
    geometry,
    labels,
    mirrored,
    neutral,
    painting,
    random_factors,
)
from gancourse.data.faces.palettes import PAPER
from gancourse.rng import generator

STYLES = pytest.mark.parametrize("style", ["colour", "sketch", "edges"])
CONTINUOUS = [index for index, factor in enumerate(FACTORS.values()) if not factor.classes]
FROZEN = {
    "colour": "9b3c6a5829be738f324afac6daf3db94d6e5177ccb88d4e11c9d5af6d04b6636",
    "sketch": "bedcf0330878d4b70146dd6e4fc790c1ffa9833eb4290e3638ef805abe47239c",
    "edges": "cda4b1dc5fc2bb29658db974e6081d8fe9fbbbe9c4f0b10c77b85ae93c2211a2",
}
"""SHA-256 of the bytes of 2,048 faces: the drawing must not change, since trained networks imitate it."""

HASHES = """
import hashlib, torch
from gancourse.data.faces import draw, random_factors
from gancourse.rng import generator
print(torch.backends.cpu.get_cpu_capability())
factors = random_factors(2048, generator("test faces"))
for style in ("colour", "sketch", "edges"):
    print(hashlib.sha256(draw(factors, style).numpy().tobytes()).hexdigest())
"""


def some(n: int, seed: int = 0) -> torch.Tensor:
    return random_factors(n, generator("some faces", seed))


def with_extremes(n: int) -> torch.Tensor:
    """Random faces, and others whose continuous factors are 0 or 1."""
    extreme = some(n, 1)
    extreme[:, CONTINUOUS] = extreme[:, CONTINUOUS].round()
    return torch.cat([some(n, 2), extreme])


def differs(a: torch.Tensor, b: torch.Tensor, style: str = "colour") -> torch.Tensor:
    """Which pixels differ between faces, [n, 32, 32]."""
    return (draw(a, style) != draw(b, style)).any(1)


# Shapes


def areas(radius: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Covered area of 50 discs with random centres, and how many pixels have their centre inside."""
    dx, dy = torch.rand(2, 50, 1, 1, generator=generator("centres"))
    distance = geometry.ellipse(torch.arange(32.0) - 15.5 - dx, torch.arange(32.0)[:, None] - 15.5 - dy, radius, radius)
    return geometry.coverage(distance).sum((1, 2)), (distance < 0).sum((1, 2))


@pytest.mark.parametrize("radius", [4.0, 9.0])
def test_a_disc_covers_its_area_within_a_percent_wherever_its_centre_is(radius):
    soft, hard = areas(radius)
    expected = torch.pi * radius**2
    assert (soft / expected - 1).abs().max() < 0.01
    # Pixels that are covered or not, without shades, miss the area by more.
    assert (hard / expected - 1).abs().max() > 0.01


@pytest.mark.parametrize("radius", [1.0, 1.5, 3.0])
def test_a_small_disc_is_too_large_by_a_twelfth_of_pi(radius):
    """The integral of clamp(½ − distance) is π (r² + 1/12)."""
    soft, _ = areas(radius)
    assert soft.mean().item() == pytest.approx(torch.pi * (radius**2 + 1 / 12), rel=0.005)


def test_distances_are_euclidean_for_circles_and_lines():
    u, v = (8 * torch.rand(1, 40, 40, generator=generator(name)) - 4 for name in "uv")
    torch.testing.assert_close(geometry.ellipse(u, v, 2.0, 2.0), torch.hypot(u, v) - 2)
    torch.testing.assert_close(geometry.ring(u, v, 2.0, 0.5), (torch.hypot(u, v) - 2).abs() - 0.5)
    # The distance to a line is the least distance to many of its points.
    points = torch.linspace(0, 1, 2001)[:, None, None]
    nearest = torch.hypot(u - 3 * points, v + points).amin(0, keepdim=True)
    torch.testing.assert_close(geometry.capsule(u, v, 3.0, -1.0, 0.5), nearest - 0.5, atol=1e-3, rtol=0)
    upright = torch.hypot(u, v + 2 - 3 * points).amin(0, keepdim=True)
    torch.testing.assert_close(geometry.column(u, v, -2.0, 1.0, 0.5), upright - 0.5, atol=1e-3, rtol=0)


def test_a_spike_has_its_corners_and_its_area():
    u, v = torch.meshgrid(torch.linspace(-6, 6, 1201), torch.linspace(-6, 6, 1201), indexing="xy")
    du, dv, half = 3.0, -4.0, 1.5
    distance = geometry.spike(u, v, du, dv, half)
    # Half of base times height; the base is at right angles to the axis, which is 5 long.
    assert (distance < 0).float().sum().item() * 0.01**2 == pytest.approx(half * 5, rel=0.01)
    tip = torch.tensor([du, dv], dtype=torch.float64)
    base = torch.tensor([-dv, du], dtype=torch.float64) * (half / 5)
    corners = torch.stack([tip, base, -base])
    zeros = torch.zeros(3, dtype=torch.float64)
    torch.testing.assert_close(geometry.spike(*corners.T, du, dv, half), zeros, atol=1e-12, rtol=0)
    # A step outwards from the middle of a side is as long as the distance.
    side = tip - base
    outwards = torch.stack([-side[1], side[0]]) / side.norm()
    outwards = outwards * torch.sign(outwards @ base)
    outside = (tip + base) / 2 + outwards * 0.7
    measured = geometry.spike(*outside, du, dv, half)
    assert measured.item() == pytest.approx(0.7)


def test_an_ellipse_has_its_axes():
    numbers = torch.tensor([2.0, 3.0])[:, None, None]
    for width, height in ((numbers, 5.0), (5.0, numbers), (numbers, numbers + 1)):
        w, h = (torch.as_tensor(length) + torch.zeros(2, 1, 1) for length in (width, height))
        zero = torch.zeros(2, 1, 1)
        for u, v in ((w, zero), (zero, h), (0.6 * w, 0.8 * h)):
            torch.testing.assert_close(geometry.ellipse(u, v, width, height), zero, atol=1e-6, rtol=0)
        torch.testing.assert_close(geometry.ellipse(zero, zero, width, height), -torch.minimum(w, h))


def test_a_triangular_wave_is_half_at_multiples_of_its_period_and_even():
    u = torch.linspace(-9, 9, 73)
    torch.testing.assert_close(
        geometry.triangles(torch.tensor([-4.0, 0.0, 8.0, 2.0, -6.0]), 4.0)[:3], torch.full((3,), 0.5)
    )
    torch.testing.assert_close(geometry.triangles(torch.tensor([2.0, -6.0, 1.0]), 4.0), torch.tensor([0.0, 0.0, 0.25]))
    assert torch.equal(geometry.triangles(u, 4.0), geometry.triangles(-u, 4.0))


# The drawing


@STYLES
def test_a_mirrored_face_is_the_mirror_image_to_the_bit(style):
    factors = with_extremes(200)
    assert torch.equal(draw(mirrored(factors), style), draw(factors, style).flip(3))
    assert torch.equal(mirrored(mirrored(factors)), factors)
    without_turn = mirrored(factors)
    without_turn[:, 0] = factors[:, 0]
    assert not torch.equal(draw(without_turn, style), draw(factors, style).flip(3))


def test_no_part_is_cut_by_its_window():
    for part in anatomy.parts(with_extremes(500)):
        shares = geometry.coverage(part.distance)
        rows, columns = part.area
        sides = {
            "top": (rows.start > 0, shares[:, 0]),
            "bottom": (rows.stop < 32, shares[:, -1]),
            "left": (columns.start > 0, shares[:, :, 0]),
            "right": (columns.stop < 32, shares[:, :, -1]),
        }
        for side, (is_inside, border) in sides.items():
            assert not (is_inside and border.any()), f"{part.role} is cut at the {side}"


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("smile", "lip"),
        ("mouth", "lip"),
        ("gaze", "line"),
        ("eye colour", "line"),
        ("nose", "nose"),
        ("freckles", "freckle"),
        ("earrings", "gold"),
        ("glasses", "frame"),
        ("bow", "bow"),
        ("brows", "brow"),
    ],
)
def test_a_factor_of_one_part_changes_its_window_only(name, role):
    factors = changed(some(100), **{"glasses": "yes", "freckles": "yes", "earrings": "yes", "bow": "left"})
    factors = changed(factors, eyelids=0.9)
    (rows, columns), *_ = [part.area for part in anatomy.parts(factors) if part.role == role]
    low, high = (changed(factors, **{name.replace(" ", "_"): value}) for value in (0.1, 0.9))
    pixels = differs(low, high)
    assert pixels.flatten(1).any(1).all()
    pixels[:, rows, columns] = False
    assert not pixels.any()


@pytest.mark.parametrize("name", FACTORS)
def test_every_factor_shows_in_every_face_that_has_its_part(name):
    # A bald head has no hair, closed eyes no colour, and wide fringes hide the brows.
    factors = changed(some(200), hair_style="short", eyelids=0.9)
    low, high = (changed(factors, **{name.replace(" ", "_"): value}) for value in (0.1, 0.9))
    distance = (draw(low).float() - draw(high).float()).abs().amax(1)
    assert (distance > 16).flatten(1).any(1).float().mean() > 0.95
    assert differs(low, high).flatten(1).any(1).all()


def test_the_amount_and_parting_of_hair_change_no_bald_head():
    factors = changed(some(50), hair_style="bald")
    for name in ("hair_amount", "parting"):
        assert not differs(changed(factors, **{name: 0.0}), changed(factors, **{name: 1.0})).any()


@pytest.mark.parametrize("name", ["skin", "hair colour", "eye colour", "backdrop"])
def test_edges_say_nothing_of_colours(name):
    factors = some(100)
    low, high = (changed(factors, **{name.replace(" ", "_"): value}) for value in (0.1, 0.9))
    assert torch.equal(draw(low, "edges"), draw(high, "edges"))
    assert differs(low, high).any(2).any(1).float().mean() > 0.9
    assert differs(low, high, "sketch").any(2).any(1).float().mean() > 0.9


def figure(factors: torch.Tensor) -> torch.Tensor:
    """Pixels above the shirt that show less than half of what the backdrop's colours change where nothing covers it."""
    blue, yellow = (draw(changed(factors, backdrop=backdrop)).float() for backdrop in ("blue", "yellow"))
    change = (blue - yellow).abs().amax(1)[:, :26]
    return change < change.amax(0).clamp(min=30) / 2


def overlap(a: torch.Tensor, b: torch.Tensor) -> float:
    return ((a & b).sum() / (a | b).sum()).item()


def test_the_sketch_and_the_edges_keep_the_geometry():
    factors = changed(some(200), bow="none")
    in_colour = figure(factors)
    on_paper = (draw(factors, "sketch").float() - PAPER[:, :, None, None]).abs().amax(1)[:, :26] > 12
    # Edges lie within the figure; lines just inside its boundary.
    edges = draw(factors, "edges")[:, 0, :26] > 127
    assert overlap(in_colour, on_paper) > 0.9
    assert (edges & ~in_colour).sum() < 0.02 * edges.sum()
    # The same measures reject another face's geometry.
    assert overlap(in_colour, on_paper.roll(1, 0)) < 0.8
    assert (edges.roll(1, 0) & ~in_colour).sum() > 0.1 * edges.sum()


def test_edges_are_nearly_black_and_white_and_sparse():
    edges = draw(some(200), "edges").float() / 255
    assert 0.1 < edges.mean() < 0.3
    assert (edges == 0).float().mean() > 0.5


# Bits


@pytest.mark.parametrize("capability", ["default", "avx2", "avx512"])
def test_the_bytes_are_the_same_on_every_processor_and_frozen(capability):
    result = subprocess.run(
        [sys.executable, "-c", HASHES],
        env={**os.environ, "ATEN_CPU_CAPABILITY": capability},
        capture_output=True,
        text=True,
        check=True,
    )
    level, *hashes = result.stdout.split()
    if level.lower() != capability:
        pytest.skip(f"this processor has no {capability}")
    assert dict(zip(("colour", "sketch", "edges"), hashes, strict=True)) == FROZEN


@STYLES
def test_a_face_does_not_depend_on_what_is_drawn_beside_it(style, monkeypatch):
    factors = some(150)
    images = draw(factors, style)
    order = torch.randperm(150, generator=generator("order"))
    assert torch.equal(draw(factors[order], style), images[order])
    assert torch.equal(torch.cat([draw(factors[i : i + 1], style) for i in range(12)]), images[:12])
    monkeypatch.setattr("gancourse.data.faces.painting.CHUNK", 7)
    assert torch.equal(draw(factors, style), images)


def test_the_hashes_differ_if_one_factor_of_one_face_does():
    factors = random_factors(2048, generator("test faces"))
    factors[1000] = changed(factors[1000:1001], smile=1 - factors[1000, list(FACTORS).index("smile")])[0]
    assert hashlib.sha256(draw(factors).numpy().tobytes()).hexdigest() != FROZEN["colour"]


def test_drawing_uses_one_thread_and_gives_the_others_back(monkeypatch):
    n_threads, counts = torch.get_num_threads(), []
    painter = painting.PAINTERS["colour"]
    monkeypatch.setitem(
        painting.PAINTERS, "colour", lambda factors: counts.append(torch.get_num_threads()) or painter(factors)
    )
    try:
        torch.set_num_threads(2)
        draw(some(2))
        assert (counts, torch.get_num_threads()) == ([1], 2)
    finally:
        torch.set_num_threads(n_threads)


def test_two_thousand_faces_take_less_than_two_seconds_of_a_core():
    """A generous bound, of processor time: it takes about 0.15 s."""
    factors = some(2048)
    draw(factors[:64])
    start = time.process_time()
    draw(factors)
    assert time.process_time() - start < 2


def test_torch_s_default_type_changes_nothing():
    factors = some(20)
    expected = {style: draw(factors, style) for style in FROZEN}
    torch.set_default_dtype(torch.float64)
    try:
        assert torch.equal(some(20), factors)
        assert neutral().dtype == mirrored(factors).dtype == torch.float32
        assert all(torch.equal(draw(factors, style), images) for style, images in expected.items())
    finally:
        torch.set_default_dtype(torch.float32)


# Factors


def test_every_factor_says_what_it_does():
    for name, factor in FACTORS.items():
        assert factor.name == name
        assert factor.about
        assert factor.kind == ("categorical" if factor.classes else "continuous")
        assert len(factor.classes) != 1
    assert sum(factor.kind == "continuous" for factor in FACTORS.values()) == 13


def test_classes_divide_the_unit_interval_equally():
    factors = neutral(6)
    factors[:, list(FACTORS).index("bow")] = torch.tensor([0.0, 0.33, 0.34, 0.66, 0.67, 1.0])
    assert labels(factors, "bow").tolist() == [0, 0, 1, 1, 2, 2]
    images = draw(factors)
    assert torch.equal(images[0], images[1])
    assert not torch.equal(images[1], images[2])


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        (torch.zeros(2, 21), r"torch.float32 \(2, 21\); expected floats \[n, 22\]"),
        (torch.zeros(22), r"expected floats \[n, 22\]"),
        (torch.zeros(2, 22, dtype=torch.int64), r"torch.int64 \(2, 22\); expected floats"),
        (torch.full((1, 22), float("nan")), "factor 'turn' of face 0 is nan; expected 0 to 1"),
        (torch.cat([neutral(), 1.5 + neutral()]), "factor 'turn' of face 1 is 2; expected 0 to 1"),
        (neutral() - 0.6, "expected 0 to 1: clamp or scale"),
    ],
)
def test_what_is_no_row_of_factors_is_refused(factors, message):
    with pytest.raises(ValueError, match=message):
        draw(factors)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"smil": 0.5}, "factor 'smil' not found; did you mean 'smile'"),
        ({"hair_style": "bobb"}, "class of hair style 'bobb' not found; did you mean 'bob'"),
        ({"smile": "yes"}, "factor 'smile' is continuous; pass a number from 0 to 1, not 'yes'"),
        ({"smile": 1.2}, "factor 'smile' of face 0 is 1.2; expected 0 to 1"),
    ],
)
def test_a_setting_that_no_face_has_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        changed(neutral(), **settings)


def test_mistaken_names_are_refused():
    with pytest.raises(ValueError, match="style 'color' not found; did you mean 'colour'"):
        draw(neutral(), "color")
    with pytest.raises(ValueError, match="factor 'smile' is continuous and has no classes"):
        labels(neutral(), "smile")
    with pytest.raises(ValueError, match="factor 'hair' not found"):
        faces.values(neutral(), "hair")


def test_no_face_makes_no_image_and_doubles_are_drawn_as_floats():
    assert draw(neutral(0)).shape == (0, 3, 32, 32)
    assert draw(neutral(0), "edges").shape == (0, 1, 32, 32)
    factors = some(4)
    assert torch.equal(draw(factors.double()), draw(factors))
