"""The generator to steer as Python has it: what is mixed and read, the picture at rest, and the kernel's figure."""

from __future__ import annotations

import base64
import io
import math
import re
import sys
from pathlib import Path
from urllib.parse import unquote

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch.testing import assert_close

from gancourse import zoo
from gancourse.data.faces import FACTORS
from gancourse.models import FactorRegressor
from gancourse.models.style_families import Truncation
from gancourse.recipes import recipe
from gancourse.rng import Noise
from gancourse.widgets import Pictures, record_faces, steer, steer_in_kernel, styled
from gancourse.widgets.steering import BAR_WIDTH, FRAMES, layer_labels
from gancourse.widgets.stored import save_pictures
from gancourse.widgets.styled import N_SEEDS, SHOWN, Meter, Setting, Styled
from tests.widgets import style_based
from tests.widgets.style_based import small


@pytest.fixture(scope="module")
def networks() -> Styled:
    return small()


@pytest.fixture(scope="module")
def rest(networks: Styled) -> Pictures:
    return record_faces(networks, name="small")


@pytest.fixture(scope="module")
def stylegan() -> Styled:
    return style_based.stylegan()


def shown(image: torch.Tensor) -> np.ndarray:
    return ((image.clamp(-1, 1) + 1) * 127.5).round().permute(1, 2, 0).numpy().astype(int)


def pixels(png: bytes) -> np.ndarray:
    return np.rint(255 * plt.imread(io.BytesIO(png))[..., :3]).astype(int)


# Styles


@pytest.mark.parametrize("name", ["networks", "stylegan"])
@pytest.mark.parametrize(("crossover", "n_first"), [(1, 1), (2, 2), (None, None)])
def test_layers_before_the_crossover_have_the_first_seeds_style(request, name: str, crossover, n_first):
    each = request.getfixturevalue(name)
    n = each.generator.n_layers
    crossover, n_first = (n, n) if crossover is None else (crossover, n_first)
    w = each.mixed(Setting(3, 12, 0.5, crossover, 0))[0]
    first, second = (each.generator.mapping(each.latents([seed]))[0] for seed in (3, 12))
    mean = each.generator.mean_w
    for layer, own in enumerate([first] * n_first + [second] * (n - n_first)):
        assert_close(w[layer], (mean + own) / 2)


def test_truncation_and_mixing_are_those_of_the_generator_itself(stylegan: Styled):
    generator = stylegan.generator
    first, second = (generator.repeated(generator.mapping(stylegan.latents([seed]))) for seed in Setting()[:2])
    w = generator.mixed(generator.truncated(first, 0.7), generator.truncated(second, 0.7), 3)
    assert_close(stylegan.mixed(Setting()), w)


def test_the_figure_counts_the_crossover_as_gancourse_sample_does(stylegan: Styled):
    generator = stylegan.generator
    row = generator.row(generator.latents(Noise((0, "evaluation"), 1)))
    first, second = (stylegan.latents([seed]) for seed in Setting()[:2])
    z = torch.cat([first, row.noise, second, row.position[:, None]], 1)
    for crossover in range(1, generator.n_layers + 1):
        sampled = Truncation(0.7, crossover).of(generator)(z)
        w = stylegan.mixed(Setting(crossover=crossover))
        assert_close(generator.synthesis(w, row.noise), sampled, atol=1e-5, rtol=0)
        other = stylegan.mixed(Setting(crossover=crossover % generator.n_layers + 1))
        assert not torch.equal(w, other)


def test_at_psi_zero_every_seed_has_the_mean_style(networks: Styled):
    w = networks.mixed(Setting(psi=0.0))
    assert_close(w, networks.generator.mean_w.expand_as(w))


def test_a_seeds_face_is_what_the_play_samples_for_it(stylegan: Styled):
    alone = Setting(3, 12, 1.0, stylegan.generator.n_layers, 3)
    play = recipe("stylegan2-faces").play
    sample = play.sample(stylegan.generator, None, 1, seed=3)
    assert_close(stylegan.image(alone), sample, atol=1e-5, rtol=0)
    assert (stylegan.image(alone._replace(seed=4)) - sample).abs().max() > 0.1
    row = stylegan.generator.row(stylegan.generator.latents(Noise((3, "evaluation"), 1)))
    assert torch.equal(row.z, stylegan.latents([3]))
    assert torch.equal(row.noise, stylegan.noises([3]))


@pytest.mark.parametrize("name", ["networks", "stylegan"])
def test_no_noise_is_the_image_without_noise(request, name: str):
    each = request.getfixturevalue(name)
    with torch.no_grad():
        expected = each.generator.synthesis(each.mixed(Setting(noise=0)), None)
    assert_close(each.image(Setting(noise=0)), expected)
    assert (each.image(Setting(noise=2)) - expected).abs().max() > 0.01


def test_the_three_faces_are_the_mixture_and_what_it_is_mixed_of(networks: Styled):
    images = networks.faces(Setting()).images
    n = networks.generator.n_layers
    alone = [Setting(seed=seed, crossover=n) for seed in Setting()[:2]]
    for image, setting in zip(images, (Setting(), *alone), strict=True):
        assert_close(image, networks.image(setting)[0])
    assert not torch.equal(images[0], images[1])
    assert not torch.equal(images[0], images[2])


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (Setting(seed=N_SEEDS), "seed is 64; expected 0 to 63"),
        (Setting(second=-1), "second is -1; expected 0 to 63"),
        (Setting(psi=math.nan), "psi is nan; expected 0 to 1.5"),
        (Setting(crossover=5), "crossover is 5; expected 1 to 4"),
        (Setting(crossover=0), "crossover is 0; expected 1 to 4"),
        (Setting(noise=5), "noise is 5; expected 0 to 4"),
    ],
)
def test_a_setting_that_no_control_has_is_refused(networks: Styled, setting: Setting, message: str):
    with pytest.raises(ValueError, match=message):
        networks.faces(setting)


def test_networks_that_do_not_fit_the_figure_are_refused(networks: Styled):
    with pytest.raises(ValueError, match=r"the regressor reads factors of \(3, 0\) classes; expected \(0, 0, 0, 6"):
        Styled(networks.generator, FactorRegressor([3, 0], width=4))
    silent = small().generator
    silent.noise_sizes = ()
    with pytest.raises(ValueError, match="Small takes no noise; pass a generator with noise in its layers"):
        Styled(silent, networks.meter.regressor)


# Readings


def test_the_meter_reads_what_the_regressor_reads(networks: Styled):
    image = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    numbers, regressor = Meter(networks.meter.regressor)(image), networks.meter.regressor
    factors = dict(zip(FACTORS, regressor(image).T, strict=True))
    for row in styled.rows():
        own = numbers[:, row.column : row.column + max(1, len(row.classes))]
        n = len(row.classes)
        expected = (factors[row.name] * n - 0.5).round().long() if n else factors[row.name]
        assert_close(own.argmax(1) if n else own[:, 0], expected)
        if n:
            assert_close(own.sum(1), torch.ones(3))


def test_values_beyond_the_screen_are_read_as_what_the_screen_shows(networks: Styled):
    image = 3 * torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert_close(networks.meter(image), networks.meter(image.clamp(-1, 1)))


def test_the_zoos_regressor_reads_glasses_where_they_were_drawn():
    from gancourse.data.faces import changed, draw, neutral

    plain = neutral()
    both = torch.cat([plain, changed(plain, glasses="yes")])
    numbers = Meter(zoo.load("faces-regressor"))(draw(both) / 127.5 - 1)
    (row,) = [row for row in styled.rows() if row.name == "glasses"]
    values = [styled.reading(row, one.tolist()).value for one in numbers]
    assert values[0] < 0.1
    assert values[1] > 0.9


def test_every_factor_of_the_meter_is_one_of_the_faces():
    assert set(SHOWN) <= set(FACTORS)
    assert len(set(SHOWN)) == len(SHOWN)


# The picture at rest


def test_the_picture_at_rest_shows_the_faces_and_readings_of_the_setting(networks: Styled, rest: Pictures):
    faces = networks.faces(Setting())
    for name, image in zip(FRAMES, faces.images, strict=True):
        assert np.abs(pixels(rest.frames[name]) - shown(image)).max() <= 1
    widget = steer(rest)
    (first, second) = re.findall(r'src="data:image/svg\+xml,([^"]+)"', widget.html)
    drawn = re.findall(r'href="data:image/png;base64,([^"]+)"', unquote(first))
    assert [base64.b64decode(address) for address in drawn] == [rest.frames[name] for name in FRAMES]
    lengths = [float(v) for v in re.findall(r'data-part="bar\d+"[^>]* d="M[^h]+h([\d.]+)"', unquote(second))]
    assert_close([v / BAR_WIDTH for v in lengths], [r.value for r in faces.readings], atol=1e-3, rtol=0)


def test_a_stored_recording_makes_the_same_figure(rest: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from gancourse.widgets import stored

    save_pictures(rest, tmp_path / "stylegan2-faces.npz")
    monkeypatch.setattr(stored, "PICTURES", tmp_path)
    assert steer().html == steer(rest).html


def test_what_was_not_recorded_for_the_figure_is_refused(rest: Pictures, tmp_path, monkeypatch: pytest.MonkeyPatch):
    from gancourse.widgets import stored

    with pytest.raises(ValueError, match=r"rest has frames \['a'\]; expected a recording of `record_faces`"):
        steer(Pictures({"a": b""}, {}))
    monkeypatch.setattr(stored, "PICTURES", tmp_path)
    with pytest.raises(ValueError, match="set of pictures 'stylegan2-faces' not found"):
        steer()


def test_the_figure_says_which_layers_are_the_second_seeds():
    labels = layer_labels((4, 8, 8, 16, 16, 32, 32), 8)
    assert len(labels) == 8
    assert labels[0] == "layers 1 to 7 (from 8 × 8 on)"
    assert labels[2] == "layers 3 to 7 (from 16 × 16 on)"
    assert labels[6:] == ["layer 7 (colours)", "no layer"]


def test_the_figure_holds_no_networks_and_no_address(rest: Pictures):
    html = steer(rest).html
    assert len(html.encode()) < 60_000
    outside = re.sub(r'src="data:image/svg\+xml,[^"<> ]+"', "", html).replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|import\s*\(|\bfetch\(|url\(|src=", outside)


# The kernel's figure


def test_the_kernels_figure_is_the_pages_at_rest_and_follows_its_sliders(networks: Styled, rest: Pictures):
    box = steer_in_kernel(networks)
    *controls, picture = box.children
    assert [control.value for control in controls] == list(Setting())
    alts = re.findall(r'alt="([^"]+)"', picture.value)
    assert alts == [panel.description for panel in steer(rest).panels]
    before = picture.value
    controls[0].value = 40
    assert picture.value != before
    assert "seed 40" in picture.value
    controls[4].value = 0
    assert "no noise" in picture.value
    controls[4].value, controls[0].value = 1, Setting().seed
    assert picture.value == before


def test_without_ipywidgets_the_kernels_figure_says_what_to_install(networks: Styled, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with pytest.raises(ModuleNotFoundError, match="steer_in_kernel needs ipywidgets; install it with"):
        steer_in_kernel(networks)
