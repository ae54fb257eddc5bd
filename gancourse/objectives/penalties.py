"""Penalties on the critic, one value per sample. All are called as penalty(critic, real, fake, epsilon)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Critic = Callable[[Tensor], Tensor]


def _scores(critic: Critic, x: Tensor) -> Tensor:
    scores = critic(x)
    if scores.shape != x.shape[:1]:
        raise ValueError(f"the critic returned shape {tuple(scores.shape)}; expected [{len(x)}], one score a sample")
    return scores


class KnowsGradients:
    """Base of critics that have scored some samples before, and know the gradient there; penalties ask these alone.

    It is a type and not a name, because a network's own method of any name may mean something else.
    """

    def known_gradient(self, x: Tensor) -> Tensor | None:
        """Gradient of the scores at x, of its shape, differentiable; None if it isn't known at this x."""
        raise NotImplementedError


def _gradient(critic: Critic, x: Tensor) -> Tensor:
    """Gradient of the critic at x, of x's shape, differentiable."""
    if isinstance(critic, KnowsGradients) and (known := critic.known_gradient(x)) is not None:
        return known
    # Not detached: the gradient at generated data depends on the generator too, which fields and Jacobians need.
    x = x if x.requires_grad else x.detach().requires_grad_()
    # One backward pass of the sum gives the gradient at each sample: other samples' scores don't depend on it.
    (gradient,) = torch.autograd.grad(_scores(critic, x).sum(), x, create_graph=True)
    return gradient


def _between(real: Tensor, fake: Tensor, epsilon: Tensor) -> Tensor:
    """Points x̂ = ε·real + (1 − ε)·fake, with one ε per sample."""
    if real.shape != fake.shape:
        raise ValueError(f"real has shape {tuple(real.shape)}, fake {tuple(fake.shape)}; they must agree")
    if epsilon.shape != real.shape[:1]:
        raise ValueError(f"epsilon has shape {tuple(epsilon.shape)}; expected [{len(real)}], one number a sample")
    e = epsilon.view(-1, *[1] * (real.ndim - 1))
    return e * real + (1 - e) * fake


def gradient_norm(critic: Critic, x: Tensor) -> Tensor:
    """The critic's gradient norm ‖∇ₓ D(x)‖ at each sample, over all axes, [batch]; differentiable in its weights.

    Args:
        critic: maps [batch, ...] to scores [batch].
        x: samples, [batch, ...].

    Raises:
        ValueError: the critic doesn't return one score per sample.

    >>> gradient_norm(lambda x: 3 * x[:, 0] + 4 * x[:, 1], torch.zeros(2, 2)).tolist()
    [5.0, 5.0]
    """
    return _gradient(critic, x).flatten(1).norm(dim=1)


def r1(critic: Critic, real: Tensor, fake: Tensor | None = None, epsilon: Tensor | None = None) -> Tensor:
    """Squared gradient norm of the critic at real data: ½‖∇ₓ D(x)‖².

    Makes the Dirac-GAN converge. It is zero-centred: its minimum at the data is a gradient of zero, not of norm one.

    Args:
        critic: maps [batch, ...] to scores [batch].
        real: data, [batch, ...].
        fake: not used; every penalty is called with the same arguments.
        epsilon: not used.

    Returns:
        Penalty per sample, [batch].

    Raises:
        ValueError: the critic doesn't return one score per sample.

    Source: Mescheder, Geiger, Nowozin 2018, eq. 9.
    """
    return _gradient(critic, real).square().flatten(1).sum(1) / 2


def r2(critic: Critic, real: Tensor | None, fake: Tensor, epsilon: Tensor | None = None) -> Tensor:
    """Squared gradient norm of the critic at generated data: ½‖∇ₓ D(G(z))‖². Arguments and errors as for `r1`.

    R3GAN uses it together with `r1`, with the same weight (Huang, Gokaslan, Kuleshov, Tompkin 2024, section 2).

    Source: Mescheder, Geiger, Nowozin 2018, eq. 10.
    """
    return _gradient(critic, fake).square().flatten(1).sum(1) / 2


def gradient_penalty(critic: Critic, real: Tensor, fake: Tensor, epsilon: Tensor) -> Tensor:
    """Squared distance of the critic's gradient norm from one, between real and generated data: (‖∇ₓ D(x̂)‖ − 1)².

    Args:
        critic: maps [batch, ...] to scores [batch]; without BatchNorm, which makes scores depend on the whole batch.
        real: data, [batch, ...].
        fake: generated data of the same shape.
        epsilon: position of each x̂ = ε·real + (1 − ε)·fake between them, [batch] in [0, 1].

    Returns:
        Penalty per sample, [batch].

    Raises:
        ValueError: the shapes differ, or the critic doesn't return one score per sample.

    Source: Gulrajani et al. 2017, eq. 3.
    """
    return (gradient_norm(critic, _between(real, fake, epsilon)) - 1).square()


def one_sided_gradient_penalty(critic: Critic, real: Tensor, fake: Tensor, epsilon: Tensor) -> Tensor:
    """Squared excess of the critic's gradient norm *above* one: max(0, ‖∇ₓ D(x̂)‖ − 1)².

    A 1-Lipschitz critic may have a gradient norm below one anywhere; only a norm above one violates the constraint.
    Arguments and errors as for `gradient_penalty`.

    Source: Petzka, Fischer, Lukovnikov 2018 (WGAN-LP).
    """
    return (gradient_norm(critic, _between(real, fake, epsilon)) - 1).relu().square()


def zero_centred_gradient_penalty(critic: Critic, real: Tensor, fake: Tensor, epsilon: Tensor) -> Tensor:
    """The critic's squared gradient norm between real and generated data: ‖∇ₓ D(x̂)‖².

    Without the factor ½ of `r1` and `r2`. Arguments and errors as for `gradient_penalty`.

    Source: Thanh-Tung, Tran, Venkatesh 2019 (0-GP).
    """
    return _gradient(critic, _between(real, fake, epsilon)).square().flatten(1).sum(1)


def drift(critic: Critic, real: Tensor, fake: Tensor | None = None, epsilon: Tensor | None = None) -> Tensor:
    """Squared score of real data, D(x)²: keeps the scores of a Wasserstein critic near zero.

    Arguments and errors as for `r1`. The paper's weight is 0.001.

    Source: Karras et al. 2018 (progressive growing), appendix A.1.
    """
    return _scores(critic, real.detach()).square()
