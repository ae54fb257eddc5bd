"""Cases and steps that checks share: numbers of every kind, double precision alone, scaling, no random numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gancourse.checks.engine.comparison import Values
from gancourse.checks.engine.probe import Case, attempt, call_text
from gancourse.checks.engine.verdict import Wrong

Function = Callable[..., Tensor]
EXPONENT = 200
"""Single precision ends at 2**128 and 2**-149; double precision holds the squares of 2**±200, and products of them."""
LARGE, SMALL = 2.0**EXPONENT, 2.0**-EXPONENT
UNCHANGED_BY_SIZE = (
    "Arguments of any size follow the same formula: clamp nothing, compare nothing with a threshold, add nothing that "
    "the exercise doesn't, and stay in the precision of the arguments (no .float(); dtype=x.dtype for new tensors)"
)

OF_EVERY_KIND = (
    "Every size and every number follows the same formula: write no number of samples, channels, layers or pixels into "
    "the code, clamp nothing, and treat no number apart"
)


def drawn(k: int, *shape: int) -> Tensor:
    """Normal numbers, the same for each k."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(k), dtype=torch.float64)


def sizes(k: int, *largest: int) -> list[int]:
    """A whole number from 1 to each of those given, the same for each k."""
    generator = torch.Generator().manual_seed(k)
    return [int(torch.randint(1, n + 1, (), generator=generator)) for n in largest]


def spread_out(k: int, *shape: int, decades: float = 1.0, zeros: float = 0.1) -> Tensor:
    """Numbers of both signs over many orders of magnitude, the same for each k.

    Args:
        k: names the numbers.
        shape: of the tensor.
        decades: standard deviation of their logarithm to base 10.
        zeros: about which share of them is exactly zero.
    """
    strength, sign, kept = drawn(k, 3, *shape)
    numbers = sign * 10 ** (decades * strength)
    threshold = torch.special.ndtri(torch.tensor(zeros, dtype=torch.float64))
    return torch.where(kept < threshold, torch.zeros_like(numbers), numbers)


def in_double(cases: Callable[[], Sequence[Case]]) -> Callable[[], list[Case]]:
    """Of some cases those in double precision: for gradients that are differences of nearly equal numbers.

    Args:
        cases: makes the arguments to try.
    """
    return lambda: [case for case in cases() if _is_double(case)]


@dataclass(frozen=True)
class Scaled:
    """A step of a check, once the values are right: numbers of 1e60 and 1e-60 follow the same formula.

    Scaling by a power of two rounds nothing, so that clamps, thresholds and single precision show, and nothing else.

    Args:
        cases: makes the arguments to scale.
        right: maps a case's arguments to the right answer.
        factors: what to multiply arguments by, by their names, and under "result" what that multiplies the result by.
    """

    cases: Callable[[], Sequence[Case]]
    right: Function
    factors: Sequence[Mapping[str, float]]

    def __call__(self, name: str, function: Function) -> None:
        """Complain unless the values are right.

        Args:
            name: what the function is called in the exercise.
            function: the student's, whose values are right for numbers of about one.

        Raises:
            Wrong: a value differs.
        """
        for by_name in self.factors:
            inverse = 1 / by_name["result"]
            cases = [_times(case, by_name) for case in in_double(self.cases)()]
            step = Values(
                lambda cases=cases: cases, _multiplied(self.right, inverse), hint=_hint(by_name, UNCHANGED_BY_SIZE)
            )
            step(name, _multiplied(function, inverse))


def _is_double(case: Case) -> bool:
    return any(isinstance(v, Tensor) and v.dtype == torch.float64 for v in case.args.values())


def _times(case: Case, factors: Mapping[str, float]) -> Case:
    args = {key: factors[key] * value if key in factors else value for key, value in case.args.items()}
    powers = " and ".join(f"{key} × {_power(factor)}" for key, factor in factors.items() if key != "result")
    return Case(args, f"{case.about}, with {powers}")


def _hint(factors: Mapping[str, float], advice: str) -> str:
    if factors["result"] == 1:
        return advice
    return f"(The results are shown divided by {_power(factors['result'])}.) {advice}"


def _power(factor: float) -> str:
    """A power of two in writing.

    >>> _power(0.25)
    '2^-2'
    """
    return f"2^{torch.tensor(factor, dtype=torch.float64).log2():.0f}"


def _multiplied(function: Function, factor: float) -> Function:
    def answer(*args: object) -> Tensor:
        # Results in single precision have overflown or are zero already.
        return factor * function(*args).double()

    return answer


@dataclass(frozen=True)
class NoDraws:
    """The first step of a check whose function tempts one to draw random numbers: it draws none.

    Args:
        cases: makes the arguments to try.
        advice: where the numbers come from instead.
    """

    cases: Callable[[], Sequence[Case]]
    advice: str

    def __call__(self, name: str, function: Function) -> None:
        """Complain if torch's random numbers aren't as before.

        Args:
            name: what the function is called in the exercise.
            function: the student's.

        Raises:
            Wrong: some were drawn.
        """
        case = self.cases()[0]
        text = call_text(name, case)
        before = torch.get_rng_state()
        copies = [v.clone() if isinstance(v, Tensor) else v for v in case.args.values()]
        attempt(name, function, copies, text)
        if not torch.equal(torch.get_rng_state(), before):
            raise Wrong(f"{text} changed the state of torch's random numbers: {self.advice}")
