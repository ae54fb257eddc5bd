"""A step for functions of single samples: the values and gradients of each, and the plainest one that is wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gancourse.checks.engine.comparison import gradients
from gancourse.checks.engine.probe import Case, call, call_text
from gancourse.checks.engine.verdict import Wrong, same, show


@dataclass(frozen=True)
class EachSample:
    """A step of a check, once some values are right: every sample of large batches is right, value and gradient.

    Args:
        cases: makes the batches, each sample along axis 0 of all tensors; within a batch the plainest samples first.
        right: maps a case's arguments to the right answer, one entry along axis 0 per sample.
        hint: what to do, said at the end of any message.
        with_gradient: whether gradients are compared too.
        free: arguments whose gradient may be anything.
    """

    cases: Callable[[], Sequence[Case]]
    right: Callable[..., Tensor]
    hint: str
    with_gradient: bool = True
    free: Sequence[str] = ()

    def __call__(self, name: str, function: Callable) -> None:
        """Complain of the first sample that is wrong.

        Args:
            name: what the function is called in the exercise.
            function: the student's.

        Raises:
            Wrong: a value or a gradient differs.
        """
        for case in self.cases():
            value, expected = call(name, function, case), self.right(*case.args.values())
            if not isinstance(value, Tensor) or value.shape != expected.shape:
                shape = list(value.shape) if isinstance(value, Tensor) else type(value).__name__
                raise Wrong(f"{call_text(name, case)} returned {shape}; expected the shape {list(expected.shape)}")
            self._compare(name, case, value, expected, "gave")
            if not self.with_gradient:
                continue
            keys = [k for k, v in case.args.items() if isinstance(v, Tensor) and v.is_floating_point()]
            ours, theirs = (gradients(name, f, case) for f in (function, self.right))
            for key, one, other in zip(keys, ours, theirs, strict=True):
                if key not in self.free:
                    what = f"has the right value, but its gradient with respect to {key} is"
                    self._compare(name, case, one, other, what)

    def _compare(self, name: str, case: Case, value: Tensor, expected: Tensor, what: str) -> None:
        if same(value, expected):
            return
        for i in range(len(expected)):
            if not same(value[i], expected[i]):
                text = call_text(name, sample(case, i, len(expected)))
                among = f", among {len(expected)} samples of {value.dtype}" if len(expected) > 1 else ""
                raise Wrong(
                    f"{text}{among}, {what} {show(value[i])}; expected {show(expected[i])}. This case tries "
                    f"{case.about}. {self.hint}"
                )


def sample(case: Case, i: int, n: int) -> Case:
    """The case's sample number i alone, of n."""
    args = {k: v[i : i + 1] if isinstance(v, Tensor) and v.ndim and len(v) == n else v for k, v in case.args.items()}
    return Case(args, case.about)


def numbers(limit: float, dtype: torch.dtype, n: int = 120) -> Tensor:
    """Numbers between ±limit, nearest to zero first: zero, some of each order of magnitude, and an even grid.

    Args:
        limit: the largest number.
        dtype: of the numbers.
        n: how many there are of each kind.
    """
    grid = torch.linspace(0, 1, n, dtype=torch.float64)
    sizes = torch.cat([limit * grid, limit * 10 ** (-6 * grid)]).unique()
    both = torch.stack([sizes, -sizes], 1).flatten()[1:]
    return both.to(dtype)
