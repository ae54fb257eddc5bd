"""The pyramid to play with: what it shows is what `gancourse.laplacian` computes, in Python and in the browser."""

from __future__ import annotations

import base64
import io
import re
from urllib.parse import unquote

import check
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from gancourse.data import Faces
from gancourse.laplacian import pyramid, reconstruct
from gancourse.widgets import levels
from gancourse.widgets.bands import FACES, GREY, NAMES
from tests.widgets.figures import choose, keys, part, press, run, statuses

in_browser = pytest.mark.skipif(check.browser_paths() is None, reason="no chromium with chromedriver")
INDEX = 4
SETTINGS = [((1.0, 1.0, 1.0), None), ((0.7, -0.3, 1.4), None), ((1.0, 1.0, 1.0), 2), ((2.0, 0.0, -1.0), 0)]


def faces() -> torch.Tensor:
    """Bytes of the two faces, [2, 3, 32, 32]."""
    return ((Faces("test").first(max(FACES) + 1).x[list(FACES)] + 1) * 127.5).round().to(torch.int32)


def expected(scales: tuple[float, ...], other: int | None) -> np.ndarray:
    """What is rebuilt, written down independently: [32, 32, 3]."""
    bands = []
    for k, band in enumerate(pyramid(faces() - GREY, 3)):
        own = band[1] if k == other else band[0]
        bands.append(torch.from_numpy(np.floor(scales[k] * own.numpy().astype(float) + 0.5).astype(np.int32)))
    return (reconstruct(bands) + GREY).clamp(0, 255).permute(1, 2, 0).numpy()


def pixels(address: str) -> np.ndarray:
    """Bytes of a picture that lies in its address, [height, width, 3]."""
    image = plt.imread(io.BytesIO(base64.b64decode(address.partition(",")[2])))
    return np.rint(255 * image[..., :3]).astype(int)


def drawn(content: str, name: str) -> np.ndarray:
    (address,) = re.findall(f'data-part="{name}"[^>]* href="([^"]+)"', content)
    return pixels(address)


# In Python


@pytest.mark.parametrize(("scales", "other"), SETTINGS)
def test_the_picture_at_rest_is_what_the_levels_rebuild(scales: tuple[float, ...], other: int | None):
    widget = levels(scales=scales, other=other)
    assert np.array_equal(drawn(widget.panels[0].content, "rebuilt"), expected(scales, other))


def test_scales_of_one_rebuild_the_face_exactly_and_another_level_does_not():
    assert "difference from the face: 0.0 of 255" in levels().status
    assert "difference from the face: 0.0 of 255" not in levels(other=0).status
    assert np.array_equal(drawn(levels().panels[0].content, "rebuilt"), faces()[0].permute(1, 2, 0).numpy())


def test_the_finest_band_of_scale_zero_is_grey():
    band = drawn(levels(scales=(0.0, 1.0, 1.0)).panels[1].content, "level0")
    assert (band == GREY).all()


def test_the_images_can_be_any_two():
    two = torch.stack([torch.full((3, 32, 32), -1.0), torch.full((3, 32, 32), 1.0)])
    assert (drawn(levels(two).panels[0].content, "rebuilt") == 0).all()
    assert (drawn(levels(two, other=2).panels[0].content, "rebuilt") == 255).all()


def test_the_picture_survives_in_the_address_of_the_static_image():
    html = levels().html
    (first, _) = re.findall(r'src="data:image/svg\+xml,([^"]+)"', html)
    assert np.array_equal(drawn(unquote(first), "rebuilt"), expected((1.0, 1.0, 1.0), None))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"images": torch.zeros(1, 3, 32, 32)}, r"images are \(1, 3, 32, 32\) from 0.00 to 0.00; expected two"),
        ({"images": torch.full((2, 3, 32, 32), 1.5)}, r"from 1.50 to 1.50; expected two, \[2, 3, 32, 32\], in"),
        ({"scales": (1.0, 1.0)}, r"scales are \(1.0, 1.0\); expected 3 multiples of 0.1 from −1 to 2"),
        ({"scales": (1.0, 1.0, 2.1)}, "expected 3 multiples of 0.1 from −1 to 2"),
        ({"scales": (1.0, 1.0, 0.55)}, "expected 3 multiples of 0.1 from −1 to 2"),
        ({"other": 3}, "other is 3; expected the number of a level, 0 to 2, or None"),
    ],
)
def test_what_cannot_be_shown_is_refused(arguments: dict, message: str):
    with pytest.raises(ValueError, match=message):
        levels(**arguments)


# In the browser


def rebuilt(driver) -> np.ndarray:
    return pixels(part(driver, INDEX, "rebuilt").get_attribute("href"))


@pytest.mark.slow
@in_browser
@pytest.mark.parametrize(("scales", "other"), SETTINGS)
def test_the_script_rebuilds_what_python_does(driver, scales: tuple[float, ...], other: int | None):
    for k, scale in enumerate(scales):
        choose(driver, INDEX, f"scale{k}", scale)
    choose(driver, INDEX, "other", -1 if other is None else other)
    status = statuses(driver)[INDEX]
    assert np.array_equal(rebuilt(driver), expected(scales, other))
    assert status == levels(scales=scales, other=other).status


@pytest.mark.slow
@in_browser
@pytest.mark.parametrize("seed", [0, 1])
def test_the_scripts_pyramid_is_the_packages_on_noise(driver, seed: int):
    image = torch.randint(-128, 128, (32, 32), generator=torch.Generator().manual_seed(seed))
    code = f"const g = widgets[{INDEX}].gancourse, b = g.pyramid(arguments[0], 4); return [b, g.reconstruct(b)]"
    bands, again = run(driver, code, image.tolist())
    assert [band.tolist() for band in pyramid(image, 4)] == bands
    assert again == image.tolist()


@pytest.mark.slow
@in_browser
def test_keys_move_a_slider_and_reset_comes_back(driver):
    press(driver, INDEX, "scale2", keys().HOME)
    assert statuses(driver)[INDEX].startswith("fine × 1.0, middle × 1.0, coarse × −1.0\n")
    assert part(driver, INDEX, "scale2-value").text == "-1"
    press(driver, INDEX, "scale0", keys().ARROW_LEFT)
    choose(driver, INDEX, "other", 1)
    assert statuses(driver)[INDEX].startswith("fine × 0.9, middle × 1.0 of the other face, coarse × −1.0\n")
    press(driver, INDEX, "reset", keys().ENTER)
    assert statuses(driver)[INDEX] == levels().status


@pytest.mark.slow
@in_browser
def test_the_pictures_say_what_they_show(driver):
    choose(driver, INDEX, "scale1", 0)
    status = statuses(driver)[INDEX].replace("\n", ", ")
    names = run(driver, f"return [...widgets[{INDEX}].querySelectorAll('.gw-panels > svg')].map((s) => s.ariaLabel)")
    assert names == [f"Rebuilt face: {status}", f"The levels as they are used: {status}"]
    assert part(driver, INDEX, "scale1").accessible_name == NAMES[1]
