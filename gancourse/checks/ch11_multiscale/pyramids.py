"""Check of the Laplacian pyramid: bands of several down and up, exactly for integers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from gancourse.checks.ch11_multiscale.filters import FILTERS, Down, Up, every_second, repeated
from gancourse.checks.ch11_multiscale.levels import MISTAKES, agree, close, exact, laplacian_pyramid
from gancourse.checks.engine.probe import Case, attempt, call, call_text
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.verdict import Wrong, same, show

SIZE = "Ask up for the height and width of the level, up(coarse, level.shape[-2:]), in this order"
ODD = f"This case has an odd height or width, which down rounds up. {SIZE}"
SHAPES = [
    ((4, 8), 2),
    ((3, 8, 4), 3),
    ((2, 3, 8, 8), 4),
    ((1, 1, 16, 4), 2),
    ((4, 4), 1),
    ((7, 5), 2),
    ((2, 9, 6), 3),
    ((2, 1, 28, 28), 4),
    ((1, 5), 3),
    ((13, 1, 1, 3), 2),
    ((1, 1), 2),
    ((3, 1), 4),
    ((2, 33, 40), 6),
]
INTEGERS = (torch.int64, torch.int32, torch.uint8, torch.int16)


def _cases() -> list[Case]:
    """Every shape, filter and type; the task's example first, even sizes before odd ones."""
    example = torch.tensor([[5, 7, 1, 0]])
    cases = [_case(example, 2, FILTERS[0], "the task's example")]
    for k, (shape, n_levels) in enumerate(SHAPES):
        generator = torch.Generator().manual_seed(k)
        integers = torch.randint(256, shape, generator=generator)
        floats = 6 * torch.rand(*shape, generator=generator, dtype=torch.float64) - 3
        for j, filters in enumerate(FILTERS):
            # Bytes minus bytes wrap around, unless the filter gives a wider type.
            dtype = INTEGERS[k % 2 if every_second in filters or repeated in filters else (k + j) % 4]
            size = " × ".join(map(str, shape))
            cases.append(_case(integers.to(dtype), n_levels, filters, f"integers, {size}"))
            large = (integers - 100) * 523_777  # no exact numbers of single precision
            cases.append(_case(large.int(), n_levels, filters, f"integers of both signs and up to 10⁸, {size}"))
            cases.append(_case(floats, n_levels, filters, f"floats, {size}"))
            cases.append(_case(-floats / 2, n_levels, filters, f"other floats, {size}"))
            cases.append(_case(floats.float(), n_levels, filters, f"floats in single precision, {size}"))
    generator = torch.Generator().manual_seed(0)
    huge = torch.randint(-(2**61), 2**61, (5, 6), generator=generator)  # no exact numbers of double precision
    # The course's own filters give 32 bits.
    return [*cases, _case(huge, 3, FILTERS[0], "integers beyond 2⁵³, 5 × 6")]


def _case(image: Tensor, n_levels: int, filters: tuple[Down, Up], about: str) -> Case:
    return Case(dict(zip(("image", "n_levels", "down", "up"), (image, n_levels, *filters), strict=True)), about)


def _levels(name: str, function: Callable, case: Case) -> list[Tensor]:
    """What the function returns, if it is a list of tensors.

    Raises:
        Wrong: it isn't.
    """
    text = call_text(name, case)
    try:
        value = call(name, function, case)
    except Wrong as wrong:
        odd = any(n % 2 and n > 1 for n in case.args["image"].shape[-2:])
        raise type(wrong)(f"{wrong}. {ODD if odd else SIZE}" if "raised" in str(wrong) else str(wrong)) from None
    if not isinstance(value, list | tuple) or not all(isinstance(level, Tensor) for level in value):
        what = "a list with other things than tensors" if isinstance(value, list | tuple) else show(value)
        raise Wrong(
            f"{text} returned {what}; expected a list of {case.args['n_levels']} tensors, one a level: they have "
            "different sizes"
        )
    # Copies, since a later call could write into the levels of this one.
    return [level.detach().clone() for level in value]


def _check_levels(name: str, function: Callable) -> None:
    """All levels of all cases: their number, shapes and values, of integers exactly."""
    cases = _cases()
    values = [_levels(name, function, case) for case in cases]
    for case, levels in zip(cases, values, strict=True):
        expected = laplacian_pyramid(*case.args.values())
        if not agree(levels, expected):
            reason = _named(cases, values) or _without_filter(name, function, case)
            reason = reason or _of_earlier_calls(name, function, cases[0], values[0])
            advice = reason or f"This case tries {case.about}. Work it out by hand, level by level, and compare"
            raise Wrong(f"{call_text(name, case)} gave {_difference(levels, expected)}. {advice}")
    for case, levels in zip(cases, values, strict=True):
        image = case.args["image"]
        for k, level in enumerate(levels):
            if image.is_floating_point() and level.dtype != image.dtype:
                raise Wrong(f"{call_text(name, case)}: levels[{k}] is {level.dtype}; expected {image.dtype}")
            if not image.is_floating_point() and level.is_floating_point():
                raise Wrong(
                    f"{call_text(name, case)}: levels[{k}] is {level.dtype}; integers stay integers, so that larger "
                    "ones stay exact as well"
                )


def _difference(levels: Sequence[Tensor], expected: Sequence[Tensor]) -> str:
    """Where two pyramids first differ."""
    if len(levels) != len(expected):
        return f"{len(levels)} level{'s' * (len(levels) != 1)}; expected {len(expected)}"
    for k, (level, right) in enumerate(zip(levels, expected, strict=True)):
        if level.shape != right.shape:
            return f"levels[{k}] of shape {list(level.shape)}; expected {list(right.shape)}"
        if not close(level, right):
            if show(level) != show(right):
                return f"levels[{k}] = {show(level)}; expected {show(right)}"
            ours, theirs = exact(level, right)
            at = (ours - theirs).abs().double().nan_to_num(torch.inf).argmax()
            mine, other = (x.flatten()[at].item() for x in (level, right))
            digits = ".9g" if isinstance(mine, float) else "d"
            return f"levels[{k}] with {mine:{digits}} in place of {other:{digits}}, the largest difference"
    return "the right levels"


def _named(cases: Sequence[Case], values: Sequence[Sequence[Tensor]]) -> str:
    """The message of the first mistake that explains all pyramids, or nothing."""
    for answer, message in MISTAKES:
        if all(agree(levels, answer(*case.args.values())) for case, levels in zip(cases, values, strict=True)):
            return message
    return ""


def _without_filter(name: str, function: Callable, case: Case) -> str:
    """What to say if the function doesn't call what it was given, or too often."""
    counts = {"down": 0, "up": 0}

    def counted(key: str, inner: Callable) -> Callable:
        @functools.wraps(inner)
        def outer(*args: Tensor | Sequence[int]) -> Tensor:
            counts[key] += 1
            return inner(*args)

        return outer

    image, n_levels, *filters = case.args.values()
    attempt(
        name,
        function,
        [image.clone(), n_levels, *map(counted, counts, filters)],
        call_text(name, case),
    )
    for key, count in counts.items():
        if not count and n_levels > 1:
            other = "a blurred image in place of u(d(I)) leaves more than what the halving loses" if key == "up" else ""
            return f"`{key}` is never called; use the filters that are passed{other and ': ' + other}"
    return ""


def _of_earlier_calls(name: str, function: Callable, case: Case, levels: Sequence[Tensor]) -> str:
    """What to say if the function gives something else when it is called again."""
    again = _levels(name, function, case)
    if agree(again, levels):
        return ""
    return (
        "The same call gives something else than before other calls: keep nothing between them, no global variable "
        "and no list as the default of an argument"
    )


def _check_gradients(name: str, function: Callable) -> None:
    """The gradient of a weighted sum of all levels reaches the image."""
    for case in (c for c in _cases() if c.args["image"].dtype == torch.float64):
        image, *others = case.args.values()
        gradients = []
        for answer in (function, laplacian_pyramid):
            leaf = image.clone().requires_grad_()
            levels = attempt(name, answer, [leaf, *others], call_text(name, case))
            total = sum((level * level.detach().cos()).sum() for level in levels)
            (gradient,) = torch.autograd.grad(total, leaf, allow_unused=True) if total.requires_grad else (None,)
            if gradient is None:
                raise Wrong(f"{call_text(name, case)} has the right levels, but no gradient flows back from them")
            gradients.append(gradient)
        if not same(*gradients):
            raise Wrong(
                f"{call_text(name, case)} has the right levels, but not the right gradient: no level, and no part of "
                "one, is detached"
            )


def _settled() -> list[Case]:
    return [case for case in _cases() if case.args["image"].ndim == 2]


LAPLACIAN_PYRAMID = Exercise(
    "ex-11-laplacian-pyramid",
    "laplacian_pyramid(image, n_levels, down, up)",
    points=3,
    steps=[_check_levels, _check_gradients, NoSideEffects(_settled)],
    description="One to four levels of integers (exactly) and floats, odd sizes, four pairs of filters, gradients.",
)
