"""Interactive figures as Python writes them: pictures without scripts, the same bytes always, errors that help."""

from __future__ import annotations

import base64
import hashlib
import io
import math
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from PIL import Image
from torch.testing import assert_close

from gancourse.errors import NotFiniteError
from gancourse.theory import box, dirac, fields, jensen_shannon, optimal_transport, parallel_lines
from gancourse.widgets import (
    Widget,
    at_width,
    browse,
    browsing,
    clouds,
    diffuse,
    film,
    levels,
    pictures,
    plane,
    recording,
    scrub,
    transport,
    two_gaussians,
)
from gancourse.widgets import dirac as dirac_widget
from gancourse.widgets.record import main, record_acgan, record_digits, record_ring, record_updates, record_walk
from gancourse.widgets.stored import FOLDER
from tests.widgets.figures import png

FRAMES = [(0, [[0.0, 0.0], [1.0, -1.0]]), (5, [[0.5, 0.5], [1.0, 1.0]])]
REAL = [[1.0, 1.0], [2.0, 0.0], [0.0, 2.0]]


def ring_film() -> Widget:
    game = recording("ring")
    return scrub(game.frames, game.real, curves=game.curves)


def greys() -> Widget:
    return browse({"black": png(0), "grey": png(99)}, control="shade", description="Small pictures of one shade each")


WIDGETS = {
    "scrub": ring_film,
    "dirac": dirac_widget,
    "transport": transport,
    "levels": levels,
    "browse": greys,
    "diffuse": diffuse,
    "two_gaussians": two_gaussians,
}
every_widget = pytest.mark.parametrize("name", WIDGETS)


class Tags(HTMLParser):
    """All tags of a piece of HTML with their attributes, and whether each was closed in order."""

    EMPTY = frozenset({"input", "br", "img"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.text += data

    def part(self, name: str) -> dict[str, str | None]:
        """Attributes of the one element of that name."""
        (found,) = [attributes for _, attributes in self.found if attributes.get("data-part") == name]
        return found


def figure(widget: Widget) -> Tags:
    """What the script makes of it: its pictures as SVG, and its controls."""
    return Tags("".join(panel.svg for panel in widget.panels) + widget.controls)


# The page without scripts


@every_widget
def test_the_html_is_well_formed_and_has_no_ids_that_could_clash(name: str):
    for tags in (Tags(WIDGETS[name]().html), figure(WIDGETS[name]())):
        assert tags.open == []
        assert not [attributes["id"] for _, attributes in tags.found if "id" in attributes]


@every_widget
def test_nothing_is_fetched_and_scripts_end_where_they_should(name: str):
    html = WIDGETS[name]().html
    outside = re.sub(r'src="data:image/svg\+xml,[^"<> ]+"', "", html).replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|import\s*\(|\bfetch\(|url\(|src=", outside)
    assert html.count("</script>") == html.count("<script>") == 1


@every_widget
def test_what_an_untrusted_notebook_keeps_is_a_picture_with_a_caption(name: str):
    # JupyterLab removes scripts and styles with their content, and unknown tags such as svg without it.
    widget = WIDGETS[name]()
    tags = Tags(widget.html)
    assert {tag for tag, _ in tags.found} - {"br"} == {"div", "style", "img", "p", "script"}
    assert sum(tag == "br" for tag, _ in tags.found) == widget.status.count("\n")
    assert [line for line in tags.text.splitlines() if line.strip()] == [
        widget.status.replace("\n", ""),  # where a line ends, HTML says so
        f"{widget.description}.",
        "A picture of the figure at rest. Run the cell, or trust the notebook, to play; "
        "on a web page, allow its script.",
    ]


@every_widget
def test_an_images_address_holds_the_picture_and_nothing_that_html_would_change(name: str):
    widget = WIDGETS[name]()
    images = [attributes for tag, attributes in Tags(widget.html).found if tag == "img"]
    for image, panel in zip(images, widget.panels, strict=True):
        kind, _, address = image["src"].partition(",")
        assert kind == "data:image/svg+xml"
        assert re.fullmatch(r"[!-~]+", address)
        assert re.sub("<style>.*?</style>", "", unquote(address), flags=re.DOTALL) == panel.svg
        root = ElementTree.fromstring(unquote(address))
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert image["alt"] == panel.description == root.get("aria-label")


def test_a_text_that_would_end_the_script_does_not():
    widget = scrub(FRAMES, REAL, curves={"</script><!--": [0, 1]}, description="<b>'a' & \"b\"</b>")
    tags = Tags(widget.html)
    assert tags.open == []
    assert "b" not in {tag for tag, _ in tags.found}
    assert widget.html.count("</script>") == 1


@pytest.mark.parametrize(("width", "beside"), [(320, False), (899, False), (900, True), (1168, True)])
def test_a_figure_of_a_stated_width_keeps_all_but_its_opening_tag(width: int, beside: bool):
    html = transport().html
    sized = at_width(html, width)
    opening, _, rest = sized.partition(" data-kind")
    assert rest == html.partition(" data-kind")[2]
    assert f"--gw-width:{width}px" in opening
    assert ("gw-beside" in opening) == beside


@pytest.mark.parametrize(
    ("html", "width", "message"),
    [
        ("<p>no figure</p>", 900, "the text holds 0 figures; expected the HTML of one"),
        (2 * scrub(FRAMES, REAL).html, 900, "the text holds 2 figures"),
        (scrub(FRAMES, REAL).html, 300, "width is 300; expected at least 320 pixels"),
    ],
)
def test_a_width_that_cannot_be_given_is_refused(html: str, width: int, message: str):
    with pytest.raises(ValueError, match=message):
        at_width(html, width)


@every_widget
def test_a_figure_is_smaller_than_60_kb(name: str):
    assert len(WIDGETS[name]().html.encode()) < film.LARGEST


@every_widget
def test_every_picture_and_every_handle_says_what_it_is(name: str):
    tags = figure(WIDGETS[name]())
    pictures = [attributes for tag, attributes in tags.found if tag == "svg" and "role" in attributes]
    assert pictures
    assert all(len(attributes["aria-label"]) > 20 for attributes in pictures)
    handles = [attributes for _, attributes in tags.found if "tabindex" in attributes]
    assert all(a["aria-label"] and a["aria-valuetext"] and a["role"] == "slider" for a in handles)
    assert all(a["aria-valuetext"] for tag, a in tags.found if tag == "input")


@every_widget
def test_where_no_html_is_shown_the_text_says_what_one_would_see(name: str):
    widget = WIDGETS[name]()
    bundle = widget._repr_mimebundle_()
    assert bundle["text/html"] == widget._repr_html_() == widget.html
    assert bundle["text/plain"].split() == f"{widget.description}\n{widget.status}".split()
    assert max(map(len, bundle["text/plain"].splitlines())) <= 78


def test_the_picture_shows_every_point_real_as_dots_and_generated_as_crosses():
    tags = figure(scrub(FRAMES, REAL))
    dots = [a["d"] for _, a in tags.found if a.get("class") == "gw-real"]
    assert max(d.count("h0") for d in dots) == len(REAL)
    assert tags.part("generated")["d"].count("M") == len(FRAMES[1][1])


BYTES = """
import hashlib
from gancourse.widgets import diffuse, dirac, levels, recording, scrub, transport, two_gaussians
game = recording("ring")
film = scrub(game.frames, game.real, curves=game.curves)
figures = [film, *map(dirac, {methods}), transport("ring", width=0.3), levels(scales=(0.7, 1, -0.3)), diffuse("DDPM")]
figures.append(two_gaussians(3.1, 0.7, -1.4))
for widget in figures:
    print(hashlib.sha256(widget.html.encode()).hexdigest())
"""


@pytest.mark.slow
def test_the_same_arguments_give_the_same_bytes_on_other_threads_and_processor_levels():
    methods = list(dirac.methods)
    here = [ring_film(), *map(dirac_widget, methods), transport("ring", width=0.3), levels(scales=(0.7, 1, -0.3))]
    here += [diffuse("DDPM"), two_gaussians(3.1, 0.7, -1.4)]
    environment = {**os.environ, "OMP_NUM_THREADS": "2", "ATEN_CPU_CAPABILITY": "default", "PYTHONHASHSEED": "7"}
    code = BYTES.format(methods=methods)
    there = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert there.stdout.split() == [hashlib.sha256(widget.html.encode()).hexdigest() for widget in here]


# Scrubbing


def test_coordinates_survive_two_letters_each_to_half_a_level():
    points = np.random.default_rng(0).uniform(-4.5, 4.5, (500, 2))
    error = np.abs(film._decode(film._encode(points, 3.0), 3.0) - points).max()
    half = film.REACH * 3.0 / film.LEVELS
    assert half * 0.9 < error <= half * 1.001


def test_a_frame_says_how_many_points_lie_outside_the_picture():
    assert scrub([(3, [[9.0, 0.0], [0.0, 0.0]])], REAL).status == "step 3 (1 of 2 points outside the picture)"


def test_tensors_with_a_gradient_are_taken_as_they_are():
    cloud = torch.tensor(FRAMES[0][1], requires_grad=True)
    assert scrub([(0, cloud)], torch.tensor(REAL)).html == scrub([(0, FRAMES[0][1])], REAL).html


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"frames": []}, "there are no frames"),
        ({"frames": [(0, [1.0, 2.0])]}, r"frame 0 \(step 0\) has shape \(2,\); expected \[n, 2\]"),
        ({"frames": [(0, np.zeros((0, 2)))]}, r"frame 0 \(step 0\) has shape \(0, 2\)"),
        ({"frames": [(0, [[math.nan, 0.0]])]}, r"frame 0 \(step 0\) holds points that are not finite; did the"),
        ({"real": [[0.0, 1.0, 2.0]]}, r"real has shape \(1, 3\)"),
        ({"frames": FRAMES[::-1]}, r"steps are \[5, 0\]; expected increasing"),
        ({"curves": {"modes": [1]}}, "curve 'modes' has 1 values for 2 frames"),
        ({"curves": {"modes": [1, math.inf]}}, "curve 'modes' holds numbers that are not finite"),
        ({"limit": 0.0}, "expected a positive limit"),
        ({"start": 2}, "start 2; expected a positive limit and one of 2 frames"),
        (
            {"frames": [(i, np.zeros((256, 2))) for i in range(60)]},
            r"[\d,]+ bytes; expected at most 60,000: pass fewer",
        ),
    ],
)
def test_frames_that_cannot_be_shown_are_refused_with_advice(arguments: dict, message: str):
    with pytest.raises(ValueError, match=message) as raised:
        scrub(**{"frames": FRAMES, "real": REAL, **arguments})
    assert isinstance(raised.value, NotFiniteError) == ("finite" in message)


# Browsing


@pytest.mark.parametrize("start", [0, 1, -1])
def test_the_frame_at_rest_is_the_chosen_one_with_its_text(start: int):
    widget = browse({"a": png(0), "b": png(200)}, control="shade", description="Two shades of grey", start=start)
    tags = figure(widget)
    shown = base64.b64decode(tags.part("picture")["href"].partition(",")[2])
    assert (shown, widget.status) == ((png(0), "shade\u00a0a"), (png(200), "shade\u00a0b"))[start]
    assert tags.part("slider")["value"] == str(start % 2)
    assert (widget.panels[0].width, widget.panels[0].height) == (6, 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"frames": {}}, "there are no frames"),
        ({"frames": {"a": b"GIF89a" + bytes(20)}}, "frame 'a' is not a PNG file"),
        ({"frames": {"a": png(0)[:20]}}, "frame 'a' is not a PNG file"),
        ({"frames": {"a": png(0), "b": png(0, 4)}}, "frame 'b' has 4 × 2 pixels, frame 'a' 3 × 2"),
        ({"start": 1}, "start 1, scale 2; expected one of 1 frames"),
        ({"scale": 0}, "start 0, scale 0; expected one of 1 frames and a scale from 1"),
        ({"frames": {"a": png(0) + bytes(100_000)}}, r"[\d,]+ bytes; expected at most 120,000"),
    ],
)
def test_pictures_that_cannot_be_browsed_are_refused_with_advice(arguments: dict, message: str):
    with pytest.raises(ValueError, match=message):
        browse(**{"frames": {"a": png(0)}, "control": "shade", "description": "A shade of grey", **arguments})


def test_the_digits_by_label_are_what_the_zoos_generator_draws(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    stored, again = pictures("digits-by-label"), record_digits()
    widget = browse(stored.frames, control="digit", description="Digits by their label")
    assert len(widget.html.encode()) < browsing.LARGEST
    assert [label[0] for label in stored.frames] == [label[0] for label in again.frames] == list("0123456789")
    for old, new in zip(stored.frames.values(), again.frames.values(), strict=True):
        levels = [np.asarray(Image.open(io.BytesIO(file))).astype(float) for file in (old, new)]
        assert np.abs(levels[0] - levels[1]).max() <= 2  # of 255: processors round otherwise
    assert main(["digits-by-label", "--out", str(tmp_path)]) == 0
    assert [path.name for path in tmp_path.rglob("*.npz")] == ["digits-by-label.npz"]


@pytest.mark.slow
def test_the_walks_are_what_the_zoos_faces_do_between_latents(tmp_path: Path):
    stored, again = pictures("walk"), record_walk()
    widget = browse(stored.frames, control="t =", description="Walks between faces")
    assert len(widget.html.encode()) < browsing.LARGEST
    assert list(stored.frames) == list(again.frames)
    assert list(stored.frames)[5] == "0.5: mean norm 5.7 on the line, 7.9 on the arc"
    for old, new in zip(stored.frames.values(), again.frames.values(), strict=True):
        levels = [np.asarray(Image.open(io.BytesIO(file)).convert("RGB")).astype(float) for file in (old, new)]
        assert np.abs(levels[0] - levels[1]).mean() <= 2  # of 255: a palette may be another one
    for file in list(stored.frames.values())[::10]:  # both ways begin and end at the same faces
        picture = np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))
        assert np.abs(picture[1:33].astype(float) - picture[35:67]).mean() < 4


def test_ten_updates_to_one_stay_at_a_mode_and_one_to_one_spread_in_what_is_stored():
    frames = pictures("updates").frames
    widget = browse(frames, control="step", description="Two games")
    assert len(widget.html.encode()) < browsing.LARGEST
    shares = {int(step): (int(a), int(b)) for step, a, b in (re.findall(r"\d+", label) for label in frames)}
    assert list(shares) == sorted(shares)
    assert (min(shares), max(shares)) == (10, 1200)
    assert sorted(left for left, _ in shares.values())[1] >= 95  # but for one, just between two modes
    assert shares[10] == (100, 90)
    assert all(right < 20 for step, (_, right) in shares.items() if step > 300)


def test_two_games_are_recorded_side_by_side():
    record = record_updates(n_steps=20, n_points=20, side=32)
    assert [label.partition(":")[0] for label in record.frames] == ["10", "20"]
    for file in record.frames.values():
        with Image.open(io.BytesIO(file)) as picture:
            assert picture.size == (66, 32)


# The recording


@pytest.mark.parametrize(("name", "last"), [("ring", 1500), ("acgan", 700)])
def test_the_recording_is_small_and_complete(name: str, last: int):
    game = recording(name)
    assert (FOLDER / f"{name}.npz").stat().st_size < 60_000
    assert [len(curve) for curve in game.curves.values()] == [len(game.frames)] * 2
    assert game.about["seed"] == 0
    assert (game.frames[0][0], game.frames[-1][0]) == (0, last)


def test_acgan_agrees_after_ten_steps_and_its_class_stays_too_narrow():
    game = recording("acgan")
    by_step = dict(zip((step for step, _ in game.frames), game.curves["agreement"], strict=True))
    assert by_step[10] > 0.99
    assert game.curves["class sd"][-1] < 0.75 < game.real[:, 0].std()


@pytest.mark.slow
def test_recording_again_gives_the_same_first_frames_and_another_seed_does_not():
    # Rounding errors grow: only the first steps are alike on all processors. The learning rate is the same until 25.
    stored = {step: points for step, points in recording("ring").frames if step <= 25}
    again = {step: points for step, points in record_ring(seed=0, n_steps=50).frames if step in stored}
    other = {step: points for step, points in record_ring(seed=1, n_steps=50).frames if step in stored}
    assert sorted(stored) == [0, 10, 25]
    for step, points in stored.items():
        assert_close(again[step], points, atol=0.01, rtol=0)
        assert np.abs(other[step] - points).max() > 0.1


@pytest.mark.slow
def test_the_command_writes_the_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["ring", "--out", str(tmp_path)]) == 0
    assert "ring.npz" in capsys.readouterr().out
    with np.load(tmp_path / "ring.npz", allow_pickle=False) as made, np.load(FOLDER / "ring.npz") as stored:
        assert made.files == stored.files
        assert (made["steps"] == stored["steps"]).all()
        # The data come from the seed alone; what is learned from them may differ in detail, not in outcome.
        assert np.abs(made["real"] - stored["real"]).max() <= 1  # thousandths
        assert made["curve modes"][-1] == stored["curve modes"][-1] == 8


@pytest.mark.slow
def test_recording_the_acgan_again_gives_the_same_first_frames():
    stored = {step: points for step, points in recording("acgan").frames if step <= 10}
    again = dict(record_acgan(seed=0, n_steps=20).frames)
    for step in (0, 10):
        assert_close(again[step], stored[step], atol=0.05, rtol=0)


def test_an_unknown_recording_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match="recording 'rign' not found; did you mean 'ring'"):
        recording("rign")


# The Dirac-GAN


@pytest.mark.parametrize("method", dirac.methods)
def test_a_slider_starts_at_the_published_strength(method: str):
    published = plane.made(method)
    point = torch.tensor([0.7, -0.4], dtype=torch.float64)
    strength = plane.STRENGTHS[method][4] if method in plane.STRENGTHS else None
    assert_close(plane.made(method, strength).field(point), published.field(point))
    if strength is not None and method != "WGAN":
        assert not torch.equal(plane.made(method, 2 * strength).field(point), published.field(point))


def test_the_distance_at_the_end_is_the_theorys():
    points = fields.trajectory(dirac.step(dirac.r1().field, "alternating", 0.1), dirac.start(), 200)
    (far,) = dirac.distances(points[-1:]).tolist()
    status = dirac_widget("R1", stepping="alternating", step_size=0.1, n_steps=200).status
    assert status.endswith(f"after 200 steps: distance {plane._distance(far)}")
    assert plane._distance(far) not in dirac_widget("R1", stepping="5:1", step_size=0.1, n_steps=200).status


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.0982, "3.10"),
        (0.0, "0.00"),
        (2.6e-6, "2.60 · 10⁻⁶"),
        (6.13e63, "6.13 · 10⁶³"),
        (0.018, "0.0180"),
        (999.6, "1000"),
        (math.inf, "not f"),
    ],
)
def test_distances_are_written_with_three_digits(value: float, text: str):
    assert plane._distance(value).startswith(text)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "R3"}, "method 'R3' not found; did you mean 'R"),
        ({"stepping": "5:2"}, "stepping '5:2' not found; did you mean '5:1'"),
        ({"step_size": math.nan}, "step_size nan, n_steps 500; expected 0.01 to 1"),
        ({"n_steps": 0}, "n_steps 0; expected 0.01 to 1, and 1 to 1000"),
        ({"start": (9.0, 0.0)}, "expected .θ, ψ., both within ±3.5"),
        ({"start": (math.nan, 0.0)}, "expected .θ, ψ., both within ±3.5"),
    ],
)
def test_a_game_that_cannot_be_drawn_is_refused(arguments: dict, message: str):
    with pytest.raises(ValueError, match=message):
        dirac_widget(**arguments)


# Transport


@pytest.mark.parametrize("theta", [-1.0, 0.0, 2.0])
def test_the_parallel_lines_are_as_far_apart_as_the_closed_form_says(theta: float):
    exact = parallel_lines(theta)
    expected = f"W₁ = {exact.wasserstein:.3f}\nJSD = {exact.jensen_shannon:.3f} nats"
    assert expected in transport("lines", shift=(theta, 0.0)).status


@pytest.mark.parametrize("width", [0.1, 0.3, 1.0])
@pytest.mark.parametrize("right", [0.0, 0.4, 2.5])
def test_the_divergence_of_blurred_clouds_agrees_with_a_grid_over_the_plane(width: float, right: float):
    _, real, generated = clouds.SHAPES["ring"]
    x, y = torch.tensor(real).double(), torch.tensor(generated).double() + torch.tensor([right, 0.0]).double()

    def log_density(points: torch.Tensor):
        def function(at: torch.Tensor) -> torch.Tensor:
            exponents = -(at[:, None] - points).square().sum(-1) / (2 * width**2)
            return exponents.logsumexp(1) - math.log(2 * math.pi * width**2 * len(points))

        return function

    side = 3 + 6 * width
    grid = box([-side, -side], [side + 1, side], int(8 * side / width) | 1, tolerance=1e-3)
    exact = jensen_shannon(log_density(x), log_density(y), grid).item()
    assert abs(clouds.blurred_divergence(x, y, width) - exact) < 2e-4
    assert abs(clouds.blurred_divergence(x, y, 1.5 * width) - exact) > 1e-3


def test_points_that_coincide_are_all_that_the_unblurred_divergence_sees():
    x = torch.tensor([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [3.0, 0.0]]).double()
    assert_close(clouds.blurred_divergence(x, x + torch.tensor([1.0, 0.0]), 0.0), math.log(2) / 4)
    assert_close(clouds.blurred_divergence(x, x + torch.tensor([0.5, 0.0]), 0.0), math.log(2))


def test_the_lines_drawn_are_an_optimal_plan():
    _, real, generated = clouds.SHAPES["ring"]
    x, y = torch.tensor(real).double(), torch.tensor(generated).double() + torch.tensor([1.0, 0.5]).double()
    widget = transport("ring", shift=(1.0, 0.5))
    numbers = [float(v) for v in re.findall(r"-?[\d.]+", figure(widget).part("plan")["d"])]
    ends = torch.tensor(numbers).reshape(-1, 2, 2)
    assert len(ends) == clouds.N_POINTS
    unit = 338 / (2 * clouds.LIMIT)
    mean = (ends[:, 0] - ends[:, 1]).norm(dim=1).mean().item() / unit
    assert abs(mean - optimal_transport(x, y).distance) < 0.1 / unit


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"shape": "line"}, "shape 'line' not found; did you mean 'lines'"),
        ({"shift": (4.0, 0.0)}, "expected .right, up., both within ±3"),
        ({"shift": (math.nan, 0.0)}, "expected .right, up., both within ±3"),
        ({"width": 2.0}, "width is 2.0; expected 0 to 1"),
        ({"width": 0.07}, "width is 0.07; expected 0 to 1, a multiple of 0.05"),
        ({"width": math.nan}, "width is nan"),
    ],
)
def test_clouds_that_cannot_be_drawn_are_refused(arguments: dict, message: str):
    with pytest.raises(ValueError, match=message):
        transport(**arguments)
