"""Check of the Inception score: how sure a classifier is of each sample, and how varied its answers are."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.engine.comparison import PRECISIONS, Mistake, Values, compare_values
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import OF_EVERY_KIND, drawn, sizes
from gancourse.checks.engine.verdict import Wrong


def _kl(p: Tensor, q: Tensor) -> Tensor:
    """KL(p ‖ q) along the last axis, with 0 · log 0 = 0."""
    return (torch.special.xlogy(p, p) - torch.special.xlogy(p, q)).sum(-1)


def _score(p: Tensor) -> Tensor:
    return _kl(p, p.mean(0)).mean().exp()


def inception_score(logits: Tensor) -> Tensor:
    """The right answer of ex-08-inception-score."""
    return _score(logits.softmax(1))


def _entropy(p: Tensor) -> Tensor:
    return -torch.special.xlogy(p, p).sum(-1)


def _of(change: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """A mistake that starts from the right probabilities, [n, classes]."""
    return lambda logits: change(logits.softmax(1))


MISTAKES = [
    Mistake(
        _of(lambda p: _kl(p, p.mean(0)).mean()),
        "That is the mean divergence, in nats; the score is its exponential, between 1 and the number of classes.",
    ),
    Mistake(
        _of(lambda p: _kl(p, p.mean(0)).exp().mean()),
        "That takes the exponential of each sample's divergence, then the mean: the mean comes first, then exp.",
    ),
    Mistake(
        _of(lambda p: _kl(p.mean(0).expand_as(p), p).mean().exp()),
        "That has the divergence the wrong way round, KL(p(y) ‖ p(y|x)): each sample's p(y|x) stands in front.",
    ),
    Mistake(
        lambda logits: _kl(logits.softmax(1), logits.mean(0).softmax(0)).mean().exp(),
        "That takes p(y) from the mean logits. p(y) is the mean of the probabilities: softmax first, then the mean.",
    ),
    Mistake(
        lambda logits: _score(logits.softmax(0)),
        "That takes the softmax over the samples, axis 0; it is over the classes, axis 1.",
    ),
    Mistake(
        lambda logits: _score(logits.softmax(1).softmax(1)),
        "That takes the softmax twice: nearly uniform probabilities, and a score near 1 whatever the samples are.",
    ),
    Mistake(
        _of(lambda p: _score(torch.nn.functional.one_hot(p.argmax(1), p.shape[1]).to(p.dtype))),
        "That takes the predicted class for certain (argmax): a classifier's doubt has to count.",
    ),
    Mistake(
        _of(lambda p: _entropy(p.mean(0)).exp()),
        "That is exp of the entropy of p(y), variety alone: it misses whether the classifier is sure of each sample.",
    ),
    Mistake(
        _of(lambda p: (-_entropy(p)).mean().exp()),
        "That compares p(y|x) with nothing: it is exp of minus its entropy. Divide by p(y) inside the logarithm.",
    ),
    Mistake(
        _of(lambda p: (_kl(p, torch.full_like(p, 1 / p.shape[1]))).mean().exp()),
        "That compares with equal probabilities; p(y) is the mean of p(y|x) over the samples. One image repeated would "
        "otherwise get the maximum.",
    ),
    Mistake(
        _of(lambda p: 2 ** _kl(p, p.mean(0)).mean()),
        "That raises 2 to a divergence in nats: use exp with log, or 2 with log2.",
    ),
    Mistake(
        _of(lambda p: (_kl(p, p.mean(0)).mean() / torch.tensor(2.0, dtype=p.dtype).log()).exp()),
        "That takes exp of a divergence in bits: use exp with log, or 2 with log2.",
    ),
    Mistake(
        _of(lambda p: (torch.special.xlogy(p, p) - torch.special.xlogy(p, p.mean(0))).mean().exp()),
        "That takes the mean over the classes; a divergence is a sum over them.",
    ),
    Mistake(
        _of(lambda p: _kl(p, p.mean(0)).sum().exp()),
        "That sums over the samples: the score would grow with their number.",
    ),
    Mistake(
        _of(lambda p: _kl(p, p.mean(1, keepdim=True)).mean().exp()),
        "That averages the probabilities over the classes, axis 1, which gives 1/K; p(y) is the mean over the samples.",
    ),
    Mistake(_of(lambda p: _kl(p, p.mean(0)).exp()), "That is one number per sample: take the mean before exp."),
    Mistake(
        lambda logits: (-_kl(logits.softmax(1), logits.softmax(1).mean(0)).mean()).exp(),
        "That has the sign of the divergence flipped: the score is never below 1.",
    ),
]
CERTAIN = (
    "Here the classifier is certain, and some probabilities are exactly 0: 0 · log 0 is NaN in floating point and 0 in "
    "the formula. Use torch.special.xlogy, or log_softmax for p(y|x)."
)
NEARLY = (
    "A small number added to probabilities avoids log 0, and changes the score. torch.special.xlogy, or log_softmax "
    "for p(y|x), needs none."
)


def _case(logits: Tensor, about: str) -> Case:
    return Case({"logits": logits}, about)


def _cases() -> list[Case]:
    cases = []
    for dtype in PRECISIONS:
        draws = torch.Generator().manual_seed(0)
        scores = [
            3 * torch.randn(n, k, generator=draws, dtype=torch.float64) + torch.arange(k) * tilt
            for n, k, tilt in ((6, 3, 0.0), (20, 10, 0.3), (5, 4, -1.0))
        ]
        cases += [
            _case(torch.tensor([[2.0, 0.0], [0.0, 2.0]], dtype=dtype), "two samples that mirror each other"),
            *[_case(s.to(dtype), "random logits") for s in scores],
            _case(torch.zeros(4, 5, dtype=dtype), "a classifier without an opinion: the answer is 1"),
        ]
    return cases


def _certain_cases() -> list[Case]:
    return [
        case
        for dtype in PRECISIONS
        for case in (
            _case(1000 * torch.eye(3, dtype=dtype), "one certain sample per class: the answer is 3"),
            _case(1000 * torch.eye(4, dtype=dtype)[[0, 0, 1]], "certain samples of two classes out of four"),
        )
    ]


def _swept() -> list[Case]:
    """Up to 60 samples and 40 classes, logits from nearly equal ones to ±1000."""
    cases = []
    for k in range(16):
        n, n_classes = sizes(k, 60, 40)
        logits = ((0.1, 3.0, 30.0, 400.0)[k % 4] * drawn(k, n, n_classes)).clamp(-1000, 1000)
        cases.append(_case(logits.to(PRECISIONS[k // 4 % 2]), f"{n} samples, {n_classes} classes"))
    return cases


def _check_certainty(name: str, function: Callable) -> None:
    """The score is right where probabilities are exactly 0."""
    try:
        compare_values(name, function, _certain_cases(), inception_score)
    except Wrong as wrong:
        raise Wrong(f"{wrong} {CERTAIN if 'gave nan' in str(wrong) else NEARLY}") from None


INCEPTION_SCORE = Exercise(
    "ex-08-inception-score",
    "inception_score(logits)",
    points=1,
    steps=[
        Values(_cases, inception_score, MISTAKES),
        _check_certainty,
        Values(_swept, inception_score, hint=OF_EVERY_KIND),
        NoSideEffects(_cases, with_gradient=False),
    ],
    description="Random logits, no opinion, certainty, classes that nobody predicts, single and double precision.",
)
