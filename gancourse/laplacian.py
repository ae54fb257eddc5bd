"""The Laplacian pyramid: an image as what each halving of its size loses, from which it is rebuilt exactly.

With I₀ the image, I_{k+1} = d(I_k) and K halvings, the bands are h_k = I_k − u(I_{k+1}), and at the top h_K = I_K. So
I_k = u(I_{k+1}) + h_k rebuilds the image whatever d and u are, as long as both directions use the same u.

Source: Burt and Adelson 1983; in this notation Denton, Chintala, Szlam, Fergus 2015, section 2.2.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def _reflected(index: Tensor, n: int) -> Tensor:
    """Indices into n pixels, with those beyond an edge reflected about the outermost pixel."""
    period = max(2 * (n - 1), 1)
    index = index % period
    return torch.minimum(index, period - index)


def _shares(x: Tensor, denominator: int) -> Tensor:
    """The quotient of x and a power of two; integers are rounded, halves up."""
    if x.is_floating_point():
        return x / denominator
    return (x + denominator // 2).div(denominator, rounding_mode="floor")


def _halved(x: Tensor, axis: int) -> Tensor:
    n = x.shape[axis]
    centres = torch.arange(0, n, 2, device=x.device)
    # Kernel (1, 4, 6, 4, 1) / 16 around every second pixel.
    a, b, c, d, e = (x.index_select(axis, _reflected(centres + shift, n)) for shift in (-2, -1, 0, 1, 2))
    return _shares(6 * c + 4 * (b + d) + (a + e), 16)


def _doubled(x: Tensor, axis: int, n: int) -> Tensor:
    # The same kernel, twice as heavy, where only every second of the n pixels is known. A reflected index stays even.
    even = torch.arange(0, n, 2, device=x.device)
    before, here, after = (x.index_select(axis, _reflected(even + shift, n) // 2) for shift in (-2, 0, 2))
    odd_after = x.index_select(axis, _reflected(even + 2, n + n % 2) // 2)
    pairs = torch.stack([_shares(6 * here + (before + after), 8), _shares(here + odd_after, 2)], axis + 1)
    return pairs.flatten(axis, axis + 1).narrow(axis, 0, n)


def _wide(images: Tensor) -> Tensor:
    """Images in a type that sums of pixels fit into."""
    if images.ndim < 2 or 0 in images.shape[-2:]:
        raise ValueError(f"images have shape {tuple(images.shape)}; expected [..., height, width], at least one pixel")
    return images if images.is_floating_point() else images.to(torch.int32)


def down(images: Tensor) -> Tensor:
    """Images of half the height and width, rounded up: blurred by (1, 4, 6, 4, 1)/16, and every second pixel of that.

    Edges are reflected about the outermost pixels, so a constant image stays constant.

    Args:
        images: [..., height, width], floats, or integers of any type.

    Returns:
        Images of the same float type, or rounded to int32.

    Raises:
        ValueError: there are less than two axes, or no pixels.

    >>> down(torch.tensor([[0.0, 0.0, 16.0, 0.0]]))
    tensor([[2., 7.]])
    """
    images = _wide(images)
    return _halved(_halved(images, images.ndim - 1), images.ndim - 2)


def up(images: Tensor, size: tuple[int, int] | None = None) -> Tensor:
    """Images of twice the height and width: the known pixels, and smooth ones in between.

    Args:
        images: [..., height, width], floats, or integers of any type.
        size: height and width of the result: twice the images', which is the default, or one less.

    Returns:
        Images of the same float type, or rounded to int32.

    Raises:
        ValueError: there are less than two axes or no pixels, or no such image has this size after halving.

    >>> up(torch.tensor([[0, 8]]), (1, 4))
    tensor([[2, 4, 7, 8]], dtype=torch.int32)
    """
    images = _wide(images)
    height, width = images.shape[-2:]
    size = (2 * height, 2 * width) if size is None else size
    if len(size) != 2:
        raise ValueError(f"size is {tuple(size)}; pass the height and width, (height, width)")
    if any(n not in (2 * half - 1, 2 * half) for n, half in zip(size, (height, width), strict=True)):
        raise ValueError(
            f"images of {height} × {width} can't be doubled to {size[0]} × {size[1]}; pass {2 * height - 1} or "
            f"{2 * height} for the height, {2 * width - 1} or {2 * width} for the width"
        )
    return _doubled(_doubled(images, images.ndim - 2, size[0]), images.ndim - 1, size[1])


def sizes(size: tuple[int, int], n_levels: int) -> tuple[tuple[int, int], ...]:
    """Height and width of each level of a pyramid, the finest first.

    Raises:
        ValueError: there is no level or no pixel, or more levels than it takes to come down to one pixel.

    >>> sizes((28, 20), 3)
    ((28, 20), (14, 10), (7, 5))
    """
    if n_levels < 1:
        raise ValueError(f"{n_levels} levels; pass at least 1, the image itself")
    if min(size) < 1:
        raise ValueError(f"images of {size[0]} × {size[1]}; pass a height and width of at least 1")
    all_sizes = [size]
    for _ in range(n_levels - 1):
        if max(all_sizes[-1]) == 1:
            raise ValueError(
                f"{n_levels} levels of {size[0]} × {size[1]} images, but after {len(all_sizes)} there is one pixel "
                f"left; pass at most {len(all_sizes)}"
            )
        height, width = all_sizes[-1]
        all_sizes.append(((height + 1) // 2, (width + 1) // 2))
    return tuple(all_sizes)


def pyramid(images: Tensor, n_levels: int) -> list[Tensor]:
    """The bands h₀ … h_K of images, the finest first; the last one is the coarsest image itself.

    Args:
        images: [..., height, width], of any size.
        n_levels: K + 1, so the images are halved one time less.

    Returns:
        One tensor a level: floats of the same type, or int32.

    Raises:
        ValueError: there are less than two axes, or there is no such number of levels.

    >>> [band.shape for band in pyramid(torch.zeros(3, 28, 28), 3)]
    [torch.Size([3, 28, 28]), torch.Size([3, 14, 14]), torch.Size([3, 7, 7])]
    """
    image = _wide(images)
    bands = []
    for size in sizes(tuple(image.shape[-2:]), n_levels)[:-1]:
        coarse = down(image)
        bands.append(image - up(coarse, size))
        image = coarse
    return [*bands, image]


def reconstruct(bands: Sequence[Tensor]) -> Tensor:
    """The images that a pyramid was made of.

    Integers come back exactly, at any number of levels: their filters round, in both directions alike. So do floats
    that are integers from 0 to 255, in float32 up to 3 levels and in float64 up to 6. Floats in [−1, 1] come back up to
    2.4e-7 (two units in the last place).

    Args:
        bands: the finest first, as from `pyramid`.

    Raises:
        ValueError: there is no band, or one isn't of half the size of that before it, or not of as many images.

    >>> images = torch.arange(35).view(5, 7)
    >>> bool((reconstruct(pyramid(images, 3)) == images).all())
    True
    """
    if not bands:
        raise ValueError("there are no bands; pass those of a pyramid, the finest first")
    image = bands[-1]
    for band in reversed(bands[:-1]):
        if band.shape[:-2] != image.shape[:-2]:
            raise ValueError(
                f"a band has shape {tuple(band.shape)}, and the coarser image {tuple(image.shape)}; pass bands that "
                "differ in height and width only"
            )
        image = up(image, tuple(band.shape[-2:])) + band
    return image


def parts(bands: Sequence[Tensor]) -> list[Tensor]:
    """What each band adds to the images, at their full size; these parts sum to them, up to rounding.

    Args:
        bands: of float images, the finest first.

    Raises:
        ValueError: as for `reconstruct`; or the bands are integers, whose rounded filters aren't linear.
    """
    if any(not band.is_floating_point() for band in bands):
        raise ValueError("the bands are integers, whose filters round; make the pyramid of floats")
    return [
        reconstruct([band if i == j else torch.zeros_like(band) for j, band in enumerate(bands)])
        for i in range(len(bands))
    ]


def energies(bands: Sequence[Tensor]) -> Tensor:
    """What each level adds to the variance of the images, per number of an image, [levels], the finest first.

    That is the covariance of the level's part with the images, so the sum is the variance of the images. A part's own
    variance is less: the parts of edges, which all levels have, are correlated.

    Args:
        bands: of float images, [n, ..., height, width] each, the finest first; the mean image is subtracted.

    Raises:
        ValueError: as for `parts`.

    >>> energies(pyramid(torch.tensor([[[0.0, 0.0]], [[2.0, 2.0]]]), 2))
    tensor([0., 1.])
    """
    all_parts = [part - part.mean(0) for part in parts(bands)]
    images = torch.stack(all_parts).sum(0)
    return torch.stack([(part * images).mean() for part in all_parts])
