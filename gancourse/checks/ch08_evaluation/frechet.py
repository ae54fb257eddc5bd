"""Check of the Fréchet distance between Gaussians fitted to two sets of features."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.engine.comparison import Mistake, Values
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import OF_EVERY_KIND, drawn, sizes


def _covariance(x: Tensor, correction: int = 1) -> Tensor:
    centred = x - x.mean(0)
    return centred.T @ centred / (len(x) - correction)


def _root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return vectors * values.clamp(min=0).sqrt() @ vectors.T


def _cross(a: Tensor, b: Tensor) -> Tensor:
    """Trace of (A B)^½ of two covariances."""
    root = _root(a)
    return torch.linalg.eigvalsh(root @ b @ root).clamp(min=0).sqrt().sum()


def _distance(mean_gap: Tensor, a: Tensor, b: Tensor) -> Tensor:
    return mean_gap.square().sum() + a.trace() + b.trace() - 2 * _cross(a, b)


def _gap(real: Tensor, generated: Tensor) -> Tensor:
    return real.mean(0) - generated.mean(0)


def frechet_distance(real: Tensor, generated: Tensor) -> Tensor:
    """The right answer of ex-08-frechet."""
    return _distance(_gap(real, generated), _covariance(real), _covariance(generated))


def _with(change: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """A mistake in how the mean gap and the two covariances are put together."""
    return lambda real, generated: change(_gap(real, generated), _covariance(real), _covariance(generated))


MISTAKES = [
    Mistake(
        lambda r, g: _distance(_gap(r, g), _covariance(r, 0), _covariance(g, 0)),
        "That divides the covariances by n, the population's formula. These are samples, whose mean was estimated too: "
        "divide by n − 1. At 2,048 features and a few thousand images the difference is visible in an FID.",
    ),
    Mistake(
        _with(lambda m, a, b: m.norm() + a.trace() + b.trace() - 2 * _cross(a, b)),
        "That adds the distance of the means without its square.",
    ),
    Mistake(
        _with(lambda m, a, b: m.square().mean() + a.trace() + b.trace() - 2 * _cross(a, b)),
        "That takes the mean over the features of the squared gap (mse_loss); ‖·‖² is the sum.",
    ),
    Mistake(
        _with(lambda m, a, b: m.square().sum() + a.trace() + b.trace() - _cross(a, b)),
        "That takes the cross term once; it counts twice, as in (a − b)² = a² + b² − 2ab. Equal sets must give 0.",
    ),
    Mistake(
        _with(lambda m, a, b: m.square().sum() + a.trace() + b.trace()),
        "That has no cross term: equal sets must give 0.",
    ),
    Mistake(_with(lambda m, a, b: m.square().sum()), "That compares the means only; the covariances differ too."),
    Mistake(
        _with(lambda m, a, b: a.trace() + b.trace() - 2 * _cross(a, b)),
        "That compares the covariances only; the means differ too.",
    ),
    Mistake(
        _with(lambda m, a, b: m.square().sum() + (a.diagonal().sqrt() - b.diagonal().sqrt()).square().sum()),
        "That uses the variances only, as if features were uncorrelated: the cross term is the trace of a matrix "
        "square root, not the sum of the roots of diagonal elements.",
    ),
    Mistake(
        _with(lambda m, a, b: m.square().sum() + (a + b - 2 * (a @ b).sqrt()).trace()),
        "That takes the square root of each element of Σᵣ Σ_g. The root of a matrix M is the matrix whose square is M; "
        "its trace is the sum of the roots of M's eigenvalues.",
    ),
    Mistake(
        _with(lambda m, a, b: m.square().sum() + (a + b - 2 * (a * b).sqrt()).trace()),
        "That multiplies and takes roots element by element; Σᵣ Σ_g is a matrix product, and its root a matrix root.",
    ),
    Mistake(
        _with(lambda m, a, b: m.square().sum() + (a + b - 2 * (a @ b).clamp(min=0).sqrt()).trace()),
        "That drops the negative elements of Σᵣ Σ_g and takes the roots of the others. The root of a matrix M is the "
        "matrix whose square is M; its trace is the sum of the roots of M's eigenvalues.",
    ),
    Mistake(
        _with(
            lambda m, a, b: (
                m.square().sum() + (a + b).trace() - 2 * torch.linalg.eigvalsh(a @ b).clamp(min=0).sqrt().sum()
            )
        ),
        "That asks eigvalsh for the eigenvalues of Σᵣ Σ_g. It is for symmetric matrices and reads one triangle; a "
        "product of two symmetric matrices isn't symmetric. Use eigvals, or singular values of the factors.",
    ),
    Mistake(
        _with(lambda m, a, b: m.square().sum() + (_root(a) - _root(b)).square().sum()),
        "That is ‖Σᵣ^½ − Σ_g^½‖², which has tr(Σᵣ^½ Σ_g^½) for the cross term. The two agree only if the covariances "
        "commute, e.g. if both are diagonal.",
    ),
    Mistake(
        _with(lambda m, a, b: m.square().sum() + (a - b).square().sum()),
        "That compares the covariances entry by entry, ‖Σᵣ − Σ_g‖²: another unit (the fourth power of a feature).",
    ),
    Mistake(
        lambda r, g: frechet_distance(r, g).clamp(min=0).sqrt(),
        "That is the distance itself; what FID reports is its square. Leave the root out.",
    ),
    Mistake(
        lambda r, g: _distance(_gap(r, g), r.T @ r / len(r), g.T @ g / len(g)),
        "That takes mean products for covariances: take the mean away from the features first.",
    ),
    Mistake(
        lambda r, g: _distance(_gap(r, g), r.T @ r / (len(r) - 1), g.T @ g / (len(g) - 1)),
        "That takes products of features that still have their mean: centre them first.",
    ),
    Mistake(
        lambda r, g: _distance(_gap(r, g), torch.corrcoef(r.T), torch.corrcoef(g.T)),
        "That uses correlations (corrcoef), which have lost the scale of the features: use covariances.",
    ),
    Mistake(lambda r, g: -frechet_distance(r, g), "That has the sign flipped: a distance isn't negative."),
]
SINGULAR = (
    "With fewer samples than features a covariance has eigenvalues that are 0, and rounding makes some of them "
    "slightly negative: clamp eigenvalues at 0 before the root, and don't invert or factorise (Cholesky) a covariance."
)


def _features(n: int, d: int, seed: int, shift: float = 0.0) -> Tensor:
    """Correlated features, [n, d]."""
    draws = torch.Generator().manual_seed(seed)
    mix = torch.randn(d, d, generator=draws, dtype=torch.float64)
    return (torch.randn(n, d, generator=draws, dtype=torch.float64) @ mix + shift).round(decimals=2)


def _case(real: Tensor, generated: Tensor, about: str) -> Case:
    return Case({"real": real, "generated": generated}, about)


def _cases() -> list[Case]:
    cross = torch.tensor([[-1.0, 0.0], [1.0, 0.0], [0.0, -1.0], [0.0, 1.0]], dtype=torch.float64)
    x = _features(12, 3, 1)
    return [
        _case(cross, 2 * cross + cross[1], "variances 2/3 and 8/3 along both axes, means 1 apart: the answer is 7/3"),
        _case(x, x + 1, "a shift by 1 in three features: the answer is 3"),
        _case(_features(9, 3, 2), _features(14, 3, 3, 0.5), "correlated features, sets of different sizes"),
        _case(_features(30, 5, 4), _features(20, 5, 5, -0.3), "five correlated features"),
        _case(x, x.flip(0), "the same set in another order: the answer is 0"),
    ]


def _few_samples() -> list[Case]:
    return [_case(_features(3, 6, 6), _features(4, 6, 7), "fewer samples than features")]


def _swept() -> list[Case]:
    """Up to 40 samples and 9 features, of one feature too, whose variances span four orders of magnitude."""
    cases = []
    for k in range(16):
        n, m, d = (a + b for a, b in zip(sizes(k, 38, 38, 9), (2, 2, 0), strict=True))
        spread = 10 ** (drawn(k + 9, d).tanh())
        real, generated = drawn(k, n, d) * spread + k, drawn(k + 50, m, d) @ drawn(k + 80, d, d)
        cases.append(_case(real, generated, f"{n} and {m} samples with {d} features"))
    narrow = 0.05 * _features(20, 4, 11)
    one_feature = _case(_features(7, 1, 8), _features(5, 1, 9, 1.0), "one feature")
    return [one_feature, _case(narrow, 2 * narrow.flip(1), "narrow features"), *cases]


FRECHET_DISTANCE = Exercise(
    "ex-08-frechet",
    "frechet_distance(real, generated)",
    points=2,
    steps=[
        Values(_cases, frechet_distance, MISTAKES),
        Values(_few_samples, frechet_distance, hint=SINGULAR),
        Values(_swept, frechet_distance, hint=OF_EVERY_KIND),
        NoSideEffects(_cases, with_gradient=False),
    ],
    description="Two features by hand, correlated features, unequal sets, and fewer samples than features.",
)
