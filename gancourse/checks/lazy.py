"""Check of chapter 7's lazy penalty: when it is due, and how much it counts then."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn.functional import softplus

from gancourse.checks.probe import Case, Mistake, examine
from gancourse.checks.registry import exercise
from gancourse.checks.slopes import KEEP, Critic, Smooth, draw, hold_to_gradients, slope
from gancourse.checks.verdict import Wrong

NAME = "critic_loss"
PARAMETERS = "critic, real, fake, penalty, weight, every, update"
Penalty = Callable[[Critic, Tensor], Tensor]


def _adversarial(critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
    return softplus(-critic(real)) + softplus(critic(fake))


def _made(factor: Callable[[float, int, int], float]) -> Callable[..., Tensor]:
    """The loss, with the penalty multiplied by a function of weight, interval and update."""

    def loss(
        critic: Critic, real: Tensor, fake: Tensor, penalty: Penalty, weight: float, every: int, update: int
    ) -> Tensor:
        value = _adversarial(critic, real, fake)
        k = factor(weight, every, update)
        return value + k * penalty(critic, real) if k else value

    return loss


critic_loss = _made(lambda weight, every, update: weight * every * (update % every == 0))
"""The right answer of ex-07-lazy."""

MISTAKES = [
    Mistake(_made(lambda w, e, u: 0.0), "The penalty never enters the loss."),
    Mistake(
        _made(lambda w, e, u: w * (u % e == 0)),
        "When the penalty is due it must count `every` times, so that its mean over updates doesn't depend on `every`; "
        "here it becomes weaker the lazier it is.",
    ),
    Mistake(_made(lambda w, e, u: w), "That adds the penalty at every update: nothing lazy about it."),
    Mistake(_made(lambda w, e, u: w * e), "That adds the penalty at every update, and `every` times each."),
    Mistake(
        _made(lambda w, e, u: -w * e * (u % e == 0)),
        "That has the sign flipped: the critic is rewarded for steep slopes. It minimises loss *plus* penalty.",
    ),
    Mistake(
        _made(lambda w, e, u: w * e * (u % e != 0)),
        "The condition is the wrong way round: update % every is 0, hence false, just when the penalty is due.",
    ),
    Mistake(
        _made(lambda w, e, u: w * e * ((u + 1) % e == 0)),
        "That is due at updates every − 1, 2 every − 1, …; count from update 0.",
    ),
    Mistake(
        _made(lambda w, e, u: w * e * (u == 0)), "That adds the penalty at update 0 only; it is due again and again."
    ),
    Mistake(
        _made(lambda w, e, u: w / e * (u % e == 0)), "That divides by `every`; multiply, to make up for the pause."
    ),
    Mistake(_made(lambda w, e, u: e * (u % e == 0)), "That leaves out the weight."),
    Mistake(lambda *a: critic_loss(*a).mean(), f"That is the mean over the batch. {KEEP}"),
    Mistake(lambda *a: critic_loss(*a).sum(), f"That is the sum over the batch. {KEEP}"),
]


@exercise("ex-07-lazy", "07_lipschitz", f"{NAME}({PARAMETERS})", points=1)
def check_lazy(function: Callable) -> str:
    """The discriminator's loss with a penalty that is due at every so-many-th update."""
    asked: list[int] = []

    def penalty(critic: Critic, x: Tensor) -> Tensor:
        asked.append(1)
        return slope(critic, x).flatten(1).square().sum(1) / 2

    critic, real, fake = Smooth(3), draw(60, 4, 3), draw(61, 4, 3) + 1
    cases = [
        Case(
            dict(
                zip(PARAMETERS.split(", "), (critic, real, fake, penalty, weight, every, update), strict=True)
            ),
            f"update {update} of a penalty that is due at every {every}th",
        )
        for weight, every, update in [
            (10.0, 4, 0), (10.0, 4, 1), (10.0, 4, 3), (10.0, 4, 8), (0.5, 1, 0), (0.5, 1, 5), (2.0, 16, 32),
        ]
    ]  # fmt: skip
    examine(NAME, function, cases, critic_loss, MISTAKES)
    asked.clear()
    function(*cases[1].args.values())
    if asked:
        raise Wrong(
            "The values are right, but the penalty is computed at updates where it isn't due (and multiplied by zero): "
            "that saves no time, which is what laziness is for. Call it inside the `if`"
        )
    hold_to_gradients(NAME, function, critic_loss, cases)
    return "Intervals of 1, 4 and 16; the penalty isn't even computed when it is not due."
