"""Check of truncated normal numbers: their distribution, their independence, and where their randomness comes from."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from gancourse.checks.ch13_biggan.distributions import ks_bound, ks_distance, truncated_cdf, truncated_deviation
from gancourse.checks.ch13_biggan.truncation_mistakes import mistake_of
from gancourse.checks.engine.calls import call_limit
from gancourse.checks.engine.probe import attempt
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import random_numbers_kept
from gancourse.checks.engine.verdict import Wrong, show

FALSE_ALARM = 1e-6
"""At most, for all tests of distribution and dependence together, whatever right algorithm draws."""
SIZES = {0.5: 50_000, 0.1: 100_000, 1.0: 200_000, 1.5: 200_000, 2.0: 100_000, 3.0: 50_000, 0.25: 20_000}
"""How many numbers are judged for each threshold."""
SHAPES = [
    ((2, 3), 0.5),
    ((3,), 0.5),
    ((1,), 0.2),
    ((2, 3, 4, 5), 1.0),
    ((4, 6), 0.1),
    ((5, 2), 10.0),
    (torch.Size((7, 3)), 2),
]
N_CALLS = 100_000
NOT_WHOLE_ROWS = (
    "Keep the numbers that are within the threshold, and draw again only those beyond it: a whole row, or all numbers, "
    "are hardly ever within it at once"
)
FROM_THE_NORMAL = "Draw every number beyond the threshold again, from the normal distribution, until none is"
N_TESTS = 6
"""Of each threshold: one of the distribution, four of dependence, one of numbers at the threshold."""


def seeded(seed: int) -> torch.Generator:
    """A generator in a state that hardly anybody's seed gives."""
    return torch.Generator().manual_seed(770_000_000 + seed)


def _text(name: str, shape: tuple[int, ...], threshold: float) -> str:
    return f"{name}({tuple(shape)}, {threshold:g}, generator)"


def _drawn(
    name: str, function: Callable, shape: tuple[int, ...], threshold: float, generator: torch.Generator
) -> Tensor:
    """What the function returns, if it is a tensor of that shape of numbers within the threshold."""
    text = _text(name, shape, threshold)
    z = attempt(name, function, [shape, threshold, generator], text)
    if not isinstance(z, Tensor):
        raise Wrong(f"{text} returned {show(z)}, a {type(z).__name__}; expected a tensor of shape {list(shape)}")
    if z.shape != torch.Size(shape):
        raise Wrong(f"{text} returned a tensor of shape {list(z.shape)}; expected {list(shape)}")
    if z.dtype != torch.float32:
        raise Wrong(f"{text} returned {z.dtype}; expected torch.float32, torch's default for new tensors")
    if z.requires_grad:
        raise Wrong(f"{text} returned a tensor that wants a gradient; random numbers are data")
    return z


def _check_shapes(name: str, function: Callable) -> None:
    """Shapes of all kinds; the numbers come from the generator alone; a loop ends, at small thresholds too."""
    for shape, threshold in SHAPES:
        text = _text(name, shape, threshold)
        with call_limit(N_CALLS, f"{text}, for {math.prod(shape)} numbers,", NOT_WHOLE_ROWS):
            _drawn(name, function, shape, threshold, seeded(0))
    _check_source(name, function)
    with call_limit(N_CALLS, f"{_text(name, (4, 64), 0.1)}, for 256 numbers,", NOT_WHOLE_ROWS):
        _drawn(name, function, (4, 64), 0.1, seeded(1))


def _check_ranges(name: str, function: Callable) -> None:
    """No number of any shape is beyond the threshold, nor of any threshold up to 40."""
    thresholds = (0.1, 0.15, 0.3, 0.7, 1, 1.2, 2.5, 4.0, 40.0)
    for k, (shape, threshold) in enumerate([*SHAPES, *(((3, 5, 7), t) for t in thresholds)] * 3):
        z = _drawn(name, function, shape, threshold, seeded(100 + k))
        _check_range(name, function, _text(name, shape, threshold), z, threshold)


def _reason(name: str, function: Callable) -> str:
    """Message of the mistake that explains numbers of three thresholds, or nothing."""
    samples = {}
    for k, (threshold, n) in enumerate({0.5: 50_000, 1.0: 200_000, 1.5: 200_000}.items()):
        samples[threshold] = _drawn(name, function, (n // 50, 50), threshold, seeded(50 + k))
    return mistake_of(samples)


def _check_range(name: str, function: Callable, text: str, z: Tensor, threshold: float) -> None:
    largest = z.abs().max().item()
    # A quantile function may round just beyond; the largest is NaN if any number is.
    if not largest <= threshold * (1 + 1e-5):
        share = (~(z.abs() <= threshold)).double().mean().item()
        reason = _reason(name, function) or (
            "A number that is drawn again may be beyond the threshold again: repeat until none is"
        )
        raise Wrong(f"{text}: {share:.2%} of the numbers are beyond ±{threshold:g}, up to {largest:.4g}. {reason}")


def _check_source(name: str, function: Callable) -> None:
    """All randomness is the generator's, which moves on."""
    shape, threshold = (40, 5), 0.5
    text = _text(name, shape, threshold)
    try:
        with random_numbers_kept(text):
            generator = seeded(2)
            state = generator.get_state()
            first = _drawn(name, function, shape, threshold, generator)
            moved = not torch.equal(generator.get_state(), state)
            copy = first.clone()
            second = _drawn(name, function, shape, threshold, generator)
    except Wrong as wrong:
        if "random numbers for the whole program" not in str(wrong):
            raise
        raise Wrong(
            f"{wrong}. Every draw takes the generator, the repeated ones too: torch.randn(…, generator=generator)"
        ) from None
    if not torch.equal(first, copy):
        raise Wrong(f"{text} returned numbers that a later call changed: make a new tensor at each call")
    again = _drawn(name, function, shape, threshold, seeded(2))
    if not torch.equal(first, again):
        raise Wrong(
            f"{text} gave other numbers for a generator in the same state: some are drawn without it. Each draw takes "
            "generator=generator"
        )
    if torch.equal(first, _drawn(name, function, shape, threshold, seeded(3))):
        raise Wrong(f"{text} gives the same numbers for generators that were seeded differently; don't seed it")
    if torch.equal(first, second) or not moved:
        raise Wrong(
            f"{text} gave the same numbers at the next call with the same generator: it should go on from the state in "
            "which the last call left it. Don't seed it, don't copy it, and make no generator of your own"
        )


def _check_distribution(name: str, function: Callable) -> None:
    """Many numbers of each threshold: their range, their distribution, and that each is drawn by itself."""
    per_test = FALSE_ALARM / (N_TESTS * len(SIZES))
    for k, (threshold, n) in enumerate(SIZES.items()):
        shape = (n // 50, 50)
        text = _text(name, shape, threshold)
        z = _drawn(name, function, shape, threshold, seeded(10 + k))
        _check_range(name, function, text, z, threshold)
        distance, bound = ks_distance(z, partial(truncated_cdf, threshold=threshold)), ks_bound(n, per_test)
        copies = _copies(z)
        if distance > bound:
            reason = _reason(name, function) or copies or FROM_THE_NORMAL
            deviation = z.std().item()
            raise Wrong(
                f"{text}: the numbers' distribution isn't a normal one that is cut off. Its distribution function is "
                f"wrong by up to {distance:.3f}; by chance it would be less than {bound:.3f}. The standard deviation "
                f"is {deviation:.4f}; expected {truncated_deviation(threshold):.4f}. {reason}"
            )
        if copies:
            raise Wrong(f"{text}: {copies}")
        _check_independence(text, z, threshold, per_test)


def _copies(z: Tensor) -> str:
    """What to say if many numbers are equal or opposite; nothing otherwise."""
    # Of right numbers that are made from 24 random bits, one in twenty has a twin.
    n_distinct = len(z.abs().unique())
    if n_distinct > 0.8 * z.numel():
        return ""
    return (
        f"of {z.numel()} numbers only {n_distinct} differ in their absolute value. Draw a new number for each one, "
        "instead of copying one or turning its sign"
    )


def _check_independence(text: str, z: Tensor, threshold: float, false_alarm: float) -> None:
    """No number tells of another: none is at the threshold, and neighbours aren't correlated."""
    n = z.numel()
    n_at_threshold = int((z.abs() >= threshold * (1 - 1e-7)).sum())
    # Right numbers are there with a probability of 1e-6 at most, a float's distance from the next times the density.
    if n_at_threshold > 6:
        raise Wrong(
            f"{text}: {n_at_threshold} of {n} numbers lie at the threshold itself. Those that are still beyond it "
            "after some rounds are clamped; repeat until none is left"
        )
    normal = (z.double() - z.double().mean()) / z.double().std()
    lags = {"the number after it": normal[:, :-1] * normal[:, 1:], "the number below it": normal[:-1] * normal[1:]}
    squares = normal.square() - 1
    squares = squares / squares.std()
    lags["the size of the number after it"] = squares[:, :-1] * squares[:, 1:]
    lags["its place"] = normal.flatten() * torch.linspace(-math.sqrt(3), math.sqrt(3), n, dtype=torch.float64)
    limit = 1.2 * math.sqrt(2 * math.log(2 / false_alarm))  # of a normal number, with room for products of two
    for what, products in lags.items():
        score = products.mean() * math.sqrt(products.numel())
        if abs(score) > limit:
            raise Wrong(
                f"{text}: numbers depend on {what}: their correlation is {products.mean():.3f}. Each number should be "
                "independent of all others: draw again in place, without sorting or copying"
            )


TRUNCATED_NORMAL = Exercise(
    "ex-13-truncated-normal",
    "truncated_normal(shape, threshold, generator)",
    points=3,
    steps=[_check_shapes, _check_distribution, _check_ranges],
    description="Distribution of 720,000 numbers at thresholds from 0.1 to 3, independence, and the generator's use.",
)
