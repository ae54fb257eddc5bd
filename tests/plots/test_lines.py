"""Names beside lines, and bands over runs."""

from __future__ import annotations

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from gancourse import plots
from gancourse.plots.lines import spread


@pytest.fixture(autouse=True)
def ax():
    _, ax = plt.subplots()
    yield ax
    plt.close("all")


X = np.arange(3.0)
RUNS = np.array([[0.0, 1.0, 5.0], [1.0, 2.0, 3.0], [8.0, 3.0, 4.0]])


def edges(band) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper edge of a drawn band, at X."""
    vertices = band.get_paths()[0].vertices
    at = [vertices[vertices[:, 0] == x, 1] for x in X]
    return np.array([y.min() for y in at]), np.array([y.max() for y in at])


def test_the_range_is_from_the_least_to_the_greatest_run_around_the_median(ax):
    line, band = plots.line_with_band(ax, X, RUNS, label="runs")
    assert_close(line.get_ydata(), np.array([1.0, 2.0, 4.0]))
    low, high = edges(band)
    assert_close(low, RUNS.min(0))
    assert_close(high, RUNS.max(0))
    assert line.get_label() == "runs"


def test_the_standard_error_is_that_of_the_mean(ax):
    line, band = plots.line_with_band(ax, X, RUNS, band="standard error")
    low, high = edges(band)
    assert_close(line.get_ydata(), RUNS.mean(0))
    # Of 0, 1, 8: variance 19, so that the error is √(19 / 3).
    assert_close(((high - low) / 2)[0], np.sqrt(19 / 3))
    assert_close((high + low) / 2, RUNS.mean(0))


def test_the_order_of_runs_does_not_matter(ax):
    drawn = [plots.line_with_band(ax, X, runs)[0].get_ydata() for runs in (RUNS, RUNS[::-1])]
    assert_close(*drawn)


@pytest.mark.parametrize(
    ("runs", "band", "message"),
    [
        (RUNS[:, :2], "range", r"x \(3,\) and runs \(3, 2\); expected"),
        (RUNS[0], "range", "expected"),
        (RUNS[:1], "standard error", "needs two runs or more; got 1"),
        (RUNS, "iqr", "band is 'iqr'; expected 'range' or 'standard error'"),
        (np.where(RUNS == 3, np.nan, RUNS), "range", "run 1 is nan at point 2; leave the run out and say so"),
    ],
)
def test_runs_that_give_no_band_are_refused(ax, runs, band, message: str):
    with pytest.raises(ValueError, match=message):
        plots.line_with_band(ax, X, runs, band)


def boxes(ax) -> list:
    ax.figure.canvas.draw()
    return [text.get_window_extent() for text in ax.texts]


def test_names_stand_right_of_the_axes_in_the_lines_order_and_none_over_another(ax):
    for name, end in (("low", 0.0), ("middle", 0.001), ("middle, too", 0.002), ("high", 1.0)):
        ax.plot([0, 1], [0.5, end], label=name)
    ax.plot([0, 1], [0, 1])  # without a name
    plots.label_lines(ax)
    assert [text.get_text() for text in ax.texts] == ["low", "middle", "middle, too", "high"]
    drawn = boxes(ax)
    assert all(box.x0 > ax.get_window_extent().x1 for box in drawn)
    assert all(above.y0 >= below.y1 - 1 for below, above in itertools.pairwise(drawn))


def test_names_that_have_room_stand_at_the_lines_ends(ax):
    ax.plot([0, 1, 2], [0, 1, np.nan], label="up")
    ax.plot([0, 1], [0, -1], label="down")
    plots.label_lines(ax)
    centres = [(box.y0 + box.y1) / 2 for box in boxes(ax)]
    expected = [ax.transData.transform((0, y))[1] for y in (1, -1)]
    assert all(abs(a - b) < 3 for a, b in zip(centres, expected, strict=True))


def test_a_logarithmic_axis_is_labelled_where_its_lines_end(ax):
    ax.loglog([1, 100], [1, 1e-3], label="down")
    plots.label_lines(ax)
    [box] = boxes(ax)
    assert abs((box.y0 + box.y1) / 2 - ax.transData.transform((100, 1e-3))[1]) < 3


def test_lines_without_names_are_refused(ax):
    ax.plot([0, 1])
    with pytest.raises(ValueError, match="no line has a label; plot with label="):
        plots.label_lines(ax)
    ax.plot([np.nan], label="nothing")
    with pytest.raises(ValueError, match="'nothing' has no finite point"):
        plots.label_lines(ax)


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=8), st.floats(0.5, 20))
def test_places_keep_their_order_their_distance_and_their_mean(places: list[float], distance: float):
    apart = spread(places, distance)
    ordered = [apart[i] for i in sorted(range(len(places)), key=lambda i: places[i])]
    assert all(b - a >= distance - 1e-9 for a, b in itertools.pairwise(ordered))
    assert abs(sum(apart) - sum(places)) < 1e-6


def test_places_that_are_far_apart_stay():
    assert spread([30.0, 0.0, 10.0], 5.0) == [30.0, 0.0, 10.0]
