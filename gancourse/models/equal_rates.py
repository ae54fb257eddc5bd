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


def equalised_with_gain(layer: nn.Module, gain: float = math.sqrt(2), multiplier: float = 1.0) -> nn.Module:
    """The layer with equalised learning rate, and with its output multiplied by a gain: weight and bias alike.

    Leaky ReLUs commute with positive factors, so √2 after the activation, as in StyleGAN2, is √2 here. The multiplier
    slows the layer down: weights are stored as N(0, 1) / multiplier and multiplied by it, so that an optimiser whose
    steps don't depend on the gradient's size changes them by that share of the others' change. So is the bias.

    Args:
        layer: a Linear or Conv2d, with a bias or without; changed in place.
        gain: factor on the output, from layers whose outputs have the deviation of their inputs.
        multiplier: of the learning rate.

    Source: Karras et al. 2020 (StyleGAN2), appendix B.

    >>> _ = torch.manual_seed(0)
    >>> layer = equalised_with_gain(nn.Linear(50, 1000), gain=1.0, multiplier=0.01)
    >>> round(layer(torch.randn(100, 50)).std().item(), 1), round(layer.parametrizations.weight.original.std().item())
    (1.0, 100)
    """
    fan_in = layer.weight[0].numel()
    nn.init.normal_(layer.weight, std=1 / multiplier)
    factor = gain * multiplier
    parametrize.register_parametrization(layer, "weight", Scaled(factor / math.sqrt(fan_in)), unsafe=True)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
        if factor != 1:
            parametrize.register_parametrization(layer, "bias", Scaled(factor), unsafe=True)
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
