"""Check of the critic's loss."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

from gancourse.checks.engine.comparison import PRECISIONS, Gradients, Mistake, Values
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.ranges import EachSample, numbers
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects


def critic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """The right answer of ex-06-critic-loss."""
    return torch.stack([-real, fake]).sum(0)


def _cases() -> list[Case]:
    cases = []
    for dtype in PRECISIONS:
        example = {"real": torch.tensor([2.0, 0.0], dtype=dtype), "fake": torch.tensor([-1.0, 0.5], dtype=dtype)}
        cases.append(Case(example, "the task's example"))
        noise = torch.Generator().manual_seed(1)
        real, fake = torch.randn(2, 5, generator=noise, dtype=torch.float64).to(dtype)
        cases.append(Case({"real": 3 * real, "fake": 3 * fake}, "random scores"))
        cases.append(Case({"real": real[:1], "fake": fake[:1]}, "a batch of one"))
        big = torch.tensor([50.0, -50.0, 20.0], dtype=dtype)
        cases.append(Case({"real": big, "fake": big.flip(0)}, "scores of ±50: a critic's scores have no bounds"))
    return cases


def _swept() -> list[Case]:
    """Scores of every size and sign, each with scores of every size and sign."""
    cases = []
    for dtype in PRECISIONS:
        swept = numbers(1e4, dtype)
        real, fake = swept.repeat(4), torch.cat([swept, -swept, swept.flip(0), 0 * swept + 1])
        cases.append(Case({"real": real, "fake": fake}, "scores from −10,000 to 10,000"))
    return cases


MISTAKES = [
    Mistake(
        lambda real, fake: real - fake,
        "That has the sign flipped: descending it teaches the critic to score data low, while G still raises its "
        "scores. High score = real, and optimisers descend: fake − real.",
    ),
    Mistake(
        lambda real, fake: relu(1 - real) + relu(1 + fake),
        "That is the hinge loss, which goes round under the name of Wasserstein: it stops pushing beyond ±1, and its "
        "mean estimates no distance.",
    ),
    Mistake(
        lambda real, fake: fake.sigmoid() - real.sigmoid(),
        "That leaves a sigmoid on the critic: its scores lie in (0, 1), the estimate can't exceed 1, and the "
        "gradient vanishes for large scores. A critic's scores are any real numbers.",
    ),
    Mistake(
        lambda real, fake: softplus(-real) + softplus(fake),
        "That is the cross-entropy, the discriminator's loss of chapter 2. The critic's loss has no logarithm.",
    ),
    Mistake(
        lambda real, fake: (fake - real).abs(),
        "That takes the absolute value: the critic may then score fakes as far above the data as below.",
    ),
    Mistake(
        lambda real, fake: -(fake - real).abs(),
        "That pushes each pair of scores apart, whichever is higher: the critic may end up with fakes on top.",
    ),
    Mistake(lambda real, fake: fake + real, "That adds the scores: data is then pushed down like fakes. Subtract."),
    Mistake(
        lambda real, fake: fake.mean() - real,
        "That compares each real score with the mean of the fake ones: return fake[i] − real[i] for each sample.",
    ),
    Mistake(
        lambda real, fake: fake - real.mean(),
        "That compares each fake score with the mean of the real ones: return fake[i] − real[i] for each sample.",
    ),
    Mistake(lambda real, fake: -fake, "That is the generator's loss, −score of its samples; the critic needs both."),
    Mistake(lambda real, fake: -real, "That is the real half only: the critic could raise all its scores at once."),
    Mistake(lambda real, fake: (fake - real) / 2, "That is half the loss, so that minus its mean is half of W1."),
    Mistake(
        lambda real, fake: (fake - real).mean(),
        "That is the mean over the batch. Return one value per sample; only the trainer averages.",
    ),
    Mistake(
        lambda real, fake: (fake - real).square(),
        "That squares the difference: descending it makes the critic flat, W1's estimate zero.",
    ),
]


CRITIC_LOSS = Exercise(
    "ex-06-critic-loss",
    "critic_loss(real, fake)",
    points=1,
    steps=[
        Values(_cases, critic_loss, MISTAKES),
        Gradients(_cases, critic_loss, hint="The gradient is −1 for each real score and +1 for each fake one"),
        EachSample(_swept, critic_loss, hint="A critic's scores are any real numbers, and one formula holds for all."),
        NoSideEffects(_cases),
    ],
    description="Random scores, a batch of one, scores up to ±10,000; values and gradients, in both precisions.",
)
