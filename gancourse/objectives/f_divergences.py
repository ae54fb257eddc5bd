"""The f-GAN family: games whose discriminator estimates an f-divergence between data and generated samples.

The discriminator maximises E[T(x)] − E[f*(T(G(z)))] with T = g_f(score): the output activation g_f maps any score into
the domain of the conjugate f*, so these objectives take raw scores like all others.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import softplus

from gancourse.names import lookup
from gancourse.objectives.losses import Objective

Function = Callable[[Tensor], Tensor]


class Dual(NamedTuple):
    """Output activation g_f(v), and f*(g_f(v)) in a form without early overflow or cancellation."""

    activation: Function
    conjugate: Function


def _parabola(v: Tensor) -> Tensor:
    # f*(t) = t²/4 + t from t = −2 on. Below, its supremum over density ratios u ≥ 0 is at u = 0: the constant −1. The
    # paper's table prints the parabola alone; with it, G's minimax loss would push scores below −2 further down.
    v = v.clamp(min=-2)
    return v.square() / 4 + v


DUALS: dict[str, Dual] = {
    "kl": Dual(lambda v: v, lambda v: (v - 1).exp()),
    "reverse-kl": Dual(lambda v: -(-v).exp(), lambda v: v - 1),
    "pearson": Dual(lambda v: v, _parabola),
    "hellinger": Dual(lambda v: -torch.expm1(-v), torch.expm1),
    "js": Dual(lambda v: math.log(2) - softplus(-v), lambda v: softplus(v) - math.log(2)),
    "gan": Dual(lambda v: -softplus(-v), softplus),
}
"""Kullback–Leibler, reverse KL, Pearson χ², squared Hellinger, Jensen–Shannon, and the original GAN's divergence."""


def f_gan(divergence: str, trick: bool = False) -> Objective:
    """The game of an f-divergence.

    D minimises −g_f(real) + f*(g_f(fake)). G minimises −f*(g_f(fake)), which with D's loss makes a zero-sum game; or,
    with the paper's trick, −g_f(fake), whose gradient doesn't vanish where D rejects the sample.

    KL, reverse KL and Hellinger contain exponentials of scores: at score 50, KL's f* is e⁴⁹ ≈ 2·10²¹, and so is its
    derivative. In float32 they are finite for scores up to about ±88. Beyond that they are infinite, and a trainer
    raises NotFiniteError.

    Args:
        divergence: one of "kl", "reverse-kl", "pearson", "hellinger", "js", "gan".
        trick: whether G minimises −g_f(fake).

    Raises:
        ValueError: there is no such divergence; the message suggests the nearest.

    Source: Nowozin, Cseke, Tomioka 2016, tables 1 and 2; the trick is section 3.2.

    >>> f_gan("kl").discriminator(torch.ones(1), torch.ones(1))  # minus the bound: KL(P ‖ P) = 0
    tensor([0.])
    """
    activation, conjugate = lookup(DUALS, divergence, "f-divergence")
    return Objective(
        f"f-gan-{divergence}" + "-trick" * trick,
        lambda real, fake: conjugate(fake) - activation(real),
        (lambda fake: -activation(fake)) if trick else (lambda fake: -conjugate(fake)),
        "Nowozin et al. 2016, " + ("section 3.2" if trick else "tables 1 and 2"),
    )
