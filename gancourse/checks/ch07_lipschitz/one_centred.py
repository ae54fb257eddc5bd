"""Check of the gradient penalty that asks for gradients of length one between real and generated samples."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.ch07_lipschitz.critics import (
    Critic,
    CriticGradients,
    FlatCritic,
    Hinge,
    Linear,
    Smooth,
    frozen,
    input_gradient,
    normal,
)
from gancourse.checks.engine.comparison import Mistake, Values, reductions
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import OF_EVERY_KIND, sizes


def _between(real: Tensor, fake: Tensor, epsilon: Tensor) -> Tensor:
    e = epsilon.view(-1, *[1] * (real.ndim - 1))
    return e * real + (1 - e) * fake


def _norm(critic: Critic, x: Tensor) -> Tensor:
    return input_gradient(critic, x).flatten(1).norm(dim=1)


def gradient_penalty(critic: Critic, real: Tensor, fake: Tensor, epsilon: Tensor) -> Tensor:
    """The right answer of ex-07-gradient-penalty."""
    return (_norm(critic, _between(real, fake, epsilon)) - 1).square()


def _spread(per_sample: Tensor, shape: tuple[int, ...]) -> Tensor:
    return per_sample.view(-1, *[1] * (len(shape) - 1)).expand(shape)


def _over_channels(critic: Critic, real: Tensor, fake: Tensor, epsilon: Tensor) -> Tensor:
    if real.ndim == 2:
        return gradient_penalty(critic, real, fake, epsilon)
    return (input_gradient(critic, _between(real, fake, epsilon)).norm(dim=1) - 1).square().flatten(1).mean(1)


def _over_channels_map(critic: Critic, real: Tensor, fake: Tensor, epsilon: Tensor) -> Tensor:
    return (input_gradient(critic, _between(real, fake, epsilon)).norm(dim=1) - 1).square()


def _broadcast(critic: Critic, real: Tensor, fake: Tensor, epsilon: Tensor) -> Tensor:
    x = epsilon * real + (1 - epsilon) * fake if real.shape[-1] == len(epsilon) else _between(real, fake, epsilon)
    return (_norm(critic, x) - 1).square()


def _at(point: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    return lambda critic, real, fake, epsilon: (_norm(critic, point(real, fake, epsilon)) - 1).square()


CHANNELS = (
    "That takes the norm over the channel axis, .norm(dim=1) of a 4-D gradient: one norm per pixel. The constraint is "
    "on the whole image as one vector: flatten(1) first."
)
MISTAKES = [
    *reductions(gradient_penalty),
    Mistake(lambda *a: 10 * gradient_penalty(*a), "That has the weight λ = 10 inside; the weight is the caller's."),
    Mistake(
        lambda critic, real, fake, epsilon: _norm(critic, _between(real, fake, epsilon)).square(),
        "That is the zero-centred penalty, the gradient's squared norm; here the norm should be one.",
    ),
    Mistake(
        lambda critic, real, fake, epsilon: (_norm(critic, _between(real, fake, epsilon)).square() - 1).square(),
        "That compares the *squared* norm with one: the square root is missing.",
    ),
    Mistake(
        lambda critic, real, fake, epsilon: _norm(critic, _between(real, fake, epsilon)) - 1,
        "That isn't squared: the critic could make the penalty negative by becoming flat.",
    ),
    Mistake(
        lambda critic, real, fake, epsilon: (_norm(critic, _between(real, fake, epsilon)) - 1).abs(),
        "That is the absolute value; the penalty is its square.",
    ),
    Mistake(
        lambda critic, real, fake, epsilon: (_norm(critic, _between(real, fake, epsilon)) - 1).relu().square(),
        "That is the one-sided penalty, which lets flat critics go; this one charges them too.",
    ),
    Mistake(lambda *a: gradient_penalty(*a) / 2, "That has a factor ½, as R1 has one; this penalty has none."),
    Mistake(
        lambda critic, real, fake, epsilon: (
            input_gradient(critic, _between(real, fake, epsilon)).flatten(1).square().mean(1).sqrt() - 1
        ).square(),
        "That takes the mean over the entries of the gradient; ‖·‖² is their sum.",
    ),
    Mistake(
        lambda critic, real, fake, epsilon: (
            input_gradient(critic, _between(real, fake, epsilon)).flatten(1).abs().sum(1) - 1
        ).square(),
        "That sums the absolute entries of the gradient; the norm is Euclidean.",
    ),
    Mistake(_over_channels, CHANNELS),
    Mistake(_over_channels_map, CHANNELS),
    Mistake(
        lambda critic, real, fake, epsilon: (input_gradient(critic, _between(real, fake, epsilon)).norm() - 1).square(),
        "That takes one norm of the whole batch: it grows with the batch size. Flatten each sample, and keep axis 0.",
    ),
    Mistake(
        _at(lambda real, fake, epsilon: _between(real, fake, torch.full_like(epsilon, epsilon[0].item()))),
        "That uses one epsilon for the whole batch; each pair has its own point, epsilon[i].",
    ),
    Mistake(
        _broadcast,
        "That multiplies epsilon, [batch], with an image: it broadcasts along the *last* axis, the columns of pixels, "
        "and raises no error when the batch is as long as the image is wide. Give it the shape [batch, 1, 1, 1].",
    ),
    Mistake(_at(lambda real, fake, epsilon: real), "That is taken at the real samples: the interpolation is left out."),
    Mistake(
        _at(lambda real, fake, epsilon: fake), "That is taken at the generated samples: the interpolation is left out."
    ),
    Mistake(
        _at(lambda real, fake, epsilon: _between(fake, real, epsilon)),
        "That has real and fake exchanged: epsilon = 1 should give the real sample. (For a uniform epsilon it makes no "
        "difference on average, but this check compares points.)",
    ),
    Mistake(
        _at(lambda real, fake, epsilon: real + _between(real, fake, epsilon)),
        "That adds the real sample once too often: fake + epsilon · (real − fake) is the point between.",
    ),
    Mistake(
        lambda critic, real, fake, epsilon: (
            input_gradient(lambda x: critic(x).sigmoid(), _between(real, fake, epsilon)).flatten(1).norm(dim=1) - 1
        ).square(),
        "That is the gradient of a sigmoid of the score; the critic's score itself must be Lipschitz.",
    ),
]


def _cases() -> list[Case]:
    epsilon = torch.tensor([0.4, 1.0, 0.0, 0.7], dtype=torch.float64)
    example = {"critic": Linear(), "real": normal(8, 4, 2), "fake": normal(9, 4, 2), "epsilon": epsilon}
    cases = [Case(example, "the task's example, 3 x₁ + 4 x₂")]
    for k, shape in enumerate([(3,), (2, 4, 4), (1, 3, 5)]):
        real, fake = normal(10 + k, 4, *shape), normal(20 + k, 4, *shape) - 1
        # Gradient norms on either side of one, so that a one-sided penalty shows.
        critic = Smooth(*shape, seed=k, scale=0.7 + 0.6 * k)
        about = "images of four axes" if len(shape) == 3 else "points"
        cases.append(Case({"critic": critic, "real": real, "fake": fake, "epsilon": epsilon}, about))
    return cases


def _swept() -> list[Case]:
    """Batches of up to 7, points and images of any size, gradients from short to long, both precisions."""
    cases = []
    for k in range(16):
        n, *shape = sizes(k, 7, 4, 6, 9)
        dtype = (torch.float64, torch.float32)[k % 4 == 3]
        shape = shape if k % 3 else shape[:1]
        critic = Smooth(*shape, seed=k, scale=10 ** (k % 5 / 2 - 1), dtype=dtype)
        real, fake = (normal(70 + k, 2, n, *shape) + 1).to(dtype)
        args = {"critic": critic, "real": real, "fake": fake, "epsilon": normal(k, n).sigmoid().to(dtype)}
        cases.append(Case(args, f"a batch of {n} of shape {shape}"))
    return cases


def _flat() -> Case:
    x = torch.tensor([[-1.0, 2.0], [1.0, 2.0], [2.0, -1.0]], dtype=torch.float64)
    return Case({"critic": Hinge(), "real": x, "fake": x - 0.1, "epsilon": normal(1, 3).sigmoid()}, "a flat critic")


GRADIENT_PENALTY = Exercise(
    "ex-07-gradient-penalty",
    "gradient_penalty(critic, real, fake, epsilon)",
    points=2,
    steps=[
        Values(_cases, gradient_penalty, MISTAKES),
        CriticGradients(_cases, gradient_penalty),
        FlatCritic(_flat, 1.0),
        Values(_swept, gradient_penalty, hint=OF_EVERY_KIND),
        NoSideEffects(_cases),
        NoSideEffects(frozen(_cases)),
    ],
    description="Points and images, gradients shorter and longer than one, and the gradient that reaches the critic.",
)
