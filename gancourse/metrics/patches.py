"""Distances between the local structure of two sets of images, one for each level of their Laplacian pyramids."""

from __future__ import annotations

import torch
from torch import Tensor

from gancourse.laplacian import pyramid
from gancourse.metrics.features import Numbers, comparable, tensor
from gancourse.metrics.transport import sliced_wasserstein
from gancourse.rng import generator


def patches(images: Numbers, size: int, n_each: int, seed: int = 0) -> Tensor:
    """Square patches at random places, [n · n_each, channels, size, size].

    Args:
        images: [n, channels, height, width].
        size: height and width of a patch.
        n_each: patches an image.
        seed: of the places.

    Raises:
        ValueError: an image is smaller than a patch, or there is no patch.

    >>> patches(torch.randn(10, 3, 8, 8), size=7, n_each=2).shape
    torch.Size([20, 3, 7, 7])
    """
    images = tensor(images, "images")
    n, _, height, width = images.shape
    if min(height, width) < size or size < 1 or n_each < 1:
        raise ValueError(
            f"{n_each} patches of {size} × {size} from each image of {height} × {width}; pass at least 1, and "
            "none larger than the images"
        )
    draws, sides = generator(seed, "patches"), (height - size + 1, width - size + 1)
    top, left = (torch.randint(side, (n * n_each,), generator=draws) for side in sides)
    inside = torch.arange(size)
    rows, columns = (top[:, None] + inside)[:, :, None], (left[:, None] + inside)[:, None, :]
    image = torch.arange(n).repeat_interleave(n_each)[:, None, None]
    return images.movedim(1, 3)[image, rows, columns].movedim(3, 1)


def pyramid_distances(
    real: Numbers,
    generated: Numbers,
    n_levels: int,
    size: int = 7,
    n_each: int = 8,
    n_projections: int = 128,
    seed: int = 0,
) -> list[float]:
    """Sliced Wasserstein distance between patches of real and of generated images, at each level, the finest first.

    A distance at the coarsest level is one of large-scale structure, at the finest one of details, such as edges and
    noise. Both sets are in units of the real patches' standard deviation, by channel and level.

    Args:
        real: images [n, channels, height, width].
        generated: images of the same shape but for their number.
        n_levels: of the pyramid; patches must fit into the coarsest.
        size: height and width of a patch.
        n_each: patches an image.
        n_projections: directions of the sliced distance.
        seed: of places and directions.

    Raises:
        ValueError: shapes disagree, or as for `patches` and `gancourse.laplacian.pyramid`.
        NotFiniteError: an image isn't finite.

    Source: Karras et al. 2018, section 5: 7 × 7 patches, 128 an image. There each set is divided by its own deviation,
    so that a level of too little contrast isn't noticed, and the distance is W₁'s mean, not the root of W₂²'s.
    """
    real, generated = comparable(real=real, generated=generated)
    if real.shape[1:] != generated.shape[1:] or real.ndim != 4:
        raise ValueError(
            f"real images are {tuple(real.shape)} and generated ones {tuple(generated.shape)}; expected [n, channels, "
            "height, width], the same but for n"
        )
    distances = []
    for bands in zip(pyramid(real, n_levels), pyramid(generated, n_levels), strict=True):
        x, y = (patches(band, size, n_each, seed + i).double() for i, band in enumerate(bands))
        deviations, means = torch.std_mean(x, (0, 2, 3), unbiased=False, keepdim=True)
        x, y = (((each - means) / deviations.clamp(min=1e-8)).flatten(1) for each in (x, y))
        distances.append(sliced_wasserstein(x, y, n_projections, seed=seed))
    return distances
