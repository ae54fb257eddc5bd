"""Check of conditional BatchNorm: statistics of the batch, then a scale and a shift of each sample's class."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import batch_norm

from gancourse.checks.engine.comparison import PRECISIONS, Gradients, Mistake, Values
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise

EPSILON = 1e-5
FAR = (
    "a channel whose mean is a million, with a spread of 2: the mean of x² less the squared mean is the difference of "
    "two huge numbers and keeps few digits. Subtract the mean from x first, then square, or use x.var(correction=0)"
)


def conditional_norm(x: Tensor, y: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """The right answer, by torch's own BatchNorm without weights."""
    normalised = batch_norm(x, None, None, training=True, eps=EPSILON)
    return torch.addcmul(_maps(shift[y]), _maps(1 + scale[y]), normalised)


def _maps(rows: Tensor) -> Tensor:
    return rows[:, :, None, None]


def _over(dims: tuple[int, ...], correction: int = 0) -> Callable[..., Tensor]:
    """Normalisation over other axes, or with another estimate of the variance."""

    def answer(x: Tensor, y: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        variance = x.var(dims, keepdim=True, correction=correction)
        normalised = (x - x.mean(dims, keepdim=True)) / (variance + EPSILON).sqrt()
        return _maps(1 + scale[y]) * normalised + _maps(shift[y])

    return answer


def _epsilon_outside(x: Tensor, y: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    spread = x.std((0, 2, 3), keepdim=True, correction=0) + EPSILON
    return _maps(1 + scale[y]) * (x - x.mean((0, 2, 3), keepdim=True)) / spread + _maps(shift[y])


def _without_epsilon(x: Tensor, y: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    spread = x.std((0, 2, 3), keepdim=True, correction=0)
    return _maps(1 + scale[y]) * (x - x.mean((0, 2, 3), keepdim=True)) / spread + _maps(shift[y])


def _of_each_class(x: Tensor, y: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Statistics of each class's own samples."""
    normalised = torch.zeros_like(x)
    for label in y.unique():
        part = x[y == label]
        variance = part.var((0, 2, 3), keepdim=True, correction=0)
        normalised[y == label] = (part - part.mean((0, 2, 3), keepdim=True)) / (variance + EPSILON).sqrt()
    return _maps(1 + scale[y]) * normalised + _maps(shift[y])


def _another_epsilon(epsilon: float) -> Mistake:
    def answer(x: Tensor, y: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        normalised = batch_norm(x, None, None, training=True, eps=epsilon)
        return _maps(1 + scale[y]) * normalised + _maps(shift[y])

    return Mistake(answer, f"The number below the root is {epsilon:g}; the exercise asks for 1e-5.")


def _variance(x: Tensor) -> Tensor:
    return x.var((0, 2, 3), keepdim=True, correction=0)


def _mixed_channels(x: Tensor, y: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    rows = x.reshape(x.shape[1], -1)
    variance = rows.var(1, keepdim=True, correction=0)
    normalised = ((rows - rows.mean(1, keepdim=True)) / (variance + EPSILON).sqrt()).reshape(x.shape)
    return _maps(1 + scale[y]) * normalised + _maps(shift[y])


def _divided_by(
    spread_of: Callable[[Tensor], Tensor], variance_of: Callable[[Tensor], Tensor] = _variance
) -> Callable[..., Tensor]:
    """The right mean, but another divisor."""

    def answer(x: Tensor, y: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        spread = spread_of(variance_of(x))
        return _maps(1 + scale[y]) * (x - x.mean((0, 2, 3), keepdim=True)) / spread + _maps(shift[y])

    return answer


def _of(scale_of: Callable[[Tensor, Tensor], Tensor], shift_of: Callable[[Tensor, Tensor], Tensor]) -> Callable:
    """The right normalisation with another scale and shift."""

    def answer(x: Tensor, y: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        normalised = batch_norm(x, None, None, training=True, eps=EPSILON)
        return _maps(scale_of(scale, y)) * normalised + _maps(shift_of(shift, y))

    return answer


MISTAKES = [
    Mistake(
        _of(lambda s, y: s[y], lambda t, y: t[y]),
        "The 1 is missing: multiply by 1 + scale[y]. Scales start at 0, so this layer would start as a constant and "
        "hide the latent from the generator.",
    ),
    Mistake(
        _of(lambda s, y: 1 + s[y], lambda t, y: torch.zeros_like(t[y])),
        "The shift of the class isn't added.",
    ),
    Mistake(
        _of(lambda s, y: torch.ones_like(s[y]), lambda t, y: t[y]),
        "The scale of the class isn't used.",
    ),
    Mistake(
        lambda x, y, scale, shift: _of(lambda _, y: 1 + shift[y], lambda _, y: scale[y])(x, y, scale, shift),
        "Scale and shift are swapped.",
    ),
    Mistake(
        _of(lambda s, y: (1 + s[y[:1]]).expand(len(y), -1), lambda t, y: t[y[:1]].expand(len(y), -1)),
        "All samples get the scale and shift of the first sample's class; each has a class of its own.",
    ),
    Mistake(
        _over((2, 3)),
        "That normalises each image by itself (instance normalisation): BatchNorm's mean and variance are over batch, "
        "height and width together.",
    ),
    Mistake(
        _over((1, 2, 3)),
        "That normalises over the channels too (layer normalisation); each channel has a mean and variance of its own.",
    ),
    Mistake(_over((0, 1, 2, 3)), "There is one mean and variance for all channels; each channel has its own."),
    Mistake(
        _mixed_channels,
        "The values are sorted into the wrong channels: x.reshape(channels, −1) takes them in the order of the batch. "
        "Bring the channels to the front by transpose(0, 1) first, or reduce over the axes (0, 2, 3).",
    ),
    Mistake(
        _divided_by(lambda v: (v + EPSILON).sqrt(), lambda x: x.var((2, 3), keepdim=True, correction=0).mean(0)[None]),
        "That is the mean of the images' own variances: it leaves out how far their means lie from each other.",
    ),
    Mistake(
        _over((0,)), "That normalises each pixel over the batch; the statistics are over height and width as well."
    ),
    Mistake(
        _over((0, 2, 3), correction=1),
        "That is the unbiased variance, with n − 1: BatchNorm divides by n. Pass correction=0 (or unbiased=False).",
    ),
    Mistake(
        lambda x, y, scale, shift: _maps(1 + scale[y]) * x + _maps(shift[y]),
        "x isn't normalised before scale and shift.",
    ),
    Mistake(
        _epsilon_outside, "The 1e-5 is added to the standard deviation; it belongs to the variance, below the root."
    ),
    Mistake(
        _of_each_class,
        "The mean and variance are those of each class's own samples; they are of the whole batch. Only scale and "
        "shift depend on the class.",
    ),
    Mistake(
        lambda x, y, scale, shift: _maps(1 + scale[y]) * x / (1 + EPSILON) ** 0.5 + _maps(shift[y]),
        "That uses a running mean of 0 and variance of 1 instead of the batch's own: pass training=True.",
    ),
    Mistake(_divided_by(lambda v: v + EPSILON), "The square root of the variance is missing."),
    Mistake(
        _divided_by(lambda v: v.clamp(min=EPSILON).sqrt()),
        "The variance is cut off at 1e-5; the formula adds 1e-5 to it.",
    ),
    Mistake(
        lambda x, y, scale, shift: _maps(1 + scale[y]) * (batch_norm(x, None, None, training=True) + _maps(shift[y])),
        "The shift is added before the scale, which then multiplies it too.",
    ),
    *map(_another_epsilon, (1e-3, 1e-4, 1e-6, 1e-7, 1e-8, 1e-12)),
    Mistake(_without_epsilon, "The 1e-5 below the root is missing: a channel that is constant would be divided by 0."),
]


def _cases() -> list[Case]:
    """Several shapes, a batch of one, a constant channel and tiny values, in both precisions; the example first."""
    cases = []
    for dtype in PRECISIONS:
        x = torch.tensor([[[[0.0, 2.0]]], [[[2.0, 0.0]]]], dtype=dtype)
        scale, shift = torch.tensor([[0.0], [1.0]], dtype=dtype), torch.tensor([[0.0], [5.0]], dtype=dtype)
        example = {"x": x, "y": torch.tensor([0, 1]), "scale": scale, "shift": shift}
        cases.append(Case(example, "the task's example"))
        for k, (shape, n_classes, about) in enumerate(
            (
                ((4, 3, 2, 5), 2, "four samples, and images that aren't square"),
                ((1, 2, 3, 4), 3, "a batch of one"),
                ((6, 1, 1, 1), 4, "one channel of one pixel"),
                ((3, 5, 2, 2), 5, "as many classes as channels"),
            )
        ):
            cases.append(Case(_random(k, shape, n_classes, dtype), about))
        flat = _random(9, (4, 2, 3, 3), 3, dtype)
        flat["x"][:, 1] = 0.5
        cases.append(Case(flat, "a channel that is constant"))
        small = _random(10, (5, 2, 3, 3), 3, dtype)
        small["x"] = small["x"] * 0.01
        cases.append(Case(small, "values of about 0.01, where the 1e-5 counts"))
    # Not in single precision, where the mean of such values is itself too coarse.
    far = _random(11, (4, 2, 3, 3), 3, torch.float64)
    far["x"] = far["x"] + 1e6
    cases.append(Case(far, FAR))
    return cases


def _random(seed: int, shape: tuple[int, ...], n_classes: int, dtype: torch.dtype) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)

    def normal(*sizes: int) -> Tensor:
        return torch.randn(*sizes, generator=generator, dtype=torch.float64).to(dtype)

    labels = torch.randint(n_classes, shape[:1], generator=generator)
    rows = (n_classes, shape[1])
    return {"x": 1 + 2 * normal(*shape), "y": labels, "scale": normal(*rows), "shift": normal(*rows)}


def _graded() -> list[Case]:
    """The cases in double precision, without the constant channel, where gradients and their rounding are large."""
    return [case for case in _cases() if case.args["x"].dtype == torch.float64 and "constant" not in case.about]


CONDITIONAL_NORM = Exercise(
    "ex-10-conditional-norm",
    "conditional_norm(x, y, scale, shift)",
    points=3,
    steps=[
        Values(_cases, conditional_norm, MISTAKES),
        Gradients(_graded, conditional_norm, free=["x"], hint="The rows of the classes are trained: don't detach them"),
        Gradients(_graded, conditional_norm, hint="Mean and variance are a part of the function: don't detach them"),
    ],
    description="Batches of one to six, images that aren't square, a constant channel, gradients, both precisions.",
)
