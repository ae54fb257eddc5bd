"""Check of DDIM over a sub-sequence of times: which times the network sees, and which level follows."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.ch16_diffusion.levels import SHAPES, data, falling_alpha_bars
from gancourse.checks.ch16_diffusion.sampling_mistakes import MISTAKES, always_one, ddim, proportional, wavy
from gancourse.checks.engine.comparison import PRECISIONS, Values
from gancourse.checks.engine.probe import Case, attempt, call_text
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import LARGE, OF_EVERY_KIND, SMALL, NoDraws, Scaled, sizes
from gancourse.checks.engine.verdict import Wrong, show

TIMES = [
    ([2, 0], 3, "the task's example"),
    ([9, 6, 3, 0], 10, "every third time"),
    ([7, 5, 1], 8, "times that don't end at 0"),
    ([4, 3, 2, 1, 0], 5, "every time"),
    ([6, 2], 9, "times that don't begin at T − 1"),
    ([5], 6, "a single time"),
    ([0], 6, "a single time, 0"),
    ([30, 29, 11, 2, 0], 31, "uneven times"),
]


def _case(k: int, times: list[int], n: int, about: str, dtype: torch.dtype) -> Case:
    shape = SHAPES[k % len(SHAPES)][0]
    table = falling_alpha_bars(k, n)
    return Case(
        {"predict_noise": wavy, "x": data(k, shape).to(dtype), "times": times, "alpha_bars": table.to(dtype)}, about
    )


def _cases() -> list[Case]:
    """The task's example, and sub-sequences of all kinds, in both precisions."""
    cases = []
    for dtype in PRECISIONS:
        table = torch.tensor([0.64, 0.36, 0.16], dtype=torch.float64).to(dtype)
        x = torch.tensor([[2.0]], dtype=dtype)
        example = {"predict_noise": always_one, "x": x, "times": [2, 0], "alpha_bars": table}
        cases.append(Case(example, "the task's example"))
        cases += [_case(k, times, n, about, dtype) for k, (times, n, about) in enumerate(TIMES) if k]
    return cases


def _swept() -> list[Case]:
    cases = []
    for k in range(20):
        (n,) = sizes(72_000 + k, 50)
        kept = torch.rand(n, generator=torch.Generator().manual_seed(73_000 + k)) < 0.1 + 0.04 * k
        times = kept.nonzero().flatten().flip(0).tolist() or [n - 1]
        cases.append(_case(100 + k, times, n, "times at random", torch.float64))
    return cases


def _proportional() -> list[Case]:
    return [case._replace(args=case.args | {"predict_noise": proportional}) for case in _swept()]


VARIANTS: list[tuple[Callable[[list[int], int], list[int]], str]] = [
    (lambda ts, n: list(range(len(ts))), "is called with the positions in the list; call it with the times themselves"),
    (
        lambda ts, n: list(range(len(ts)))[::-1],
        "is called with positions, counted down; call it with the times themselves",
    ),
    (lambda ts, n: ts[::-1], "is called from the last time to the first: noise is removed in the order of the list"),
    (lambda ts, n: ts[:-1], "isn't called at the last time, from which the step to data goes"),
    (lambda ts, n: ts[1:], "isn't called at the first time, at which x is the state"),
    (lambda ts, n: [*ts[1:], 0], "is called with the next time; the state is still that of the time before the step"),
    (lambda ts, n: [t + 1 for t in ts], "is called with t + 1; times are counted from 0, as the table"),
    (lambda ts, n: [t - 1 for t in ts], "is called with t − 1; call it with t"),
    (lambda ts, n: list(range(n))[::-1], "is called at every time of the table; only those of the list are asked for"),
    (lambda ts, n: [t for t in ts for _ in range(2)], "is called twice at each time; once is enough"),
    (lambda ts, n: ts[:1] * len(ts), "is called with the first time always"),
    (lambda ts, n: ts[:1], "is called at the first time alone; each element of the list is a step"),
    (lambda ts, n: [], "is never called"),
]


def _time(t: object, text: str, n_samples: int) -> int:
    """The time of a call, if it is one whole number, or the same one for each sample."""
    if isinstance(t, Tensor):
        is_whole = not t.is_floating_point() and t.shape in (torch.Size([]), torch.Size([1]), torch.Size([n_samples]))
        is_whole = is_whole and len(t.flatten().unique()) == 1
    else:
        is_whole = not isinstance(t, bool | float) and hasattr(t, "__index__")
    if not is_whole:
        raise Wrong(
            f"{text} calls predict_noise with the time {show(t)}; expected one whole number, an element of `times`. "
            "Don't divide it: a network is called with the times with which it was trained"
        )
    return int(t.flatten()[0]) if isinstance(t, Tensor) else int(t)


def _check_times(name: str, function: Callable) -> None:
    """The network is called once at each time of the list, in order."""
    for k, (times, n, about) in enumerate(TIMES[1:]):
        case = _case(k, times, n, about, torch.float64)
        calls: list[object] = []

        def predict_noise(x: Tensor, t: object, calls: list[object] = calls) -> Tensor:
            calls.append(t)
            return wavy(x, t)

        arguments = list((case.args | {"predict_noise": predict_noise, "x": case.args["x"].clone()}).values())
        arguments[2] = list(times)
        text = call_text(name, case)
        attempt(name, function, arguments, text)
        if arguments[2] != times:
            raise Wrong(f"{text} changed its argument `times`, to {arguments[2]}; the caller still needs it")
        seen = [_time(t, text, len(case.args["x"])) for t in calls]
        if seen != times:
            reason = next((message for variant, message in VARIANTS if variant(times, n) == seen), None)
            reason = reason or "is called with other times; once at each element of the list, in order, is right"
            raise Wrong(f"{text}, with {n} levels in the table: predict_noise {reason}. The times were {seen}.")


DDIM = Exercise(
    "ex-16-ddim",
    "ddim(predict_noise, x, times, alpha_bars)",
    points=3,
    steps=[
        NoDraws(_cases, "this sampler is deterministic: the noise that is added back is the predicted one"),
        _check_times,
        Values(_cases, ddim, MISTAKES),
        NoSideEffects(_cases),
        Values(_swept, ddim, MISTAKES, OF_EVERY_KIND),
        Scaled(_proportional, ddim, [{"x": factor, "result": factor} for factor in (LARGE, SMALL)]),
    ],
    description="Sub-sequences of all kinds, the times that the network sees, points and images, both precisions.",
)
