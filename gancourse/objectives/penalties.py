"""Penalties on the critic, one value per sample. All are called as penalty(critic, real, fake, epsilon)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Critic = Callable[[Tensor], Tensor]


def _scores(critic: Critic, x: Tensor) -> Tensor:
    scores = critic(x)
    if scores.shape != x.shape[:1]:
        raise ValueError(f"the critic gave shape {tuple(scores.shape)}; expected [{len(x)}], one score a sample")
    return scores


def _slope(critic: Critic, x: Tensor) -> Tensor:
    """Gradient of the critic at x, itself differentiable, of x's shape."""
    # Not detached: the slope at generated data depends on the generator too, which fields and Jacobians need.
    x = x if x.requires_grad else x.detach().requires_grad_()
    # The sum makes one backward pass give each sample's own gradient: scores of other samples don't depend on it.
    (slope,) = torch.autograd.grad(_scores(critic, x).sum(), x, create_graph=True)
    return slope


def _between(real: Tensor, fake: Tensor, epsilon: Tensor) -> Tensor:
    """Points x̂ = ε·real + (1 − ε)·fake, with one ε a sample."""
    if real.shape != fake.shape:
        raise ValueError(f"real has shape {tuple(real.shape)}, fake {tuple(fake.shape)}; they must agree")
    if epsilon.shape != real.shape[:1]:
        raise ValueError(f"epsilon has shape {tuple(epsilon.shape)}; expected [{len(real)}], one number a sample")
    e = epsilon.view(-1, *[1] * (real.ndim - 1))
    return e * real + (1 - e) * fake


def gradient_norm(critic: Critic, x: Tensor) -> Tensor:
    """The critic's slope ‖∇ₓ D(x)‖ at each sample, over all its axes, [batch]; differentiable in the critic's weights.

    Args:
        critic: maps [batch, ...] to scores [batch].
        x: where, [batch, ...].

    Raises:
        ValueError: the critic doesn't give one score a sample.

    >>> gradient_norm(lambda x: 3 * x[:, 0] + 4 * x[:, 1], torch.zeros(2, 2)).tolist()
    [5.0, 5.0]
    """
    return _slope(critic, x).flatten(1).norm(dim=1)


def r1(critic: Critic, real: Tensor, fake: Tensor | None = None, epsilon: Tensor | None = None) -> Tensor:
    """Squared gradient norm of the critic at real data: ½‖∇ₓ D(x)‖².

    Makes the Dirac-GAN converge; zero-centred, so it asks for a flat critic where the data is, not for slope one.

    Args:
        critic: maps [batch, ...] to scores [batch].
        real: data, [batch, ...].
        fake: not used; every penalty is called with the same arguments.
        epsilon: not used.

    Returns:
        Penalty per sample, [batch].

    Raises:
        ValueError: the critic doesn't give one score a sample.

    Source: Mescheder, Geiger, Nowozin 2018, eq. 9.
    """
    return _slope(critic, real).square().flatten(1).sum(1) / 2


def r2(critic: Critic, real: Tensor | None, fake: Tensor, epsilon: Tensor | None = None) -> Tensor:
    """Squared gradient norm of the critic at generated data: ½‖∇ₓ D(G(z))‖². Arguments and errors as for `r1`.

    R3GAN takes it together with `r1`, each with the same weight (Huang, Gokaslan, Kuleshov, Tompkin 2024, section 2).

    Source: Mescheder, Geiger, Nowozin 2018, eq. 10.
    """
    return _slope(critic, fake).square().flatten(1).sum(1) / 2


def gradient_penalty(critic: Critic, real: Tensor, fake: Tensor, epsilon: Tensor) -> Tensor:
    """How far the critic's slope is from one between real and generated data: (‖∇ₓ D(x̂)‖ − 1)².

    Args:
        critic: maps [batch, ...] to scores [batch]; without BatchNorm, which ties the samples of a batch together.
        real: data, [batch, ...].
        fake: generated data of the same shape.
        epsilon: where between them each x̂ = ε·real + (1 − ε)·fake lies, [batch] in [0, 1].

    Returns:
        Penalty per sample, [batch].

    Raises:
        ValueError: the shapes differ, or the critic doesn't give one score a sample.

    Source: Gulrajani et al. 2017, eq. 3.
    """
    return (gradient_norm(critic, _between(real, fake, epsilon)) - 1).square()


def one_sided_gradient_penalty(critic: Critic, real: Tensor, fake: Tensor, epsilon: Tensor) -> Tensor:
    """How far the critic's slope is *above* one: max(0, ‖∇ₓ D(x̂)‖ − 1)². Arguments and errors as `gradient_penalty`.

    A 1-Lipschitz critic may be flatter than one anywhere; only steeper breaks the constraint.

    Source: Petzka, Fischer, Lukovnikov 2018 (WGAN-LP).
    """
    return (gradient_norm(critic, _between(real, fake, epsilon)) - 1).relu().square()


def zero_centred_gradient_penalty(critic: Critic, real: Tensor, fake: Tensor, epsilon: Tensor) -> Tensor:
    """The critic's squared slope between real and generated data: ‖∇ₓ D(x̂)‖². Arguments and errors as above.

    Without the factor ½ that `r1` and `r2` have.

    Source: Thanh-Tung, Tran, Venkatesh 2019 (0-GP).
    """
    return _slope(critic, _between(real, fake, epsilon)).square().flatten(1).sum(1)


def drift(critic: Critic, real: Tensor, fake: Tensor | None = None, epsilon: Tensor | None = None) -> Tensor:
    """Squared score of real data, D(x)²: keeps the scores of a Wasserstein critic from drifting away from zero.

    Arguments and errors as for `r1`. The paper's weight is 0.001.

    Source: Karras et al. 2018 (progressive growing), appendix A.1.
    """
    return _scores(critic, real.detach()).square()
