"""Check of mode coverage: how many modes samples reach, how many samples are good, and reverse KL."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.ch05_training_problems.counting import MISTAKES, mode_coverage, nearest_mode
from gancourse.checks.engine.comparison import PRECISIONS
from gancourse.checks.engine.probe import Case, call, call_text
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import OF_EVERY_KIND, drawn, sizes
from gancourse.checks.engine.verdict import Wrong, same, show

PARTS = ("the number of modes", "the share of good samples", "the reverse KL")


def _clear(samples: Tensor, means: Tensor, std: float) -> Tensor:
    """Samples whose verdict doesn't hang on rounding: well within or beyond the radius, and surely nearest to one."""
    distances, _ = nearest_mode(samples, means)
    first = distances.sort(1).values
    margin = ((first[:, 0] / (3 * std) - 1).abs() > 0.02) & ((first[:, 1] - first[:, 0]) > 0.02 * std)
    return samples[margin]


def _cases() -> list[Case]:
    def scatter(means: Tensor, std: float, shares: list[float], seed: int) -> Tensor:
        draws = torch.Generator().manual_seed(seed)
        at = torch.multinomial(torch.tensor(shares), 60, replacement=True, generator=draws)
        spread = 1.6 * std * torch.randn(60, means.shape[1], generator=draws, dtype=torch.float64)
        return _clear(means[at] + spread, means, std)

    def points(rows: list[list[float]]) -> Tensor:
        return torch.tensor(rows, dtype=torch.float64)

    angle = torch.arange(8, dtype=torch.float64) * math.pi / 4
    ring = 2 * torch.stack([angle.cos(), angle.sin()], 1)
    close = points([[0.0, 0.0], [2.0, 0.0], [1.0, 1.8]])
    cube = points([[x, y, z] for x in (-5.0, 5.0) for y in (-5.0, 5.0) for z in (-5.0, 5.0)])
    line = points([[-40.0], [1.0], [40.0]])
    three = points([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]])
    plain = points([[0.0, 0.05], [0.25, 0.0], [1.9, 0.05], [5.0, 4.0]])
    cases = [
        (plain, three, 0.1, "two modes found, one sample that misses"),
        (points([[0.25, 0.25], [2.0, 0.05]]), three, 0.1, "a sample in the corner between circle and square"),
        (points([[0.0, 0.75], [2.0, 0.75]]), three, 0.1, "samples that all miss, though something is nearest to each"),
        (plain[:2], three, 0.1, "a single mode found: the KL is log K"),
        (scatter(ring, 0.02, [4.0, 1, 1, 1, 0, 2, 1, 1], 0), ring, 0.02, "a ring of narrow modes, one of them missing"),
        (scatter(ring, 0.02, [1.0] * 8, 1), ring, 0.02, "a ring of narrow modes"),
        (scatter(close, 0.8, [1.0, 1, 2], 2), close, 0.8, "wide modes that overlap"),
        (points([[0.7, 0.0], [0.1, 0.2]]), close, 0.8, "samples within reach of several modes"),
        (scatter(cube, 1.5, [1.0, 2, 1, 1, 0, 0, 1, 3], 3), cube, 1.5, "wide modes in three dimensions"),
        (scatter(line, 2.0, [1.0, 3, 2], 4), line, 2.0, "a line"),
    ]
    return [
        Case({"samples": x.to(dtype), "means": m.to(dtype), "std": s}, about)
        for dtype in PRECISIONS
        for x, m, s, about in cases
    ]


def _swept() -> list[Case]:
    """Up to 300 samples, 25 modes and 7 dimensions, narrow and wide."""
    cases = []
    for k in range(16):
        n, n_modes, d = (a + b for a, b in zip(sizes(k, 295, 24, 7), (5, 1, 0), strict=True))
        means = 3 * drawn(k, n_modes, d)
        std = 10 ** (k % 5 / 2 - 1.5)
        at = torch.randint(n_modes, (n,), generator=torch.Generator().manual_seed(k))
        samples = _clear(means[at] + 3 * d**-0.5 * std * drawn(k + 50, n, d), means, std)
        if len(samples):
            args = {"samples": samples.to(PRECISIONS[k % 2]), "means": means.to(PRECISIONS[k % 2]), "std": std}
            cases.append(Case(args, f"{n_modes} modes in {d} dimensions"))
    return cases


def _three_numbers(name: str, value: object, case: Case) -> Tensor:
    """The three numbers that a student's function returned.

    Raises:
        Wrong: it returned something else.
    """
    text = call_text(name, case)
    if not isinstance(value, tuple | list):
        raise Wrong(f"{text} returned {show(value)}, a {type(value).__name__}; expected a tuple of three numbers")
    if len(value) != 3:
        raise Wrong(f"{text} returned {len(value)} values; expected three: {', '.join(PARTS)}")
    numbers = []
    for part, number in zip(PARTS, value, strict=True):
        if isinstance(number, Tensor) and number.numel() != 1:
            raise Wrong(f"{text}: {part} has shape {list(number.shape)}; expected one number")
        try:
            numbers.append(float(number))
        except (TypeError, ValueError):
            raise Wrong(f"{text}: {part} is {show(number)}, a {type(number).__name__}; expected a number") from None
    return torch.tensor(numbers)


def _reason(part: int, cases: list[Case], values: list[Tensor]) -> str:
    for mistake in (m for m in MISTAKES if m.part == part):
        answers = (torch.tensor(float(mistake.answer(*case.args.values()))) for case in cases)
        if all(same(value[part], answer) for value, answer in zip(values, answers, strict=True)):
            return mistake.message
    return "Work this case out by hand, sample by sample, and compare."


def _check_other_sizes(name: str, function: Callable) -> None:
    """One rule holds for any number of samples, modes and dimensions."""
    for case in _swept():
        value = _three_numbers(name, call(name, function, case), case)
        expected = torch.tensor([float(v) for v in mode_coverage(*case.args.values())])
        for part, ours, theirs in zip(PARTS, value, expected, strict=True):
            if not same(ours, theirs):
                raise Wrong(
                    f"{call_text(name, case)}: {part} came out as {show(ours)}; expected {show(theirs)}. This case "
                    f"tries {case.about}. {OF_EVERY_KIND}."
                )


def check_mode_coverage(name: str, function: Callable) -> None:
    """Modes reached, share of good samples and reverse KL are right."""
    cases = _cases()
    values = [_three_numbers(name, call(name, function, case), case) for case in cases]
    all_expected = [torch.tensor([float(v) for v in mode_coverage(*case.args.values())]) for case in cases]
    if all(same(value[[1, 0, 2]], expected) for value, expected in zip(values, all_expected, strict=True)):
        raise Wrong(f"{name} returns share and number in the wrong order; expected {', '.join(PARTS)}")
    for part in (1, 0, 2):  # a wrong distance shows in the share first
        for case, value, expected in zip(cases, values, all_expected, strict=True):
            if not same(value[part], expected[part]):
                raise Wrong(
                    f"{call_text(name, case)}: {PARTS[part]} came out as {show(value[part])}; expected "
                    f"{show(expected[part])}. This case tries {case.about}. {_reason(part, cases, values)}"
                )


MODE_COVERAGE = Exercise(
    "ex-05-mode-coverage",
    "mode_coverage(samples, means, std)",
    points=3,
    steps=[check_mode_coverage, _check_other_sizes, NoSideEffects(_cases, with_gradient=False)],
    description=(
        "Rings, overlapping modes, one to seven dimensions, samples that miss, in single and double precision."
    ),
)
