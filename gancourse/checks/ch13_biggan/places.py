"""Check of self-attention: each place takes the mean of all places' values, by a softmax over keys."""

from __future__ import annotations

import torch
from torch import Tensor

from gancourse.checks.ch13_biggan.place_mistakes import MISTAKES, self_attention
from gancourse.checks.engine.comparison import PRECISIONS, Gradients, Values
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import LARGE, OF_EVERY_KIND, SMALL, Scaled, drawn, in_double, sizes

THROUGH_ALL = (
    "x, all four weights and the share are trained through: detach none of them. At a share of 0, too, the share has a "
    "gradient, by which alone it leaves 0"
)
SHAPES = [
    ((2, 3, 2, 4), 2, 3, "maps that aren't square"),
    ((2, 4, 3, 3), 4, 4, "as many channels as keys and values"),
    ((3, 5, 4, 2), 1, 2, "one channel of keys"),
    ((1, 9, 3, 5), 3, 4, "a batch of one, nine channels"),
    ((2, 2, 1, 6), 2, 2, "maps of one row"),
    ((2, 2, 5, 1), 3, 2, "maps of one column"),
    ((3, 4, 1, 1), 2, 3, "maps of one place"),
    ((4, 4, 4, 4), 4, 4, "as many samples, channels, rows and columns"),
    ((2, 8, 4, 4), 1, 4, "eight channels, one of keys and four of values, as in the released code"),
]


def _example(dtype: torch.dtype) -> Case:
    numbers = {"x": [[[[0.0, 1.0]]]], "w_query": [[1.0]], "w_key": [[3.0]], "w_value": [[1.0]], "w_out": [[1.0]]}
    args = {key: torch.tensor(value, dtype=torch.float64) for key, value in numbers.items()}
    args["w_key"] = args["w_key"].log()
    args["share"] = torch.tensor(2.0)
    return Case({key: value.to(dtype) for key, value in args.items()}, "the task's example")


def _arguments(k: int, shape: tuple[int, ...], n_keys: int, n_values: int) -> dict[str, Tensor]:
    n_channels = shape[1]
    return {
        "x": 0.3 + drawn(k, *shape),
        "w_query": drawn(100 + k, n_keys, n_channels) / n_channels**0.5,
        "w_key": drawn(200 + k, n_keys, n_channels) / n_channels**0.5,
        "w_value": drawn(300 + k, n_values, n_channels) / n_channels**0.5,
        "w_out": drawn(400 + k, n_channels, n_values) / n_values**0.5,
        "share": drawn(500 + k, 1)[0] + 0.5,
    }


def _cases() -> list[Case]:
    """Shapes of all kinds, a share of 0, products of several thousand; in both precisions; the task's example first."""
    cases = []
    for dtype in PRECISIONS:
        cases.append(_example(dtype))
        for k, (shape, n_keys, n_values, about) in enumerate(SHAPES):
            args = _arguments(k, shape, n_keys, n_values)
            cases.append(Case({key: v.to(dtype) for key, v in args.items()}, about))
        start = _arguments(20, (2, 4, 3, 2), 2, 3) | {"share": torch.tensor(0.0)}
        cases.append(Case({key: v.to(dtype) for key, v in start.items()}, "a share of 0, as at the start"))
        # Whole numbers: single precision holds the products exactly, and the exponential of none of them.
        large = {key: v.sign() for key, v in _arguments(21, (2, 3, 2, 3), 2, 3).items()} | {"share": torch.tensor(0.5)}
        for key in ("w_query", "w_key"):
            large[key] = large[key] * torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
        large["x"] = (25 * drawn(22, 2, 3, 2, 3)).round().clamp(-50, 50)
        cases.append(
            Case({key: v.to(dtype) for key, v in large.items()}, "values up to ±50, whose products are thousands")
        )
    return cases


def _swept() -> list[Case]:
    """Sizes at random; products from nearly equal to far apart."""
    cases = []
    for k in range(20):
        n, n_channels, n_keys, n_values, height, width = sizes(3_000 + k, 5, 11, 6, 7, 6, 6)
        args = _arguments(3_100 + k, (n, n_channels, height, width), n_keys, n_values)
        args["w_key"] = args["w_key"] * 10 ** (k % 5 - 2)
        cases.append(Case(args, "another size, and products of another strength"))
    cases.append(Case(_arguments(3_200, (2, 40, 9, 13), 5, 20), "forty channels, and maps of 9 × 13"))
    return cases


FACTORS = [
    {"w_query": LARGE, "w_key": SMALL, "result": 1.0},
    {"w_query": SMALL, "w_key": LARGE, "result": 1.0},
    {"w_value": LARGE, "w_out": SMALL, "result": 1.0},
    {"w_value": SMALL, "w_out": LARGE, "result": 1.0},
    {"w_out": LARGE, "share": SMALL, "result": 1.0},
    {"share": LARGE, "w_out": SMALL, "result": 1.0},
]
SELF_ATTENTION = Exercise(
    "ex-13-self-attention",
    "self_attention(x, w_query, w_key, w_value, w_out, share)",
    points=3,
    steps=[
        Values(_cases, self_attention, MISTAKES),
        NoSideEffects(_cases),
        Values(_swept, self_attention, MISTAKES, OF_EVERY_KIND),
        Scaled(_swept, self_attention, FACTORS),
        Gradients(in_double(_cases), self_attention, hint=THROUGH_ALL),
        Gradients(_swept, self_attention, hint=THROUGH_ALL),
    ],
    description="Maps of 1 × 1 to 9 × 13, square or not, products of thousands, gradients, in both precisions.",
)
