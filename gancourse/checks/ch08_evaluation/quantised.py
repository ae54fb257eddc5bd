"""Check of the conversion of images to bytes, from which metrics are computed and files written."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.engine.comparison import Mistake, Values, compare_values
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import OF_EVERY_KIND, sizes
from gancourse.checks.engine.verdict import Wrong

BYTE = torch.uint8


def to_bytes(images: Tensor) -> Tensor:
    """The right answer of ex-08-bytes."""
    return ((images + 1) * 127.5).round().clamp(0, 255).to(BYTE)


MISTAKES = [
    Mistake(
        lambda x: ((x + 1) * 127.5).clamp(0, 255).to(BYTE),
        "That cuts the fraction off: .to(torch.uint8) rounds towards 0, so that images get darker by half a level in "
        "the mean, and a byte that has been to floats and back may come out one lower. Round first.",
    ),
    Mistake(
        lambda x: ((x + 1) * 127.5).round().to(torch.int64).to(BYTE),
        "That lets values beyond ±1 wrap round: 256 becomes 0, a white pixel black. Clamp to 0 … 255 before the "
        "conversion.",
    ),
    Mistake(
        lambda x: ((x + 1) * 127.5).to(torch.int64).to(BYTE),
        "That cuts the fraction off, and values beyond ±1 wrap round: round, then clamp to 0 … 255.",
    ),
    Mistake(
        lambda x: (x * 255).round().clamp(0, 255).to(BYTE),
        "That takes images for numbers in [0, 1]: everything below 0 turns black. Here −1 is black.",
    ),
    Mistake(
        lambda x: (x * 255).clamp(0, 255).to(BYTE),
        "That takes images for numbers in [0, 1], and cuts the fraction off: −1 is black here.",
    ),
    Mistake(
        lambda x: ((x + 1) * 128).clamp(0, 255).to(BYTE),
        "That has 128 levels a unit: −1 … 1 has 255 steps, 127.5 a unit.",
    ),
    Mistake(
        lambda x: ((x + 1) * 128).round().clamp(0, 255).to(BYTE),
        "That multiplies by 128 and rounds: −1 … 1 has 255 steps, 127.5 a unit.",
    ),
    Mistake(
        lambda x: ((x + 1) * 127.5).ceil().clamp(0, 255).to(BYTE),
        "That rounds up (ceil), which makes images brighter by half a level in the mean.",
    ),
    Mistake(
        lambda x: (
            ((x - x.amin((1, 2, 3), True)) / (x.amax((1, 2, 3), True) - x.amin((1, 2, 3), True)) * 255).round().to(BYTE)
        ),
        "That stretches each image to the full range, which changes its contrast and hides a generator's.",
    ),
    Mistake(
        lambda x: ((x - x.min()) / (x.max() - x.min()) * 255).round().to(BYTE),
        "That stretches the batch to the full range: what an image becomes then depends on the others.",
    ),
]
CLIPPED = "Values beyond ±1 should become 0 or 255: clamp before the conversion, which otherwise wraps round."


def _cases() -> list[Case]:
    levels = torch.arange(256, dtype=torch.float32) / 127.5 - 1
    draws = torch.Generator().manual_seed(0)
    step = torch.randint(256, (3, 1, 8, 8), generator=draws) + 0.8 * (torch.rand(3, 1, 8, 8, generator=draws) - 0.5)
    inside = (step / 127.5 - 1).clamp(-1, 1)
    return [
        Case({"images": torch.tensor([[[[-1.0, 0.2, 1.0]]]])}, "black, 153 and white"),
        Case({"images": levels.view(1, 1, 16, 16)}, "all 256 bytes, as floats: each should come back"),
        Case({"images": inside}, "three images, 8 × 8"),
        Case({"images": inside.double()}, "the same images in double precision"),
    ]


def _beyond() -> list[Case]:
    return [Case({"images": torch.tensor([[[[-1.02, 1.02], [1.4, -3.0], [9.0, -50.0]]]])}, "values beyond ±1")]


def _swept() -> list[Case]:
    """Up to 5 images, 6 channels and 20 pixels each way, partly beyond ±1, clear of the halves between two levels."""
    cases = []
    for k in range(12):
        shape = sizes(k, 5, 6, 20, 20)
        draws = torch.Generator().manual_seed(k)
        levels = torch.randint(-200, 456, shape, generator=draws, dtype=torch.float64)
        images = (levels + 0.8 * (torch.rand(shape, generator=draws, dtype=torch.float64) - 0.5)) / 127.5 - 1
        cases.append(Case({"images": images if k % 2 else images.float()}, f"images of shape {shape}"))
    return cases


def check_to_bytes(name: str, function: Callable) -> None:
    """Bytes are right within [−1, 1] and beyond; what is wrong beyond only is said so."""
    try:
        compare_values(name, function, [*_cases(), *_beyond()], to_bytes, MISTAKES)
    except Wrong as wrong:
        try:
            compare_values(name, function, _cases(), to_bytes)
        except Wrong:
            raise wrong from None
        raise Wrong(f"{wrong} {CLIPPED}") from None


TO_BYTES = Exercise(
    "ex-08-bytes",
    "to_bytes(images)",
    points=1,
    steps=[
        check_to_bytes,
        Values(_swept, to_bytes, hint=OF_EVERY_KIND),
        NoSideEffects(_cases, with_gradient=False),
    ],
    description="All bytes there and back, fractions, and values beyond ±1.",
)
