"""The levels of a Laplacian pyramid, right and as people get them wrong."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from gancourse.checks.ch11_multiscale.filters import Down, Up
from gancourse.checks.engine.verdict import same

Answer = Callable[[Tensor, int, Down, Up], list[Tensor]]


def laplacian_pyramid(image: Tensor, n_levels: int, down: Down, up: Up) -> list[Tensor]:
    """The right answer, from the top down."""
    if n_levels == 1:
        return [image]
    coarse = down(image)
    return [image - up(coarse, tuple(image.shape[-2:])), *laplacian_pyramid(coarse, n_levels - 1, down, up)]


def _images(image: Tensor, n_levels: int, down: Down) -> list[Tensor]:
    images = [image]
    for _ in range(n_levels - 1):
        images.append(down(images[-1]))
    return images


def _band(image: Tensor, down: Down, up: Up) -> Tensor:
    return image - up(down(image), tuple(image.shape[-2:]))


def _wrong_top(image: Tensor, n_levels: int, down: Down, up: Up) -> list[Tensor]:
    return [_band(level, down, up) for level in _images(image, n_levels, down)]


def _of_bands(image: Tensor, n_levels: int, down: Down, up: Up) -> list[Tensor]:
    """Each level made of the band before it."""
    bands = []
    for _ in range(n_levels - 1):
        bands.append(_band(image, down, up))
        image = down(bands[-1])
    return [*bands, image]


def _against_the_whole(image: Tensor, n_levels: int, down: Down, up: Up) -> list[Tensor]:
    """The top: what is left of the image after all bands, at its full size."""
    bands = laplacian_pyramid(image, n_levels, down, up)
    return [*bands[:-1], image]


def _mapped(change: Callable[[Tensor], Tensor]) -> Answer:
    """The right answer with its bands changed, but not the top."""

    def answer(image: Tensor, n_levels: int, down: Down, up: Up) -> list[Tensor]:
        *bands, top = laplacian_pyramid(image, n_levels, down, up)
        return [*map(change, bands), top]

    return answer


def _of_rebuilt(image: Tensor, n_levels: int, down: Down, up: Up) -> list[Tensor]:
    """Each band against what up makes of the coarsest image alone."""
    images = _images(image, n_levels, down)
    low, bands = images[-1], [images[-1]]
    for level in images[-2::-1]:
        low = up(low, tuple(level.shape[-2:]))
        bands.insert(0, level - low)
    return bands


def _until_one_pixel(image: Tensor, n_levels: int, down: Down, up: Up) -> list[Tensor]:
    n_halvings = max(max(image.shape[-2:]) - 1, 0).bit_length()
    return laplacian_pyramid(image, min(n_levels, n_halvings + 1), down, up)


def _in_type(dtype: torch.dtype, integers: bool) -> Answer:
    """The right answer of floats, or of integers, in another type."""

    def answer(image: Tensor, n_levels: int, down: Down, up: Up) -> list[Tensor]:
        changes = image.is_floating_point() != integers
        return laplacian_pyramid(image.to(dtype) if changes else image, n_levels, down, up)

    return answer


def _subtracted(dtype: torch.dtype) -> Answer:
    """Bands of integers by subtraction in a type of floats."""

    def answer(image: Tensor, n_levels: int, down: Down, up: Up) -> list[Tensor]:
        if image.is_floating_point():
            return laplacian_pyramid(image, n_levels, down, up)
        images = _images(image, n_levels, down)
        lows = [up(coarse, tuple(level.shape[-2:])) for level, coarse in itertools.pairwise(images)]
        pairs = zip(images[:-1], lows, strict=True)
        return [*((level.to(dtype) - low.to(dtype)).long() for level, low in pairs), images[-1]]

    return answer


def _wrapped(image: Tensor, n_levels: int, down: Down, up: Up) -> list[Tensor]:
    """Bands in the type of the image of their level."""
    pairs = zip(_images(image, n_levels, down), laplacian_pyramid(image, n_levels, down, up), strict=True)
    return [band.to(level.dtype) for level, band in pairs]


MISTAKES: list[tuple[Answer, str]] = [
    (
        _wrong_top,
        "The last level is a difference, too. It has to be the coarsest image itself, h_K = I_K: without it the image "
        "can't be rebuilt (scikit-image had this bug for years)",
    ),
    (
        lambda *args: laplacian_pyramid(*args)[::-1],
        "The order is reversed: the finest level comes first, the coarsest image last",
    ),
    (
        lambda image, n, down, up: _images(image, n, down),
        "That is the Gaussian pyramid, the images I_k themselves; each level but the last is I_k − u(I_{k+1})",
    ),
    (
        lambda *args: laplacian_pyramid(*args)[:-1],
        "The coarsest image is missing: the last level is I_K itself",
    ),
    (
        lambda image, n, down, up: laplacian_pyramid(image, n + 1, down, up),
        "That is one level too many: n_levels counts the coarsest image as well, so there are n_levels − 1 halvings",
    ),
    (
        lambda image, n, down, up: [*laplacian_pyramid(image, n, down, up), _images(image, n, down)[-1]],
        "The coarsest image is there twice",
    ),
    (_mapped(lambda band: -band), "The sign is turned: a band is the image minus what is left of it, I_k − u(I_{k+1})"),
    (_mapped(lambda band: band.clamp(min=0)), "Negative values are cut off; bands have both signs"),
    (_mapped(lambda band: band.abs()), "The bands' signs are lost: no absolute value"),
    (
        _of_bands,
        "Each level is made of the band before; it is made of the image, I_{k+1} = d(I_k)",
    ),
    (
        _against_the_whole,
        "The last level is the image at its first size; it is the coarsest one, I_K",
    ),
    (
        lambda image, n, down, up: [*laplacian_pyramid(image, n, down, up)[:-1], down(_images(image, n, down)[-1])],
        "The last level is halved once too often",
    ),
    (
        lambda image, n, down, up: [
            *(up(coarse, tuple(level.shape[-2:])) for level, coarse in itertools.pairwise(_images(image, n, down))),
            _images(image, n, down)[-1],
        ],
        "That is u(I_{k+1}) alone; a band is the image minus it, I_k − u(I_{k+1})",
    ),
    (
        _of_rebuilt,
        "Each band is what the coarsest image lacks, enlarged again and again; h_k is what I_{k+1} lacks: subtract "
        "u(I_{k+1}) of the level just below",
    ),
    (
        _until_one_pixel,
        "The levels end where one pixel is left; there are n_levels all the same, since down leaves a pixel as it is",
    ),
    (
        _in_type(torch.float32, integers=False),
        "Floats are computed in single precision; stay in the type of the image, without .float()",
    ),
    (
        _in_type(torch.float32, integers=True),
        "Integers are converted to floats, which can't hold large ones exactly; stay with integers",
    ),
    (
        _subtracted(torch.float32),
        "Integers pass through single precision, which can't hold those beyond 2²⁴ exactly; stay with integers",
    ),
    (
        _subtracted(torch.float64),
        "Integers pass through double precision, which can't hold those beyond 2⁵³ exactly; stay with integers",
    ),
    (
        _wrapped,
        "Bytes minus bytes wrap around: a band is in the wider type of what up returns (no .to(image.dtype) and no "
        "result written into a tensor of bytes)",
    ),
]


def agree(levels: Sequence[Tensor], expected: Sequence[Tensor]) -> bool:
    """Whether two pyramids have the same levels."""
    return len(levels) == len(expected) and all(map(close, levels, expected))


def close(level: Tensor, expected: Tensor) -> bool:
    """Whether two levels agree, floats up to rounding and integers exactly."""
    if expected.is_floating_point():
        return same(level, expected)
    return level.shape == expected.shape and torch.equal(*exact(level, expected))


def exact(level: Tensor, expected: Tensor) -> tuple[Tensor, Tensor]:
    """Both in a type that holds them: integers in 64 bits, and the floats that a wrong answer has in their place."""
    dtype = torch.double if level.is_floating_point() or expected.is_floating_point() else torch.long
    return level.to(dtype), expected.to(dtype)
