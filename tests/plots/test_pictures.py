"""Pictures of samples as bytes."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from gancourse.plots.pictures import GENERATED_INK, REAL_INK, SIDE, scatter, sheet, small_png, write_png


def test_a_sheet_shows_each_image_in_its_place_enlarged_by_a_whole_number():
    x = torch.linspace(-1, 1, 6).view(6, 1, 1, 1).expand(6, 1, 8, 8)
    pixels = sheet(x, n_columns=4)
    times = pixels.shape[1] // 40
    assert pixels.shape == (20 * times, 40 * times, 3)
    assert max(pixels.shape) >= SIDE > max(pixels.shape) - 40
    for i in range(6):
        row, column = divmod(i, 4)
        part = pixels[
            (10 * row + 1) * times : (10 * row + 9) * times, (10 * column + 1) * times : (10 * column + 9) * times
        ]
        assert set(part.flatten().tolist()) == {round((x[i].max().item() + 1) * 127.5)}
    assert set(pixels[10 * times :, 20 * times :].flatten().tolist()) == {0}  # the places without an image


def test_colours_stay_colours_and_of_other_channels_the_first_is_shown():
    red = torch.tensor([1.0, -1.0, -1.0]).view(1, 3, 1, 1).expand(1, 3, 8, 8)
    assert sheet(red, 1)[100, 100].tolist() == [255, 0, 0]
    assert sheet(red[:, :2], 1)[100, 100].tolist() == [255, 255, 255]


def test_what_is_out_of_range_or_no_number_is_drawn_at_the_end_of_the_scale():
    x = torch.tensor([7.0, -7.0, torch.inf, -torch.inf, torch.nan]).view(5, 1, 1, 1).expand(5, 1, 8, 8)
    pixels = sheet(x, 5)
    times = pixels.shape[0] // 10
    assert [pixels[5 * times, (10 * i + 5) * times, 0] for i in range(5)] == [255, 0, 255, 0, 0]


def test_generated_points_lie_over_real_ones_and_far_ones_are_left_out():
    real = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    picture = scatter(real, torch.tensor([[1.0, 1.0], [50.0, 50.0], [float("nan"), 0.0]]))
    assert picture.shape == (SIDE, SIDE, 3)
    inks = {tuple(pixel) for pixel in picture.reshape(-1, 3).tolist()}
    assert inks == {(255, 255, 255), REAL_INK, GENERATED_INK}
    rows, columns = (picture == REAL_INK).all(2).nonzero()
    assert rows.min() > SIDE / 2 > columns.max()  # (0, 0) is at the lower left
    rows, columns = (picture == GENERATED_INK).all(2).nonzero()
    assert rows.max() < SIDE / 2 < columns.min()
    assert len(rows) == 4


@pytest.mark.parametrize("d", [1, 2, 5])
def test_points_of_any_dimension_have_a_picture(d):
    x = torch.randn(50, d, generator=torch.Generator().manual_seed(0))
    picture = scatter(x, x[:7] + 0.1)
    assert (picture == GENERATED_INK).all(2).sum() > 4
    assert scatter(x[:1], x[:1]).shape == picture.shape  # a single point has no extent


@pytest.mark.parametrize("shape", [(0, 1, 8, 8), (4, 8, 8), (3,)])
def test_what_are_no_images_is_refused(shape):
    with pytest.raises(ValueError, match=r"expected \[n, channels, height, width\]"):
        sheet(torch.zeros(shape))


@pytest.mark.parametrize("shapes", [((0, 2), (3, 2)), ((3,), (3, 2)), ((3, 2), (3, 1, 2))])
def test_what_are_no_points_is_refused(shapes):
    with pytest.raises(ValueError, match=r"expected points \[n, d\]"):
        scatter(*map(torch.zeros, shapes))


def test_a_picture_comes_back_from_its_file(tmp_path):
    pixels = sheet(torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1)
    write_png(tmp_path / "a.png", pixels)
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == (pixels.shape[1], pixels.shape[0])
        assert image.tobytes() == pixels.tobytes()
    with pytest.raises(OSError, match="none"):
        write_png(tmp_path / "none" / "a.png", pixels)


def test_a_small_file_of_few_colours_is_near_the_picture_and_smaller():
    pixels = sheet(torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1)
    few = small_png(pixels, n_colours=64)
    with Image.open(io.BytesIO(few)) as image:
        shown = np.asarray(image.convert("RGB"))
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) <= 64
    assert np.abs(shown.astype(float) - pixels).mean() < 16
    assert len(few) < len(small_png(pixels))


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB")])
def test_a_small_file_keeps_colours_only_where_there_are_some(channels, mode):
    pixels = sheet(torch.rand(3, channels, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1)
    with Image.open(io.BytesIO(small_png(pixels))) as image:
        assert image.mode == mode
        assert image.convert("RGB").tobytes() == pixels.tobytes()
