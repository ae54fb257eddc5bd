"""Orthogonal regularisation: scalar functions of a network's weights."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

LAYERS = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)


def _grams(network: nn.Module) -> Iterator[Tensor]:
    """W Wᵀ of each layer, where W has a row for each output channel."""
    has_layer = False
    for layer in network.modules():
        if isinstance(layer, LAYERS):
            weight = layer.weight.transpose(0, 1) if isinstance(layer, nn.ConvTranspose2d) else layer.weight
            rows = weight.flatten(1)
            has_layer = True
            yield rows @ rows.T
    if not has_layer:
        raise ValueError(
            f"{type(network).__name__} has no linear or convolutional layer to regularise; pass one with such layers"
        )


def orthogonality(network: nn.Module) -> Tensor:
    """How far each layer's filters are from orthonormal: Σ ‖W Wᵀ − I‖² over linear and convolutional layers, a scalar.

    W has a row for each output channel. With Wᵀ W instead, the value differs by a constant: outputs minus inputs. Of a
    spectrally normalised layer, W is the normalised weight: of the stored one, whose length normalisation undoes, the
    value would fall by shrinking it.

    Args:
        network: the weights of its linear and convolutional layers count; biases and normalisations don't.

    Raises:
        ValueError: the network has no linear or convolutional layer.

    Source: Brock, Donahue, Simonyan 2019, eq. 2.

    >>> orthogonality(nn.Linear(2, 2, bias=False).requires_grad_(False).apply(lambda m: nn.init.eye_(m.weight)))
    tensor(0.)
    """
    return sum((gram - torch.eye(len(gram)).to(gram)).square().sum() for gram in _grams(network))


def off_diagonal(network: nn.Module) -> Tensor:
    """BigGAN's relaxed form: Σ ‖W Wᵀ ⊙ (1 − I)‖², which makes filters orthogonal but not of unit length.

    Unlike in the full form, Wᵀ W would give another function, of pairs of inputs instead of pairs of filters. The
    gradient is 4 (W Wᵀ ⊙ (1 − I)) W.

    Arguments and errors as for `orthogonality`; the paper's weight is 0.0001, on the generator.

    Source: Brock, Donahue, Simonyan 2019, eq. 3, which doesn't say what a row is: in ajbrock/BigGAN-PyTorch, a filter.
    """
    return sum((gram - gram.diagonal().diag()).square().sum() for gram in _grams(network))
