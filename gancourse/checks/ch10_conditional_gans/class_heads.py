"""Check of the loss of a head that names classes: cross-entropy from logits, once."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from gancourse.checks.engine.comparison import PRECISIONS, Gradients, Mistake, Values, reductions
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise

KEEP = "Return one value per sample; whoever trains takes the mean, after weighting the samples where needed."
HUGE = (
    "logits of ±1000, as a head gives them that is sure of itself: a softmax has rounded to 0 there, and a clamp hides "
    "how wrong it is"
)
UNEVEN = "a sure head beside one whose logits are all about −1000: each row needs a maximum of its own"


def class_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """The right answer."""
    return logits.logsumexp(1) - logits.gather(1, labels[:, None])[:, 0]


def _picked(values: Tensor, labels: Tensor) -> Tensor:
    return values.gather(1, labels[:, None])[:, 0]


def _clamped(epsilon: float) -> Mistake:
    return Mistake(
        lambda s, y: -_picked(s.softmax(1) + epsilon, y).log(),
        f"That is −log(softmax + ε) with ε = {epsilon:g}, which stops at {-torch.tensor(epsilon).log().item():.1f} and "
        "has no gradient where it matters. Take log_softmax or cross_entropy of the logits.",
    )


def _common_maximum(logits: Tensor, labels: Tensor) -> Tensor:
    s = logits - logits.max()
    return s.exp().sum(1).log() - _picked(s, labels)


MISTAKES = [
    *reductions(class_loss, KEEP),
    Mistake(
        lambda s, y: class_loss(s, y) / len(s),
        f"Each sample's loss is divided by the size of the batch. {KEEP}",
    ),
    Mistake(
        lambda s, y: class_loss(s, y) / s.shape[1],
        "That is a mean over the classes of a sum with one term that isn't 0: take the label's term as it is.",
    ),
    Mistake(
        _common_maximum,
        "The largest logit of the whole batch is subtracted: a row that lies far below it underflows, and its "
        "logarithm is infinite. Subtract each row's own maximum, or use torch.logsumexp.",
    ),
    Mistake(
        lambda s, y: cross_entropy(s.softmax(1), y, reduction="none"),
        "That is the cross-entropy of a softmax: cross_entropy takes logits and applies a softmax itself, so this has "
        "two. With 10 classes it can't fall below 1.461.",
    ),
    Mistake(
        lambda s, y: cross_entropy(s.log_softmax(1).log_softmax(1), y, reduction="none").neg(),
        "The sign is turned: that is the log-probability, which one would maximise; a loss is descended.",
    ),
    Mistake(
        lambda s, y: -_picked(s.softmax(1), y),
        "That is minus the probability of the label, without a logarithm: nll_loss expects log_softmax, not softmax.",
    ),
    Mistake(lambda s, y: -_picked(s, y), "That is minus the label's logit; the logsumexp of all logits is missing."),
    Mistake(
        lambda s, y: -_picked(s.log_softmax(0), y),
        "The softmax runs over the batch, dim 0: each row of the batch is a sample of its own; take dim 1.",
    ),
    Mistake(
        lambda s, y: -_picked(s.softmax(1), y).log(),
        "That is the logarithm of a softmax that has rounded to 0: it is infinite where the head is sure and wrong. "
        "log_softmax never forms the quotient.",
    ),
    Mistake(
        lambda s, y: s.exp().sum(1).log() - _picked(s, y),
        "That is log Σ exp written by hand: the exponential overflows. Use torch.logsumexp.",
    ),
    Mistake(
        lambda s, y: torch.nn.functional.binary_cross_entropy_with_logits(
            s, one_hot(y, s.shape[1]).to(s), reduction="none"
        ).sum(1),
        "That is a sum of one yes-or-no question for each class, with sigmoids; here exactly one class is right: one "
        "softmax over all of them.",
    ),
    *map(_clamped, (1e-6, 1e-7, 1e-8, 1e-10, 1e-12)),
]


def _cases() -> list[Case]:
    """Random logits of several shapes, and huge ones, in both precisions; the task's example first."""
    cases = []
    for dtype in PRECISIONS:
        example = torch.tensor([[2.0, 0.0, 0.0], [0.0, 0.0, 0.0]], dtype=dtype)
        cases.append(Case({"logits": example, "labels": torch.tensor([0, 2])}, "the task's example"))
        for k, (n, classes) in enumerate(((4, 10), (1, 3), (7, 2), (5, 12))):
            generator = torch.Generator().manual_seed(k)
            logits = 2 * torch.randn(n, classes, generator=generator, dtype=torch.float64).to(dtype)
            labels = torch.randint(classes, (n,), generator=generator)
            cases.append(Case({"logits": logits, "labels": labels}, f"a batch of {n}, {classes} classes"))
        sure = 1000 * torch.tensor([[1.0, -1.0, 0.0], [-1.0, 1.0, 0.0], [0.0, 1.0, -1.0]], dtype=dtype)
        cases.append(Case({"logits": sure, "labels": torch.tensor([0, 0, 1])}, HUGE))
        uneven = torch.tensor([[1000.0, -1000.0, 0.0], [-1000.0, -1001.0, -1002.0]], dtype=dtype)
        if dtype == torch.float64:
            uneven = uneven * 1.0003  # which single precision can't hold
        cases.append(Case({"logits": uneven, "labels": torch.tensor([2, 1])}, UNEVEN))
    return cases


CLASS_LOSS = Exercise(
    "ex-10-class-loss",
    "class_loss(logits, labels)",
    points=2,
    steps=[
        Values(_cases, class_loss, MISTAKES),
        Gradients(_cases, class_loss, hint="A clamp, a torch.where or a detach stops it: use cross_entropy's own way"),
    ],
    description="Random and huge logits of 2 to 12 classes, gradients, in single and double precision.",
)
