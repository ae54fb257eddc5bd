"""Penalties on the critic's slope, one value per sample."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Critic = Callable[[Tensor], Tensor]


def _slope(critic: Critic, x: Tensor) -> Tensor:
    """Gradient of the critic at x, itself differentiable, of x's shape."""
    x = x.detach().requires_grad_()
    # The sum makes one backward pass give each sample's own gradient: scores of other samples don't depend on it.
    (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return slope


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

    Source: Mescheder, Geiger, Nowozin 2018, eq. 9.
    """
    return _slope(critic, real).square().flatten(1).sum(1) / 2


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
        ValueError: the shapes differ.

    Source: Gulrajani et al. 2017, eq. 3.
    """
    if real.shape != fake.shape:
        raise ValueError(f"real has shape {tuple(real.shape)}, fake {tuple(fake.shape)}; they must agree")
    if epsilon.shape != real.shape[:1]:
        raise ValueError(f"epsilon has shape {tuple(epsilon.shape)}; expected [{len(real)}], one number a sample")
    e = epsilon.view(-1, *[1] * (real.ndim - 1))
    norm = _slope(critic, e * real + (1 - e) * fake).flatten(1).norm(dim=1)
    return (norm - 1).square()


penalties = {"r1": r1, "gradient-penalty": gradient_penalty}
"""Every penalty by name."""
