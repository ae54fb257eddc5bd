"""Perceptual path length: how much features change along a path in latent space."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.errors import NotFiniteError
from gancourse.metrics.features import Numbers, tensor


def _between(z0: Tensor, z1: Tensor, t: Tensor, spherical: bool) -> Tensor:
    """Points at t [n] of the paths from z0 to z1, [n, latent]."""
    t = t[:, None]
    if not spherical:
        return z0 + t * (z1 - z0)
    unit0, unit1 = (z / z.norm(dim=1, keepdim=True) for z in (z0, z1))
    # Not arccos of the product, which has half the digits at small angles.
    angle = 2 * torch.atan2((unit0 - unit1).norm(dim=1, keepdim=True), (unit0 + unit1).norm(dim=1, keepdim=True))
    return (torch.sin((1 - t) * angle) * z0 + torch.sin(t * angle) * z1) / torch.sin(angle)


@torch.no_grad()
def perceptual_path_length(
    generator: Callable[[Tensor], Tensor],
    features: Callable[[Tensor], Tensor],
    z0: Numbers,
    z1: Numbers,
    t: Numbers,
    epsilon: float = 1e-4,
    spherical: bool = True,
) -> Tensor:
    """‖f(G(z at t)) − f(G(z at t + ε))‖²/ε² on the path from z0 to z1: its mean is the perceptual path length.

    As ε → 0 it is the squared speed of the features. For a linear generator with its output as features and straight
    paths it is ‖A(z1 − z0)‖². Spherical paths have constant angular speed and keep the length of normal latents.
    The difference loses four digits at ε = 1e-4: pass a generator and latents in float64 where you can.

    Args:
        generator: maps latents [n, latent] to samples.
        features: maps samples to features [n, ...]; their squared distance is the perceptual one.
        z0: where the paths start, [n, latent].
        z1: where they end, [n, latent].
        t: position on each path, in [0, 1], [n].
        epsilon: length of the step.
        spherical: interpolate the angle between z0 and z1; if false, use straight lines (as for StyleGAN's W).

    Returns:
        The value of each path, float64 [n].

    Raises:
        ValueError: shapes disagree, ε isn't positive or is too small for the latents' precision, or z0 and z1 point
            the same or opposite ways.
        NotFiniteError: a feature isn't finite.

    Source: Karras et al. 2019, section 4.1; the paths of White 2016 for latents of any length.

    >>> z0, z1 = torch.zeros(1, 2).double(), torch.tensor([[3.0, 4.0]]).double()
    >>> round(perceptual_path_length(lambda z: 2 * z, lambda x: x, z0, z1, torch.rand(1), spherical=False).item(), 6)
    100.0
    """
    z0, z1, t = tensor(z0, "z0"), tensor(z1, "z1"), tensor(t, "t")
    if z0.ndim != 2 or z0.shape != z1.shape or t.shape != z0.shape[:1] or not len(z0):
        raise ValueError(
            f"z0 {tuple(z0.shape)}, z1 {tuple(z1.shape)}, t {tuple(t.shape)}; expected [n, latent] twice and [n]"
        )
    if not epsilon > 0 or not ((t >= 0) & (t <= 1)).all():
        raise ValueError(f"epsilon is {epsilon}, t from {t.min():.3g} to {t.max():.3g}; expected ε > 0, t in [0, 1]")
    precision = torch.finfo(z0.dtype).eps if z0.is_floating_point() else torch.inf
    if epsilon < 100 * precision:
        raise ValueError(f"a step of {epsilon} is lost in latents of {z0.dtype}; pass them in float32 or float64")
    if spherical and not _have_angle(z0, z1):
        raise ValueError(
            "z0 and z1 lie on one line through 0 for some path; draw other latents, or pass spherical=False"
        )
    # The points are computed in float64 even for a float32 generator: their distance is 1e-4 of their length.
    start, end, at = z0.double(), z1.double(), t.double()
    outputs = [features(generator(_between(start, end, s, spherical).to(z0))) for s in (at, at + epsilon)]
    a, b = (x.double().flatten(1) for x in outputs)
    values = (a - b).square().sum(1) / epsilon**2
    if not torch.isfinite(values).all():
        raise NotFiniteError("features along the path are not finite; check whether the training diverged")
    return values


def _have_angle(z0: Tensor, z1: Tensor) -> bool:
    """Whether no pair of latents has the same or the opposite direction."""
    a, b = z0.double(), z1.double()
    lengths = a.norm(dim=1) * b.norm(dim=1)
    return bool((lengths > 0).all() and ((a * b).sum(1).abs() < lengths * (1 - 1e-12)).all())
