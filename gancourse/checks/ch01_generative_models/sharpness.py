"""Check of the Laplacian's energy of images."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from gancourse.checks.engine.comparison import PRECISIONS, Mistake, Values
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import OF_EVERY_KIND, drawn, sizes

CROSS = ((0.0, 1.0, 0.0), (1.0, -4.0, 1.0), (0.0, 1.0, 0.0))
SQUARE = ((1.0, 1.0, 1.0), (1.0, -8.0, 1.0), (1.0, 1.0, 1.0))


def _response(images: Tensor, kernel: tuple = CROSS, edge: str | None = None) -> Tensor:
    """Each channel convolved with a kernel; only where the kernel fits, or with an edge of that kind."""
    weight = torch.tensor(kernel, dtype=images.dtype)[None, None]
    flat = images.flatten(0, 1)[:, None]
    if edge is not None:
        flat = pad(flat, (1, 1, 1, 1), mode=edge)
    response = conv2d(flat, weight)
    return response.reshape(*images.shape[:2], *response.shape[-2:])


def laplacian_energy(images: Tensor) -> Tensor:
    """The right answer of ex-01-sharpness."""
    return _response(images).square().mean((1, 2, 3))


def _cases() -> list[Case]:
    generator = torch.Generator().manual_seed(0)
    cases = []
    for dtype in PRECISIONS:
        dot = torch.zeros(1, 1, 5, 5, dtype=dtype)
        dot[0, 0, 2, 2] = 1.0
        cases += [
            Case({"images": dot}, "one bright pixel in the middle: the answer is 20/9"),
            Case({"images": torch.rand(3, 1, 6, 8, generator=generator, dtype=dtype) * 2 - 1}, "three images, 6 × 8"),
            Case({"images": torch.rand(2, 3, 7, 5, generator=generator, dtype=dtype) * 2 - 1}, "three channels"),
        ]
    return cases


def _swept() -> list[Case]:
    """Up to 6 images, 5 channels and 20 pixels each way, with numbers beyond ±1, and images of a single inner pixel."""
    cases = []
    for k in range(20):
        batch, channels, height, width = (a + b for a, b in zip(sizes(k, 6, 5, 18, 18), (0, 0, 2, 2), strict=True))
        images = (3 * drawn(k, batch, channels, height, width)).to(PRECISIONS[k % 2])
        cases.append(Case({"images": images}, f"{batch} images, {channels} channels, {height} × {width}"))
    return [Case({"images": drawn(99, 2, 1, 3, 3)}, "3 × 3 pixels, of which one has four neighbours"), *cases]


def _roll(images: Tensor) -> Tensor:
    return sum(images.roll(s, d) for s in (1, -1) for d in (2, 3)) - 4 * images


MISTAKES = [
    Mistake(
        lambda images: _response(images, edge="constant").square().mean((1, 2, 3)),
        "That pads with zeros, so that the frame of the image counts as an edge; use only pixels with four neighbours.",
    ),
    Mistake(
        lambda images: _roll(images).square().mean((1, 2, 3)),
        "That wraps round (torch.roll): the left neighbour of the first column is the last one. Cut off the outermost "
        "pixels.",
    ),
    Mistake(
        lambda images: _response(images, edge="replicate").square().mean((1, 2, 3)),
        "That repeats the outermost pixels; use only pixels with four neighbours.",
    ),
    Mistake(
        lambda images: _response(images).square().sum((1, 2, 3)),
        "That adds up the pixels, so that larger images look sharper: take the mean.",
    ),
    Mistake(
        lambda images: _response(images).abs().mean((1, 2, 3)),
        "That is the mean absolute response; an energy is a square.",
    ),
    Mistake(
        lambda images: _response(images).mean((1, 2, 3)),
        "That is the mean of the response itself, where bright and dark sides of an edge cancel: square it first.",
    ),
    Mistake(
        lambda images: _response(images).mean((1, 2, 3)).square(),
        "That squares the mean, where both sides of an edge have cancelled: square first, then take the mean.",
    ),
    Mistake(
        lambda images: laplacian_energy(images).sqrt(), "That is the root mean square; return the mean of the squares."
    ),
    Mistake(
        lambda images: _response(images).var((1, 2, 3)),
        "That is the variance of the response, which takes its mean away first (and divides by n − 1).",
    ),
    Mistake(
        lambda images: _response(images).var((1, 2, 3), correction=0),
        "That is the variance of the response, which takes its mean away first: a mean of squares is wanted.",
    ),
    Mistake(
        lambda images: _response(images, SQUARE).square().mean((1, 2, 3)),
        "That has eight neighbours; the four diagonal ones don't belong to this kernel.",
    ),
    Mistake(
        lambda images: (_response(images) / 4).square().mean((1, 2, 3)),
        "That divides by 4, the mean of the neighbours minus the pixel; the energy is then 16 times too small.",
    ),
    Mistake(
        lambda images: (_response(images) + 3 * images[:, :, 1:-1, 1:-1]).square().mean((1, 2, 3)),
        "That takes the pixel away once, not four times: even a flat image would then have energy.",
    ),
    Mistake(
        lambda images: _response(images).square().sum((1, 2, 3)) / images[0].numel(),
        "That divides by all pixels, those of the frame included: take the mean over the pixels with four neighbours.",
    ),
    Mistake(
        lambda images: (
            (images[:, :, 1:-1, :-2] + images[:, :, 1:-1, 2:] - 2 * images[:, :, 1:-1, 1:-1]).square().mean((1, 2, 3))
        ),
        "That is the second difference along one axis, the width; the Laplacian has both.",
    ),
    Mistake(
        lambda images: laplacian_energy(images).mean(),
        "That averages over the images: return one value for each.",
    ),
    Mistake(
        lambda images: _response(images).square().mean((2, 3)),
        "That leaves the channels apart, [batch, channels]: take their mean too.",
    ),
    Mistake(
        lambda images: _response(images).sum(1).square().mean((1, 2)),
        "That adds the channels before squaring, where they cancel each other: square each on its own.",
    ),
    Mistake(
        lambda images: (
            (images[:, :, 1:] - images[:, :, :-1]).square().mean((1, 2, 3))
            + (images[..., 1:] - images[..., :-1]).square().mean((1, 2, 3))
        ),
        "That is the energy of first differences; the Laplacian is the second one.",
    ),
]


SHARPNESS = Exercise(
    "ex-01-sharpness",
    "laplacian_energy(images)",
    points=1,
    steps=[
        Values(_cases, laplacian_energy, MISTAKES),
        Values(_swept, laplacian_energy, hint=OF_EVERY_KIND),
        NoSideEffects(_cases, with_gradient=False),
    ],
    description="A dot, noise of many sizes, one to five channels, in single and double precision.",
)
