"""Line charts as SVG."""

import itertools
import math
import re
from xml.etree import ElementTree

import pytest

from gancourse.plots.curves import HEIGHT, WIDTH, line_chart, ticks


def points(svg):
    """The places of each curve's points, and the words on the chart."""
    root = ElementTree.fromstring(svg)  # it is well-formed
    curves = [[tuple(map(float, p.split(","))) for p in line.get("points").split()] for line in root.iter("polyline")]
    return curves, [text.text for text in root.iter("text")], root


def test_a_curve_is_drawn_to_scale_inside_the_chart():
    (curve,), words, root = points(line_chart("loss", {"G": [(0, 0.0), (50, 1.0), (100, 4.0)]}, "step"))
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in curve)
    (x0, y0), (x1, y1), (x2, y2) = curve
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2)
    assert y2 - y0 == pytest.approx(4 * (y1 - y0), abs=0.5)
    assert y2 < y0  # more is higher up
    assert {"loss", "step", "0", "100"} <= set(words)
    assert root.get("aria-label") == "loss: G from 0 to 4"


def test_several_curves_carry_their_names_which_don_t_lie_over_each_other():
    curves = {name: [(0, 1.0), (1, 1.0 + i / 1000)] for i, name in enumerate(("generator", "discriminator", "encoder"))}
    found, words, root = points(line_chart("loss", curves, "step"))
    assert set(curves) <= set(words)
    heights = [float(text.get("y")) for text in root.iter("text") if text.text in curves]
    assert min(abs(a - b) for i, a in enumerate(heights) for b in heights[:i]) >= 13
    dashes = [line.get("stroke-dasharray") for line in root.iter("polyline")]
    assert len(set(dashes)) == len(found) == 3  # told apart without colours, too


def test_what_is_not_finite_is_a_gap_and_a_chart_of_nothing_is_refused():
    values = [(0, 1.0), (1, math.nan), (2, math.inf), (3, 2.0)]
    (curve,), _, _ = points(line_chart("loss", {"G": values}, "step"))
    assert len(curve) == 2
    two, words, _ = points(line_chart("loss", {"G": values, "D": [(0, math.nan)]}, "step"))
    assert len(two) == 1
    assert "D" not in words
    for curves in ({}, {"G": []}, {"G": [(0, math.nan)]}):
        with pytest.raises(ValueError, match=r"none of .* has a finite point"):
            line_chart("loss", curves, "step")


@pytest.mark.parametrize("value", [0.0, 1.0, -3.5, 1e-12, 1e12, 1e300])
def test_a_single_point_and_a_constant_have_a_chart(value):
    for curve in ([(5, value)], [(0, value), (9, value)]):
        (places,), _, root = points(line_chart("x", {"x": curve}, "step"))
        assert all(map(math.isfinite, (c for p in places for c in p)))
        assert len(list(root.iter("circle"))) == (len(curve) == 1)


def test_words_can_t_break_the_chart():
    _, words, root = points(line_chart("a <b> & \"c\" 'd'", {"<e>": [(0, 1.0)], "f": [(0, 2.0)]}, "<step>"))
    assert {"a <b> & \"c\" 'd'", "<e>", "<step>"} <= set(words)
    assert "<e> from 1 to 1" in root.get("aria-label")


def test_nothing_is_fetched_from_elsewhere():
    assert not re.search("https?:|href", line_chart("x", {"x": [(0, 1.0)]}, "step"))


@pytest.mark.parametrize(
    ("low", "high"), [(0, 10), (0, 1), (-3, 7), (1e-9, 3e-9), (4e-13, 5e-13), (0, 123456), (999.5, 1000.5)]
)
def test_ticks_are_few_round_evenly_spaced_and_within(low, high):
    found = ticks(low, high)
    assert 2 <= len(found) <= 7
    assert all(low - 1e-9 * (high - low) <= t <= high + 1e-9 * (high - low) for t in found)
    steps = {b - a for a, b in itertools.pairwise(found)}
    assert max(steps) == pytest.approx(min(steps))
    assert re.match(r"[125]0*$", f"{min(steps):e}".split("e")[0].replace(".", "").rstrip("0"))
