"""Orthogonal regularisation: functions of a network's weights, one number each."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

LAYERS = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)


def _grams(network: nn.Module) -> Iterator[Tensor]:
    """W Wᵀ of each layer, where W has a row for each output channel."""
    found = False
    for layer in network.modules():
        if isinstance(layer, LAYERS):
            weight = layer.weight.transpose(0, 1) if isinstance(layer, nn.ConvTranspose2d) else layer.weight
            rows = weight.flatten(1)
            found = True
            yield rows @ rows.T
    if not found:
        raise ValueError(f"{type(network).__name__} has no linear or convolutional layer to regularise")


def orthogonality(network: nn.Module) -> Tensor:
    """How far each layer's filters are from orthonormal: Σ ‖W Wᵀ − I‖² over linear and convolutional layers, a scalar.

    W has a row for each output channel. Written with Wᵀ W it differs by a constant only, outputs less inputs.

    Args:
        network: its layers' weights are taken as they are, biases and norms are left out.

    Raises:
        ValueError: it has no linear or convolutional layer.

    Source: Brock, Donahue, Simonyan 2019, eq. 2.

    >>> orthogonality(nn.Linear(2, 2, bias=False).requires_grad_(False).apply(lambda m: nn.init.eye_(m.weight)))
    tensor(0.)
    """
    return sum((gram - torch.eye(len(gram)).to(gram)).square().sum() for gram in _grams(network))


def off_diagonal(network: nn.Module) -> Tensor:
    """BigGAN's relaxed form: Σ ‖W Wᵀ ⊙ (1 − I)‖², which asks for orthogonal filters and leaves their lengths free.

    Arguments and errors as for `orthogonality`; the paper's weight is 0.0001, on the generator.

    Source: Brock, Donahue, Simonyan 2019, eq. 3.
    """
    return sum((gram - gram.diagonal().diag()).square().sum() for gram in _grams(network))
