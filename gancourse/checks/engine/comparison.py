"""Compare the values and gradients of a student's function with the right ones, and name the mistake if it is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gancourse.checks.engine.probe import Case, attempt, call, call_text
from gancourse.checks.engine.verdict import Wrong, same, show

PRECISIONS = (torch.float64, torch.float32)
"""Double precision first: where both are wrong, its message shows no rounding."""
PER_SAMPLE = "Return one value per sample; whoever trains takes the mean."


class Mistake(NamedTuple):
    """A mistake that people make: what it would return for the same arguments, and what to tell them."""

    answer: Callable[..., Tensor]
    message: str


def reductions(right: Callable[..., Tensor], advice: str = PER_SAMPLE) -> list[Mistake]:
    """The mistakes of reducing an answer over the batch where one value per sample is asked for."""
    return [
        Mistake(lambda *args: right(*args).mean(), f"That is the mean over the batch. {advice}"),
        Mistake(lambda *args: right(*args).sum(), f"That is the sum over the batch. {advice}"),
    ]


def single_precision(right: Callable[..., Tensor]) -> Mistake:
    """The mistake of computing an answer in float32, whatever the arguments' precision is.

    Only numbers that float32 can't hold tell it from the right answer up to rounding: try some of 1e60.
    """

    def answer(*args: Any) -> Tensor:
        return right(*(x.float() if isinstance(x, Tensor) and x.is_floating_point() else x for x in args))

    return Mistake(
        answer,
        "That is computed in single precision; stay in the precision of the arguments: no .float(), and new tensors of "
        "their type (dtype=x.dtype).",
    )


@dataclass(frozen=True)
class Values:
    """A step of a check: the function returns the right values.

    Args:
        cases: makes the arguments to try; the first ones should be the plainest.
        right: maps a case's arguments to the right answer.
        mistakes: looked through in order; one is named only if it explains every case.
        hint: what to do, said at the end of any message.
        exact_type: whether the task names the type, so that double precision for an argument in single is wrong.
    """

    cases: Callable[[], Sequence[Case]]
    right: Callable[..., Tensor]
    mistakes: Sequence[Mistake] = ()
    hint: str = ""
    exact_type: bool = False

    def __call__(self, name: str, function: Callable) -> None:
        """Complain unless the values are right.

        Args:
            name: what the function is called in the exercise.
            function: the student's.

        Raises:
            Wrong: something isn't right.
        """
        try:
            compare_values(name, function, self.cases(), self.right, self.mistakes, self.exact_type)
        except Wrong as wrong:
            if self.hint:
                raise type(wrong)(f"{str(wrong).removesuffix('.')}. {self.hint}") from None
            raise


@dataclass(frozen=True)
class Gradients:
    """A step of a check, once the values are right: gradients in the arguments are those of the right answer.

    Compared are gradients of the result's sum, whose numbers are readable, then of its sum with random weights: the
    plain sum of a normalised map is a constant, whatever is detached, and that of a batch doesn't say from which sample
    a gradient came.

    Args:
        cases: makes the arguments to try.
        right: maps a case's arguments to the right answer.
        free: arguments whose gradient may be anything, since nobody follows it.
        hint: what to do about a wrong gradient.
    """

    cases: Callable[[], Sequence[Case]]
    right: Callable[..., Tensor]
    free: Sequence[str] = ()
    hint: str = ""

    def __call__(self, name: str, function: Callable) -> None:
        """Complain unless the gradients are right.

        Args:
            name: what the function is called in the exercise.
            function: the student's, whose values are right.

        Raises:
            Wrong: a gradient differs.
        """
        cases = self.cases()
        self._compare(name, function, self.right, cases)
        self._compare(
            name, _weighted(function), _weighted(self.right), cases, "the gradient of its sum with random weights"
        )

    def _compare(
        self,
        name: str,
        function: Callable,
        right: Callable[..., Tensor],
        cases: Sequence[Case],
        what: str = "its gradient",
    ) -> None:
        for case in cases:
            text, keys = call_text(name, case), _differentiable(case)
            expected = gradients(name, right, case)
            for key, ours, theirs in zip(keys, gradients(name, function, case), expected, strict=True):
                if key not in self.free and not same(ours, theirs):
                    raise Wrong(
                        f"{text} has the right value, but {what} with respect to {key} is {show(ours)}; expected "
                        f"{show(theirs)}.{_first_difference(ours, theirs)} {self.hint}".rstrip()
                    )


def _weighted(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A function's value times normal numbers, the same ones for each value of a shape."""

    def product(*args: Any) -> Tensor:
        value = function(*args)
        weights = torch.randn(value.shape, generator=torch.Generator().manual_seed(9_000), dtype=torch.float64)
        return value * weights.to(value.dtype)

    return product


def compare_values(
    name: str,
    function: Callable,
    cases: Sequence[Case],
    right: Callable[..., Tensor],
    mistakes: Sequence[Mistake] = (),
    exact_type: bool = False,
) -> None:
    """Complain unless a function returns the right values; name the mistake when its values are those of a known one.

    Args:
        name: what the function is called in the exercise.
        function: the student's.
        cases: arguments to try; the first ones should be the plainest.
        right: maps a case's arguments to the right answer.
        mistakes: looked through in order; one is named only if it explains every case.
        exact_type: whether double precision for arguments in single precision is wrong too.

    Raises:
        Wrong: something isn't right.
    """
    all_expected = [right(*case.args.values()) for case in cases]
    values, failure = _called(name, function, cases, all_expected)
    tried = list(zip(cases, values, all_expected, strict=False))
    for case, value, expected in tried:
        if value.shape == expected.shape and _is_half(value.dtype):
            raise Wrong(
                f"{call_text(name, case)} returned {value.dtype}, which rounds to three digits: convert nothing"
            )
        if not same(value, expected):
            comparison = f"{call_text(name, case)} gave {_with_shape(value, expected)}; expected {show(expected)}."
            reason = _known_mistake(cases[: len(values)], values, mistakes) or _advice(case, value, expected)
            raise Wrong(f"{comparison}{_first_difference(value, expected)} {reason}")
    if failure:  # said only now, since an earlier, plainer case may be wrong already
        raise failure
    for case, value, expected in tried:
        if value.dtype != expected.dtype and (exact_type or not _is_finer(value.dtype, expected.dtype)):
            raise Wrong(
                f"{call_text(name, case)} returned {value.dtype}; expected {expected.dtype}"
                f"{_how_to_convert(expected.dtype, case)}"
            )


def _is_half(dtype: torch.dtype) -> bool:
    return dtype in (torch.float16, torch.bfloat16)


def _is_finer(one: torch.dtype, other: torch.dtype) -> bool:
    return one == torch.float64 and other == torch.float32


def _called(
    name: str, function: Callable, cases: Sequence[Case], all_expected: Sequence[Tensor]
) -> tuple[list[Tensor], Wrong | None]:
    """What the function returns for the cases in order, up to the first one that it fails at, and that failure."""
    values: list[Tensor] = []
    for case, expected in zip(cases, all_expected, strict=True):
        try:
            # A copy, since a later call could write into the value of this one.
            values.append(as_tensor(name, call(name, function, case), expected, case).detach().clone())
        except Wrong as wrong:
            return values, wrong
    return values, None


def as_tensor(name: str, value: object, expected: Tensor, case: Case) -> Tensor:
    """The value, if it is a tensor.

    Raises:
        Wrong: it is something else.
    """
    if isinstance(value, Tensor):
        return value
    scalar = expected.ndim == 0
    shape = "a tensor with a single number, shape []" if scalar else f"a tensor of shape {list(expected.shape)}"
    raise Wrong(
        f"{call_text(name, case)} returned {show(value)}, a {type(value).__name__}; expected {shape}. Stay in torch "
        "from the arguments to the result: no .item(), no float(), no numpy, no lists"
    )


def gradients(name: str, function: Callable, case: Case) -> list[Tensor]:
    """Gradient of the sum of what a function returns, with respect to each tensor of floats among the arguments.

    Raises:
        Wrong: nothing flows back, or it can't be computed.
    """
    leaves = {key: case.args[key].detach().clone().requires_grad_() for key in _differentiable(case)}
    value = attempt(name, function, [leaves.get(k, v) for k, v in case.args.items()], call_text(name, case))
    if not value.requires_grad:
        raise Wrong(
            f"{call_text(name, case)} has the right value, but no gradient flows back from it: training would stand "
            "still. Drop .detach(), .item(), torch.tensor(…) and torch.no_grad() from the function"
        )
    return followed(call_text(name, case), lambda: sum_gradients(value, list(leaves.values())))


def followed(text: str, differentiate: Callable[[], list[Tensor | None]]) -> list[Tensor | None]:
    """Gradients through a student's function, by a function that computes them.

    Args:
        text: the call, for the message.
        differentiate: computes the gradients.

    Raises:
        Wrong: torch can't compute them, because the function has changed or freed what it needs.
    """
    try:
        return differentiate()
    except RuntimeError as error:
        if "modified by an inplace operation" in str(error):
            reason = (
                "a tensor that the gradient needs was changed in place. Make a new one: `a = a * b` in the place of "
                "`a *= b`, and no assignment to a part, `a[i] = …`, of what exp, sqrt or relu returned"
            )
        elif "a second time" in str(error):
            reason = (
                "the function has taken gradients itself, which frees what they are computed from. Return the value, "
                "and leave its gradient to the caller"
            )
        else:
            reason = f"torch says: {str(error).strip().splitlines()[0]}"
        raise Wrong(f"{text} has the right value, but no gradient can be computed from it: {reason}") from None


def _differentiable(case: Case) -> list[str]:
    """Names of the arguments that have a gradient: tensors of floats, not labels."""
    return [key for key, value in case.args.items() if isinstance(value, Tensor) and value.is_floating_point()]


def sum_gradients(value: Tensor, leaves: Sequence[Tensor]) -> list[Tensor]:
    """Gradient of a value's sum with respect to each leaf, zero where the value doesn't depend on it."""
    optional = torch.autograd.grad(value.sum(), leaves, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for g, x in zip(optional, leaves, strict=True)]


def _how_to_convert(dtype: torch.dtype, case: Case) -> str:
    like = next((key for key, x in case.args.items() if isinstance(x, Tensor) and x.dtype == dtype), None)
    if like is None:
        return f": convert the result by .to({dtype})"
    return (
        f", as `{like}` is. Make new tensors from the old ones (torch.ones_like, x.new_zeros), and convert what has "
        f"another type, such as a comparison's True and False, by .to({like}.dtype)"
    )


def _first_difference(value: Tensor, expected: Tensor) -> str:
    """Where two tensors of one shape first differ, if what `show` says of them is the same."""
    if value.shape != expected.shape or show(value) != show(expected):
        return ""
    for index in torch.ones_like(expected, dtype=torch.bool).nonzero().tolist():
        ours, theirs = value[tuple(index)], expected[tuple(index)]
        if not same(ours, theirs):
            at = f", at {index}" if index else ""
            return f" Their first difference{at}: {ours.item():.9g} in place of {theirs.item():.9g}."
    return ""


def _with_shape(value: Tensor, expected: Tensor) -> str:
    shape = f", of shape {list(value.shape)}" if value.shape != expected.shape and value.numel() <= 8 else ""
    return show(value) + shape


def _known_mistake(cases: Sequence[Case], values: Sequence[Tensor], mistakes: Sequence[Mistake]) -> str:
    """Message of the first mistake that explains every value, or nothing."""
    for mistake in mistakes:
        if all(same(value, mistake.answer(*case.args.values())) for case, value in zip(cases, values, strict=True)):
            return mistake.message
    return ""


def _advice(case: Case, value: Tensor, expected: Tensor) -> str:
    about = f"This case tries {case.about}. " if case.about else ""
    if value.shape != expected.shape:
        return f"{about}The shape should be {list(expected.shape)}."
    if not torch.isfinite(value).all() and torch.isfinite(expected).all():
        return f"{about}Look for a division by zero, a logarithm of zero or an exponential that overflows."
    return f"{about}Work this case out by hand, step by step, and compare."
