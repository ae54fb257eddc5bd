import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgba
from torch.testing import assert_close

from gancourse import plots


@pytest.fixture(autouse=True)
def ax():
    _, ax = plt.subplots()
    yield ax
    plt.close("all")


def test_real_is_blue_dots_and_generated_orange_crosses(ax):
    plots.points(torch.tensor([[0.0, 1.0], [2.0, 3.0]]), torch.tensor([[4.0, 5.0]]), ax)
    real, generated = ax.collections
    assert (real.get_label(), generated.get_label()) == ("real", "generated")
    assert_close(real.get_offsets().data, np.array([[0.0, 1.0], [2.0, 3.0]]))
    assert_close(generated.get_offsets().data, np.array([[4.0, 5.0]]))
    for drawn, colour in ((real, "C0"), (generated, "C1")):
        assert_close(drawn.get_edgecolor()[0][:3], np.array(to_rgba(colour)[:3]))
    # Not by colour alone: a dot is a closed shape, a cross is two open strokes.
    assert len(real.get_paths()[0].vertices) > 4 == len(generated.get_paths()[0].vertices)


def test_either_kind_of_points_may_be_left_out(ax):
    plots.points(None, torch.zeros(1, 2, requires_grad=True), ax)
    assert [drawn.get_label() for drawn in ax.collections] == ["generated"]
    plots.points(None, None, ax)
    assert len(ax.collections) == 1


def test_axes_are_square_and_reach_to_the_limit(ax):
    plots.points(torch.zeros(1, 2), None, ax, limit=4.0)
    assert ax.get_xlim() == ax.get_ylim() == (-4, 4)
    assert ax.get_aspect() == 1


def test_without_axes_the_current_ones_are_used_and_returned(ax):
    plt.sca(ax)
    assert plots.points(torch.zeros(1, 2), None) is ax
    assert plots.images(torch.zeros(1, 1, 2, 2)) is ax
    assert plots.field(lambda x: x[:, 0], n=3) is ax


def test_points_that_are_not_in_the_plane_are_refused(ax):
    with pytest.raises(ValueError, match=r"generated has shape \(2, 3\); expected \[n, 2\]"):
        plots.points(torch.zeros(1, 2), torch.zeros(2, 3), ax)


def test_a_field_s_first_coordinate_runs_to_the_right_and_its_second_upwards(ax):
    plots.field(lambda x: 10 * x[:, 0] + x[:, 1], limit=1.0, ax=ax, n=3)
    (mesh,) = ax.collections
    rows = np.asarray(mesh.get_array()).reshape(3, 3)  # first row at the lowest second coordinate
    expected = 10 * np.array([[-1, 0, 1]]) + np.array([[-1], [0], [1]])
    assert_close(rows, expected, check_dtype=False)
    assert_close(mesh.get_coordinates()[0, :, 1], np.full(4, -1.5))
    assert mesh.get_cmap().name == "viridis"


def test_a_field_needs_no_gradient_and_has_a_colour_bar(ax):
    network = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.Flatten(0))
    plots.field(network, ax=ax, n=5)
    assert network[0].weight.grad is None
    assert len(ax.figure.axes) == 2


def shown(x, **options):
    ax = plots.images(x, ax=plt.gca(), **options)
    return np.asarray(ax.images[-1].get_array())


def test_images_are_laid_out_in_rows_with_a_black_frame_of_one_pixel():
    x = torch.linspace(-0.5, 1, 5).view(5, 1, 1, 1).expand(5, 1, 2, 3)
    sheet = shown(x, n_columns=2)
    assert sheet.shape == (3 * 4, 2 * 5)
    for i in range(5):
        row, column = divmod(i, 2)
        cell = sheet[4 * row : 4 * row + 4, 5 * column : 5 * column + 5]
        value = (x[i].max().item() + 1) / 2
        assert_close(cell[1:-1, 1:-1], np.full((2, 3), value), check_dtype=False)
        assert cell.sum() == pytest.approx(6 * value)
    assert sheet[8:, 5:].sum() == 0  # the last row is filled up with blanks


def test_pixels_keep_their_place_and_colours_theirs():
    x = torch.rand(1, 3, 4, 5, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert_close(shown(x, n_columns=1)[1:-1, 1:-1], ((x[0].permute(1, 2, 0) + 1) / 2).numpy())


def test_values_outside_the_range_are_clipped_and_the_input_is_left_alone():
    x = torch.tensor([-5.0, 5.0]).view(1, 1, 1, 2).requires_grad_()
    assert_close(shown(x, n_columns=1)[1, 1:-1], np.array([0.0, 1.0]), check_dtype=False)
    assert x.flatten().tolist() == [-5, 5]


def test_a_gray_value_means_the_same_whatever_else_is_shown():
    shown(torch.zeros(1, 1, 2, 2), title="gray")
    assert plt.gca().images[-1].get_clim() == (0, 1)
    assert plt.gca().get_title() == "gray"


@pytest.mark.parametrize("shape", [(1, 2, 4, 4), (1, 4, 4), (0, 1, 4, 4)])
def test_what_is_no_image_is_refused(shape):
    with pytest.raises(ValueError, match=r"images have shape .* expected \[n, 1 or 3, height, width\]"):
        plots.images(torch.zeros(shape))


def test_a_sheet_without_columns_is_refused():
    with pytest.raises(ValueError, match="n_columns is 0; pass at least 1"):
        plots.images(torch.zeros(1, 1, 2, 2), n_columns=0)


def test_the_background_of_a_probability_is_white_at_one_half_and_pale_in_the_samples_own_hues_elsewhere(ax):
    plots.probability(lambda x: 50 * x[:, 0], ax=ax)
    (mesh,) = ax.collections
    generated, undecided, real = (mesh.cmap(mesh.norm(p))[:3] for p in (0.0, 0.5, 1.0))
    assert_close(np.array(undecided), np.ones(3), atol=0.01, rtol=0)
    assert generated[0] > generated[2]
    assert real[2] > real[0]
    for colour, ground in ((plots.REAL, real), (plots.REAL, undecided), (plots.GENERATED, generated)):
        assert plots.style.contrast(colour, ground) > 2.4
    assert [label.get_text() for label in ax.figure.axes[-1].get_yticklabels()] == ["0", "½", "1"]
    assert ax.figure.axes[-1].get_ylabel() == "D(x)"


def test_one_colour_bar_is_enough_for_several_panels(ax):
    plots.probability(lambda x: x[:, 0], ax=ax, bar=False)
    assert len(ax.figure.axes) == 1
