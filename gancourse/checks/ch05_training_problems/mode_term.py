"""Check of mode regularisation: what an encoder's reconstructions add to the generator's loss."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import softplus

from gancourse.checks.engine.comparison import PRECISIONS, Gradients, Mistake, Values, reductions
from gancourse.checks.engine.logits import HUGE, LARGE, Entropy, unstable
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.ranges import EachSample, numbers
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import OF_EVERY_KIND, drawn, sizes

PARAMETERS = "x, reconstructed, score_reconstructed, lambda1, lambda2"
Distance = Callable[[Tensor, Tensor], Tensor]


def _squared(x: Tensor, rebuilt: Tensor) -> Tensor:
    return (x - rebuilt).flatten(1).square().sum(1)


def _terms(
    distance: Distance = _squared, mode: Callable[[Tensor], Tensor] = lambda score: softplus(-score)
) -> Callable:
    """The sum of the two terms, of any distance and any loss of a score."""
    return lambda x, rebuilt, score, lambda1, lambda2: lambda1 * distance(x, rebuilt) + lambda2 * mode(score)


mode_regularised_terms = _terms()
"""The right answer of ex-05-mode-term."""


def _per_pixel(x: Tensor, rebuilt: Tensor) -> Tensor:
    return (x - rebuilt).square().sum(1)


def _broadcast(distance: Distance) -> Callable:
    """A distance with too many axes left, where it can be added to the scores at all."""

    def terms(x: Tensor, rebuilt: Tensor, score: Tensor, lambda1: float, lambda2: float) -> Tensor:
        left, right = lambda1 * distance(x, rebuilt), lambda2 * softplus(-score)
        try:
            return left + right
        except RuntimeError:
            return left

    return terms


def _minus_log_d(entropy: Entropy, score: Tensor) -> Tensor:
    return entropy(score, 1.0)


MISTAKES = [
    *reductions(mode_regularised_terms),
    Mistake(
        _terms(mode=lambda s: -softplus(-s)),
        "That adds +λ₂ log D to what the generator minimises: it would make reconstructions look *fake*. What is "
        "minimised is −λ₂ log D = +λ₂ softplus(−score).",
    ),
    Mistake(
        _terms(mode=lambda s: softplus(s)),
        "That is −λ₂ log(1 − D), the discriminator's loss for fakes: the generator would make reconstructions look "
        "fake. It needs −log D = softplus(−score).",
    ),
    Mistake(
        _terms(mode=lambda s: -softplus(s)),
        "That is λ₂ log(1 − D), the saturating version: for reconstructions that D rejects (score −50) its gradient "
        "is 0, just where a mode is missing. Take −λ₂ log D.",
    ),
    Mistake(_terms(mode=lambda s: -s), "That is −λ₂ · score, of a critic without logarithms; take −λ₂ log σ(score)."),
    Mistake(_terms(mode=lambda s: -s.sigmoid()), "That is −λ₂ D, without the logarithm: it is flat where D is sure."),
    Mistake(
        _terms(lambda x, rebuilt: -_squared(x, rebuilt)),
        "That subtracts the reconstruction error: the generator would move away from the data. Both terms are added.",
    ),
    Mistake(
        _terms(lambda x, rebuilt: _squared(x, rebuilt).sqrt()),
        "That is the norm ‖x − G(E(x))‖ without its square.",
    ),
    Mistake(
        _terms(lambda x, rebuilt: (x - rebuilt).flatten(1).square().mean(1)),
        "That is the *mean* over a sample's numbers (mse_loss); ‖·‖² is their sum. With the mean, λ₁ would weigh 784 "
        "times less for images of 28 × 28 pixels.",
    ),
    Mistake(
        _terms(lambda x, rebuilt: (x - rebuilt).square().mean()),
        "That is mse_loss over the whole batch: each sample gets the same error. Use one squared norm per sample.",
    ),
    Mistake(
        _terms(lambda x, rebuilt: (x - rebuilt).square().sum()),
        "That sums the squares over the whole batch: each sample is charged for all of them. Keep the first axis.",
    ),
    Mistake(
        _terms(lambda x, rebuilt: (x - rebuilt).flatten(1).abs().sum(1)),
        "That is the absolute error, summed; the norm is Euclidean, and squared.",
    ),
    Mistake(
        _terms(lambda x, rebuilt: (x - rebuilt).flatten(1).sum(1).square()),
        "That squares the sum of the differences, in which they cancel; sum their squares.",
    ),
    Mistake(
        _terms(lambda x, rebuilt: _squared(x, rebuilt) / 2),
        "That has a factor ½ before the squared norm; there is none.",
    ),
    Mistake(
        lambda x, rebuilt, score, lambda1, lambda2: mode_regularised_terms(x, rebuilt, score, lambda2, lambda1),
        "That has the weights exchanged: λ₁ belongs to the reconstruction, λ₂ to the mode term.",
    ),
    Mistake(
        lambda x, rebuilt, score, lambda1, lambda2: mode_regularised_terms(x, rebuilt, score, 1.0, 1.0),
        "That leaves out the weights λ₁ and λ₂.",
    ),
    Mistake(
        lambda x, rebuilt, score, lambda1, lambda2: mode_regularised_terms(x, rebuilt, score, lambda1, 1.0),
        "That leaves out λ₂, the weight of the mode term.",
    ),
    Mistake(
        lambda x, rebuilt, score, lambda1, lambda2: mode_regularised_terms(x, rebuilt, score, 1.0, lambda2),
        "That leaves out λ₁, the weight of the reconstruction.",
    ),
    Mistake(_terms(mode=lambda s: 0 * s), "That is the reconstruction alone; the mode term is missing."),
    Mistake(_terms(lambda x, rebuilt: 0 * _squared(x, rebuilt)), "That is the mode term alone; the error is missing."),
    Mistake(
        _broadcast(_per_pixel),
        "That sums over the second axis only, .sum(1): right for points, but an image keeps an error per pixel, which "
        "is then broadcast against the scores. Use flatten(1) first.",
    ),
    Mistake(
        _broadcast(lambda x, rebuilt: (x - rebuilt).square()),
        "That keeps a square for each number; sum them over all axes but the first.",
    ),
    *[Mistake(_terms(mode=partial(_minus_log_d, entropy)), message) for entropy, message in unstable()],
]


def _cases() -> list[Case]:
    cases = []
    for dtype in PRECISIONS:
        tensors = (torch.tensor(v, dtype=dtype) for v in ([[1.0, 2.0]], [[0.0, 0.0]], [0.0]))
        values = (*tensors, 0.2, 0.4)
        cases.append(Case(dict(zip(PARAMETERS.split(", "), values, strict=True)), "the task's example"))
        for k, (shape, lambda1, lambda2) in enumerate([((2,), 0.2, 0.4), ((1, 4, 4), 0.5, 0.1), ((3, 2, 4), 2.0, 3.0)]):
            draws = torch.Generator().manual_seed(k)
            x = torch.randn(4, *shape, generator=draws, dtype=torch.float64).round(decimals=1).to(dtype)
            rebuilt = (
                (x + 0.7 * torch.randn(4, *shape, generator=draws, dtype=torch.float64) + 0.2)
                .round(decimals=1)
                .to(dtype)
            )
            sizes = torch.tensor([[1.5, -0.5, 0.3, -2.0], [50.0, -50.0, 2.0, -1.0], [1000.0, -1000.0, 0.0, 4.0]][k])
            about = ["points", f"images, and {LARGE}", f"images of three channels, and {HUGE}"][k]
            values = (x, rebuilt, sizes.to(dtype), lambda1, lambda2)
            cases.append(Case(dict(zip(PARAMETERS.split(", "), values, strict=True)), about))
    return cases


def _swept() -> list[Case]:
    """Scores between ±1000 beside small errors, and samples of many shapes."""
    cases = []
    for dtype in PRECISIONS:
        score = numbers(1000.0, dtype)[1:]
        x = 0.1 * drawn(7, 2, len(score), 2).to(dtype)
        values = (*x, score, 0.3, 0.7)
        cases.append(Case(dict(zip(PARAMETERS.split(", "), values, strict=True)), "every score between ±1000"))
    for k in range(12):
        n, *shape = sizes(k, 9, 4, 12, 12)
        x = drawn(k, 2, n, *(shape if k % 3 else shape[:1])).to(PRECISIONS[k % 2])
        values = (*x, drawn(k + 50, n).to(x), 0.1 * k, 1.1 - 0.1 * k)
        cases.append(Case(dict(zip(PARAMETERS.split(", "), values, strict=True)), f"{n} samples of shape {shape}"))
    return cases


def _graded() -> list[Case]:
    """Without scores of exactly 0, where a formula of max(s, 0) and |s| has a gradient of its own."""
    return [case for case in _cases() if case.args["score_reconstructed"].all()]


BOTH_TERMS = "Both terms must reach the generator: no detach, no clamp; −log σ(s) = softplus(−s)"
MODE_TERM = Exercise(
    "ex-05-mode-term",
    f"mode_regularised_terms({PARAMETERS})",
    points=2,
    steps=[
        Values(_cases, mode_regularised_terms, MISTAKES),
        Gradients(_graded, mode_regularised_terms, free=["x"], hint=BOTH_TERMS),
        NoSideEffects(_cases),
        EachSample(_swept, mode_regularised_terms, OF_EVERY_KIND, free=["x"]),
    ],
    description="Points and images, scores up to ±1000, and the gradients that reach the generator.",
)
