"""Distances of patches by level: what each level notices, and what none does."""

import numpy as np
import pytest
import torch
from torch.nn.functional import avg_pool2d, interpolate

from gancourse import data
from gancourse.errors import NotFiniteError
from gancourse.metrics.patches import patches, pyramid_distances

FACES = data.Faces("test").first(600).x
REAL, OTHERS = FACES[:300], FACES[300:]


def test_patches_are_windows_of_their_images():
    images = torch.arange(2 * 3 * 9 * 8.0).view(2, 3, 9, 8)
    drawn = patches(images, 4, 5)
    every = np.lib.stride_tricks.sliding_window_view(images.numpy(), (4, 4), (2, 3))  # [2, 3, 6, 5, 4, 4]
    for i, patch in enumerate(drawn):
        windows = torch.tensor(every[i // 5]).flatten(1, 2).transpose(0, 1)
        assert (windows == patch).all((1, 2, 3)).sum() == 1
    assert len({tuple(patch.flatten().tolist()) for patch in drawn}) > 5


def test_other_real_images_are_near_at_every_level_and_noise_is_far():
    near = pyramid_distances(REAL, OTHERS, 3)
    far = pyramid_distances(REAL, torch.randn(OTHERS.shape, generator=torch.Generator().manual_seed(0)), 3)
    assert all(5 * a < b for a, b in zip(near, far, strict=True))


def test_blurred_images_differ_at_the_finest_level_and_hardly_at_the_coarsest():
    blurred = interpolate(avg_pool2d(OTHERS, 2), scale_factor=2, mode="bilinear")
    near, distances = pyramid_distances(REAL, OTHERS, 3), pyramid_distances(REAL, blurred, 3)
    assert distances[0] > 3 * near[0]
    assert distances[2] < 2 * near[2]


def test_it_is_in_units_of_the_real_images_and_notices_contrast():
    a, b = pyramid_distances(REAL, OTHERS, 3), pyramid_distances(7 * REAL + 1, 7 * OTHERS + 1, 3)
    assert a == pytest.approx(b, rel=1e-4)
    assert all(3 * near < far for near, far in zip(a, pyramid_distances(REAL, 0.5 * OTHERS, 3), strict=True))


def test_bad_inputs_are_named_in_one_line():
    with pytest.raises(ValueError, match="8 patches of 7 × 7 from each image of 4 × 4; pass at least 1, and"):
        pyramid_distances(REAL, OTHERS, 4)
    with pytest.raises(ValueError, match=r"real images are \(300, 3, 32, 32\) and generated ones \(300, 3, 16, 16\)"):
        pyramid_distances(REAL, avg_pool2d(OTHERS, 2), 2)
    with pytest.raises(NotFiniteError):
        pyramid_distances(REAL, OTHERS * float("nan"), 2)
