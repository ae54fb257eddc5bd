"""Two Gaussians to play with: what is shown is the divergence and the value that other code computes."""

from __future__ import annotations

import math

import check
import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm

from gancourse.widgets import two_gaussians
from gancourse.widgets.gaussians import GRID, game_value, jensen_shannon, log_ratio
from tests.widgets.figures import choose, keys, part, press, run, statuses

in_browser = pytest.mark.skipif(check.browser_paths() is None, reason="no chromium with chromedriver")
INDEX = 7
SETTINGS = [(2.0, 1.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.4, 1.2), (6.0, 2.0, -4.0), (3.1, 0.7, 2.4), (6.0, 0.4, 4.0)]
every_setting = pytest.mark.parametrize(("mean", "std", "shift"), SETTINGS)


def value(mean: float, std: float, shift: float) -> float:
    """V(D) by adaptive quadrature, with densities by scipy."""

    def integrand(x: float) -> float:
        logit = norm.logpdf(x) - norm.logpdf(x, mean, std) + shift
        return -norm.pdf(x) * np.logaddexp(0, -logit) - norm.pdf(x, mean, std) * np.logaddexp(0, logit)

    return quad(integrand, -9, 9, points=[0.0, mean], epsabs=1e-11, limit=500)[0] + quad(integrand, 9, 17)[0]


@every_setting
def test_the_value_is_that_of_adaptive_quadrature(mean: float, std: float, shift: float):
    assert game_value(mean, std, shift) == pytest.approx(value(mean, std, shift), abs=1e-7)


@every_setting
def test_the_best_value_is_twice_the_divergence_less_log_four_and_any_shift_is_worse(mean, std, shift):
    best = game_value(mean, std, 0.0)
    assert best == pytest.approx(2 * jensen_shannon(mean, std) - math.log(4), abs=1e-12)
    assert all(game_value(mean, std, other) < best for other in (-4, -1, -0.2, 0.2, 1, 4))


def test_equal_densities_have_no_divergence_and_far_ones_nearly_log_two():
    assert jensen_shannon(0.0, 1.0) == pytest.approx(0.0, abs=1e-12)
    assert 0.99 * math.log(2) < jensen_shannon(6.0, 1.0) < math.log(2)


def test_the_ratio_is_of_the_two_densities():
    x = torch.linspace(-5, 5, 11, dtype=torch.float64)
    expected = norm.logpdf(x) - norm.logpdf(x, 1.3, 0.6)
    torch.testing.assert_close(log_ratio(x, 1.3, 0.6), torch.as_tensor(expected))
    assert norm.cdf(GRID[0]) < 1e-20
    assert norm.sf(GRID[1], 6, 2) < 1e-8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mean": -0.1}, "mean is -0.1; expected 0 to 6, a multiple of 0.1"),
        ({"mean": 0.25}, "mean is 0.25; expected 0 to 6, a multiple of 0.1"),
        ({"std": 0.3}, "std is 0.3; expected 0.4 to 2, a multiple of 0.1"),
        ({"shift": 4.2}, "shift is 4.2; expected -4 to 4, a multiple of 0.2"),
        ({"shift": math.nan}, "shift is nan"),
        ({"mean": math.inf}, "mean is inf"),
    ],
)
def test_what_cannot_be_shown_is_refused(arguments: dict, message: str):
    with pytest.raises(ValueError, match=message):
        two_gaussians(**arguments)


@pytest.mark.slow
@in_browser
def test_the_script_computes_what_python_does(driver):
    each = "arguments[0].map((s) => [g.gameValue(...s), g.jensenShannon(s[0], s[1])])"
    code = f"const g = widgets[{INDEX}].gancourse; return {each}"
    for (mean, std, shift), (v, divergence) in zip(SETTINGS, run(driver, code, SETTINGS), strict=True):
        assert v == pytest.approx(game_value(mean, std, shift), abs=1e-9)
        assert divergence == pytest.approx(jensen_shannon(mean, std), abs=1e-9)


@pytest.mark.slow
@in_browser
@every_setting
def test_the_figure_after_moves_is_the_one_that_python_draws(driver, mean: float, std: float, shift: float):
    for name, number in (("mean", mean), ("std", std), ("shift", shift)):
        choose(driver, INDEX, name, number)
    expected = two_gaussians(mean, std, shift)
    assert statuses(driver)[INDEX] == expected.status
    drawn = "".join(panel.content for panel in expected.panels)
    for name in ("real-line", "generated-line", "best-line", "d-line", "divergence-line", "value-line"):
        d = part(driver, INDEX, name).get_attribute("d")
        wanted = drawn.partition(f'data-part="{name}" d="')[2].partition('"')[0]
        places = [[float(n) for n in text.replace("M", "").replace("L", " ").split()] for text in (d, wanted)]
        torch.testing.assert_close(*map(torch.tensor, places), atol=0.101, rtol=0)
    labels = (
        f"return [...widgets[{INDEX}].querySelectorAll('.gw-panels > svg')].map((s) => s.getAttribute('aria-label'))"
    )
    assert run(driver, labels) == [panel.description for panel in expected.panels]


@pytest.mark.slow
@in_browser
def test_keys_move_a_slider_and_the_button_brings_back_the_best_discriminator(driver):
    press(driver, INDEX, "shift", keys().END)
    assert part(driver, INDEX, "shift-value").text == "4"
    assert statuses(driver)[INDEX] == two_gaussians(shift=4.0).status
    press(driver, INDEX, "best", keys().ENTER)
    assert statuses(driver)[INDEX] == two_gaussians().status
