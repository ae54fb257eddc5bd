"""Finding what can be computed in a faster form, exactly: see `gancourse.models.folds` for the forms themselves."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from torch import nn

from gancourse.models.folds import (
    Convolution,
    FlattenedLinear,
    PooledConvolution,
    ProjectedConvolution,
    ThinConvolution,
    UpsampledConvolution,
    same_size_kernel,
)

NORMALISATIONS = (nn.BatchNorm2d, nn.BatchNorm1d, nn.GroupNorm, nn.LayerNorm)
FORGETFUL = (
    *(nn.Conv2d, nn.ConvTranspose2d, nn.Linear, *NORMALISATIONS),
    *(UpsampledConvolution, PooledConvolution, Convolution, ThinConvolution, FlattenedLinear),
)
"""Layers whose backward pass doesn't need what they returned, a tensor of its own: an activation may write over it."""


def _projection(first: nn.Module, second: nn.Module, third: nn.Module) -> nn.Module | None:
    is_projection = isinstance(first, nn.Linear) and isinstance(second, nn.Unflatten) and second.dim == 1
    if not is_projection or not isinstance(third, nn.ConvTranspose2d) or len(second.unflattened_size) != 3:
        return None
    return ProjectedConvolution(first, tuple(second.unflattened_size), third)


def _pair(first: nn.Module, second: nn.Module) -> nn.Module | None:
    if isinstance(first, nn.Flatten) and (first.start_dim, first.end_dim) == (1, -1) and isinstance(second, nn.Linear):
        return FlattenedLinear(second)
    if isinstance(first, nn.Upsample) and isinstance(second, nn.Conv2d) and same_size_kernel(second):
        doubles = first.size is None and first.scale_factor in (2, (2, 2)) and first.mode == "nearest"
        return UpsampledConvolution(second) if doubles else None
    if isinstance(first, nn.Conv2d) and same_size_kernel(first) and isinstance(second, nn.AvgPool2d):
        halves = all(getattr(second, name) in (2, (2, 2)) for name in ("kernel_size", "stride"))
        whole = second.padding in (0, (0, 0)) and not second.ceil_mode and second.divisor_override in (None, 4)
        return PooledConvolution(first) if halves and whole else None
    return None


def _single(layer: nn.Module) -> nn.Module | None:
    if not isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        return None
    kinds = {
        ThinConvolution: layer.out_channels == 1,
        Convolution: min(layer.stride) > 1 or isinstance(layer, nn.ConvTranspose2d),
    }
    for kind in (kind for kind, fits in kinds.items() if fits):
        with contextlib.suppress(ValueError):  # groups, dilation or the like
            return kind(layer)
    return None


def _may_overwrite(layer: nn.Module) -> bool:
    """Whether a layer is an activation whose backward pass can do with what it returned."""
    return isinstance(layer, nn.ReLU) or (isinstance(layer, nn.LeakyReLU) and layer.negative_slope > 0)


FOLDS: tuple[tuple[int, Callable[..., nn.Module | None]], ...] = ((3, _projection), (2, _pair), (1, _single))
"""How many neighbours a fold takes, and what returns their faster form, or None; the longest first."""


def _fold_first(layers: list[nn.Module]) -> tuple[nn.Module | None, int]:
    """The faster form of the first few layers, if there is one, and how many layers it stands for."""
    for length, fold in FOLDS:
        if len(layers) >= length and (found := fold(*layers[:length])) is not None:
            return found, length
    return None, 1


def folded(network: nn.Module) -> nn.Module:
    """The same network, with every group of layers in an `nn.Sequential` that has a faster form exchanged for it.

    It computes the same function of the same parameters, up to rounding; their names gain ".convolution" or ".linear".
    Activations behind a convolution, linear layer or normalisation write over their input. The network is changed in
    place.

    Raises:
        ValueError: there is nothing to fold.

    >>> folded(nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU()))
    Sequential(
      (0): UpsampledConvolution(
        (convolution): Conv2d(8, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
      )
      (1): ReLU(inplace=True)
    )
    """
    found = 0
    for module in list(network.modules()):
        if not isinstance(module, nn.Sequential):
            continue
        layers = list(module)
        kept: list[nn.Module] = []
        while layers:
            fold, length = _fold_first(layers)
            layer = fold or layers[0]
            if kept and isinstance(kept[-1], FORGETFUL) and _may_overwrite(layer):
                layer.inplace = True
            kept.append(layer)
            layers = layers[length:]
            found += fold is not None
        if any(layer not in module.children() for layer in kept):
            for name in list(module._modules):
                del module._modules[name]
            for i, layer in enumerate(kept):
                module.add_module(str(i), layer)
    if not found:
        raise ValueError(
            f"{type(network).__name__} has nothing that can be folded: no upsampling before a convolution or mean "
            "pooling behind one, no flattening before a linear layer, no convolution that is strided, transposed or to "
            "one channel"
        )
    return network
