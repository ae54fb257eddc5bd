"""Fréchet distance between Gaussians fitted to two sets of features."""

from __future__ import annotations

import torch
from torch import Tensor

from gancourse.errors import NotFiniteError


def _centred(features: Tensor, name: str) -> tuple[Tensor, Tensor]:
    """Mean [d], and centred features scaled so that their Gram matrix XᵀX is the sample covariance, [n, d]."""
    if features.ndim != 2 or len(features) < 2:
        raise ValueError(f"{name} has shape {tuple(features.shape)}; expected [n, features] with n ≥ 2")
    if not torch.isfinite(features).all():
        raise NotFiniteError(f"{name} holds numbers that are not finite; did the training diverge?")
    features = features.double()
    mean = features.mean(0)
    return mean, (features - mean) / (len(features) - 1) ** 0.5


def frechet_distance(real: Tensor, generated: Tensor) -> float:
    """Squared 2-Wasserstein distance between Gaussians fitted to features: ‖μᵣ − μ_g‖² + tr(Σᵣ + Σ_g − 2(ΣᵣΣ_g)^½).

    With features X, Y centred and scaled so that Σᵣ = XᵀX and Σ_g = YᵀY, the last trace is the sum of the singular
    values of X Yᵀ. A QR decomposition makes that matrix small. No matrix square root is taken, so singular covariances
    are exact too.

    Args:
        real: features of real data, [n, features].
        generated: features of generated data, [m, features].

    Returns:
        The distance; 0 means equal means and covariances. Computed in float64. Its value depends on the features and
        on n and m, so name them with it: `label`.

    Raises:
        ValueError: shapes disagree, a set has fewer than two rows, or a feature isn't finite.

    Source: Dowson and Landau 1982; with Inception features, Heusel et al. 2017, eq. 6.

    >>> x = torch.randn(100, 3, generator=torch.Generator().manual_seed(0))
    >>> round(frechet_distance(x, x + 2), 6)
    12.0
    """
    if real.ndim == generated.ndim == 2 and real.shape[1] != generated.shape[1]:
        raise ValueError(f"real has {real.shape[1]} features, generated {generated.shape[1]}; use one extractor")
    mean_real, x = _centred(real, "real")
    mean_generated, y = _centred(generated, "generated")
    # X Yᵀ is [n, m]; with X = QR it has the singular values of R_x R_yᵀ, which is [features, features].
    r_x, r_y = (torch.linalg.qr(m, mode="r").R for m in (x, y))
    cross = torch.linalg.svdvals(r_x @ r_y.T).sum()
    distance = (mean_real - mean_generated).square().sum() + x.square().sum() + y.square().sum() - 2 * cross
    return max(distance.item(), 0.0)


def label(extractor: str, n_real: int, n_generated: int) -> str:
    """Name of a Fréchet distance that carries its protocol.

    >>> label("digits-classifier", 10_000, 10_000)
    'fid(digits-classifier, 10k/10k)'
    """

    def short(n: int) -> str:
        return f"{n // 1000}k" if n % 1000 == 0 else str(n)

    return f"fid({extractor}, {short(n_real)}/{short(n_generated)})"
