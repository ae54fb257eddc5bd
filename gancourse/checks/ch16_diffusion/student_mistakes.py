"""Wrong values of a distillation loss: other samples, states, estimates and distances."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from gancourse.checks.ch16_diffusion.levels import PLACES, Place, of_samples
from gancourse.checks.ch16_diffusion.networks import Network, unless_it_fails
from gancourse.checks.engine.comparison import Mistake


class Parts(NamedTuple):
    """What an estimate may be made of.

    Args:
        t: the time, with the axes of the data.
        z: the latent.
        x: the student's sample.
        again: the sample, noised again.
        epsilon: the noise.
        v: the teacher's velocity at `again`.
    """

    t: Tensor
    z: Tensor
    x: Tensor
    again: Tensor
    epsilon: Tensor
    v: Tensor


Sample = Callable[[Tensor, Tensor], Tensor]
"""Of z and the student's velocity."""
State = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""Of t, the sample, the noise and z."""
Target = Callable[[Parts], Tensor]
Compare = Callable[[Tensor, Tensor], Tensor]
"""Of the sample and the target."""


def _sample(z: Tensor, v: Tensor) -> Tensor:
    return z - v


def _state(t: Tensor, x: Tensor, e: Tensor, z: Tensor) -> Tensor:
    return (1 - t) * x + t * e


def _target(p: Parts) -> Tensor:
    return p.again - p.t * p.v


def _compare(x: Tensor, target: Tensor) -> Tensor:
    return (x - target).square().mean()


def _loss(
    student: Network,
    teacher: Network,
    z: Tensor,
    epsilon: Tensor,
    t: Tensor,
    sample: Sample = _sample,
    state: State = _state,
    target: Target = _target,
    compare: Compare = _compare,
    place: Place = of_samples,
) -> Tensor:
    level = place(t, z)
    x = sample(z, student(z, torch.full_like(t, 1000)))
    again = state(level, x, epsilon, z)
    v = teacher(again, 1000 * t)
    return compare(x, target(Parts(level, z, x, again, epsilon, v)))


def _by(**parts: object) -> Callable[..., Tensor]:
    return unless_it_fails(lambda *args: _loss(*args, **parts))


SAMPLES: list[tuple[Sample, str]] = [
    (lambda z, v: v, "The student's output is taken for the sample; it is a velocity, and the sample z minus that."),
    (lambda z, v: z + v, "The student's velocity is added to z; from noise to data it is subtracted."),
    (lambda z, v: v - z, "The sample has its sign turned: z minus the velocity."),
    (lambda z, v: z - 1000 * v, "The velocity is multiplied by 1000; the step from 1 to 0 has the length 1."),
    (lambda z, v: (z - v).clamp(-1, 1), "The sample is clipped to ±1; here it isn't."),
    (lambda z, v: z, "The sample is z itself; subtract the student's velocity."),
    (lambda z, v: z - v / 2, "The step is half as long as from 1 to 0."),
]
STATES: list[tuple[State, str]] = [
    (
        lambda t, x, e, z: x,
        "The teacher looks at the clean sample: it was trained on noised states, and at the time t it expects one. "
        "Noise the sample again, with epsilon.",
    ),
    (lambda t, x, e, z: t * x + (1 - t) * e, "It is noised the other way round: t is the share of the noise."),
    (
        lambda t, x, e, z: (1 - t).sqrt() * x + t.sqrt() * e,
        "It is noised with square roots; a flow's path is straight.",
    ),
    (lambda t, x, e, z: x + t * e, "Noise is added without taking the sample away: its factor is 1 − t."),
    (lambda t, x, e, z: (1 - t) * x + e, "The noise lacks its factor t."),
    (
        lambda t, x, e, z: (1 - t) * x + t * z,
        "The sample is noised with z, from which it was made; take epsilon, which is independent of it.",
    ),
    (lambda t, x, e, z: (1 - t) * z + t * e, "z is noised in the place of the sample."),
    (lambda t, x, e, z: z, "The teacher looks at z; it should look at the sample, noised again."),
    (lambda t, x, e, z: e, "The teacher looks at the noise alone; it should look at the sample, noised again."),
    (lambda t, x, e, z: (1 - t) * x, "The sample is made smaller, and no noise is added."),
    (lambda t, x, e, z: (1 - t) * x - t * e, "The noise is subtracted."),
]
TARGETS: list[tuple[Target, str]] = [
    (
        lambda p: p.x - p.t * p.v,
        "The teacher's step begins at the clean sample, x − t · v; it begins at the state that the teacher saw, x_t.",
    ),
    (lambda p: p.again - p.v, "The teacher's step isn't multiplied by t: from time t to 0 it has the length t."),
    (lambda p: p.again + p.t * p.v, "The teacher's step goes towards noise; subtract t · v."),
    (lambda p: p.again + (1 - p.t) * p.v, "That is the teacher's estimate of the *noise*, x_t + (1 − t) v."),
    (lambda p: p.again - (1 - p.t) * p.v, "The teacher's step has the length 1 − t; it is t."),
    (lambda p: p.v, "The teacher's velocity is taken for the data; they are x_t − t · v."),
    (lambda p: p.epsilon - p.v, "That is ε − v, which is the data only if the teacher were right; take x_t − t · v."),
    (lambda p: p.z - p.v, "The teacher's step begins at z; it begins at x_t, and has the length t."),
    (lambda p: p.again, "The target is the noised sample itself; the teacher's step is missing."),
    (lambda p: p.again - 1000 * p.t * p.v, "The teacher's step is multiplied by 1000 t; its length is t."),
    (lambda p: _target(p).clamp(-1, 1), "The teacher's estimate is clipped to ±1; here it isn't."),
    (lambda p: p.x, "The sample is compared with itself."),
    (lambda p: p.epsilon, "The target is the noise; it is the teacher's estimate of the data."),
    (lambda p: p.z, "The target is z; it is the teacher's estimate of the data."),
    (lambda p: p.x - (p.epsilon - p.x - p.v), "Velocities are compared; the estimates of the data should be."),
    (lambda p: p.again - p.t.sqrt() * p.v, "The teacher's step has the length √t; it is t."),
]
COMPARED: list[tuple[Compare, str]] = [
    (lambda x, y: (x - y).square().sum(), "The squares are added; take their mean over all numbers."),
    (
        lambda x, y: (x - y).square().flatten(1).sum(1).mean(),
        "The squares are added within a sample; take the mean over all numbers.",
    ),
    (lambda x, y: (x - y).square().flatten(1).mean(1), "That is one value per sample; take the mean of all numbers."),
    (lambda x, y: (x - y).square().flatten(1).sum(1), "That is one sum per sample; take the mean of all numbers."),
    (lambda x, y: (x - y).square(), "That is one value per number; take their mean."),
    (lambda x, y: (x - y).abs().mean(), "That is the mean of absolute values; take squares."),
    (lambda x, y: (x - y).square().mean().sqrt(), "A root is taken of the mean; leave it out."),
    (lambda x, y: (x - y).norm(), "That is the norm of the difference; take the mean of squares."),
    (lambda x, y: (x - y).flatten(1).norm(dim=1).mean(), "That is the mean distance; take the mean of squares."),
    (lambda x, y: (x - y).mean(), "The differences aren't squared: positive and negative ones cancel."),
    (lambda x, y: (x - y).mean().square(), "The mean is squared; square each difference, then take the mean."),
    (lambda x, y: (x - y).square().mean() / 2, "The loss is halved; here it isn't."),
    (lambda x, y: -(x - y).square().mean(), "The loss has its sign turned."),
    (lambda x, y: (x * y).mean(), "That is a product; take the squared difference."),
    (
        lambda x, y: torch.nn.functional.smooth_l1_loss(x, y),
        "That is the Huber loss; take squares.",
    ),
    (lambda x, y: (x - y).square().mean().view(1), "The loss has the shape [1]; it is a single number, of shape []."),
]
MISTAKES = [
    *(Mistake(_by(place=place), message) for place, message in PLACES),
    *(Mistake(_by(sample=sample), message) for sample, message in SAMPLES),
    *(Mistake(_by(state=state), message) for state, message in STATES),
    *(Mistake(_by(target=target), message) for target, message in TARGETS),
    *(Mistake(_by(compare=compare), message) for compare, message in COMPARED),
    *(
        Mistake(_by(state=state, target=target), f"{of_state} {of_target}")
        for state, of_state in STATES
        for target, of_target in TARGETS
    ),
    *(
        Mistake(_by(sample=sample, target=target), f"{of_sample} {of_target}")
        for sample, of_sample in SAMPLES
        for target, of_target in TARGETS
    ),
    *(
        Mistake(_by(state=state, compare=compare), f"{of_state} {of_distance}")
        for state, of_state in STATES
        for compare, of_distance in COMPARED
    ),
    *(
        Mistake(_by(target=target, compare=compare), f"{of_target} {of_distance}")
        for target, of_target in TARGETS
        for compare, of_distance in COMPARED
    ),
]
