"""Check of the hinge losses: the discriminator's for each pair of scores, the generator's for each fake one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import leaky_relu, softplus

from gancourse.checks.engine.comparison import PRECISIONS, Gradients, Mistake, single_precision
from gancourse.checks.engine.parts import SeveralValues, joined, of_joined
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import LARGE, SMALL, Scaled, drawn, spread_out

PAIR = "a pair of tensors, the discriminator's losses and the generator's: `return d_losses, g_losses`"
BOTH = (
    "The discriminator's loss has a gradient in both scores while they are within the margin, and the generator's has "
    "the gradient −1 at every score: detach nothing here. (Who trains D detaches the samples, not the scores.)"
)
Loss = Callable[[Tensor, Tensor], Tensor]
"""Of the real scores and the fake ones."""


def _short(scores: Tensor, margin: float = 1.0) -> Tensor:
    """By how much scores fall short of the margin."""
    return (margin - scores).clamp(min=0)


def _d(real: Tensor, fake: Tensor) -> Tensor:
    return _short(real) + _short(-fake)


def _g(real: Tensor, fake: Tensor) -> Tensor:
    return -fake


def hinge_losses(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """The right answer."""
    return _d(real, fake), _g(real, fake)


D_MISTAKES: list[tuple[Loss, str]] = [
    (
        lambda r, f: (r - 1).clamp(max=0) + (-f - 1).clamp(max=0),
        "D's loss has its sign turned: min(0, −1 + real) + min(0, −1 − fake) is what D maximises. Minus that.",
    ),
    (lambda r, f: _short(-r) + _short(f), "D's loss has real and fake exchanged: real scores should be above 1."),
    (lambda r, f: _short(r, 0.0) + _short(-f, 0.0), "D's margin is 0: then scores of 0 have no loss. It is 1."),
    (lambda r, f: _short(r, 2.0) + _short(-f, 2.0), "D's margin is 2; it is 1 on each side."),
    (lambda r, f: _short(r, 0.5) + _short(-f, 0.5), "D's margin is 1/2; it is 1 on each side."),
    (lambda r, f: f - r, "D's loss is that of a Wasserstein critic: scores beyond the margin should add nothing."),
    (lambda r, f: (1 - r) + (1 + f), "D's loss is without relu: scores beyond the margin should add nothing."),
    (
        lambda r, f: (2 - r + f).clamp(min=0),
        "D's loss has one relu around the sum; each part has its own: no score makes up for another.",
    ),
    (
        lambda r, f: (1 - r + f).clamp(min=0),
        "D's loss is the relativistic one, relu(1 − (real − fake)); each score has a margin of its own.",
    ),
    (lambda r, f: _d(r, f) / 2, "D's loss is halved: real and fake parts are added, not averaged."),
    (lambda r, f: _short(r), "D's loss has the real part alone; fake scores should be below −1."),
    (lambda r, f: _short(-f), "D's loss has the fake part alone; real scores should be above 1."),
    (lambda r, f: _short(r) + _short(f), "D's fake part is relu(1 − fake); fake scores should fall: relu(1 + fake)."),
    (lambda r, f: _short(-r) + _short(-f), "D's real part is relu(1 + real); real scores should rise: relu(1 − real)."),
    (lambda r, f: _short(r) - _short(-f), "D's fake part is subtracted; add it."),
    (lambda r, f: _short(r).square() + _short(-f).square(), "D's parts are squared; they are linear in the scores."),
    (lambda r, f: softplus(-r) + softplus(f), "D's loss is the cross-entropy, softplus; use relu with a margin of 1."),
    (lambda r, f: softplus(1 - r) + softplus(1 + f), "D's loss has softplus in the place of relu."),
    (
        lambda r, f: leaky_relu(1 - r, 0.2) + leaky_relu(1 + f, 0.2),
        "D's loss has a leaky relu; beyond the margin it is 0.",
    ),
    (lambda r, f: leaky_relu(1 - r) + leaky_relu(1 + f), "D's loss has a leaky relu; beyond the margin it is 0."),
    (
        lambda r, f: (1 - r).abs() + (1 + f).abs(),
        "D's loss has absolute values: scores beyond the margin are punished.",
    ),
    (lambda r, f: _d(r.sigmoid(), f.sigmoid()), "D's scores pass a sigmoid; they are any real numbers."),
    (lambda r, f: _d(r.tanh(), f.tanh()), "D's scores pass a tanh; they are any real numbers."),
    (lambda r, f: _short(r).clamp(max=1) + _short(-f).clamp(max=1), "D's parts are cut at 1; they grow without end."),
    (lambda r, f: _short(r).clamp(max=2) + _short(-f).clamp(max=2), "D's parts are cut at 2; they grow without end."),
    (lambda r, f: torch.maximum(_short(r), _short(-f)), "D's loss is the larger part; add both."),
    (lambda r, f: _d(r, f).mean(), "D's loss is the mean over the batch; return one for each pair."),
    (lambda r, f: _d(r, f).sum(), "D's loss is the sum over the batch; return one for each pair."),
    (
        lambda r, f: _short(r).mean() + _short(-f),
        "D's real part is averaged over the batch; return one loss for each pair.",
    ),
    (lambda r, f: torch.cat([_short(r), _short(-f)]), "D's parts stand one after the other; add them, pair by pair."),
    (lambda r, f: torch.stack([_short(r), _short(-f)]), "D's parts are stacked; add them, pair by pair."),
    (
        lambda r, f: _short(r)[:, None] + _short(-f),
        "D's loss pairs every real score with every fake one, by broadcasting.",
    ),
    (lambda r, f: _d(r, f)[:, None], "D's loss has an axis too many; its shape is [batch]."),
]
G_MISTAKES: list[tuple[Loss, str]] = [
    (
        lambda r, f: _short(f),
        "G's loss is relu(1 − fake): it has no gradient once fake scores are above 1. It is −fake, without relu.",
    ),
    (lambda r, f: (-f).clamp(min=0), "G's loss has a relu: relu(−fake). It is −fake, of either sign."),
    (lambda r, f: f, "G's loss has the wrong sign: it descends, and wants high scores. −fake."),
    (lambda r, f: 1 - f, "G's loss is 1 − fake; leave the 1 out."),
    (lambda r, f: -_short(-f), "G's loss is minus D's, as in a zero-sum game: −relu(1 + fake). It is −fake."),
    (lambda r, f: _short(-f), "G's loss is D's own part, relu(1 + fake); G wants the opposite, −fake."),
    (lambda r, f: r - f, "G's loss has the real scores in it; G has no influence on them. −fake."),
    (lambda r, f: -r, "G's loss is −real; G makes the fake samples."),
    (lambda r, f: r, "G's loss is the real scores; it is −fake."),
    (lambda r, f: softplus(-f), "G's loss is the cross-entropy, softplus(−fake); it is −fake."),
    (lambda r, f: -f.sigmoid(), "G's scores pass a sigmoid; they are any real numbers."),
    (lambda r, f: -f.clamp(-1, 1), "G's scores are cut at ±1; −fake has no margin."),
    (lambda r, f: -f.clamp(max=1), "G's scores are cut at 1; −fake has no margin."),
    (lambda r, f: -f / 2, "G's loss is halved; it is −fake."),
    (lambda r, f: -f.mean(), "G's loss is the mean over the batch; return one for each sample."),
    (lambda r, f: -f.sum(), "G's loss is the sum over the batch; return one for each sample."),
    (lambda r, f: -f[:, None], "G's loss has an axis too many; its shape is [batch]."),
]


def _pair(d: Loss, g: Loss, real: Tensor, fake: Tensor, *_: object) -> tuple[Tensor, Tensor]:
    return d(real, fake), g(real, fake)


MISTAKES = [
    *(Mistake(partial(_pair, d, _g), message) for d, message in D_MISTAKES),
    *(Mistake(partial(_pair, _d, g), message) for g, message in G_MISTAKES),
    Mistake(partial(_pair, _g, _d), "The two losses are exchanged: D's is the first."),
    *(Mistake(partial(_pair, d, g), f"{of_d} {of_g}") for d, of_d in D_MISTAKES for g, of_g in G_MISTAKES),
    Mistake(
        lambda r, f: tuple(reversed(hinge_losses(f, r))), "The two losses are exchanged, and so are real and fake."
    ),
    single_precision(hinge_losses),
]


def _cases() -> list[Case]:
    """Scores on both sides of both margins, at them, of ±50 and ±1000; both precisions; the task's example first."""
    cases = []
    for dtype in PRECISIONS:
        of_task = {"real": torch.tensor([0.5, 3.0, -1.0]), "fake": torch.tensor([-0.5, -2.0, 4.0])}
        cases.append(Case({key: v.to(dtype) for key, v in of_task.items()}, "the task's example"))
        for k, n in enumerate((5, 1, 8)):
            scores = {"real": 2 * drawn(k, n), "fake": 2 * drawn(50 + k, n)}
            cases.append(Case({key: v.to(dtype) for key, v in scores.items()}, "random scores"))
        for size in (50.0, 1000.0):
            signs = torch.tensor([[1.0, -1.0, 1.0, -1.0], [1.0, 1.0, -1.0, -1.0]], dtype=dtype)
            cases.append(Case({"real": size * signs[0], "fake": size * signs[1]}, f"scores of ±{size:g}"))
        grid = torch.linspace(-3, 3, 25, dtype=dtype)
        cases.append(Case({"real": grid, "fake": grid.flip(0).clone()}, "scores from −3 to 3"))
        cases.append(Case({"real": grid.flip(0).clone(), "fake": torch.zeros_like(grid)}, "fake scores of 0"))
    return cases


def _swept() -> list[Case]:
    return [
        Case({"real": spread_out(5_000 + k, 40), "fake": spread_out(5_100 + k, 40)}, "scores from 1e-3 to 1e3, and 0")
        for k in range(4)
    ]


def _smooth() -> list[Case]:
    """Scores that are not at a margin, where the loss has a corner and any gradient of 0 to 1 is right."""
    apart = []
    for case in (*_cases(), *_swept()):
        keep = (case.args["real"] != 1) & (case.args["fake"] != -1)
        apart.append(case._replace(args={key: v[keep] for key, v in case.args.items()}))
    return apart


FACTORS = [{"real": factor, "fake": factor, "result": result} for factor, result in ((LARGE, LARGE), (SMALL, 1.0))]
HINGE = Exercise(
    "ex-13-hinge",
    "hinge_losses(real, fake)",
    points=2,
    steps=[
        SeveralValues(_cases, hinge_losses, PAIR, MISTAKES),
        NoSideEffects(_cases),
        SeveralValues(_swept, hinge_losses, PAIR, MISTAKES),
        of_joined(Scaled(_swept, joined(hinge_losses), FACTORS)),
        of_joined(Gradients(_smooth, joined(hinge_losses), hint=BOTH)),
    ],
    description="Scores on both sides of both margins, at them, and of ±1000; gradients; both precisions.",
)
