"""The Laplacian pyramid: filters as scipy's, exact reconstruction, and the published ways to lose it."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch.testing import assert_close

from gancourse import data
from gancourse.laplacian import down, energies, parts, pyramid, reconstruct, sizes, up

KERNEL = np.array([1, 4, 6, 4, 1]) / 16
SHAPES = [(32, 32), (33, 31), (7, 12), (5, 1), (1, 1), (2, 3)]


def images(*shape, seed=0):
    return torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)


def blurred(x, weight=1.0):
    for axis in (0, 1):
        x = ndimage.convolve1d(x, weight * KERNEL, axis=axis, mode="mirror")
    return x


@pytest.mark.parametrize("shape", SHAPES)
def test_halving_is_scipy_s_blur_and_every_second_pixel(shape):
    x = images(*shape).double()
    assert_close(down(x), torch.tensor(blurred(x.numpy())[::2, ::2].copy()))


@pytest.mark.parametrize("shape", [(32, 32), (33, 31), (7, 12), (16, 5)])
def test_doubling_is_scipy_s_blur_of_pixels_between_zeros(shape):
    small = images(*((n + 1) // 2 for n in shape)).double()
    between = np.zeros(shape)
    between[::2, ::2] = small.numpy()
    assert_close(up(small, shape), torch.tensor(blurred(between, weight=2.0)))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_constant_image_has_nothing_but_its_top(shape):
    *bands, top = pyramid(torch.full((2, *shape), 0.7), len_of(shape))
    assert_close(top, torch.full_like(top, 0.7))
    for band in bands:
        assert_close(band, torch.zeros_like(band), rtol=0, atol=2e-7)


def len_of(shape, most=3):
    """As many levels as there are, up to some number."""
    return min(most, 1 + int(np.ceil(np.log2(max(shape)))))


@pytest.mark.parametrize("shape", [*SHAPES, (64, 64), (127, 100)])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.float32, torch.float64])
def test_bytes_are_rebuilt_bit_by_bit(shape, dtype):
    x = images(4, 3, *shape).to(dtype)
    n_levels = len_of(shape, 7 if not dtype.is_floating_point else 6 if dtype == torch.float64 else 3)
    bands = pyramid(x, n_levels)
    assert [band.shape[-2:] for band in bands] == [torch.Size(size) for size in sizes(shape, n_levels)]
    assert torch.equal(reconstruct(bands).to(dtype), x)


def test_faces_are_rebuilt_bit_by_bit_from_bytes_and_to_two_units_from_floats():
    x = data.Faces("test").first(64).x
    raw = ((x + 1) * 127.5).round()
    assert torch.equal(reconstruct(pyramid(raw, 3)), raw)
    assert_close(reconstruct(pyramid(x, 3)), x, rtol=0, atol=2 * 2**-23)


@pytest.mark.parametrize("n_levels", [2, 5])
def test_any_way_to_halve_is_undone_but_another_way_to_double_is_not(n_levels):
    x = images(3, 48, 40).double()
    coarse = [x]
    while len(coarse) < n_levels:
        coarse.append(coarse[-1][..., ::2, ::2])  # no blur at all
    bands = [a - up(b, tuple(a.shape[-2:])) for a, b in pairwise(coarse)] + [coarse[-1]]
    assert_close(reconstruct(bands), x)
    image = bands[-1]
    for band in reversed(bands[:-1]):
        image = image.repeat_interleave(2, -1).repeat_interleave(2, -2)[..., : band.shape[-2], : band.shape[-1]] + band
    assert (image - x).square().mean().sqrt() > 5


def test_a_top_that_is_a_difference_too_can_t_be_undone():
    """scikit-image's pyramid_laplacian until 2026: its last level is the top minus its blur, not the top."""
    x = data.Faces("test").first(64).x / 2 + 0.5
    *bands, top = pyramid(x, 3)
    wrong = top - torch.stack([torch.tensor(blurred(c.numpy())) for c in top.flatten(0, 1)]).view(top.shape)
    assert (reconstruct([*bands, top]) - x).square().mean().sqrt() < 1e-6
    assert 0.3 < (reconstruct([*bands, wrong]) - x).square().mean().sqrt() < 0.8


def test_integers_round_halves_up_and_don_t_overflow():
    white = torch.full((9, 9), 255, dtype=torch.uint8)
    assert (down(white) == 255).all()
    assert (up(white) == 255).all()
    assert down(torch.tensor([[0, 2, 0]])).tolist() == [[1, 1]]
    assert down(-torch.tensor([[0, 2, 0]])).tolist() == [[-1, -1]]
    assert up(torch.tensor([[0, 1]]), (1, 3)).tolist() == [[0, 1, 1]]
    assert up(torch.tensor([[-1, 0]]), (1, 3)).tolist() == [[-1, 0, 0]]


def test_parts_sum_to_the_images_and_energies_to_their_variance():
    x = data.Faces("test").first(500).x
    bands, variance = pyramid(x, 3), (x - x.mean(0)).square().mean()
    assert_close(sum(parts(bands)), x, rtol=0, atol=1e-6)
    assert_close(energies(bands).sum(), variance)
    own = torch.stack([(part - part.mean(0)).square().mean() for part in parts(bands)])
    assert own.sum() < 0.8 * variance  # the parts of one image are correlated


def test_faces_have_most_variance_in_the_top_and_noise_in_the_finest_band():
    x = data.Faces("test").first(500).x
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    assert energies(pyramid(x, 3)).argmax() == 2
    assert energies(pyramid(noise, 3)).argmax() == 0


def test_gradients_are_those_of_linear_functions():
    x = torch.randn(2, 7, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(down, x)
    assert torch.autograd.gradcheck(lambda y: up(y, (13, 10)), x)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: down(torch.zeros(3)), r"images have shape \(3,\); expected \[..., height, width\]"),
        (lambda: up(torch.zeros(4, 4), (9, 8)), r"images of 4 × 4 can't be doubled to 9 × 8; pass 7 or 8 for the h"),
        (lambda: down(torch.zeros(3, 0, 4)), r"images have shape \(3, 0, 4\); expected .* at least one pixel"),
        (lambda: up(torch.zeros(4, 4), (8,)), r"size is \(8,\); pass the height and width"),
        (lambda: up(torch.zeros(4, 4), (1, 8, 8)), r"size is \(1, 8, 8\); pass the height and width"),
        (lambda: sizes((0, 4), 2), "images of 0 × 4; pass a height and width of at least 1"),
        (
            lambda: reconstruct([torch.zeros(2, 3, 4, 4), torch.zeros(2, 1, 2, 2)]),
            r"a band has shape \(2, 3, 4, 4\), and the coarser image \(2, 1, 2, 2\); pass bands that differ in",
        ),
        (lambda: pyramid(torch.zeros(8, 8), 0), "0 levels; pass at least 1"),
        (lambda: pyramid(torch.zeros(8, 5), 5), "5 levels of 8 × 5 images, but after 4 there is one pixel left; pass"),
        (lambda: reconstruct([]), "there are no bands; pass those of a pyramid"),
        (lambda: reconstruct(pyramid(torch.zeros(8, 8), 3)[::-1]), "images of 8 × 8 can't be doubled to 4 × 4"),
        (lambda: parts(pyramid(torch.zeros(8, 8).int(), 3)), "the bands are integers, whose filters round; make the"),
    ],
)
def test_bad_inputs_are_named_in_one_line(wrong, message):
    with pytest.raises(ValueError, match=message) as caught:
        wrong()
    assert "\n" not in str(caught.value)
