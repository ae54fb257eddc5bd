"""Checks of chapter 2's losses: cross-entropy from logits, for the discriminator and for the generator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy, binary_cross_entropy_with_logits

from gancourse.checks.probe import Case, Mistake, examine, given, slopes
from gancourse.checks.registry import exercise
from gancourse.checks.verdict import Wrong, same, show

EPSILONS = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-12, 1e-16, 1e-20)
LARGE = "scores of ±50, as a discriminator gives them that is sure of itself"
HUGE = "scores of ±1000, which overflow an exponential"
DESCRIPTION = "One value per sample, finite up to ±1000, gradients, in single and double precision."

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


def _entropy(scores: Tensor, label: float) -> Tensor:
    """Cross-entropy of scores against one label, per sample, by torch's own function."""
    return binary_cross_entropy_with_logits(scores, torch.full_like(scores, label), reduction="none")


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """The right answer of ex-02-discriminator-loss."""
    return _entropy(real, 1.0) + _entropy(fake, 0.0)


def generator_loss(fake: Tensor) -> Tensor:
    """The right answer of ex-02-generator-loss."""
    return _entropy(fake, 1.0)


def _scores(batch: int, seed: int, dtype: torch.dtype) -> Tensor:
    numbers = torch.randn(batch, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (2 * numbers).to(dtype)


def score_cases(*names: str) -> list[Case]:
    """Scores under each name: random ones, ±50 and ±1000, in double and in single precision."""
    cases = []
    for dtype in (torch.float64, torch.float32):
        cases += [
            Case({n: _scores(batch, batch + 50 * k, dtype) for k, n in enumerate(names)}, "random scores")
            for batch in (3, 1, 7)
        ]
        for size, about in ((50.0, LARGE), (1000.0, HUGE)):
            signs = [torch.tensor([1.0, -1.0, 1.0, -1.0]), torch.tensor([1.0, 1.0, -1.0, -1.0])]
            cases.append(Case({n: size * signs[k].to(dtype) for k, n in enumerate(names)}, about))
    return cases


def _clipped(epsilon: float, scores: Tensor, label: float) -> Tensor:
    p = scores.sigmoid().clamp(epsilon, 1 - epsilon)
    return -(p.log() if label else (1 - p).log())


def _padded(epsilon: float, scores: Tensor, label: float) -> Tensor:
    p = scores.sigmoid()
    return -((p if label else 1 - p) + epsilon).log()


def _padded_outside(epsilon: float, scores: Tensor, label: float) -> Tensor:
    p = scores.sigmoid()
    return -(p + epsilon).log() if label else -(1 - (p + epsilon)).log()


def _naive(scores: Tensor, label: float) -> Tensor:
    return _padded(0.0, scores, label)


def _written_out(scores: Tensor, label: float) -> Tensor:
    return (1 + (-scores if label else scores).exp()).log()


def _bce(scores: Tensor, label: float) -> Tensor:
    return binary_cross_entropy(scores.sigmoid(), torch.full_like(scores, label), reduction="none")


def _twice(scores: Tensor, label: float) -> Tensor:
    return _entropy(scores.sigmoid(), label)


def _unsquashed(scores: Tensor, label: float) -> Tensor:
    return -(scores if label else 1 - scores).log()


Entropy = Callable[[Tensor, float], Tensor]


def numerical() -> list[tuple[Entropy, str]]:
    """Ways to write a cross-entropy that go wrong for some scores."""
    ways: list[tuple[Entropy, str]] = [
        (_naive, LOG_OF_SIGMOID),
        (_written_out, BY_HAND),
        (_bce, CLAMPED_BCE),
        (_twice, TWO_SIGMOIDS),
        (
            _unsquashed,
            "That takes the scores for probabilities. They are logits: any real number, and D = σ(score).",
        ),
    ]
    for e in EPSILONS:
        capped = f"the loss can't exceed −log ε = {-torch.tensor(e).log().item():.3g}, and its gradient vanishes there"
        bent = f"That is a logarithm of the sigmoid + ε with ε = {e:g}: {capped}, just where the player needs it most."
        ways += [(partial(_padded, e), bent), (partial(_padded_outside, e), bent)]
        ways.append((partial(_clipped, e), f"That is a sigmoid clamped to [ε, 1 − ε] with ε = {e:g}: {capped}."))
    return ways


def _pair(entropy: Entropy) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda real, fake: entropy(real, 1.0) + entropy(fake, 0.0)


def _single(entropy: Entropy) -> Callable[[Tensor], Tensor]:
    return lambda fake: entropy(fake, 1.0)


def _shapes(right: Callable[..., Tensor]) -> list[Mistake]:
    keep = "Return one value per sample; whoever trains takes the mean, after weighting the samples where needed."
    return [
        Mistake(lambda *a: right(*a).mean(), f"That is the mean over the batch. {keep}"),
        Mistake(lambda *a: right(*a).sum(), f"That is the sum over the batch. {keep}"),
    ]


DISCRIMINATOR_MISTAKES = [
    *_shapes(discriminator_loss),
    Mistake(
        lambda real, fake: discriminator_loss(real, fake).mean() / 2,
        "That is the mean over the batch of half the loss: sum the two parts, and return one value per sample.",
    ),
    Mistake(
        lambda real, fake: _entropy(real, 0.0) + _entropy(fake, 1.0),
        "That has the labels swapped: it teaches D to give real data the low scores. High score = real.",
    ),
    Mistake(
        lambda real, fake: _entropy(real, 1.0) + _entropy(fake, 1.0),
        "That calls the fake data real: its half needs −log(1 − σ(fake)) = softplus(+fake).",
    ),
    Mistake(
        lambda real, fake: _entropy(real, 0.0) + _entropy(fake, 0.0),
        "That calls the real data fake: its half needs −log σ(real) = softplus(−real).",
    ),
    Mistake(lambda real, fake: _entropy(real, 1.0), "That is the real half only; D must also learn what is fake."),
    Mistake(lambda real, fake: _entropy(fake, 0.0), "That is the fake half only; D must also learn what is real."),
    Mistake(
        lambda real, fake: discriminator_loss(real, fake) / 2,
        "That is half the loss. The value function adds its two expectations; the half changes D's step against G's.",
    ),
    Mistake(
        lambda real, fake: -discriminator_loss(real, fake),
        "That is the value that D maximises. Optimisers descend: return its negative.",
    ),
    Mistake(
        lambda real, fake: torch.cat([_entropy(real, 1.0), _entropy(fake, 0.0)]),
        "That strings the two halves together; add the losses of real[i] and fake[i].",
    ),
    Mistake(lambda real, fake: fake - real, "That is the Wasserstein critic's loss; this one needs logarithms."),
    *[Mistake(_pair(entropy), message) for entropy, message in numerical()],
]

GENERATOR_MISTAKES = [
    *_shapes(generator_loss),
    Mistake(
        lambda fake: -_entropy(fake, 0.0),
        "That is log(1 − D), the minimax loss: where D is sure (score −50) its gradient is σ(score) ≈ 0 and G learns "
        "nothing. The non-saturating loss is −log D.",
    ),
    Mistake(
        lambda fake: _entropy(fake, 0.0),
        "That is −log(1 − D), the cross-entropy against the label 0: minimising it makes G's data look fake.",
    ),
    Mistake(
        lambda fake: -_entropy(fake, 1.0),
        "That is +log D, which G would have to ascend. Optimisers descend: return −log D.",
    ),
    Mistake(lambda fake: -fake, "That is −score, the loss of Wasserstein and hinge GANs; this one is −log σ(score)."),
    Mistake(lambda fake: -fake.sigmoid(), "That is −D without the logarithm: its gradient vanishes where D is sure."),
    Mistake(lambda fake: 1 - fake.sigmoid(), "That is 1 − D, the probability of being caught, without a logarithm."),
    Mistake(lambda fake: generator_loss(fake) / 2, "That is half of −log D."),
    *[Mistake(_single(entropy), message) for entropy, message in numerical()],
]


SOFTPLUS = "A clamp, a torch.where or a detach stops it: write the loss with softplus, which needs none of them"


def hold_to_slopes(
    name: str,
    function: Callable,
    cases: Sequence[Case],
    right: Callable[..., Tensor],
    free: Sequence[str] = (),
    hint: str = SOFTPLUS,
) -> None:
    """Hold the gradients to those of the right answer, which for a cross-entropy are σ(score) − label.

    Args:
        name: what the function is called in the exercise.
        function: the student's, whose values are right.
        cases: arguments to try.
        right: maps a case's arguments to the right answer.
        free: arguments whose gradient may be anything, since nobody follows it.
        hint: what to do about a wrong gradient.

    Raises:
        Wrong: a gradient differs.
    """
    for case in cases:
        keys = [key for key, value in case.args.items() if isinstance(value, Tensor)]
        wanted = slopes(name, right, case)
        for key, found, want in zip(keys, slopes(name, function, case), wanted, strict=True):
            if key not in free and not same(found, want):
                raise Wrong(
                    f"{given(name, case)} has the right value, but its gradient with respect to {key} is "
                    f"{show(found)}; expected {show(want)}. {hint}"
                )


@exercise("ex-02-discriminator-loss", "02_gan_game", "discriminator_loss(real, fake)", points=2)
def check_discriminator_loss(function: Callable) -> str:
    """The discriminator's cross-entropy."""
    cases = score_cases("real", "fake")
    examine("discriminator_loss", function, cases, discriminator_loss, DISCRIMINATOR_MISTAKES)
    hold_to_slopes("discriminator_loss", function, cases, discriminator_loss)
    return DESCRIPTION


@exercise("ex-02-generator-loss", "02_gan_game", "non_saturating_loss(fake)", points=2)
def check_generator_loss(function: Callable) -> str:
    """The generator's non-saturating loss."""
    cases = score_cases("fake")
    examine("non_saturating_loss", function, cases, generator_loss, GENERATOR_MISTAKES)
    hold_to_slopes("non_saturating_loss", function, cases, generator_loss)
    return DESCRIPTION
