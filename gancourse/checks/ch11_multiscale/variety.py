"""Check of the minibatch standard deviation: strided groups, biased variance, one number for each group."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.engine.comparison import PRECISIONS, Gradients, Mistake, Values, single_precision
from gancourse.checks.engine.probe import Case, attempt, call_text, settings_kept
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects, random_numbers_kept
from gancourse.checks.engine.verdict import Wrong, same, show

EPSILON = 1e-8
FOLLOW = (
    "Both parts of the result depend on x: nothing of it is detached, all of it is computed in x's own precision, and "
    "the 1e-8 below the root keeps the gradient of equal samples finite"
)
PENALTY = (
    "WGAN-GP and R1 differentiate D's gradient once more: the mean within a group is a part of the function as well, "
    "so detach nothing"
)


def minibatch_std(x: Tensor, group_size: int) -> Tensor:
    """The right answer, group by group."""
    n_groups = len(x) // group_size
    maps = torch.empty_like(x[:, :1])
    for j in range(n_groups):
        members = x[j::n_groups]
        variance = (members - members.mean(0)).square().sum(0) / group_size
        maps[j::n_groups] = (variance + EPSILON).sqrt().mean()
    return torch.cat([x, maps], 1)


def _with(numbers: Callable[[Tensor, int], Tensor]) -> Callable[[Tensor, int], Tensor]:
    """The answer with other numbers in the map, [batch] or [batch, 1, height, width]."""

    def answer(x: Tensor, group_size: int) -> Tensor:
        maps = numbers(x, group_size)
        maps = maps.view(-1, 1, 1, 1) if maps.ndim == 1 else maps
        return torch.cat([x, maps.expand(-1, 1, *x.shape[2:])], 1)

    return answer


def _strided(x: Tensor, group_size: int) -> Tensor:
    return x.reshape(group_size, -1, *x.shape[1:])


def _each(groups: Tensor, dim: int = 0, correction: int = 0, epsilon: float = EPSILON) -> Tensor:
    """The standard deviation of a dim's members for every feature and place."""
    variance = (groups - groups.mean(dim, keepdim=True)).square().sum(dim) / max(groups.shape[dim] - correction, 1)
    return (variance + epsilon).sqrt()


def _group_numbers(x: Tensor, group_size: int) -> Tensor:
    return _each(_strided(x, group_size)).flatten(1).mean(1)


def _varied(**changes: float) -> Callable[[Tensor, int], Tensor]:
    return _with(lambda x, g: _each(_strided(x, g), **changes).flatten(1).mean(1).repeat(g))


def _consecutive(x: Tensor, group_size: int) -> Tensor:
    return _each(x.reshape(-1, group_size, *x.shape[1:]), dim=1).flatten(1).mean(1)


MISTAKES = [
    Mistake(
        _with(lambda x, g: _group_numbers(x, g).repeat_interleave(g)),
        "The groups are right, but the numbers are given to the wrong samples: sample i is in group i mod (n / "
        "group_size), so tile the numbers with `repeat`, not `repeat_interleave`. A published ProGAN had this bug.",
    ),
    Mistake(
        _with(lambda x, g: _consecutive(x, g).repeat_interleave(g)),
        "The groups are runs of neighbours, 0 to group_size − 1 and so on; here the members of a group are n / "
        "group_size apart: reshape(group_size, -1, …) and take the deviation over dim 0.",
    ),
    Mistake(
        _with(lambda x, g: _consecutive(x, g).repeat(g)),
        "The groups are runs of neighbours, and their numbers are tiled as for groups whose members are apart. "
        "reshape(group_size, -1, …) makes the groups of the exercise, over dim 0.",
    ),
    Mistake(
        _with(lambda x, g: _each(x).mean().expand(len(x))),
        "That is one number for the whole batch; each group has its own.",
    ),
    Mistake(
        _with(lambda x, g: _group_numbers(x, g).mean().expand(len(x))),
        "That is the mean over the groups, the same for the whole batch; each group has its own number.",
    ),
    Mistake(
        _varied(correction=1),
        "That is the unbiased variance, with group_size − 1: divide by group_size (correction=0).",
    ),
    Mistake(_varied(epsilon=0.0), "The 1e-8 below the root is missing: at equal samples the gradient isn't finite."),
    Mistake(
        _with(lambda x, g: (_each(_strided(x, g), epsilon=0.0) + EPSILON).flatten(1).mean(1).repeat(g)),
        "The 1e-8 is added to the standard deviation; it belongs to the variance, below the root.",
    ),
    Mistake(
        _with(lambda x, g: _each(_strided(x, g)).mean(1, keepdim=True).repeat(g, 1, 1, 1)),
        "The deviation of each pixel is kept; the mean is over the features *and* the pixels, one number a group.",
    ),
    Mistake(
        lambda x, g: torch.cat([x, _each(_strided(x, g)).mean((2, 3), keepdim=True).repeat(g, 1, *x.shape[2:])], 1),
        "The deviation of each feature is kept; the mean is over the features *and* the pixels, one map in all.",
    ),
    Mistake(
        lambda x, g: torch.cat([x, _each(_strided(x, g)).repeat(g, 1, 1, 1)], 1),
        "All deviations are appended; take the mean over features and pixels, so that one map is appended.",
    ),
    Mistake(
        lambda x, g: minibatch_std(x, g)[:, -1:], "That is the new map alone; append it to x, as the last channel."
    ),
    Mistake(lambda x, g: minibatch_std(x, g).roll(1, 1), "The new map is the first channel; append it as the last."),
    Mistake(
        _with(lambda x, g: (_each(_strided(x, g), epsilon=0.0).square().flatten(1).mean(1) + EPSILON).sqrt().repeat(g)),
        "That is the root of the mean variance; take the root for each feature and place, and then the mean.",
    ),
    Mistake(
        _with(lambda x, g: _each(_strided(x, g)).square().flatten(1).mean(1).repeat(g)),
        "That is the mean variance; take its root for each feature and place, and then the mean.",
    ),
    Mistake(
        _with(lambda x, g: x.flatten(1).var(1, correction=0).add(EPSILON).sqrt()),
        "That is the deviation within each sample; take it over the samples of a group, at each feature and place.",
    ),
    Mistake(
        _with(
            lambda x, g: _strided(x, g).transpose(0, 1).flatten(1).var(1, correction=0).add(EPSILON).sqrt().repeat(g)
        ),
        "That is the deviation of all numbers of a group together; take it over the samples, for each feature and "
        "place, and then the mean.",
    ),
    Mistake(
        _with(lambda x, g: _each(_strided(x, g)).flatten(1).sum(1).repeat(g)), "That is the sum of the deviations."
    ),
    Mistake(
        _with(lambda x, g: _each(_strided(x, len(x) // g)).flatten(1).mean(1).repeat(len(x) // g)),
        "There are group_size groups of n / group_size samples; it should be n / group_size groups of group_size: the "
        "members of a group run along dim 0 of reshape(group_size, -1, …).",
    ),
    Mistake(
        _with(lambda x, g: (s := _strided(x, g)).sub(s.mean(0)).abs().transpose(0, 1).flatten(1).mean(1).repeat(g)),
        "That is the mean absolute deviation; take the root of the variance, the mean *square* deviation.",
    ),
    Mistake(
        lambda x, g: torch.cat([(s := _strided(x, g)).sub(s.mean(0)).view_as(x), minibatch_std(x, g)[:, -1:]], 1),
        "x itself has lost its group's mean; append the map to x as it is.",
    ),
    Mistake(
        lambda x, g: x + minibatch_std(x, g)[:, -1:],
        "The map is added to each channel of x; append it as one channel more (torch.cat).",
    ),
    single_precision(minibatch_std),
]


def _cases() -> list[Case]:
    """One and several groups, groups of one to six, equal samples, both precisions; the task's example first."""
    cases = []
    for dtype in PRECISIONS:
        example = torch.tensor([0.0, 0, 0, 0, 1, 2, 3, 4, 100, 200, 300, 400], dtype=dtype).view(12, 1, 1, 1)
        cases.append(Case({"x": example, "group_size": 4}, "the task's example"))
        for k, (shape, group_size, about) in enumerate(
            (
                ((8, 3, 2, 5), 4, "two groups, and maps that aren't square"),
                ((4, 2, 3, 3), 4, "one group"),
                ((6, 3, 4, 4), 2, "three groups of two"),
                ((6, 3, 4, 2), 3, "two groups of three"),
                ((12, 1, 2, 2), 6, "groups of six, one channel"),
                ((16, 2, 3, 2), 8, "groups of eight"),
                ((6, 4, 1, 1), 6, "the whole batch as one group, maps of one pixel"),
                ((3, 2, 2, 2), 1, "groups of one, whose deviation is that of the 1e-8"),
                ((1, 2, 2, 3), 1, "a batch of one"),
                ((14, 2, 1, 3), 2, "seven groups of two, maps of one row"),
                ((9, 2, 3, 1), 3, "three groups of three, maps of one column"),
                ((32, 1, 2, 1), 16, "groups of sixteen"),
                ((66, 1, 1, 2), 2, "33 groups"),
                ((5, 9, 2, 2), 5, "more features than samples"),
            )
        ):
            generator = torch.Generator().manual_seed(k)
            x = 0.5 + torch.randn(*shape, generator=generator, dtype=torch.float64)
            # Groups that differ in spread: a number in the wrong place then shows.
            x = x * (1 + torch.arange(len(x)).view(-1, 1, 1, 1) % (len(x) // group_size))
            cases.append(Case({"x": x.to(dtype), "group_size": group_size}, about))
            other = 0.5 * x.flatten().roll(1).view_as(x)
            cases.append(
                Case({"x": other.to(dtype), "group_size": group_size}, f"{about}; another batch of that shape")
            )
        for group_size in range(1, 17):
            x = torch.arange(2.0 * group_size * (1 + group_size % 3), dtype=dtype).square().sin().view(-1, 1, 1, 2)
            cases.append(Case({"x": x, "group_size": group_size}, f"groups of {group_size}"))
        cases.append(Case({"x": torch.zeros(4, 3, 2, 2, dtype=dtype), "group_size": 2}, "a batch of zeros"))
        equal = torch.full((8, 2, 2, 2), 0.5, dtype=dtype)
        cases.append(Case({"x": equal, "group_size": 4}, "equal samples, of a generator that has collapsed"))
        small = 1e-4 * torch.arange(32, dtype=dtype).view(8, 2, 2, 1).cos()
        cases.append(Case({"x": small, "group_size": 2}, "values of about 1e-4, where the 1e-8 counts"))
    large = 1e25 * torch.arange(32, dtype=torch.float64).view(8, 2, 2, 1).cos()
    cases.append(Case({"x": large, "group_size": 2}, "numbers whose squares single precision can't hold"))
    return cases


def _graded() -> list[Case]:
    """The cases in double precision: where two samples are nearly equal, the gradient is sensitive to rounding."""
    return [case for case in _cases() if case.args["x"].dtype == torch.float64]


def _check_second(name: str, function: Callable) -> None:
    """The gradient of a gradient penalty is right."""
    for case in _graded():
        x, group_size = case.args.values()
        gradients = []
        for answer in (function, minibatch_std):
            leaf = x.clone().requires_grad_()
            value = attempt(name, answer, [leaf, group_size], call_text(name, case))
            (first,) = torch.autograd.grad(value.square().sum(), leaf, create_graph=True)
            try:
                (second,) = torch.autograd.grad(first.square().sum(), leaf)
            except RuntimeError as error:
                reason = str(error).splitlines()[0]
                raise Wrong(f"{call_text(name, case)}: its gradient has no gradient ({reason}). {PENALTY}") from None
            gradients.append(second)
        if not same(*gradients):
            raise Wrong(
                f"{call_text(name, case)} has the right gradient, but the gradient of a gradient penalty is wrong. "
                f"{PENALTY}"
            )


REFUSED = [(6, 4), (4, 3), (2, 4), (1, 2), (3, 8), (10, 4), (4, 5), (7, 2), (9, 6), (5, 7), (33, 16), (40, 3)]
"""Batches, and groups that don't divide them."""


def _outcome(function: Callable, x: Tensor, group_size: int) -> tuple[object, Exception | None]:
    """What a function returns, or what it raises."""
    try:
        return function(x, group_size), None
    except Exception as error:
        return None, error


def _check_refusal(name: str, function: Callable) -> None:
    """A ValueError where the groups don't divide the batch."""
    for n, group_size in REFUSED:
        case = Case({"x": torch.arange(4.0 * n).view(n, 2, 1, 2).sin(), "group_size": group_size})
        text = f"{call_text(name, case)}, {n} samples in groups of {group_size},"
        advice = f"expected a ValueError, raised by yourself: {n} isn't a multiple of {group_size}"
        x = case.args["x"].clone()
        with settings_kept(text), random_numbers_kept(text):
            value, error = _outcome(function, x, group_size)
        if not torch.equal(x, case.args["x"]):
            raise Wrong(f"{text} changed x before it refused; leave x as it is")
        if isinstance(error, ValueError) and not str(error).strip():
            raise Wrong(f"{text} raised a ValueError that says nothing; say what was given and what to do")
        if error and not isinstance(error, ValueError):
            raise Wrong(f"{text} raised {type(error).__name__}; {advice}")
        if not error:
            raise Wrong(
                f"{text} returned {show(value)}; {advice}. Groups that are cut, enlarged or shrunk to fit make the "
                "map's meaning depend on the batch, and nobody notices"
            )


MINIBATCH_STD = Exercise(
    "ex-11-minibatch-std",
    "minibatch_std(x, group_size)",
    points=4,
    steps=[
        Values(_cases, minibatch_std, MISTAKES),
        _check_refusal,
        Gradients(_graded, minibatch_std, hint=FOLLOW),
        _check_second,
        NoSideEffects(_cases),
    ],
    description="Groups of one to sixteen, equal samples, batches that groups don't divide, gradients of gradients.",
)
