"""Check of real images at the resolution in use: means over squares, and the fade between two resolutions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d

from gancourse.checks.engine.comparison import PRECISIONS, Mistake, Values, single_precision
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects

Answer = Callable[[Tensor, int, float], Tensor]


def _means(x: Tensor, side: int) -> Tensor:
    n, c, height, width = x.shape
    return x.reshape(n, c, height // side, side, width // side, side).mean((3, 5))


def _repeated(x: Tensor, side: int = 2) -> Tensor:
    return x.repeat_interleave(side, 2).repeat_interleave(side, 3)


def _side(x: Tensor, resolution: int) -> int:
    return x.shape[-1] // resolution


def faded_reals(x: Tensor, resolution: int, alpha: float) -> Tensor:
    """The right answer."""
    sharp = _means(x, _side(x, resolution))
    return alpha * sharp + (1 - alpha) * _repeated(_means(sharp, 2))


def _mixed(
    sharp: Callable[[Tensor, int], Tensor] = _means,
    coarse: Callable[[Tensor], Tensor] = lambda sharp: _means(sharp, 2),
    enlarged: Callable[[Tensor], Tensor] = _repeated,
    share: Callable[[float], float] = lambda alpha: alpha,
) -> Answer:
    """The right answer with another part."""

    def answer(x: Tensor, resolution: int, alpha: float) -> Tensor:
        fine = sharp(x, _side(x, resolution))
        return share(alpha) * fine + (1 - share(alpha)) * enlarged(coarse(fine))

    return answer


def _picked(x: Tensor, side: int) -> Tensor:
    return x[..., ::side, ::side]


def _full_size(x: Tensor, resolution: int, alpha: float) -> Tensor:
    return _repeated(faded_reals(x, resolution, alpha), _side(x, resolution))


def _unpooled(x: Tensor, resolution: int, alpha: float) -> Tensor:
    return alpha * x + (1 - alpha) * _repeated(_means(x, 2))


def _two_coarser(x: Tensor, resolution: int, alpha: float) -> Tensor:
    sharp = _means(x, _side(x, resolution))
    return alpha * sharp + (1 - alpha) * _repeated(_means(sharp, 4), 4)


MISTAKES = [
    Mistake(
        _mixed(share=lambda alpha: 1.0),
        "The real images don't fade: α isn't used, so D could tell generated images by their blur.",
    ),
    Mistake(
        _mixed(share=lambda alpha: 0.0),
        "Only the coarse images are left, whatever α is: add α times the images at full resolution.",
    ),
    Mistake(
        _mixed(share=lambda alpha: 1 - alpha),
        "α is reversed: it is the share of the images at the new resolution.",
    ),
    Mistake(
        _mixed(sharp=_picked, coarse=lambda sharp: _picked(sharp, 2)),
        "That takes one pixel of each square, and leaves the others out; take the mean over the square.",
    ),
    Mistake(
        _mixed(sharp=_picked),
        "The images at the resolution in use are single pixels of each square; take the mean over the square.",
    ),
    Mistake(
        _mixed(coarse=lambda sharp: _picked(sharp, 2)),
        "The coarse images are single pixels of each 2 × 2 square; take the mean over the square.",
    ),
    Mistake(
        _mixed(enlarged=lambda x: x.repeat(1, 1, 2, 2)),
        "The coarse images are tiled, four small copies side by side: repeat each *pixel* (repeat_interleave, or "
        "interpolate).",
    ),
    Mistake(
        _mixed(enlarged=lambda x: interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)),
        "The coarse images are enlarged with smooth transitions (bilinear); repeat pixels, as the generator does.",
    ),
    Mistake(
        _mixed(sharp=lambda x, side: max_pool2d(x, side)),
        "That takes the largest pixel of each square; take the mean.",
    ),
    Mistake(
        _full_size,
        "The result is enlarged to the size of x; return images of the resolution in use, as D takes them.",
    ),
    Mistake(_unpooled, "That fades the images at their own size; first come down to the resolution in use."),
    Mistake(
        _two_coarser,
        "The coarse images have a quarter of the resolution; they come from the resolution just below, a half.",
    ),
    Mistake(
        lambda x, resolution, alpha: _means(x, 2 * _side(x, resolution)),
        "That is the resolution below; the result has `resolution` pixels.",
    ),
    Mistake(
        lambda x, resolution, alpha: interpolate(
            faded_reals(x, x.shape[-1], alpha), size=(resolution, resolution), mode="area"
        ),
        "The fade is made at full size, and the result is made smaller: then it is no fade at all, since means over "
        "squares don't see it. Come down first.",
    ),
    Mistake(
        lambda x, resolution, alpha: (
            faded_reals(x, resolution, alpha) - (1 - alpha) * _repeated(avg_pool2d(_means(x, _side(x, resolution)), 2))
        ),
        "The coarse images are missing: α alone makes the images grey.",
    ),
    Mistake(
        lambda x, resolution, alpha: (
            _means(x, _side(x, resolution)) + (1 - alpha) * _repeated(avg_pool2d(_means(x, _side(x, resolution)), 2))
        ),
        "The factor α at the images of the resolution in use is missing.",
    ),
    Mistake(
        lambda x, resolution, alpha: faded_reals(x, resolution, alpha).clamp(0, 1),
        "The result is cut to [0, 1]; images are in [−1, 1].",
    ),
    Mistake(
        lambda x, resolution, alpha: faded_reals(x, resolution, alpha).clamp(-1, 1),
        "The result is cut to [−1, 1]; leave the numbers as the means give them.",
    ),
    Mistake(
        _mixed(sharp=lambda x, side: side**2 * _means(x, side)),
        "The images at the resolution in use are sums over squares; take the mean.",
    ),
    Mistake(
        _mixed(coarse=lambda sharp: 4 * _means(sharp, 2)),
        "The coarse images are sums over squares of 2 × 2 pixels; take the mean.",
    ),
    Mistake(
        _mixed(coarse=lambda sharp: sharp, enlarged=lambda sharp: avg_pool2d(sharp, 3, 1, 1)),
        "The coarse images are blurred at their own size; they have half of the resolution, and repeated pixels.",
    ),
    Mistake(
        _mixed(coarse=lambda sharp: sharp, enlarged=lambda sharp: avg_pool2d(sharp, (2, 1)).repeat_interleave(2, 2)),
        "The coarse images are means over two rows only; take the mean over squares of 2 × 2 pixels.",
    ),
    Mistake(
        _mixed(coarse=lambda sharp: sharp, enlarged=lambda sharp: avg_pool2d(sharp, (1, 2)).repeat_interleave(2, 3)),
        "The coarse images are means over two columns only; take the mean over squares of 2 × 2 pixels.",
    ),
    *(
        Mistake(
            _mixed(enlarged=partial(interpolate, scale_factor=2, mode=mode, align_corners=corners)),
            f"The coarse images are enlarged with smooth transitions ({mode}, align_corners={corners}); repeat pixels, "
            "as the generator does.",
        )
        for mode, corners in (("bilinear", True), ("bicubic", False), ("bicubic", True))
    ),
    single_precision(faded_reals),
]


def _cases() -> list[Case]:
    """Every resolution of several sizes, α from 0 to 1, both precisions; the task's example first."""
    cases = []
    for dtype in PRECISIONS:
        example = torch.zeros(1, 1, 4, 4, dtype=dtype)
        example[0, 0, 0, 0] = 4
        cases.append(Case({"x": example, "resolution": 4, "alpha": 0.5}, "the task's example"))
        for k, (n, channels, size, resolution, alpha) in enumerate(
            (
                (2, 3, 8, 8, 0.25),
                (2, 3, 16, 8, 0.25),
                (1, 1, 32, 8, 0.7),
                (3, 2, 16, 4, 0.6),
                (3, 2, 16, 16, 0.0),
                (2, 1, 16, 8, 0.0),
                (4, 1, 8, 4, 1.0),
                (1, 2, 64, 32, 0.1),
                (2, 3, 8, 8, 1.0),
                (3, 3, 32, 4, 0.9),
                (2, 3, 4, 4, 0.35),
                (1, 1, 64, 64, 0.45),
                (1, 2, 128, 64, 0.55),
                (1, 1, 256, 4, 0.8),
                (1, 1, 128, 128, 0.15),
                # Whole numbers are numbers, too.
                (2, 1, 16, 8, 0),
                (2, 1, 16, 8, 1),
            )
        ):
            generator = torch.Generator().manual_seed(k)
            x = 2 * torch.rand(n, channels, size, size, generator=generator, dtype=torch.float64) - 1
            about = f"{size} × {size} images at {resolution} × {resolution} with α = {alpha}"
            cases.append(Case({"x": x.to(dtype), "resolution": resolution, "alpha": alpha}, about))
            other = {"x": x.flatten().roll(1).view_as(x).to(dtype), "resolution": resolution, "alpha": alpha}
            cases.append(Case(other, f"{about}, another batch of that shape"))
    large = 1e60 * torch.arange(64, dtype=torch.float64).view(1, 1, 8, 8).cos()
    cases.append(Case({"x": large, "resolution": 4, "alpha": 0.5}, "numbers that single precision can't hold"))
    return cases


FADED_REALS = Exercise(
    "ex-11-faded-reals",
    "faded_reals(x, resolution, alpha)",
    points=2,
    steps=[Values(_cases, faded_reals, MISTAKES), NoSideEffects(_cases)],
    description="Images of 4 to 256 pixels at resolutions of 4 to 128, α from 0 to 1, in both precisions.",
)
