"""Check of the lazy penalty: when it is due, and how much it counts then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

from gancourse.checks.ch07_lipschitz.critics import Critic, CriticGradients, Smooth, frozen, input_gradient, normal
from gancourse.checks.engine.comparison import Mistake, Values, reductions
from gancourse.checks.engine.probe import Case, call
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import sizes
from gancourse.checks.engine.verdict import Wrong

PARAMETERS = "critic, real, fake, penalty, weight, every, update"
Penalty = Callable[[Critic, Tensor], Tensor]


def _adversarial(critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
    return softplus(-critic(real)) + softplus(critic(fake))


def _loss(factor: Callable[[float, int, int], float]) -> Callable[..., Tensor]:
    """The loss, with the penalty multiplied by a function of weight, interval and update."""

    def loss(
        critic: Critic, real: Tensor, fake: Tensor, penalty: Penalty, weight: float, every: int, update: int
    ) -> Tensor:
        value = _adversarial(critic, real, fake)
        k = factor(weight, every, update)
        return value + k * penalty(critic, real) if k else value

    return loss


critic_loss = _loss(lambda weight, every, update: weight * every * (update % every == 0))
"""The right answer of ex-07-lazy."""

MISTAKES = [
    Mistake(_loss(lambda w, e, u: 0.0), "The penalty never enters the loss."),
    Mistake(
        _loss(lambda w, e, u: w * (u % e == 0)),
        "When the penalty is due it must count `every` times, so that its mean over updates doesn't depend on `every`; "
        "here it becomes weaker the lazier it is.",
    ),
    Mistake(_loss(lambda w, e, u: w), "That adds the penalty at every update: nothing lazy about it."),
    Mistake(_loss(lambda w, e, u: w * e), "That adds the penalty at every update, and `every` times each."),
    Mistake(
        _loss(lambda w, e, u: -w * e * (u % e == 0)),
        "That has the sign flipped: the critic is rewarded for large gradients. It minimises loss *plus* penalty.",
    ),
    Mistake(
        _loss(lambda w, e, u: w * e * (u % e != 0)),
        "The condition is the wrong way round: update % every is 0, hence false, just when the penalty is due.",
    ),
    Mistake(
        _loss(lambda w, e, u: w * e * ((u + 1) % e == 0)),
        "That is due at updates every − 1, 2 every − 1, …; count from update 0.",
    ),
    Mistake(
        _loss(lambda w, e, u: w * e * (u == 0)), "That adds the penalty at update 0 only; it is due again and again."
    ),
    Mistake(
        _loss(lambda w, e, u: w / e * (u % e == 0)), "That divides by `every`; multiply, to make up for the pause."
    ),
    Mistake(_loss(lambda w, e, u: e * (u % e == 0)), "That leaves out the weight."),
    Mistake(
        lambda critic, real, fake, penalty, w, e, u: (
            _adversarial(critic, real, fake) + w * e * (u % e == 0) * penalty(critic, fake)
        ),
        "That takes the penalty at the generated samples; it is penalty(critic, real).",
    ),
    Mistake(
        lambda critic, real, fake, penalty, w, e, u: (
            critic(fake) - critic(real) + w * e * (u % e == 0) * penalty(critic, real)
        ),
        "That is the Wasserstein critic's loss; the task asks for the cross-entropy, softplus(−D(x)) + "
        "softplus(D(G(z))).",
    ),
    *reductions(critic_loss),
]


@dataclass
class CountedPenalty:
    """R1, which counts how often it is computed."""

    calls: int = 0
    __name__ = "penalty"

    def __call__(self, critic: Critic, x: Tensor) -> Tensor:
        """Penalty per sample, [batch]."""
        self.calls += 1
        return input_gradient(critic, x).flatten(1).square().sum(1) / 2


def _cases() -> list[Case]:
    critic, real, fake = Smooth(3), normal(60, 4, 3), normal(61, 4, 3) + 1
    schedules = [(10.0, 4, 0), (10.0, 4, 1), (10.0, 4, 3), (10.0, 4, 8), (0.5, 1, 0), (0.5, 1, 5), (2.0, 16, 32)]
    cases = []
    for weight, every, update in schedules:
        values = (critic, real, fake, CountedPenalty(), weight, every, update)
        about = f"update {update} of a penalty that is due every {every} updates"
        cases.append(Case(dict(zip(PARAMETERS.split(", "), values, strict=True)), about))
    return cases


def _swept() -> list[Case]:
    """Intervals up to 40, updates up to 4,000, batches of any size, both precisions."""
    cases = []
    for k in range(20):
        n, every, turn = sizes(k, 7, 40, 100)
        dtype = (torch.float64, torch.float32)[k % 4 == 3]
        critic, update = Smooth(3, seed=k, dtype=dtype), every * turn + (k % 3 == 0)
        real, fake = normal(80 + k, 2, n, 3).to(dtype)
        values = (critic, real, fake, CountedPenalty(), 0.3 * (1 + k), every, update)
        about = f"update {update} of a penalty that is due every {every} updates, a batch of {n}"
        cases.append(Case(dict(zip(PARAMETERS.split(", "), values, strict=True)), about))
    return cases


class Sure(Smooth):
    """A critic that is sure of itself, for better or worse: scores of thousands, of both signs."""

    def forward(self, x: Tensor) -> Tensor:
        """Scores [batch]."""
        return 2000 * super().forward(x)


def _sure() -> list[Case]:
    return [case._replace(args=case.args | {"critic": Sure(3)}, about="scores of thousands") for case in _cases()[1:3]]


def _check_laziness(name: str, function: Callable) -> None:
    """Between its updates the penalty isn't computed at all."""
    case = next(case for case in _cases() if case.args["update"] % case.args["every"])
    call(name, function, case)
    if case.args["penalty"].calls:
        raise Wrong(
            "The values are right, but the penalty is computed at updates where it isn't due (and multiplied by zero): "
            "that saves no time, which is what laziness is for. Call it inside the `if`"
        )


OVERFLOW = "Large scores overflow an exponential, and a sigmoid rounds to 0 or 1: softplus does neither"
LAZY = Exercise(
    "ex-07-lazy",
    f"critic_loss({PARAMETERS})",
    points=1,
    steps=[
        Values(_cases, critic_loss, MISTAKES),
        _check_laziness,
        CriticGradients(_cases, critic_loss),
        Values(_sure, critic_loss, hint=OVERFLOW),
        CriticGradients(_sure, critic_loss),
        Values(_swept, critic_loss, hint="Every interval, update, weight and batch follows the same rule"),
        NoSideEffects(_cases),
        NoSideEffects(frozen(_cases)),
    ],
    description="Intervals from 1 to 40, scores of thousands; the penalty isn't even computed when it is not due.",
)
