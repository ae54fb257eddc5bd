"""Check of the part of a semi-supervised loss that needs no labels: K logits as a discriminator."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy, binary_cross_entropy_with_logits, softplus

from gancourse.checks.engine.comparison import PRECISIONS, Gradients, Mistake, Values
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise

HUGE = "logits of ±1000: exp and the quotient Z/(Z + 1) don't survive them, and an ε or a clamp hides that"
LARGE = "logits of ±50, where exp is finite, but 1 − D has rounded to 0"
TRAINED = "Detach neither side. Where it is nan, an intermediate value was infinite; softplus and logsumexp have none"


def unlabelled_loss(unlabelled: Tensor, generated: Tensor) -> Tensor:
    """The right answer, as a softmax of one class more whose logit is 0."""

    def more(logits: Tensor) -> Tensor:
        return torch.cat([logits, torch.zeros_like(logits[:, :1])], 1).log_softmax(1)

    return -(more(unlabelled)[:, :-1].logsumexp(1).mean() + more(generated)[:, -1].mean()) / 2


def _halves(
    score: Callable[[Tensor], Tensor], real: Callable[[Tensor], Tensor], fake: Callable[[Tensor], Tensor]
) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda u, g: (real(score(u)).mean() + fake(score(g)).mean()) / 2


def _lse(logits: Tensor) -> Tensor:
    return logits.logsumexp(1)


def _down(score: Tensor) -> Tensor:
    return softplus(-score)


def _by_quotient(u: Tensor, g: Tensor) -> Tensor:
    d_u, d_g = (z / (z + 1) for z in (u.exp().sum(1), g.exp().sum(1)))
    return -(d_u.log().mean() + (1 - d_g).log().mean()) / 2


def _together(u: Tensor, g: Tensor) -> Tensor:
    scores = _lse(torch.cat([u, g]))
    labels = torch.cat([torch.ones(len(u)), torch.zeros(len(g))]).to(scores)
    return binary_cross_entropy_with_logits(scores, labels)


def _log_of(change: Callable[[Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """The formula with D itself, σ(log Z), which is changed before its logarithm."""
    return _halves(_lse, lambda s: -change(s.sigmoid()).log(), lambda s: -change(1 - s.sigmoid()).log())


def _probability(score: Tensor, label: float) -> Tensor:
    return binary_cross_entropy(score.sigmoid(), torch.full_like(score, label), reduction="none")


MISTAKES = [
    Mistake(
        lambda u, g: (_down(_lse(u)).sum() + softplus(_lse(g)).sum()) / (2 * len(u)),
        "Both sums are divided by the number of unlabelled samples; the second one has m terms.",
    ),
    Mistake(
        lambda u, g: (_down(_lse(u).mean()) + softplus(_lse(g).mean())) / 2,
        "The mean is taken of the scores, before the softplus; take it of the losses.",
    ),
    Mistake(
        _halves(lambda s: s.logsumexp(0), _down, softplus),
        "The logsumexp runs over the batch, dim 0: each row is an image; take dim 1.",
    ),
    Mistake(
        _halves(lambda s: torch.nn.functional.pad(s, (0, 1)).logsumexp(1), _down, softplus),
        "The class with the logit 0 counts twice: softplus has it already, and the score is log Z of the K logits.",
    ),
    Mistake(
        lambda u, g: 2 * unlabelled_loss(u, g),
        "The halves are missing: each of the two means counts one half.",
    ),
    Mistake(
        lambda u, g: -unlabelled_loss(u, g),
        "The sign is turned: a loss is descended, so it holds −log.",
    ),
    Mistake(
        _halves(_lse, softplus, _down),
        "The two are swapped: unlabelled data should look real, −log D; generated data fake, −log(1 − D).",
    ),
    Mistake(
        _together,
        "That is one mean over all samples: with n unlabelled and m generated ones each side then counts n/(n + m) or "
        "m/(n + m). Take a mean of each side.",
    ),
    Mistake(
        lambda u, g: (_down(_lse(u)).sum() + softplus(_lse(g)).sum()) / 2,
        "Those are sums over the samples; take the mean of each side.",
    ),
    Mistake(
        _halves(lambda s: s.amax(1), _down, softplus),
        "The score is the largest logit; D = Z/(Z + 1) has the score log Z, the logsumexp of all of them.",
    ),
    Mistake(_halves(lambda s: s.sum(1), _down, softplus), "The score is the sum of the logits; it is their logsumexp."),
    Mistake(
        _halves(lambda s: s.mean(1), _down, softplus), "The score is the mean of the logits; it is their logsumexp."
    ),
    Mistake(
        _halves(lambda s: s.log_softmax(1).logsumexp(1), _down, softplus),
        "The logits are normalised first: then Z = 1 for every image, and D = ½ whatever it sees.",
    ),
    Mistake(
        lambda u, g: (-_lse(u).mean() + softplus(_lse(u)).mean() + _down(_lse(g)).mean()) / 2,
        "Generated data are asked to look real: that is the generator's loss. Here they should be recognised.",
    ),
    Mistake(lambda u, g: _down(_lse(u)).mean() / 2, "The part of the generated data is missing."),
    Mistake(lambda u, g: softplus(_lse(g)).mean() / 2, "The part of the unlabelled data is missing."),
    Mistake(
        _by_quotient,
        "That forms Z and the quotient Z/(Z + 1), which overflow or round to 1: stay with the score, "
        "softplus(−log Z) and softplus(log Z), with logsumexp.",
    ),
    Mistake(
        _log_of(lambda p: p),
        "That is the logarithm of σ(score), which has rounded to 0, or of 1 − σ(score): softplus(−score) and "
        "softplus(score) are the same without rounding.",
    ),
    *(
        Mistake(
            _log_of(lambda p, eps=eps: p + eps),
            f"{eps:g} in the logarithm hides that σ(score) has rounded to 0, and its gradient with it: take softplus "
            "of the score.",
        )
        for eps in (1e-6, 1e-7, 1e-8, 1e-10, 1e-12)
    ),
    Mistake(
        _halves(_lse, lambda s: _probability(s, 1.0), lambda s: _probability(s, 0.0)),
        "binary_cross_entropy of a sigmoid stops at 100: give the score to binary_cross_entropy_with_logits, or to "
        "softplus.",
    ),
    Mistake(
        _halves(lambda s: s.exp().sum(1).log(), _down, softplus),
        "log Σ exp is written by hand, and the exponential overflows: use torch.logsumexp.",
    ),
]


def _cases() -> list[Case]:
    """Several numbers of samples, batches of one, one class, huge logits, both precisions; the task's example first."""
    cases = []
    for dtype in PRECISIONS:
        zeros = torch.zeros(1, 3, dtype=dtype)
        cases.append(Case({"unlabelled": zeros, "generated": zeros.clone()}, "the task's example"))
        for k, (n, m, classes, about) in enumerate(
            (
                (3, 5, 4, "three unlabelled and five generated samples"),
                (1, 1, 10, "batches of one"),
                (6, 2, 2, "six unlabelled and two generated samples"),
                (4, 4, 1, "one class"),
            )
        ):
            generator = torch.Generator().manual_seed(k)
            u, g = (2 * torch.randn(size, classes, generator=generator, dtype=torch.float64) for size in (n, m))
            cases.append(Case({"unlabelled": u.to(dtype), "generated": g.to(dtype)}, about))
        large = torch.tensor([[50.0, -50.0], [-50.0, -50.0]], dtype=dtype)
        cases.append(Case({"unlabelled": large, "generated": large.clone()}, LARGE))
        sure = torch.tensor([[1000.0, -1000.0], [-1000.0, -1000.0]], dtype=dtype)
        cases.append(Case({"unlabelled": sure, "generated": sure.flip(0)[:1]}, HUGE))
        cases.append(Case({"unlabelled": sure[:1], "generated": sure}, HUGE))
    return cases


UNLABELLED_LOSS = Exercise(
    "ex-10-unlabelled-loss",
    "unlabelled_loss(unlabelled, generated)",
    points=3,
    steps=[Values(_cases, unlabelled_loss, MISTAKES), Gradients(_cases, unlabelled_loss, hint=TRAINED)],
    description="Different numbers of samples, 1 to 10 classes, logits of ±1000, gradients, in both precisions.",
)
