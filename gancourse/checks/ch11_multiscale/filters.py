"""Pairs of filters that a pyramid is tried with: one halves images, the other doubles them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from gancourse.laplacian import down, up

Down = Callable[[Tensor], Tensor]
Up = Callable[[Tensor, Sequence[int]], Tensor]


def every_second(images: Tensor) -> Tensor:
    """Every second pixel, in both directions."""
    return images[..., ::2, ::2]


def repeated(images: Tensor, size: Sequence[int] | None = None) -> Tensor:
    """Each pixel twice, in both directions, cut to a size."""
    height, width = size or (2 * images.shape[-2], 2 * images.shape[-1])
    return images.repeat_interleave(2, -2).repeat_interleave(2, -1)[..., :height, :width]


FILTERS: list[tuple[Down, Up]] = [(every_second, repeated), (down, up), (down, repeated), (every_second, up)]
