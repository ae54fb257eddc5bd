"""Check of power iteration: the estimate after n rounds, and its gradient."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.ch07_lipschitz.critics import normal
from gancourse.checks.engine.comparison import Mistake, Values, gradients
from gancourse.checks.engine.probe import Case, call_text
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import OF_EVERY_KIND, sizes
from gancourse.checks.engine.verdict import Wrong, same


def _unit(x: Tensor) -> Tensor:
    return x / x.norm()


def _vectors(matrix: Tensor, u: Tensor, n: int) -> tuple[Tensor, Tensor]:
    for _ in range(n):
        v = _unit(matrix.T @ u)
        u = _unit(matrix @ v)
    return u, v


def spectral_norm(weight: Tensor, u: Tensor, n: int) -> Tensor:
    """The right answer of ex-07-power-iteration."""
    matrix = weight.flatten(1)
    with torch.no_grad():
        u, v = _vectors(matrix, u, n)
    return u @ matrix @ v


def _through(weight: Tensor, u: Tensor, n: int) -> Tensor:
    matrix = weight.flatten(1)
    u, v = _vectors(matrix, u, n)
    return u @ matrix @ v


def _unnormalised(weight: Tensor, u: Tensor, n: int) -> Tensor:
    matrix = weight.flatten(1)
    for _ in range(n):
        v = matrix.T @ u
        u = matrix @ v
    return u @ matrix @ v


def _one_side(weight: Tensor, u: Tensor, n: int) -> Tensor:
    matrix = weight.flatten(1)
    v = _unit(matrix.T @ u)
    return u @ matrix @ v


def _wrong_rows(weight: Tensor, u: Tensor, n: int) -> Tensor:
    """Rows of another axis; only where its length fits u."""
    matrix = weight.transpose(0, 1).flatten(1) if weight.ndim > 2 and weight.shape[1] == len(u) else weight.flatten(1)
    u, v = _vectors(matrix, u, n)
    return u @ matrix @ v


MISTAKES = [
    Mistake(
        lambda w, u, n: w.norm(),
        "That is the Frobenius norm, the root of the sum of squared entries: an upper bound, up to √rank too large.",
    ),
    Mistake(
        lambda w, u, n: torch.linalg.svdvals(w.flatten(1)).max(),
        "That is the exact norm by a decomposition, or by far more rounds than n; the exercise asks for the estimate "
        "after n rounds, which a training step can afford.",
    ),
    Mistake(
        lambda w, u, n: spectral_norm(w, u, n).square(),
        "That is σ², the eigenvalue of W Wᵀ: take the square root, or use uᵀ W v.",
    ),
    Mistake(_unnormalised, "That never normalises u and v: their lengths grow by σ² in each round."),
    Mistake(
        lambda w, u, n: spectral_norm(w, u, 1),
        "That is the estimate after one round, whatever n is: does the loop go on from its own u?",
    ),
    Mistake(lambda w, u, n: spectral_norm(w, u, n + 1), "That makes one round too many."),
    Mistake(_one_side, "That moves v and keeps its first u: a round ends with u ← W v / ‖W v‖."),
    Mistake(
        _wrong_rows,
        "That gives the matrix a row for each *input* channel; flatten(1) gives one for each output channel.",
    ),
    Mistake(lambda w, u, n: w / spectral_norm(w, u, n), "That is the normalised weight W/σ; return σ itself."),
    Mistake(lambda w, u, n: w.abs().max(), "That is the largest entry, a lower bound of the norm."),
    Mistake(
        lambda w, u, n: w.flatten(1).abs().sum(1).max(),
        "That is the largest row sum, a norm of W for other lengths; here vectors have Euclidean length.",
    ),
]
NO_GRADIENT = (
    "has the right value, but no gradient flows back to W. Only u and v are constants; in uᵀ W v the weight stays in "
    "the graph, so put no_grad around the rounds and not around the last line"
)
THROUGH = (
    "has the right value, but its gradient runs through the rounds as well. Treat u and v as constants (no_grad "
    "around the rounds): then the gradient is u vᵀ, the exact one once they have converged"
)


def _cases() -> list[Case]:
    example = {"weight": torch.tensor([[3.0, 0.0], [0.0, 1.0]]), "u": torch.ones(2), "n": 1}
    doubled = {key: value.double() if isinstance(value, Tensor) else value for key, value in example.items()}
    return [Case(doubled, "the task's example"), Case(example, "the task's example in float32")] + [
        Case({"weight": normal(40 + k, *shape), "u": normal(50 + k, shape[0]), "n": n}, about)
        for k, (shape, n, about) in enumerate(
            [
                ((3, 5), 1, "a single round"),
                ((3, 5), 4, "several rounds"),
                ((4, 4, 3, 3), 2, "the weight of a convolution"),
                ((6, 2), 3, "more rows than columns"),
            ]
        )
    ]


def _swept() -> list[Case]:
    """Matrices and convolutions of any size, with kernels that aren't square, up to nine rounds, large and small."""
    cases = []
    for k in range(20):
        rows, *others, n = sizes(k, 8, 6, 4, 5, 9)
        dtype = (torch.float64, torch.float32)[k % 4 == 3]
        scale = 10 ** (k % 5 - 2)
        weight = scale * normal(40 + k, rows, *others[: 1 + k % 3])
        args = {"weight": weight.to(dtype), "u": (normal(50 + k, rows) / scale**0.5).to(dtype), "n": n}
        cases.append(Case(args, f"a weight of shape {list(weight.shape)}, {n} rounds"))
    return cases


def _check_gradient(name: str, function: Callable) -> None:
    """The gradient in the weight is u vᵀ."""
    for case in _cases():
        try:
            gradient = gradients(name, function, case)[0]
        except Wrong:
            raise Wrong(f"{call_text(name, case)} {NO_GRADIENT}") from None
        if not same(gradient, gradients(name, spectral_norm, case)[0]):
            through = same(gradient, gradients(name, _through, case)[0])
            reason = THROUGH if through else "has the right value but another gradient than u vᵀ"
            raise Wrong(f"{call_text(name, case)} {reason}")


SPECTRAL_NORM = Exercise(
    "ex-07-power-iteration",
    "spectral_norm(weight, u, n)",
    points=2,
    steps=[
        Values(_cases, spectral_norm, MISTAKES),
        _check_gradient,
        Values(_swept, spectral_norm, hint=OF_EVERY_KIND),
        NoSideEffects(_cases),
    ],
    description="Matrices and a convolution, one to four rounds, and the gradient u vᵀ.",
)
