"""Check of one-sided label smoothing: a soft label for real scores, and for those only."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import softplus

from gancourse.checks.engine.comparison import Gradients, Mistake, Values, reductions
from gancourse.checks.engine.logits import (
    EVERY_SCORE,
    SOFTPLUS,
    Entropy,
    cross_entropy,
    score_cases,
    swept_scores,
    unstable,
)
from gancourse.checks.engine.probe import Case, attempt, call, call_text
from gancourse.checks.engine.ranges import EachSample
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.verdict import Wrong, show


def discriminator_loss(real: Tensor, fake: Tensor, smooth: float = 0.1) -> Tensor:
    """The right answer of ex-05-label-smoothing."""
    return cross_entropy(real, 1 - smooth) + cross_entropy(fake, 0.0)


def _labels(real_label: Callable[[float], float], fake_label: Callable[[float], float]) -> Callable[..., Tensor]:
    return lambda real, fake, smooth: cross_entropy(real, real_label(smooth)) + cross_entropy(fake, fake_label(smooth))


def _mixed(entropy: Entropy, real: Tensor, fake: Tensor, smooth: float) -> Tensor:
    return (1 - smooth) * entropy(real, 1.0) + smooth * entropy(real, 0.0) + entropy(fake, 0.0)


MISTAKES = [
    *reductions(discriminator_loss),
    Mistake(
        _labels(lambda s: 1.0, lambda s: 0.0),
        "That has hard labels, 1 and 0: `smooth` changes nothing. The label of real scores is 1 − smooth.",
    ),
    Mistake(
        _labels(lambda s: 1 - s, lambda s: s),
        "That smooths both labels. A soft label for generated data raises D* to smooth where there is nothing but "
        "generated data, and samples there have less reason to move: leave the label of fake scores at 0.",
    ),
    Mistake(
        _labels(lambda s: 1 - s / 2, lambda s: s / 2),
        "That is the smoothing of classifiers, which mixes both labels with ½ (1 − smooth/2 and smooth/2). Here the "
        "label of real scores is 1 − smooth, and that of fake scores stays 0.",
    ),
    Mistake(
        _labels(lambda s: 1 - s / 2, lambda s: 0.0),
        "That gives real scores the label 1 − smooth/2; it is 1 − smooth.",
    ),
    Mistake(
        _labels(lambda s: 1.0, lambda s: s),
        "That smooths the label of fake scores and leaves real ones at 1: the wrong side. Soften the real label only.",
    ),
    Mistake(
        lambda real, fake, smooth: (1 - smooth) * softplus(-real) + softplus(fake),
        "That multiplies the real half by 1 − smooth, which is a weight, not a soft label: the term "
        "−smooth · log(1 − σ(real)) is missing, so an overconfident score still costs nothing.",
    ),
    Mistake(
        lambda real, fake, smooth: (1 - smooth) * (softplus(-real) + softplus(fake)),
        "That scales the whole loss by 1 − smooth: a smaller learning rate, and the labels are as hard as before.",
    ),
    Mistake(
        lambda real, fake, smooth: softplus(-(1 - smooth) * real) + softplus(fake),
        "That multiplies the score by 1 − smooth. It is the label that is softened, not the score.",
    ),
    Mistake(
        _labels(lambda s: 1 + s, lambda s: 0.0),
        "That has the label 1 + smooth, above 1: no probability, and the loss has no lower bound.",
    ),
    Mistake(
        _labels(lambda s: s, lambda s: 0.0),
        "That gives real scores the label `smooth`, so that D learns to reject the data; the label is 1 − smooth.",
    ),
    Mistake(
        _labels(lambda s: s, lambda s: 1.0),
        "That has real and fake exchanged: high score = real, so the soft label belongs to the first argument.",
    ),
    Mistake(
        _labels(lambda s: 0.0, lambda s: 1 - s),
        "That has the labels exchanged: 0 for real scores and 1 − smooth for fake ones.",
    ),
    Mistake(
        _labels(lambda s: 0.9, lambda s: 0.0),
        "That has the label 0.9 whatever `smooth` is; it is right for smooth = 0.1 only.",
    ),
    Mistake(lambda real, fake, smooth: cross_entropy(real, 1 - smooth), "That is the real half only."),
    Mistake(lambda *a: discriminator_loss(*a) / 2, "That is half the loss: add the two parts."),
    Mistake(lambda *a: -discriminator_loss(*a), "That is what D maximises. Optimisers descend: return its negative."),
    Mistake(
        lambda real, fake, smooth: (real - (1 - smooth)).square() + fake.square(),
        "That is the least-squares loss with a soft label; here the two halves are cross-entropies.",
    ),
    *[Mistake(partial(_mixed, entropy), message) for entropy, message in unstable()],
]


EXAMPLE = {"real": [0.0, 2.0], "fake": [0.0, -1.0]}


def _cases() -> list[Case]:
    cases = [
        Case(case.args | {"smooth": smooth}, case.about)
        for case, smooth in zip(score_cases("real", "fake", example=EXAMPLE), [0.1, 0.25, 0.4, 0.1] * 3, strict=True)
    ]
    return [*cases, Case(cases[1].args | {"smooth": 0.0}, "no smoothing: hard labels")]


def _graded() -> list[Case]:
    """Without scores of exactly 0, where a formula of max(s, 0) and |s| has a gradient of its own."""
    return [case for case in _cases() if case.args["real"].all()]


def _swept() -> list[Case]:
    return [
        Case(case.args | {"smooth": smooth}, f"{case.about}, with smooth = {smooth}")
        for smooth in (0.1, 0.02, 0.5)
        for case in swept_scores("real", "fake")
    ]


def _check_determinism(name: str, function: Callable) -> None:
    """Two calls give the same values: the labels aren't drawn at random."""
    case = _cases()[0]
    once, again = (call(name, function, case) for _ in range(2))
    if isinstance(once, Tensor) and isinstance(again, Tensor) and once.shape == again.shape:
        finite = torch.isfinite(once).all() and torch.isfinite(again).all()
        if finite and not torch.equal(once, again):
            raise Wrong(
                f"{call_text(name, case)} gave {show(once)}, and {show(again)} when called again: the labels are drawn "
                "at random. The label of real scores is 1 − smooth, the same for each"
            )


def _check_default(name: str, function: Callable) -> None:
    """Without `smooth` the values are those for 0.1."""
    scores = {key: value for key, value in _cases()[0].args.items() if key != "smooth"}
    text = call_text(name, Case(scores))
    value = attempt(name, function, list(scores.values()), text)
    expected = call(name, function, _cases()[0])
    if not torch.equal(value, expected):
        raise Wrong(f"{text}, without `smooth`, gave {show(value)}; expected {show(expected)}, as for 0.1")


LABEL_SMOOTHING = Exercise(
    "ex-05-label-smoothing",
    "discriminator_loss(real, fake, smooth)",
    points=2,
    steps=[
        _check_determinism,
        Values(_cases, discriminator_loss, MISTAKES),
        Gradients(_graded, discriminator_loss, hint=SOFTPLUS),
        NoSideEffects(_cases),
        EachSample(_swept, discriminator_loss, EVERY_SCORE),
        _check_default,
    ],
    description="Six values of smooth and its default, all scores up to ±1000, gradients, in both precisions.",
)
