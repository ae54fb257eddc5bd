"""Virtual batch normalisation: each sample is normalised by a fixed batch and itself, not by the rest of its batch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gancourse.models.blocks import check_shape


class VirtualBatchNorm(nn.Module):
    """Normalises features by statistics of a reference batch, which is the first rows of its input.

    A reference row is normalised by the reference batch; any other by the reference batch and itself, n + 1 samples
    in all. For use inside `WithReference`, which adds the reference to the input and removes its outputs.

    Args:
        n_features: features [batch, n_features] or channels [batch, n_features, height, width].
        n_reference: rows of the reference batch.
        eps: added to variances.

    Source: Salimans et al. 2016, section 3.5.
    """

    def __init__(self, n_features: int, n_reference: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.n_features, self.n_reference, self.eps = n_features, n_reference, eps
        self.weight, self.bias = nn.Parameter(torch.ones(n_features)), nn.Parameter(torch.zeros(n_features))

    def forward(self, x: Tensor) -> Tensor:
        """Normalised features, of the same shape.

        Raises:
            ValueError: there are no rows after the reference, or the number of features is wrong.
        """
        if len(x) <= self.n_reference:
            raise ValueError(f"{len(x)} rows, of which {self.n_reference} are the reference; use WithReference")
        check_shape(x, (self.n_features, *x.shape[2:]), "x")
        axes, shape = tuple(range(2, x.ndim)), (1, -1, *[1] * (x.ndim - 2))
        x = x if x.dtype == torch.float64 else x.float()  # bfloat16 has too few digits for statistics
        # Features far from 0 would lose digits. Nothing depends on this shift, so no gradient flows through it.
        x = x - x[: self.n_reference].detach().mean((0, *axes), keepdim=True)
        # Mean and variance of each row, [rows, features, 1, …], then of the rows that it is normalised by.
        own_mean = x.mean(axes, keepdim=True) if axes else x
        own_variance = (x - own_mean).square().mean(axes, keepdim=True) if axes else torch.zeros_like(x)
        references, others = own_mean[: self.n_reference], own_mean[self.n_reference :]
        centre = references.mean(0, keepdim=True)
        spread = (own_variance[: self.n_reference] + (references - centre).square()).mean(0, keepdim=True)
        share = 1 / (self.n_reference + 1)
        between = share * (1 - share) * (others - centre).square()
        mixed = (1 - share) * spread + share * own_variance[self.n_reference :] + between
        mean = torch.cat([centre.expand_as(references), (1 - share) * centre + share * others])
        variance = torch.cat([spread.expand_as(references), mixed])
        return (x - mean) / (variance + self.eps).sqrt() * self.weight.view(shape) + self.bias.view(shape)


class WithReference(nn.Module):
    """A network that gets a fixed reference batch before each batch, and whose outputs for it are dropped.

    It is `conditional` if the network is, and then needs the reference's conditions too.

    Args:
        network: with `VirtualBatchNorm` layers for a reference of this size.
        reference: data or latents, [n_reference, ...]; stored as a buffer, and so in checkpoints.
        y: conditions of the reference, for a conditional network; stored in the same way.

    Raises:
        ValueError: the network is conditional but there is no y for the reference, or it is not and there is one.

    >>> critic = nn.Sequential(nn.Linear(2, 4), VirtualBatchNorm(4, n_reference=8), nn.ReLU(), nn.Linear(4, 1))
    >>> WithReference(critic, torch.randn(8, 2))(torch.zeros(3, 2)).shape
    torch.Size([3, 1])
    """

    reference: Tensor

    def __init__(self, network: nn.Module, reference: Tensor, y: Tensor | None = None) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("reference", reference.detach().clone())
        if hasattr(network, "latent_size"):
            self.latent_size = network.latent_size
        self.conditional = getattr(network, "conditional", False)
        if self.conditional != (y is not None):
            raise ValueError(
                f"{type(network).__name__} is {'' if self.conditional else 'not '}conditional; "
                + ("pass the reference's y" if self.conditional else "leave the reference's y away")
            )
        if y is not None:
            self.register_buffer("reference_y", y.detach().clone())

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """The network's outputs for x alone, at y if it is conditional."""
        check_shape(x, tuple(self.reference.shape[1:]), "x")
        conditions = () if y is None else (torch.cat([self.reference_y, y]),)
        return self.network(torch.cat([self.reference, x]), *conditions)[len(self.reference) :]
