"""Equalised learning rate and pixel norm: what keeps the layers of a progressively grown GAN at one scale.

Source: Karras, Aila, Laine, Lehtinen 2018, sections 4.1 and 4.2.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

EPSILON = 1e-8


class Scaled(nn.Module):
    """Maps a stored weight to the one in use: multiplied by a constant."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, weight: Tensor) -> Tensor:
        """The weight in use."""
        return self.factor * weight


def equalised(layer: nn.Module) -> nn.Module:
    """The layer with equalised learning rate: weights from N(0, 1), multiplied by √(2 / fan_in) at each use; bias zero.

    With an optimiser like Adam, whose steps don't depend on the gradient's size, all layers then change at one speed in
    relation to their weights. fan_in counts the numbers that one output is computed from.

    Args:
        layer: a Linear or Conv2d with a bias; changed in place.

    Raises:
        ValueError: it is another layer, has no bias, or is equalised already.

    Source: Karras et al. 2018, section 4.1. There ŵ = w / c with "c the constant from He's initialiser", which must be
    √(fan_in / 2): He's standard deviation is √(2 / fan_in).

    >>> _ = torch.manual_seed(0)
    >>> layer = equalised(nn.Linear(50, 1000))
    >>> round(layer.weight.std().item(), 2), round(layer.parametrizations.weight.original.std().item(), 2)
    (0.2, 1.0)
    """
    if not isinstance(layer, nn.Linear | nn.Conv2d) or layer.bias is None:
        raise ValueError(f"{layer} can't be equalised; pass a Linear or Conv2d with a bias")
    if parametrize.is_parametrized(layer, "weight"):
        raise ValueError("the weight of the layer is scaled already, so its factor would count twice; equalise it once")
    fan_in = layer.weight[0].numel()
    nn.init.normal_(layer.weight)
    nn.init.zeros_(layer.bias)
    parametrize.register_parametrization(layer, "weight", Scaled(math.sqrt(2 / fan_in)), unsafe=True)
    return layer


class PixelNorm(nn.Module):
    """Divides each pixel's vector of features by its root mean square: a / √(mean_j a_j² + 1e-8).

    The vector then has length √channels, not one. Latents [batch, latent_size] are a pixel each.

    Source: Karras et al. 2018, section 4.2.

    >>> round(PixelNorm()(torch.tensor([[3.0, 4.0]])).square().sum().item(), 4)
    2.0
    """

    def forward(self, x: Tensor) -> Tensor:
        """The normalised features, of the same shape."""
        if x.ndim < 2:
            raise ValueError(f"x has shape {tuple(x.shape)}; expected [batch, channels, …]")
        squares = x.square().mean(1, keepdim=True, dtype=torch.promote_types(x.dtype, torch.float32))
        return x * (squares + EPSILON).rsqrt().to(x.dtype)
