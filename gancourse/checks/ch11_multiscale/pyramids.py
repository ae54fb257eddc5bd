"""Check of the Laplacian pyramid: bands of several down and up, exactly for integers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from gancourse.checks.ch11_multiscale.filters import FILTERS, Down, Up, every_second, repeated
from gancourse.checks.engine.probe import Case, attempt, call, call_text
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.verdict import Wrong, same, show

Answer = Callable[[Tensor, int, Down, Up], list[Tensor]]
ODD = (
    "This case has an odd height or width, which down rounds up: ask up for the size of the level, "
    "up(coarse, level.shape[-2:])"
)


def laplacian_pyramid(image: Tensor, n_levels: int, down: Down, up: Up) -> list[Tensor]:
    """The right answer, from the top down."""
    if n_levels == 1:
        return [image]
    coarse = down(image)
    return [image - up(coarse, tuple(image.shape[-2:])), *laplacian_pyramid(coarse, n_levels - 1, down, up)]


def _images(image: Tensor, n_levels: int, down: Down) -> list[Tensor]:
    images = [image]
    for _ in range(n_levels - 1):
        images.append(down(images[-1]))
    return images


def _band(image: Tensor, down: Down, up: Up) -> Tensor:
    return image - up(down(image), tuple(image.shape[-2:]))


def _wrong_top(image: Tensor, n_levels: int, down: Down, up: Up) -> list[Tensor]:
    return [_band(level, down, up) for level in _images(image, n_levels, down)]


def _of_bands(image: Tensor, n_levels: int, down: Down, up: Up) -> list[Tensor]:
    """Each level made of the band before it."""
    bands = []
    for _ in range(n_levels - 1):
        bands.append(_band(image, down, up))
        image = down(bands[-1])
    return [*bands, image]


def _against_the_whole(image: Tensor, n_levels: int, down: Down, up: Up) -> list[Tensor]:
    """The top: what is left of the image after all bands, at its full size."""
    bands = laplacian_pyramid(image, n_levels, down, up)
    return [*bands[:-1], image]


def _mapped(change: Callable[[Tensor], Tensor]) -> Answer:
    """The right answer with its bands changed, but not the top."""

    def answer(image: Tensor, n_levels: int, down: Down, up: Up) -> list[Tensor]:
        *bands, top = laplacian_pyramid(image, n_levels, down, up)
        return [*map(change, bands), top]

    return answer


MISTAKES: list[tuple[Answer, str]] = [
    (
        _wrong_top,
        "The last level is a difference, too. It has to be the coarsest image itself, h_K = I_K: without it the image "
        "can't be rebuilt (scikit-image had this bug for years)",
    ),
    (
        lambda *args: laplacian_pyramid(*args)[::-1],
        "The order is reversed: the finest level comes first, the coarsest image last",
    ),
    (
        lambda image, n, down, up: _images(image, n, down),
        "That is the Gaussian pyramid, the images I_k themselves; each level but the last is I_k − u(I_{k+1})",
    ),
    (
        lambda *args: laplacian_pyramid(*args)[:-1],
        "The coarsest image is missing: the last level is I_K itself",
    ),
    (
        lambda image, n, down, up: laplacian_pyramid(image, n + 1, down, up),
        "That is one level too many: n_levels counts the coarsest image as well, so there are n_levels − 1 halvings",
    ),
    (
        lambda image, n, down, up: [*laplacian_pyramid(image, n, down, up), _images(image, n, down)[-1]],
        "The coarsest image is there twice",
    ),
    (_mapped(lambda band: -band), "The sign is turned: a band is the image minus what is left of it, I_k − u(I_{k+1})"),
    (_mapped(lambda band: band.clamp(min=0)), "Negative values are cut off; bands have both signs"),
    (_mapped(lambda band: band.abs()), "The bands' signs are lost: no absolute value"),
    (
        _of_bands,
        "Each level is made of the band before; it is made of the image, I_{k+1} = d(I_k)",
    ),
    (
        _against_the_whole,
        "The last level is the image at its first size; it is the coarsest one, I_K",
    ),
    (
        lambda image, n, down, up: [*laplacian_pyramid(image, n, down, up)[:-1], down(_images(image, n, down)[-1])],
        "The last level is halved once too often",
    ),
]

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
]
INTEGERS = (torch.int64, torch.int32, torch.uint8)


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
            dtype = INTEGERS[k % 2 if every_second in filters or repeated in filters else (k + j) % 3]
            size = " × ".join(map(str, shape))
            cases.append(_case(integers.to(dtype), n_levels, filters, f"integers, {size}"))
            large = (integers - 100) * 523_777  # no exact numbers of single precision
            cases.append(_case(large.int(), n_levels, filters, f"integers of both signs and up to 10⁸, {size}"))
            cases.append(_case(floats, n_levels, filters, f"floats, {size}"))
            cases.append(_case(-floats / 2, n_levels, filters, f"other floats, {size}"))
            cases.append(_case(floats.float(), n_levels, filters, f"floats in single precision, {size}"))
    return cases


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
        raise type(wrong)(f"{wrong}. {ODD}" if odd and "raised" in str(wrong) else str(wrong)) from None
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
        if not _agree(levels, expected):
            reason = _named(cases, values) or _without_filter(name, function, case)
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


def _agree(levels: Sequence[Tensor], expected: Sequence[Tensor]) -> bool:
    return len(levels) == len(expected) and all(map(_close, levels, expected))


def _close(level: Tensor, expected: Tensor) -> bool:
    if expected.is_floating_point():
        return same(level, expected)
    return level.shape == expected.shape and bool((level.double() == expected.double()).all())


def _difference(levels: Sequence[Tensor], expected: Sequence[Tensor]) -> str:
    """Where two pyramids first differ."""
    if len(levels) != len(expected):
        return f"{len(levels)} level{'s' * (len(levels) != 1)}; expected {len(expected)}"
    for k, (level, right) in enumerate(zip(levels, expected, strict=True)):
        if level.shape != right.shape:
            return f"levels[{k}] of shape {list(level.shape)}; expected {list(right.shape)}"
        if not _close(level, right):
            if show(level) != show(right):
                return f"levels[{k}] = {show(level)}; expected {show(right)}"
            at = (level.double() - right.double()).abs().nan_to_num(torch.inf).argmax()
            mine, other = (x.flatten()[at].item() for x in (level, right))
            return f"levels[{k}] with {mine:.9g} in place of {other:.9g}, the largest difference"
    return "the right levels"


def _named(cases: Sequence[Case], values: Sequence[Sequence[Tensor]]) -> str:
    """The message of the first mistake that explains all pyramids, or nothing."""
    for answer, message in MISTAKES:
        if all(_agree(levels, answer(*case.args.values())) for case, levels in zip(cases, values, strict=True)):
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
