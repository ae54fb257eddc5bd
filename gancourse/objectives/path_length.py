"""Path length: how far an image moves with its style, and the penalty on lengths that differ from their mean."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def path_lengths(images: Tensor, w: Tensor, y: Tensor) -> Tensor:
    """Length ‖Jᵀy‖ of each sample's image, moved in the direction y, with respect to its styles; differentiable.

    Where w has layers, the squares are summed over a layer's coordinates, and the mean over the layers is taken under
    the root. Without layers it is the norm. One backward pass gives Jᵀy; the Jacobian J is not made.

    Args:
        images: functions of w, [batch, ...]; a sample's image depends on its own w only.
        w: styles, [batch, d] or [batch, n_layers, d].
        y: directions, of the images' shape: N(0, I), or that divided by √(height · width).

    Returns:
        One length a sample, [batch].

    Raises:
        ValueError: the shapes disagree.

    Source: Karras et al. 2020 (StyleGAN2), equation 4 and appendix B.

    >>> w = torch.zeros(1, 2, requires_grad=True)
    >>> path_lengths(w @ torch.tensor([[3.0], [4.0]]), w, torch.ones(1, 1)).item()
    5.0
    """
    if y.shape != images.shape or w.ndim not in (2, 3) or len(w) != len(images):
        raise ValueError(
            f"images {tuple(images.shape)}, w {tuple(w.shape)}, y {tuple(y.shape)}; expected y like the images, and w "
            "[batch, d] or [batch, n_layers, d]"
        )
    (gradient,) = torch.autograd.grad((images * y).sum(), w, create_graph=True)
    squares = gradient.square().sum(-1)
    return squares.sqrt() if w.ndim == 2 else squares.mean(1).sqrt()


def path_length_penalty(lengths: Tensor, mean: Tensor | float) -> Tensor:
    """Squared distance of each length from their running mean, [batch]: equal lengths, of whatever size, cost nothing.

    Args:
        lengths: [batch].
        mean: a, a constant.

    Source: Karras et al. 2020, equation 4.

    >>> path_length_penalty(torch.tensor([1.0, 3.0]), 2.0).tolist()
    [1.0, 1.0]
    """
    return (lengths - mean).square()


def path_length_weight(size: int) -> float:
    """The paper's weight γ = ln 2 / (r² (ln r − ln 2)) for images of r × r pixels and directions y of N(0, I).

    It is 2 / (r² n), with n = 2 log₂ r − 2 layers. So it is a weight of 2 on lengths of directions that are divided by
    r, with the mean over layers in place of the sum: γ (r √n · ℓ)² = 2 ℓ².

    Raises:
        ValueError: the images are smaller than 4 × 4.

    Source: Karras et al. 2020, equation 5.

    >>> f"{path_length_weight(32):.4e}"
    '2.4414e-04'
    """
    if size < 4:
        raise ValueError(f"images of {size} × {size}; the weight is for 4 × 4 and more")
    return math.log(2) / (size**2 * (math.log(size) - math.log(2)))
