"""Check of chapter 7's gradient penalty: the slope of unit length between real and generated samples."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.probe import Case, Mistake, examine
from gancourse.checks.registry import exercise
from gancourse.checks.slopes import KEEP, Critic, Smooth, draw, hold_to_gradients, slope

NAME = "gradient_penalty"


def _between(real: Tensor, fake: Tensor, epsilon: Tensor) -> Tensor:
    e = epsilon.view(-1, *[1] * (real.ndim - 1))
    return e * real + (1 - e) * fake


def _norm(critic: Critic, x: Tensor) -> Tensor:
    return slope(critic, x).flatten(1).norm(dim=1)


def gradient_penalty(critic: Critic, real: Tensor, fake: Tensor, epsilon: Tensor) -> Tensor:
    """The right answer of ex-07-gradient-penalty."""
    return (_norm(critic, _between(real, fake, epsilon)) - 1).square()


def _spread(per_sample: Tensor, shape: tuple[int, ...]) -> Tensor:
    return per_sample.view(-1, *[1] * (len(shape) - 1)).expand(shape)


def _over_channels(critic: Critic, real: Tensor, fake: Tensor, epsilon: Tensor) -> Tensor:
    if real.ndim == 2:
        return gradient_penalty(critic, real, fake, epsilon)
    return (slope(critic, _between(real, fake, epsilon)).norm(dim=1) - 1).square().flatten(1).mean(1)


def _over_channels_map(critic: Critic, real: Tensor, fake: Tensor, epsilon: Tensor) -> Tensor:
    return (slope(critic, _between(real, fake, epsilon)).norm(dim=1) - 1).square()


def _broadcast(critic: Critic, real: Tensor, fake: Tensor, epsilon: Tensor) -> Tensor:
    x = epsilon * real + (1 - epsilon) * fake if real.shape[-1] == len(epsilon) else _between(real, fake, epsilon)
    return (_norm(critic, x) - 1).square()


def _at(point: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    return lambda critic, real, fake, epsilon: (_norm(critic, point(real, fake, epsilon)) - 1).square()


CHANNELS = (
    "That takes the norm over the channel axis, .norm(dim=1) of a 4-D slope: one norm per pixel. The constraint is on "
    "the whole image as one vector: flatten(1) first."
)
MISTAKES = [
    Mistake(lambda *a: gradient_penalty(*a).mean(), f"That is the mean over the batch. {KEEP}"),
    Mistake(lambda *a: gradient_penalty(*a).sum(), f"That is the sum over the batch. {KEEP}"),
    Mistake(lambda *a: 10 * gradient_penalty(*a), "That has the weight λ = 10 inside; the weight is the caller's."),
    Mistake(
        lambda critic, real, fake, epsilon: _norm(critic, _between(real, fake, epsilon)).square(),
        "That is the zero-centred penalty, the slope's square; here the slope should have length one.",
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
    Mistake(_over_channels, CHANNELS),
    Mistake(_over_channels_map, CHANNELS),
    Mistake(
        lambda critic, real, fake, epsilon: (slope(critic, _between(real, fake, epsilon)).norm() - 1).square(),
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
            slope(lambda x: critic(x).sigmoid(), _between(real, fake, epsilon)).flatten(1).norm(dim=1) - 1
        ).square(),
        "That is the slope of a sigmoid of the score; the critic's score itself must be Lipschitz.",
    ),
]


def _cases() -> list[Case]:
    epsilon = torch.tensor([0.4, 1.0, 0.0, 0.7], dtype=torch.float64)
    cases = []
    for k, shape in enumerate([(3,), (2, 4, 4), (1, 3, 5)]):
        real, fake = draw(10 + k, 4, *shape), draw(20 + k, 4, *shape) - 1
        # Of slopes on either side of one, so that a one-sided penalty shows.
        critic = Smooth(*shape, seed=k, scale=0.7 + 0.6 * k)
        about = "images of four axes" if len(shape) == 3 else "points"
        cases.append(Case({"critic": critic, "real": real, "fake": fake, "epsilon": epsilon}, about))
    return cases


@exercise("ex-07-gradient-penalty", "07_lipschitz", f"{NAME}(critic, real, fake, epsilon)", points=2)
def check_gradient_penalty(function: Callable) -> str:
    """The penalty of WGAN-GP, per sample."""
    cases = _cases()
    examine(NAME, function, cases, gradient_penalty, MISTAKES)
    hold_to_gradients(NAME, function, gradient_penalty, cases)
    return "Points and images, slopes on either side of one, and the gradient that reaches the critic."
