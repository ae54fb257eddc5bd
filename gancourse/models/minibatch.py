"""Minibatch discrimination: a layer that shows the discriminator how similar the samples of a batch are."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gancourse import processes
from gancourse.models.blocks import check_shape


class MinibatchDiscrimination(nn.Module):
    """Appends to each sample's features its closeness to the batch's other samples, by several learned kernels.

    With M_i = f(x_i) T, a matrix of kernels × kernel_size, kernel b gives o(x_i)_b = Σ_j exp(−‖M_ib − M_jb‖₁). The sum
    includes j = i, which adds 1. After this layer, the scores of a batch depend on each other, so penalties on the
    gradient at each sample (gradient penalty, R1) include the gradients of other samples' scores.

    Args:
        n_features: A, features per sample.
        n_kernels: B, numbers appended.
        kernel_size: C, numbers that each distance is taken over.

    Source: Salimans et al. 2016, section 3.2.

    >>> layer = MinibatchDiscrimination(4, n_kernels=2)
    >>> layer(torch.zeros(3, 4))[:, 4:]
    tensor([[3., 3.],
            [3., 3.],
            [3., 3.]], grad_fn=<SliceBackward0>)
    """

    depends_on_batch = True

    def __init__(self, n_features: int, n_kernels: int = 16, kernel_size: int = 4) -> None:
        super().__init__()
        if min(n_features, n_kernels, kernel_size) < 1:
            raise ValueError(f"sizes {n_features}, {n_kernels}, {kernel_size}; pass at least 1 each")
        self.n_features, self.n_kernels, self.kernel_size = n_features, n_kernels, kernel_size
        # Unit features then have distances of order one in each kernel, where exp(−distance) has a gradient.
        self.tensor = nn.Parameter(torch.randn(n_features, n_kernels * kernel_size) / (n_features**0.5 * kernel_size))

    def forward(self, features: Tensor) -> Tensor:
        """Features with closeness appended, [batch, n_features + n_kernels]."""
        check_shape(features, (self.n_features,), "features")
        matrices = (features @ self.tensor).view(-1, self.n_kernels, self.kernel_size)
        distances = (matrices[:, None] - processes.gather(matrices)[None]).abs().sum(3)
        return torch.cat([features, (-distances).exp().sum(1)], 1)
