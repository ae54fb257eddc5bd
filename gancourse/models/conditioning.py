"""Ways to show a network a condition, as layers that several families share.

A condition reaches a layer as numbers, [batch, condition_size]: what `signature.Condition.encoded` returns. Those of a
label are its one-hot vector, so a linear map of them without bias is an embedding, one column for each class.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gancourse.models.blocks import Flatten, check_shape
from gancourse.models.family import Family
from gancourse.signature import Classes, Condition, Signature


def check_condition(fits: Signature, family: Family) -> Condition:
    """What samples are conditioned on.

    Raises:
        ValueError: the data has no conditions.
    """
    if fits.condition is None:
        raise ValueError(
            f"{type(family).__name__} makes samples of a condition, but the data has no labels or other y; pass data "
            "with y, or take a family without conditions"
        )
    return fits.condition


def check_classes(fits: Signature, family: Family) -> int:
    """Number of classes that a head of the discriminator tells apart.

    Raises:
        ValueError: the data has no classes.
    """
    condition = check_condition(fits, family)
    if not isinstance(condition, Classes):
        raise ValueError(
            f"{type(family).__name__} classifies samples, but the data's y is of the kind "
            f"{type(condition).__name__.lower()}; pass data whose y is classes"
        )
    return condition.size


def encoded(condition: Condition, y: Tensor | None, n: int, who: nn.Module) -> Tensor:
    """The numbers that a network sees of the conditions y, [n, condition.size].

    Raises:
        ValueError: there is no y, it has another number of rows, or it is no condition of this kind.

    >>> from gancourse.signature import Classes
    >>> encoded(Classes(("cat", "dog")), torch.tensor([1]), 1, nn.Identity())
    tensor([[0., 1.]])
    """
    if y is None:
        raise ValueError(f"{type(who).__name__} is conditional, but y is None; pass y")
    if len(y) != n:
        raise ValueError(f"y has {len(y)} rows, but there are {n} samples; pass one condition a sample")
    return condition.encoded(y)


class ConditionalBatchNorm(nn.Module):
    """BatchNorm whose scale γ and shift β are linear in the condition; for a label, a γ and a β for each class.

    γ is 1 plus a linear map that starts at zero, and so starts at 1; β starts at 0. Without the 1, a network of these
    layers starts with a zero signal.

    Args:
        n_features: features [batch, n_features] or channels [batch, n_features, height, width].
        condition_size: numbers in a condition.

    Source: Dumoulin, Shlens, Kudlur 2017, section 2.2; for GANs, Miyato and Koyama 2018.

    >>> layer = ConditionalBatchNorm(3, condition_size=2)
    >>> layer(torch.randn(4, 3, 5, 5), torch.eye(2)[[0, 1, 1, 0]]).shape
    torch.Size([4, 3, 5, 5])
    """

    def __init__(self, n_features: int, condition_size: int) -> None:
        super().__init__()
        self.n_features, self.condition_size = n_features, condition_size
        # One class serves points and images: its statistics are over all axes but the second in both.
        self.norm = nn.BatchNorm2d(n_features, affine=False)
        self.scale = nn.Linear(condition_size, n_features, bias=False)
        self.shift = nn.Linear(condition_size, n_features, bias=False)
        nn.init.zeros_(self.scale.weight)
        nn.init.zeros_(self.shift.weight)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Normalised features, of the same shape."""
        check_shape(condition, (self.condition_size,), "the condition")
        check_shape(x, (self.n_features, *x.shape[2:]), "x")
        image = x if x.ndim == 4 else x[:, :, None, None]
        scale, shift = (layer(condition)[:, :, None, None] for layer in (self.scale, self.shift))
        return ((1 + scale) * self.norm(image) + shift).view(x.shape)


class ConditionalChain(nn.Module):
    """Layers in a row, of which each `ConditionalBatchNorm` gets the condition too.

    Args:
        layers: in order; consecutive ones without a condition are one Sequential, which `folded` can change.
    """

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.parts = nn.ModuleList()
        plain: list[nn.Module] = []
        for layer in (*layers, None):
            if layer is not None and not isinstance(layer, ConditionalBatchNorm):
                plain.append(layer)
                continue
            if plain:
                self.parts.append(nn.Sequential(*plain))
            plain = []
            if layer is not None:
                self.parts.append(layer)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Output of the last layer."""
        for part in self.parts:
            x = part(x, condition) if isinstance(part, ConditionalBatchNorm) else part(x)
        return x


class Projection(nn.Module):
    """The projection head of a discriminator: yᵀVφ + ψ(φ), for features φ [batch, n_features].

    V is the embedding of the condition, and ψ linear without bias. No term depends on y alone: a number added for each
    class would tell nothing about whether x belongs to it.

    Args:
        n_features: numbers in φ.
        condition_size: numbers in a condition.

    Source: Miyato and Koyama 2018, eq. 3.
    """

    def __init__(self, n_features: int, condition_size: int) -> None:
        super().__init__()
        self.embedding = nn.Linear(condition_size, n_features, bias=False)
        self.score = nn.Linear(n_features, 1, bias=False)

    def forward(self, features: Tensor, condition: Tensor) -> Tensor:
        """Scores [batch]."""
        return self.score(features).squeeze(1) + (self.embedding(condition) * features).sum(1)


class Concatenation(nn.Module):
    """A head that sees features and condition side by side, through a hidden layer; scores [batch].

    The hidden layer is needed: a linear layer alone would add a number for each class to the score of any x, and so
    couldn't tell whether x belongs to its class.

    Args:
        n_features: numbers in the features; as many hidden units.
        condition_size: numbers in a condition.

    Source: Mirza and Osindero 2014, section 4.1, whose discriminator joins both in a hidden layer.
    """

    def __init__(self, n_features: int, condition_size: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_features + condition_size, n_features), nn.ReLU(), nn.Linear(n_features, 1, bias=False)
        )

    def forward(self, features: Tensor, condition: Tensor) -> Tensor:
        """Scores [batch]."""
        return self.layers(torch.cat([features, condition], 1)).squeeze(1)


class Unconditional(nn.Module):
    """A head that doesn't see the condition: ψ of the features, linear without bias; scores [batch]."""

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(n_features, 1, bias=False), Flatten())

    def forward(self, features: Tensor) -> Tensor:
        """Scores [batch]."""
        return self.layers(features)


def label_channels(x: Tensor, condition: Tensor) -> Tensor:
    """An image with the condition beside it: a constant map for each of its numbers, on the channel axis.

    Args:
        x: images [batch, channels, height, width].
        condition: numbers [batch, size]; a one-hot vector gives maps of zeros and of ones.

    Returns:
        [batch, channels + size, height, width].

    >>> label_channels(torch.zeros(1, 1, 2, 2), torch.tensor([[0.0, 1.0]]))[0, :, 0, 0].tolist()
    [0.0, 0.0, 1.0]
    """
    maps = condition[:, :, None, None].expand(-1, -1, *x.shape[2:])
    return torch.cat([x, maps.to(x)], 1)
