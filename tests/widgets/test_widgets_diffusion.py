"""The figure of diffusion in the plane: what Python draws, and that the script computes what the package does."""

from __future__ import annotations

import math
import re

import check
import pytest
import torch
from scipy.stats import kstest
from torch import Tensor
from torch.testing import assert_close

from gancourse.data import ring
from gancourse.diffusion import Denoiser, RectifiedFlow, VariancePreserving, ddim, ddpm, euler, guided, of_density
from gancourse.metrics import mode_widths
from gancourse.rng import Noise
from gancourse.theory import NoisyMixture
from gancourse.widgets import Widget, diffuse, noising, reversal
from gancourse.widgets.noising import CLASS, COUNTS, Walk
from tests.widgets.figures import choose, keys, part, press, run, statuses

INDEX = 6
N = 12  # starts of each comparison
METHODS = ("DDPM", "DDIM", "flow")
STDS = {"wide": 0.2, "narrow": 0.02}


class Script:
    """The script's noise, as samplers ask for noise."""

    n = N

    def fold_in(self, name: str, step: int) -> Script:
        self.step = step
        return self

    def normal(self, name: str, *shape: int) -> Tensor:
        return noising.normals(self.step, 7, N)


def exact(modes: str, method: str, guidance: float) -> Denoiser:
    """The guided denoiser of the ring, from the package."""
    data = NoisyMixture.of(ring(std=STDS[modes])).standardised()
    process = RectifiedFlow() if method == "flow" else VariancePreserving()
    return guided(of_density(data.components(CLASS), process), of_density(data, process), scale=guidance)


def sampled(denoiser: Denoiser, method: str, x: Tensor, times: Tensor, noise: object) -> Tensor:
    """States of the package's sampler, [steps, n, 2]."""
    sampler = {"DDPM": ddpm, "DDIM": ddim, "flow": euler}[method]
    return torch.stack(list(sampler(denoiser, x, times, noise)))


def starts(seed: int = 0) -> Tensor:
    return Noise((seed, "figure"), N).normal("x", 2).double()


# In Python


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n_steps", [1, 3, 50])
@pytest.mark.parametrize("guidance", [0.0, 3.0])
def test_a_walk_is_the_packages_sampler(method: str, n_steps: int, guidance: float):
    denoiser = exact("wide", method, guidance)
    times = denoiser.process.times(n_steps, None if method == "flow" else "linspace")
    expected = sampled(denoiser, method, starts(), times, Script())
    states = Walk("wide", method, n_steps, guidance).states(starts(), first=7)
    assert_close(torch.stack(states[1:]), expected, atol=1e-9, rtol=0)


def test_a_walk_from_an_earlier_time_begins_there_and_has_no_more_steps_than_times():
    times = Walk("wide", "DDIM", 50, 0.0, time=0.02).times
    assert times.tolist() == list(range(20, -1, -1))
    assert Walk("wide", "DDPM", 3, 0.0, time=0.5).times.tolist() == [500, 250, 0]
    assert_close(Walk("wide", "flow", 2, 0.0, time=0.5).times, torch.tensor([0.5, 0.25], dtype=torch.float64))


def test_the_starts_are_spread_like_a_normal_distribution():
    z = noising.spiral()
    assert_close(z.mean(0), torch.zeros(2, dtype=torch.float64), atol=0.01, rtol=0)
    assert_close(torch.cov(z.T), torch.eye(2, dtype=torch.float64), atol=0.02, rtol=0)


def test_the_scripts_noise_is_normal_and_independent_over_steps_and_samples():
    # Fixed numbers: a test of a seed, with a false-alarm rate of 0.001 for each of the three tests.
    first, second = noising.normals(0, 0, 5000), noising.normals(1, 0, 5000)
    assert kstest(first.flatten().numpy(), "norm").pvalue > 1e-3
    bound = 3.3 / math.sqrt(5000)
    assert (first * second).mean(0).abs().max() < bound
    assert (first[:, 0] * first[:, 1]).mean().abs() < bound
    assert (first * second.roll(1, 0)).mean(0).abs().max() < bound
    assert_close(noising.normals(0, 40, 9), first[40:49])


def test_the_one_step_map_makes_the_mixture_exactly_and_a_wider_one_is_noticed():
    data = noising.mixture("wide")
    x = noising.one_step(Noise((0, "map"), 8000).normal("z", 2).double(), data.means, data.std)
    widths = mode_widths(x, data.means, data.std)
    assert abs(widths.ratio - 1) < 3.3 * widths.ratio_error
    assert ((widths.shares - 1 / 8).abs() < 3.3 * widths.share_errors).all()
    nearest = torch.cdist(x, data.means.double()).argmin(1)
    offsets = (x - data.means.double()[nearest]) / data.std
    assert kstest(offsets.flatten().numpy(), "norm").pvalue > 1e-3
    assert kstest(1.1 * offsets.flatten().numpy(), "norm").pvalue < 1e-3


def test_the_readings_are_those_of_the_packages_samples_at_many_starts():
    # The figure's 200 starts against 4000 random ones: equal within their errors.
    for method, modes, n_steps in (("DDIM", "narrow", 100), ("DDPM", "narrow", 50), ("flow", "wide", 20)):
        denoiser = exact(modes, method, 0.0)
        times = denoiser.process.times(n_steps, None if method == "flow" else "linspace")
        noise = Noise((1, "many"), 4000)
        data = noising.mixture(modes)
        with torch.no_grad():
            x = sampled(denoiser, method, noise.normal("x", 2).double(), times, noise)[-1]
        many = mode_widths(x, data.means, data.std)
        ratio, error, _, _ = readings(diffuse(method, n_steps=n_steps, modes=modes))[0]
        assert abs(ratio - many.ratio) < 3.3 * math.hypot(error, many.ratio_error) + 0.01


def readings(widget: Widget) -> list[list[float]]:
    """Width, its error, share in the class and in its middle mode: of the sampler, and of the one-step map."""
    pattern = r"width / truth (\S+) ± (\S+), in class (\S+), middle (\d\.\d\d)"
    return [[float(value) for value in found] for found in re.findall(pattern, widget.panels[1].description)]


def test_narrow_modes_come_out_too_narrow_by_ddim_and_right_by_the_map():
    (width, error, _, _), (width_of_map, error_of_map, _, _) = readings(diffuse(n_steps=200, modes="narrow"))
    assert width + 3 * error < 1
    assert abs(width_of_map - 1) < 3 * error_of_map


def test_guidance_moves_samples_to_the_middle_of_the_class_and_the_class_alone_does_not():
    (_, _, in_class, middle), (_, _, _, middle_of_map) = readings(diffuse(guidance=5.0))
    assert (in_class, middle_of_map) == pytest.approx((1.0, 1 / 3), abs=0.02)
    assert middle > 0.8
    for guidance, expected in ((1.0, (1.0, 1 / 3)), (0.0, (3 / 8, 1 / 8))):
        assert readings(diffuse(guidance=guidance))[0][2:] == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "DDMP"}, "method 'DDMP' not found; did you mean 'DDPM'"),
        ({"modes": "wider"}, "modes 'wider' not found; did you mean 'wide'"),
        ({"n_steps": 30}, "n_steps is 30; pass one of 1, 2, 3, 5, 10"),
        ({"guidance": 5.5}, "guidance is 5.5; expected 0 to 5, a multiple of 0.5"),
        ({"guidance": 0.3}, "guidance is 0.3; expected 0 to 5, a multiple of 0.5"),
        ({"guidance": math.nan}, "guidance is nan"),
        ({"time": 0.0}, "time is 0.0; expected 0.01 to 1"),
        ({"time": 0.505}, "time is 0.505; expected 0.01 to 1, a multiple of 0.01"),
        ({"point": (4.0, 0.0)}, "point is .4.0, 0.0.; expected two coordinates within ±3"),
    ],
)
def test_what_cannot_be_shown_is_refused(arguments: dict, message: str):
    with pytest.raises(ValueError, match=message):
        diffuse(**arguments)


# In the browser

in_browser = pytest.mark.skipif(check.browser_paths() is None, reason="no chromium with chromedriver")


def setting(walk: Walk) -> dict[str, object]:
    mixtures = reversal._state((0.0, 0.0))["mixtures"]
    return {
        "mixture": mixtures[walk.modes],
        "method": walk.method,
        "n": walk.n_steps,
        "guidance": walk.guidance,
        "t": walk.time,
    }


def of_script(driver, code: str, *arguments: object) -> Tensor:
    """Numbers that the figure's script computes."""
    found = run(driver, f"const g = widgets[{INDEX}].gancourse; return {code}", *arguments)
    return torch.tensor(found, dtype=torch.float64)


@pytest.mark.slow
@in_browser
@pytest.mark.parametrize("method", METHODS)
def test_the_script_calls_the_denoiser_at_pythons_times(driver, method: str):
    for n_steps in COUNTS:
        for time in (1.0, 0.5, 0.37, 0.01):
            walk = Walk("wide", method, n_steps, 0.0, time)
            times = of_script(driver, "g.times(arguments[0])", setting(walk))
            assert_close(times, walk.times.double(), atol=1e-12, rtol=0)


@pytest.mark.slow
@in_browser
@pytest.mark.parametrize("modes", STDS)
@pytest.mark.parametrize("guidance", [0.0, 1.0, 2.5])
def test_the_scripts_scores_are_the_mixtures(driver, modes: str, guidance: float):
    data = NoisyMixture.of(ring(std=STDS[modes])).standardised()
    points = 1.5 * starts(3)
    for method in ("DDIM", "flow"):
        for time in (1.0, 0.3, 0.02):
            walk = Walk(modes, method, 1, guidance, time)
            alpha, sigma = walk.level
            code = "arguments[1].map((x) => g.score(arguments[0], x, arguments[2]))"
            scores = of_script(driver, code, setting(walk), points.tolist(), [alpha.item(), sigma.item()])
            conditional = data.components(CLASS).score(points, alpha, sigma)
            expected = guidance * conditional + (1 - guidance) * data.score(points, alpha, sigma)
            assert_close(scores, expected, atol=1e-6, rtol=1e-9)
            level = of_script(driver, "g.level(arguments[0].method, arguments[1])", setting(walk), walk.times[0].item())
            assert_close(level, torch.stack(walk.level), atol=1e-12, rtol=0)


@pytest.mark.slow
@in_browser
@pytest.mark.parametrize("modes", STDS)
@pytest.mark.parametrize("method", METHODS)
def test_the_scripts_states_are_the_packages_for_the_same_start_and_noise(driver, modes: str, method: str):
    settings = [(1, 0.0), (10, 1.0), (50, 0.0), (50, 3.0)]
    if (modes, method) == ("narrow", "DDPM"):
        settings.append((1000, 0.5))
    for n_steps, guidance in settings:
        denoiser, x, noise = exact(modes, method, guidance), starts(), Noise((5, "steps"), N)
        times = denoiser.process.times(n_steps, None if method == "flow" else "linspace")
        expected = sampled(denoiser, method, x, times, noise)
        numbers = torch.stack([noise.fold_in("step", i).normal("x", 2).double() for i in range(n_steps)], 1)
        code = "arguments[1].map((x, i) => g.states(arguments[0], x, (step) => arguments[2][i][step]))"
        walk = Walk(modes, method, n_steps, guidance)
        states = of_script(driver, code, setting(walk), x.tolist(), numbers.tolist())
        assert_close(states[:, 1:].transpose(0, 1), expected, atol=1e-6, rtol=0, msg=lambda m, w=walk: f"{w}: {m}")


@pytest.mark.slow
@in_browser
def test_other_noise_another_guidance_or_another_number_of_steps_gives_other_states(driver):
    ends = []
    for walk, draw in (
        (Walk("wide", "DDPM", 20, 0.0), 0),
        (Walk("wide", "DDPM", 20, 0.0), 1),
        (Walk("wide", "DDPM", 20, 0.5), 0),
        (Walk("wide", "DDPM", 50, 0.0), 0),
        (Walk("wide", "DDIM", 20, 0.0), 0),
    ):
        code = "g.states(arguments[0], [0.3, -0.2], (step) => g.normal(step, arguments[1])).pop()"
        ends.append(of_script(driver, code, setting(walk), draw))
    apart = torch.cdist(torch.stack(ends), torch.stack(ends)) + torch.eye(len(ends))
    assert apart.min() > 1e-3


@pytest.mark.slow
@in_browser
def test_the_scripts_starts_noise_map_and_readings_are_pythons(driver):
    assert_close(of_script(driver, "g.spiral(200)"), noising.spiral(), atol=1e-12, rtol=0)
    for step in (0, 999, noising.NOISE_STEP):
        code = "Array.from({ length: 300 }, (_, i) => g.normal(arguments[0], i))"
        assert_close(of_script(driver, code, step), noising.normals(step, 0, 300), atol=1e-12, rtol=0)
    data, z = noising.mixture("wide"), starts()
    mixture = setting(Walk("wide", "DDIM", 1, 0.0))["mixture"]
    for members in (list(range(8)), list(CLASS)):
        images = of_script(
            driver, "arguments[2].map((z) => g.oneStep(arguments[0], arguments[1], z))", mixture, members, z.tolist()
        )
        assert_close(images, noising.one_step(z, data.means[members], data.std), atol=1e-9, rtol=0)
    x = 1.2 * noising.spiral()
    widths, code = mode_widths(x, data.means, data.std), "Object.values(g.widths(...arguments)).flat()"
    expected = torch.tensor([widths.ratio, widths.ratio_error, *widths.shares.tolist()], dtype=torch.float64)
    assert_close(of_script(driver, code, x.tolist(), mixture), expected, atol=1e-9, rtol=0)


@pytest.mark.slow
@in_browser
@pytest.mark.parametrize(
    ("method", "n_steps", "guidance", "modes", "time"),
    [("DDPM", 20, 0.0, "narrow", 1.0), ("flow", 1, 2.5, "wide", 0.35), ("DDIM", 1000, 5.0, "narrow", 0.01)],
)
def test_controls_lead_to_what_python_draws_at_rest(
    driver, method: str, n_steps: int, guidance: float, modes: str, time: float
):
    values = {
        "modes": modes,
        "method": method,
        "steps": COUNTS.index(n_steps),
        "guidance": guidance,
        "time": time,
    }
    for name, value in values.items():
        choose(driver, INDEX, name, value)
    widget = diffuse(method, n_steps=n_steps, guidance=guidance, modes=modes, time=time)
    assert statuses(driver)[INDEX] == widget.status
    code = f"return [...widgets[{INDEX}].querySelectorAll('.gw-panels > svg')].map((s) => s.ariaLabel)"
    assert run(driver, code) == [panel.description for panel in widget.panels]
    assert part(driver, INDEX, "steps-value").text == str(n_steps)
    assert part(driver, INDEX, "steps").get_attribute("aria-valuetext") == str(n_steps)
    texts = re.findall(r'<text data-part="([^"]+)"[^>]*>([^<]*)<', widget.panels[1].content)
    assert [part(driver, INDEX, name).text for name, _ in texts] == [text for _, text in texts]
    drawn = dict(re.findall(r'<path class="[^"]*" data-part="([^"]+)" d="([^"]*)"', widget.panels[1].content))
    for name in ("samples-end", "images-end"):
        assert (part(driver, INDEX, name).get_attribute("d") == "") == (drawn[name] == "") == (time < 1)


@pytest.mark.slow
@in_browser
def test_keys_move_the_point_and_the_sliders_and_reset_comes_back(driver):
    Keys, before = keys(), statuses(driver)
    assert before[INDEX] == diffuse().status
    press(driver, INDEX, "point", Keys.ARROW_RIGHT, Keys.ARROW_UP)
    after = statuses(driver)
    assert after[INDEX].startswith("x = (0.55, −0.15), t = 1.00: ")
    assert after[INDEX].splitlines()[2:] == before[INDEX].splitlines()[2:]
    assert after[:INDEX] == before[:INDEX]
    press(driver, INDEX, "time", Keys.HOME)
    assert "t = 0.01: α 1.00, σ 0.05" in statuses(driver)[INDEX]
    press(driver, INDEX, "reset", Keys.ENTER)
    assert statuses(driver) == before
    press(driver, INDEX, "steps", Keys.ARROW_RIGHT)
    assert "DDIM, 100 steps: ends at " in statuses(driver)[INDEX]
    press(driver, INDEX, "guidance", Keys.END)
    assert part(driver, INDEX, "guidance-value").text == "5"
    assert [part(driver, INDEX, name).accessible_name for name in ("steps", "guidance", "time", "modes", "method")] == [
        "steps N",
        "guidance s",
        "time t",
        "modes",
        "back by",
    ]
