"""Checks of the arithmetic of transposed convolutions: sizes, and how often each output pixel is painted."""

from __future__ import annotations

import operator
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import conv_transpose1d

from gancourse.checks.engine.comparison import Mistake, Values
from gancourse.checks.engine.probe import Case, call, call_text
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.sweeps import OF_EVERY_KIND, sizes
from gancourse.checks.engine.verdict import Wrong

LAYERS = [
    (4, 4, 2, 1),
    (1, 4, 1, 0),
    (7, 3, 1, 1),
    (5, 5, 3, 2),
    (7, 4, 2, 1),
    (6, 2, 2, 0),
    (3, 6, 3, 0),
    (9, 3, 2, 1),
]


def transposed_size(size: int, kernel: int, stride: int, padding: int) -> int:
    """The right answer of ex-09-output-size: the size of torch's own output."""
    x, weight = torch.zeros(1, 1, size), torch.zeros(1, 1, kernel)
    return conv_transpose1d(x, weight, stride=stride, padding=padding).shape[-1]


SIZE_MISTAKES: list[tuple[Callable[[int, int, int, int], float], str]] = [
    (
        lambda n, k, s, p: (n + 2 * p - k) // s + 1,
        "That is the size after an ordinary convolution; a transposed one goes the other way.",
    ),
    (lambda n, k, s, p: n * s, "That is size · stride, true only where kernel − 2·padding = stride."),
    (lambda n, k, s, p: (n - 1) * s + k, "That leaves the padding out: it takes `padding` pixels off each end."),
    (
        lambda n, k, s, p: (n - 1) * s + k + 2 * p,
        "That adds the padding; in a transposed convolution padding takes pixels away.",
    ),
    (lambda n, k, s, p: (n - 1) * s - p + k, "That takes the padding off one end only; it counts at both: 2·padding."),
    (
        lambda n, k, s, p: n * s - 2 * p + k,
        "That lets `size` steps of the stride count; between `size` pixels there are size − 1 steps.",
    ),
    (
        lambda n, k, s, p: n * s - 2 * p + k - 1,
        "That lets `size` steps of the stride count, and takes one pixel off: between `size` pixels there are size − 1 "
        "steps.",
    ),
    (
        lambda n, k, s, p: (n - 1) * s - 2 * p + k + 1,
        "That is one too many: the last pixel paints `kernel` pixels, from its place on.",
    ),
    (
        lambda n, k, s, p: (n - 1) * s - 2 * p + k - 1,
        "That is one too few: the last pixel paints `kernel` pixels, its own place included.",
    ),
    (lambda n, k, s, p: (n - 1) * k - 2 * p + s, "That has kernel and stride exchanged."),
]


def check_output_size(name: str, function: Callable) -> None:
    """Sizes are those of torch's transposed convolutions, as whole numbers."""
    cases = [Case(dict(zip(("size", "kernel", "stride", "padding"), row, strict=True))) for row in LAYERS]
    values = []
    for case in cases:
        value = call(name, function, case)
        try:
            values.append(operator.index(value))
        except (TypeError, ValueError):
            raise Wrong(
                f"{call_text(name, case)} returned {value!r}, a {type(value).__name__}; expected an int: a number of "
                "pixels is whole, and no / is needed"
            ) from None
    for case, value, layer in zip(cases, values, LAYERS, strict=True):
        expected = transposed_size(*layer)
        if value != expected:
            comparison = f"{call_text(name, case)} gave {value}; torch's ConvTranspose1d gives {expected}."
            for wrong, message in SIZE_MISTAKES:
                if all(v == wrong(*row) for v, row in zip(values, LAYERS, strict=True)):
                    raise Wrong(f"{comparison} {message}")
            raise Wrong(f"{comparison} Draw {case.args['size']} input pixels and what each paints, and count.")


def _check_other_sizes(name: str, function: Callable) -> None:
    """One formula holds for layers of any size."""
    for k in range(60):
        size, kernel, stride, padding = sizes(k, 40, 11, 7, 6)
        padding = min(padding, ((size - 1) * stride + kernel - 1) // 2)
        case = Case({"size": size, "kernel": kernel, "stride": stride, "padding": padding})
        value, expected = call(name, function, case), transposed_size(size, kernel, stride, padding)
        if value != expected:
            raise Wrong(
                f"{call_text(name, case)} gave {value}; torch's ConvTranspose1d gives {expected}. Smaller layers come "
                "out right: one formula holds for all of them, without min, max or a special case"
            )


OUTPUT_SIZE = Exercise(
    "ex-09-output-size",
    "transposed_size(size, kernel, stride, padding)",
    points=1,
    steps=[check_output_size, _check_other_sizes],
    description=f"{len(LAYERS) + 60} layers, against torch's own.",
)


def overlap_counts(n: int, kernel: int, stride: int) -> Tensor:
    """The right answer of ex-09-overlap: torch's transposed convolution of ones with ones."""
    ones = torch.ones(1, 1, n, dtype=torch.float64)
    return conv_transpose1d(ones, ones.new_ones(1, 1, kernel), stride=stride).flatten().round().long()


def _painted(n: int, kernel: int, stride: int) -> Tensor:
    return overlap_counts(n, kernel, stride).clamp(max=1)


OVERLAPS = [(4, 3, 2), (4, 4, 2), (3, 5, 3), (5, 2, 2), (4, 5, 1), (3, 2, 3), (1, 4, 2)]
OVERLAP_MISTAKES = [
    Mistake(
        _painted,
        "That counts every painted pixel once: each input pixel must add its one (+=), not write it (=). Indexing with "
        "a list of repeated places adds only once, too.",
    ),
    Mistake(
        lambda n, k, s: torch.full(((n - 1) * s + k,), -(-k // s)),
        "That is the same number everywhere; near the ends, or where stride doesn't divide kernel, fewer overlap.",
    ),
    Mistake(
        lambda n, k, s: overlap_counts(n, k, 1),
        "That leaves the stride out: input pixel i starts painting at output pixel i · stride.",
    ),
    Mistake(
        lambda n, k, s: overlap_counts(n, s, k),
        "That has kernel and stride exchanged: each input pixel paints `kernel` pixels, `stride` apart.",
    ),
    Mistake(
        lambda n, k, s: torch.cat([overlap_counts(n, k, s), torch.zeros(max(0, s - k), dtype=torch.long)])[: n * s],
        "That has n · stride pixels; without padding the output is longer, (n − 1) · stride + kernel.",
    ),
    Mistake(
        lambda n, k, s: torch.cat([overlap_counts(n, k, s), torch.zeros(s, dtype=torch.long)]),
        "That is n · stride + kernel long, with untouched pixels at the end; the last input pixel starts at "
        "(n − 1) · stride.",
    ),
    Mistake(
        lambda n, k, s: (
            torch.cat([overlap_counts(n, k - 1, s), torch.zeros(1, dtype=torch.long)])
            if k > 1
            else torch.zeros((n - 1) * s + 1, dtype=torch.long)
        ),
        "That lets each input pixel paint kernel − 1 pixels: from i · stride on there are `kernel` of them, the last "
        "one at i · stride + kernel − 1, which a slice excludes.",
    ),
    Mistake(
        lambda n, k, s: overlap_counts(n, k, s).flip(0) - 1,
        "That is one too few: a pixel painted once counts 1.",
    ),
]


def _overlap_cases() -> list[Case]:
    return [
        Case({"n": n, "kernel": k, "stride": s}, "gaps between the painted pixels" if k < s else "")
        for n, k, s in OVERLAPS
    ]


def _other_overlaps() -> list[Case]:
    return [
        Case(dict(zip(("n", "kernel", "stride"), sizes(k, 30, 12, 8), strict=True)), "a larger layer")
        for k in range(40)
    ]


def _check_integers(name: str, function: Callable) -> None:
    """Counts are integers."""
    case = _overlap_cases()[0]
    value = call(name, function, case)
    if isinstance(value, Tensor) and value.dtype.is_floating_point:
        raise Wrong(
            f"{call_text(name, case)} returned {value.dtype}; expected integers, torch.int64: counts are whole "
            "numbers. Start from torch.zeros(length, dtype=torch.long), or end with .long()"
        )


OVERLAP = Exercise(
    "ex-09-overlap",
    "overlap_counts(n, kernel, stride)",
    points=2,
    steps=[
        _check_integers,
        Values(_overlap_cases, overlap_counts, OVERLAP_MISTAKES),
        Values(_other_overlaps, overlap_counts, hint=OF_EVERY_KIND),
    ],
    description="Kernels that are multiples of the stride and kernels that aren't, gaps, a single pixel.",
)
