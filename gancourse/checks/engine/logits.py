"""Cross-entropies of scores, for the checks of losses that hold one: ways to write them that go wrong, and scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy, binary_cross_entropy_with_logits

from gancourse.checks.engine.comparison import PRECISIONS
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.ranges import numbers

Entropy = Callable[[Tensor, float], Tensor]
EPSILONS = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-12, 1e-16, 1e-20)
LARGE = "scores of ±50, as a discriminator gives them that is sure of itself"
HUGE = "scores of ±1000, which overflow an exponential"

LOG_OF_SIGMOID = (
    "That is the logarithm of a sigmoid that has rounded to 0 or 1. Don't form the sigmoid: "
    "−log σ(s) = softplus(−s) and −log(1 − σ(s)) = softplus(s). (log(1 + exp(−s)) written by hand does the same.)"
)
BY_HAND = "That is log(1 + exp(s)) written by hand: the exponential overflows. Use torch.nn.functional.softplus."
CLAMPED_BCE = (
    "That is binary_cross_entropy of sigmoids: torch cuts its logarithm off at −100, and a rounded sigmoid jumps "
    "there too early. Use binary_cross_entropy_with_logits, which takes the scores themselves."
)
TWO_SIGMOIDS = (
    "That is what two sigmoids in a row give: binary_cross_entropy_with_logits and softplus take the scores as they "
    "are and apply the sigmoid themselves."
)
SOFTPLUS = "A clamp, a torch.where or a detach stops it: write the loss with softplus, which needs none of them"

EVERY_SCORE = (
    "One formula holds for all scores and batches, and softplus is exact for each of them: no clamp, no torch.where, "
    "no threshold"
)


def cross_entropy(scores: Tensor, label: float) -> Tensor:
    """Cross-entropy of scores against one label, hard or soft, per sample, by torch's own function."""
    return binary_cross_entropy_with_logits(scores, torch.full_like(scores, label), reduction="none")


def score_cases(*names: str, example: Mapping[str, Sequence[float]] | None = None) -> list[Case]:
    """Scores under each name: the task's example, random ones, ±50 and ±1000, in double and in single precision."""
    cases = []
    for dtype in PRECISIONS:
        if example:
            tensors = {name: torch.tensor(scores, dtype=dtype) for name, scores in example.items()}
            cases.append(Case(tensors, "the task's example"))
        cases += [
            Case({n: _scores(batch, batch + 50 * k, dtype) for k, n in enumerate(names)}, "random scores")
            for batch in (3, 1, 7)
        ]
        for size, about in ((50.0, LARGE), (1000.0, HUGE)):
            signs = [torch.tensor([1.0, -1.0, 1.0, -1.0]), torch.tensor([1.0, 1.0, -1.0, -1.0])]
            cases.append(Case({n: size * signs[k].to(dtype) for k, n in enumerate(names)}, about))
    return cases


def swept_scores(*names: str) -> list[Case]:
    """All scores between ±1000, under each name beside small ones, then under all names at once."""
    cases = []
    for dtype in (torch.float32, torch.float64):
        swept = numbers(1000.0, dtype)[1:]  # at 0 itself a formula of max(s, 0) and |s| has a gradient of its own
        small = torch.tensor([0.5, -0.5], dtype=dtype).repeat(len(swept))[: len(swept)]
        blocks = [[swept if key == name else small for key in names] for name in names]
        blocks += [[sign * swept if k else swept for k in range(len(names))] for sign in (1, -1)]
        columns = (torch.cat(column) for column in zip(*blocks, strict=True))
        cases.append(Case(dict(zip(names, columns, strict=True)), "every score between −1000 and 1000"))
    return cases


def unstable() -> list[tuple[Entropy, str]]:
    """Ways to write a cross-entropy that go wrong for some scores, each with what to say of it."""
    ways: list[tuple[Entropy, str]] = [
        (partial(_padded, 0.0), LOG_OF_SIGMOID),
        (_written_out, BY_HAND),
        (_of_probabilities, CLAMPED_BCE),
        (_two_sigmoids, TWO_SIGMOIDS),
        (
            _no_sigmoid,
            "That takes the scores for probabilities. They are logits: any real number, and D = σ(score).",
        ),
    ]
    for e in EPSILONS:
        capped = f"the loss can't exceed −log ε = {-torch.tensor(e).log().item():.3g}, and its gradient vanishes there"
        bent = f"That is a logarithm of the sigmoid + ε with ε = {e:g}: {capped}, just where the player needs it most."
        ways += [(partial(_padded, e), bent), (partial(_padded_outside, e), bent)]
        ways.append((partial(_clipped, e), f"That is a sigmoid clamped to [ε, 1 − ε] with ε = {e:g}: {capped}."))
    return ways


def _scores(batch: int, seed: int, dtype: torch.dtype) -> Tensor:
    numbers = torch.randn(batch, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (2 * numbers).to(dtype)


def _clipped(epsilon: float, scores: Tensor, label: float) -> Tensor:
    p = scores.sigmoid().clamp(epsilon, 1 - epsilon)
    return -(p.log() if label else (1 - p).log())


def _padded(epsilon: float, scores: Tensor, label: float) -> Tensor:
    p = scores.sigmoid()
    return -((p if label else 1 - p) + epsilon).log()


def _padded_outside(epsilon: float, scores: Tensor, label: float) -> Tensor:
    p = scores.sigmoid()
    return -(p + epsilon).log() if label else -(1 - (p + epsilon)).log()


def _written_out(scores: Tensor, label: float) -> Tensor:
    return (1 + (-scores if label else scores).exp()).log()


def _of_probabilities(scores: Tensor, label: float) -> Tensor:
    return binary_cross_entropy(scores.sigmoid(), torch.full_like(scores, label), reduction="none")


def _two_sigmoids(scores: Tensor, label: float) -> Tensor:
    return cross_entropy(scores.sigmoid(), label)


def _no_sigmoid(scores: Tensor, label: float) -> Tensor:
    return -(scores if label else 1 - scores).log()
