"""Check of chapter 5's mode regularisation: what an encoder's reconstructions add to the generator's loss."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import softplus

from gancourse.checks.losses import HUGE, LARGE, hold_to_slopes, numerical
from gancourse.checks.probe import Case, Mistake, examine
from gancourse.checks.registry import exercise

NAME = "mode_regularised_terms"
PARAMETERS = "x, reconstructed, score_reconstructed, lambda1, lambda2"
KEEP = "Return one value per sample; whoever trains takes the mean."
Part = Callable[[Tensor, Tensor], Tensor]


def _squared(x: Tensor, made: Tensor) -> Tensor:
    return (x - made).flatten(1).square().sum(1)


def _made(distance: Part = _squared, mode: Callable[[Tensor], Tensor] = lambda score: softplus(-score)) -> Callable:
    """The sum of the two terms, of any distance and any loss of a score."""
    return lambda x, made, score, lambda1, lambda2: lambda1 * distance(x, made) + lambda2 * mode(score)


mode_regularised_terms = _made()
"""The right answer of ex-05-mode-term."""


def _per_pixel(x: Tensor, made: Tensor) -> Tensor:
    return (x - made).square().sum(1)


def _broadcast(distance: Part) -> Callable:
    """A distance with too many axes left, where it can be added to the scores at all."""

    def terms(x: Tensor, made: Tensor, score: Tensor, lambda1: float, lambda2: float) -> Tensor:
        left, right = lambda1 * distance(x, made), lambda2 * softplus(-score)
        try:
            return left + right
        except RuntimeError:
            return left

    return terms


def _stable(entropy: Callable[[Tensor, float], Tensor], score: Tensor) -> Tensor:
    return entropy(score, 1.0)


MISTAKES = [
    Mistake(lambda *a: mode_regularised_terms(*a).mean(), f"That is the mean over the batch. {KEEP}"),
    Mistake(lambda *a: mode_regularised_terms(*a).sum(), f"That is the sum over the batch. {KEEP}"),
    Mistake(
        _made(mode=lambda s: -softplus(-s)),
        "That adds +λ₂ log D to what the generator minimises: it would make reconstructions look *fake*. What is "
        "minimised is −λ₂ log D = +λ₂ softplus(−score).",
    ),
    Mistake(
        _made(mode=lambda s: softplus(s)),
        "That is −λ₂ log(1 − D), the discriminator's loss for fakes: the generator would make reconstructions look "
        "fake. It needs −log D = softplus(−score).",
    ),
    Mistake(
        _made(mode=lambda s: -softplus(s)),
        "That is λ₂ log(1 − D), the saturating version: for reconstructions that D rejects (score −50) its gradient "
        "is 0, just where a mode is missing. Take −λ₂ log D.",
    ),
    Mistake(_made(mode=lambda s: -s), "That is −λ₂ · score, of a critic without logarithms; take −λ₂ log σ(score)."),
    Mistake(_made(mode=lambda s: -s.sigmoid()), "That is −λ₂ D, without the logarithm: it is flat where D is sure."),
    Mistake(
        _made(lambda x, made: -_squared(x, made)),
        "That subtracts the reconstruction error: the generator would flee from the data. Both terms are added.",
    ),
    Mistake(
        _made(lambda x, made: _squared(x, made).sqrt()),
        "That is the norm ‖x − G(E(x))‖ without its square.",
    ),
    Mistake(
        _made(lambda x, made: (x - made).flatten(1).square().mean(1)),
        "That is the *mean* over a sample's numbers (mse_loss); ‖·‖² is their sum. With the mean, λ₁ would weigh 784 "
        "times less for images of 28 × 28 pixels.",
    ),
    Mistake(
        _made(lambda x, made: (x - made).square().mean()),
        "That is mse_loss over the whole batch: each sample gets the same error. Use one squared norm per sample.",
    ),
    Mistake(
        _made(lambda x, made: (x - made).square().sum()),
        "That sums the squares over the whole batch: each sample is charged for all of them. Keep the first axis.",
    ),
    Mistake(
        _made(lambda x, made: (x - made).flatten(1).abs().sum(1)),
        "That is the absolute error, summed; the norm is Euclidean, and squared.",
    ),
    Mistake(
        _made(lambda x, made: (x - made).flatten(1).sum(1).square()),
        "That squares the sum of the differences, in which they cancel; sum their squares.",
    ),
    Mistake(
        _made(lambda x, made: _squared(x, made) / 2),
        "That has a factor ½ before the squared norm; there is none.",
    ),
    Mistake(
        lambda x, made, score, lambda1, lambda2: mode_regularised_terms(x, made, score, lambda2, lambda1),
        "That has the weights exchanged: λ₁ belongs to the reconstruction, λ₂ to the mode term.",
    ),
    Mistake(
        lambda x, made, score, lambda1, lambda2: mode_regularised_terms(x, made, score, 1.0, 1.0),
        "That leaves out the weights λ₁ and λ₂.",
    ),
    Mistake(
        lambda x, made, score, lambda1, lambda2: mode_regularised_terms(x, made, score, lambda1, 1.0),
        "That leaves out λ₂, the weight of the mode term.",
    ),
    Mistake(
        lambda x, made, score, lambda1, lambda2: mode_regularised_terms(x, made, score, 1.0, lambda2),
        "That leaves out λ₁, the weight of the reconstruction.",
    ),
    Mistake(_made(mode=lambda s: 0 * s), "That is the reconstruction alone; the mode term is missing."),
    Mistake(_made(lambda x, made: 0 * _squared(x, made)), "That is the mode term alone; the error is missing."),
    Mistake(
        _broadcast(_per_pixel),
        "That sums over the second axis only, .sum(1): right for points, but an image keeps an error per pixel, which "
        "is then broadcast against the scores. Use flatten(1) first.",
    ),
    Mistake(
        _broadcast(lambda x, made: (x - made).square()),
        "That keeps a square for each number; sum them over all axes but the first.",
    ),
    *[Mistake(_made(mode=partial(_stable, entropy)), message) for entropy, message in numerical()],
]


def _cases() -> list[Case]:
    cases = []
    for dtype in (torch.float64, torch.float32):
        for k, (shape, lambda1, lambda2) in enumerate([((2,), 0.2, 0.4), ((1, 4, 4), 0.5, 0.1), ((3, 2, 4), 2.0, 3.0)]):
            draws = torch.Generator().manual_seed(k)
            x = torch.randn(4, *shape, generator=draws, dtype=torch.float64).round(decimals=1).to(dtype)
            made = (
                (x + 0.7 * torch.randn(4, *shape, generator=draws, dtype=torch.float64) + 0.2)
                .round(decimals=1)
                .to(dtype)
            )
            sizes = torch.tensor([[1.5, -0.5, 0.3, -2.0], [50.0, -50.0, 2.0, -1.0], [1000.0, -1000.0, 0.0, 4.0]][k])
            about = ["points", f"images, and {LARGE}", f"images of three channels, and {HUGE}"][k]
            values = (x, made, sizes.to(dtype), lambda1, lambda2)
            cases.append(Case(dict(zip(PARAMETERS.split(", "), values, strict=True)), about))
    return cases


@exercise("ex-05-mode-term", "05_training_problems", f"{NAME}({PARAMETERS})", points=2)
def check_mode_term(function: Callable) -> str:
    """The two terms of MRGAN's generator, summed, per sample."""
    cases = _cases()
    examine(NAME, function, cases, mode_regularised_terms, MISTAKES)
    hint = "Both terms must reach the generator: no detach, no clamp; −log σ(s) = softplus(−s)"
    hold_to_slopes(NAME, function, cases, mode_regularised_terms, free=("x",), hint=hint)
    return "Points and images, scores up to ±1000, and the gradients that reach the generator."
