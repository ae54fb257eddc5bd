"""Finding what can be computed in a faster form, exactly: see `gancourse.models.folds` for the forms themselves."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable

from torch import nn

from gancourse.models.folds import (
    FlattenedLinear,
    PooledConvolution,
    ProjectedConvolution,
    ThinConvolution,
    TransposedConvolution,
    UpsampledConvolution,
    keeps_size,
)

HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
FORMS = (
    *(UpsampledConvolution, PooledConvolution, TransposedConvolution),
    *(ThinConvolution, FlattenedLinear, ProjectedConvolution),
)
FORGETFUL = (
    *(nn.Conv2d, nn.ConvTranspose2d, nn.Linear, nn.BatchNorm1d, nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm),
    *(UpsampledConvolution, PooledConvolution, TransposedConvolution, ThinConvolution, FlattenedLinear),
)
"""Layers whose backward pass doesn't need what they returned, a tensor of its own: an activation may write over it."""


def _is(layer: nn.Module, *kinds: type[nn.Module]) -> bool:
    """Whether a layer computes as one of these kinds does: without a forward pass of its own and without hooks.

    Parametrised layers do; lazy ones, and torch's older weight_norm, spectral_norm and prune, work by hooks.
    """
    is_one = any(isinstance(layer, kind) and type(layer).forward is kind.forward for kind in kinds)
    return is_one and not any(getattr(layer, name) for name in HOOKS)


def _projection(first: nn.Module, second: nn.Module, third: nn.Module) -> nn.Module | None:
    if not (_is(first, nn.Linear) and _is(second, nn.Unflatten) and _is(third, nn.ConvTranspose2d)):
        return None
    shape = list(second.unflattened_size)
    if second.dim != 1 or len(shape) != 3 or not all(isinstance(n, int) for n in shape):
        return None
    if -1 in shape:
        shape[shape.index(-1)] = first.out_features // -math.prod(shape)
    with contextlib.suppress(ValueError):  # they don't meet; calling them will say so
        return ProjectedConvolution(first, tuple(shape), third)
    return None


def _pair(first: nn.Module, second: nn.Module) -> nn.Module | None:
    if _is(first, nn.Flatten) and (first.start_dim, first.end_dim) == (1, -1) and _is(second, nn.Linear):
        return FlattenedLinear(second)
    if _is(first, nn.Upsample) and _is(second, nn.Conv2d) and keeps_size(second):
        doubles = first.size is None and first.scale_factor in (2, (2, 2)) and first.mode == "nearest"
        return UpsampledConvolution(second) if doubles else None
    if _is(first, nn.Conv2d) and keeps_size(first) and _is(second, nn.AvgPool2d):
        halves = all(getattr(second, name) in (2, (2, 2)) for name in ("kernel_size", "stride"))
        whole = second.padding in (0, (0, 0)) and not second.ceil_mode and second.divisor_override in (None, 4)
        return PooledConvolution(first) if halves and whole else None
    return None


def _single(layer: nn.Module) -> nn.Module | None:
    if not _is(layer, nn.Conv2d, nn.ConvTranspose2d):
        return None
    if layer.out_channels == 1:
        with contextlib.suppress(ValueError):  # groups, dilation or the like
            return ThinConvolution(layer)
    return TransposedConvolution(layer) if isinstance(layer, nn.ConvTranspose2d) else None


FOLDS: tuple[tuple[int, Callable[..., nn.Module | None]], ...] = ((3, _projection), (2, _pair), (1, _single))
"""How many neighbours a fold takes, and what returns their faster form, or None; the longest first."""


def _fold_first(layers: list[nn.Module]) -> tuple[nn.Module | None, int]:
    """The faster form of the first few layers, if there is one, and how many layers it stands for."""
    for length, fold in FOLDS:
        if len(layers) >= length and (found := fold(*layers[:length])) is not None:
            return found.train(layers[0].training), length
    return None, 1


def _overwriting(layer: nn.Module, before: nn.Module | None) -> nn.Module:
    """The same activation writing over its input, if the layer before it allows that; else the layer itself."""
    if before is None or not _is(before, *FORGETFUL):
        return layer
    if _is(layer, nn.ReLU):
        return nn.ReLU(inplace=True).train(layer.training)
    # Without a slope, what went in can't be told from what came out.
    if _is(layer, nn.LeakyReLU) and layer.negative_slope > 0:
        return nn.LeakyReLU(layer.negative_slope, inplace=True).train(layer.training)
    return layer


def _rewritten(module: nn.Sequential, in_place: bool) -> tuple[dict[str, nn.Module], int]:
    """A chain's layers by name, exchanged where that is faster, and how many exchanges that were."""
    named = list(module._modules.items())  # unlike named_children(), a layer that stands in two places twice
    kept: dict[str, nn.Module] = {}
    count, before = 0, None
    while named:
        form, length = _fold_first([layer for _, layer in named])
        group, named = named[:length], named[length:]
        count += form is not None
        # The form takes the name of the last of its layers that has parameters.
        name, layer = next((pair for pair in reversed(group) if list(pair[1].parameters())), group[-1])
        layer = form or layer
        kept[name] = before = _overwriting(layer, before) if in_place else layer
    return kept, count


def folded(network: nn.Module, in_place: bool = False) -> nn.Module:
    """The same network, with neighbours in each `nn.Sequential` exchanged for a faster form where there is one.

    It computes the same function of the same parameters, up to rounding, on processors in less time. The network is
    changed: load weights first and fold then, because the parameters' names gain ".convolution" or ".linear", and fold
    before a trainer takes the network. Layers with hooks or a forward pass of their own stay as they are. Not for
    networks that walk through a Sequential and keep what some of its layers return: it has fewer layers afterwards.

    Args:
        network: what to fold; folding once more changes nothing.
        in_place: let activations behind a convolution, linear layer or normalisation write over their input, too, which
            saves memory.

    Raises:
        ValueError: there is nothing to fold; the network is as it was.

    >>> folded(nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU()))
    Sequential(
      (1): UpsampledConvolution(
        (convolution): Conv2d(8, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
      )
      (2): ReLU()
    )
    """
    chains = [module for module in network.modules() if _is(module, nn.Sequential)]
    changes = [(module, *_rewritten(module, in_place)) for module in chains]
    if not any(count for *_, count in changes):
        if any(isinstance(module, FORMS) for module in network.modules()):
            return network
        raise ValueError(
            f"{type(network).__name__} has nothing that can be folded: no upsampling before a convolution or mean "
            "pooling behind one, no flattening before a linear layer, no convolution that is transposed or to one "
            "channel, inside of a Sequential and without hooks"
        )
    for module, kept, _ in changes:
        for name in list(module._modules):
            del module._modules[name]
        for name, layer in kept.items():
            module.add_module(name, layer)
    return network
