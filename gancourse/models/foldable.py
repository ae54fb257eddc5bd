"""Finding layers that have an equivalent faster form; `gancourse.models.folds` has the forms."""

from __future__ import annotations

import contextlib
import itertools
import math
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

from torch import nn

from gancourse.models.folds import (
    FlattenedLinear,
    PooledConvolution,
    ProjectedConvolution,
    ThinConvolution,
    ThinInputConvolution,
    TransposedConvolution,
    UpsampledConvolution,
    keeps_size,
)
from gancourse.models.thin import has_simple_kernel

FORWARD_HOOKS = ("_forward_pre_hooks", "_forward_hooks")
OTHER_HOOKS = (
    *("_backward_hooks", "_backward_pre_hooks"),
    *("_forward_hooks_with_kwargs", "_forward_pre_hooks_with_kwargs", "_forward_hooks_always_called"),
)
_all_hooks = operator.itemgetter(*FORWARD_HOOKS, *OTHER_HOOKS)
FORMS = (
    *(UpsampledConvolution, PooledConvolution, TransposedConvolution),
    *(ThinConvolution, ThinInputConvolution, FlattenedLinear, ProjectedConvolution),
)
FREES_OUTPUT = (
    *(nn.Conv2d, nn.ConvTranspose2d, nn.Linear, nn.BatchNorm1d, nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm),
    *(UpsampledConvolution, PooledConvolution, TransposedConvolution),
    *(ThinConvolution, ThinInputConvolution, FlattenedLinear),
)
"""Layers whose output is a new tensor that their backward pass doesn't need: an activation may overwrite it."""
KNOWN = (*FREES_OUTPUT, nn.ReLU, nn.LeakyReLU, nn.Upsample, nn.AvgPool2d, nn.Flatten, nn.Unflatten)
"""Layers that may be replaced or whose settings matter; of all other layers, only the class matters."""


def _is(layer: nn.Module, *kinds: type[nn.Module]) -> bool:
    """Whether a layer computes as one of these classes does: without a forward pass of its own and without hooks.

    Parametrised layers do. Lazy layers, and torch's older weight_norm, spectral_norm and prune, use hooks. A hook
    marked by `of_any_module = True` is allowed: it works for any module, and is called around the faster form.
    """
    is_one = any(isinstance(layer, kind) and type(layer).forward is kind.forward for kind in kinds)
    if not is_one or "forward" in vars(layer) or any(getattr(layer, name) for name in OTHER_HOOKS):
        return False
    return all(getattr(hook, "of_any_module", False) for hooks in _forward_hooks(layer) for hook in hooks)


def _forward_hooks(layer: nn.Module) -> list[list[Callable[..., Any]]]:
    return [list(getattr(layer, name).values()) for name in FORWARD_HOOKS]


def _hooked_like(layer: nn.Module, form: nn.Module) -> nn.Module:
    """The form that replaces a layer, with the same hooks."""
    before, after = _forward_hooks(layer)
    for hook in before:
        form.register_forward_pre_hook(hook)
    for hook in after:
        form.register_forward_hook(hook)
    return form


def _projection(first: nn.Module, second: nn.Module, third: nn.Module) -> nn.Module | None:
    if not (_is(first, nn.Linear) and _is(second, nn.Unflatten) and _is(third, nn.ConvTranspose2d)):
        return None
    shape = list(second.unflattened_size)
    if second.dim != 1 or len(shape) != 3 or not all(isinstance(n, int) for n in shape):
        return None
    if -1 in shape:
        shape[shape.index(-1)] = first.out_features // -math.prod(shape)
    with contextlib.suppress(ValueError):  # their shapes don't fit; calling them raises an error
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
    if isinstance(layer, nn.Conv2d) and layer.in_channels == 1 and has_simple_kernel(layer):
        return ThinInputConvolution(layer)
    return TransposedConvolution(layer) if isinstance(layer, nn.ConvTranspose2d) else None


FOLDS: tuple[tuple[int, Callable[..., nn.Module | None]], ...] = ((3, _projection), (2, _pair), (1, _single))
"""Number of consecutive layers, and a function that returns their faster form, or None; the longest first."""


class Call(NamedTuple):
    """One call of a folded chain.

    Args:
        names: of the consecutive layers that it computes.
        module: the layer itself, or a module that refers to the layers.
    """

    names: tuple[str, ...]
    module: nn.Module


def _fold_first(layers: list[nn.Module]) -> tuple[nn.Module | None, int]:
    """The faster form of the first layers, or None, and the number of layers that it replaces."""
    for length, fold in FOLDS:
        group = layers[:length]
        if len(group) < length or (form := fold(*group)) is None:
            continue
        if all(_forward_hooks(layer) == _forward_hooks(group[0]) for layer in group):
            return _hooked_like(group[0], form), length
    return None, 1


def _overwriting(layer: nn.Module, before: nn.Module | None) -> nn.Module:
    """The same activation in place, if the layer before it allows that; else the layer itself."""
    if before is None or not _is(before, *FREES_OUTPUT):
        return layer
    if _is(layer, nn.ReLU) and not layer.inplace:
        return _hooked_like(layer, nn.ReLU(inplace=True))
    # With a positive negative_slope, the backward pass can tell the sign of the input from the output.
    if _is(layer, nn.LeakyReLU) and not layer.inplace and layer.negative_slope > 0:
        return _hooked_like(layer, nn.LeakyReLU(layer.negative_slope, inplace=True))
    return layer


def calls(chain: nn.Sequential, in_place: bool) -> list[Call]:
    """The calls that compute a chain of layers, in order."""
    named = list(chain._modules.items())  # unlike named_children(), this lists a layer used twice two times
    planned: list[Call] = []
    while named:
        form, length = _fold_first([layer for _, layer in named])
        group, named = named[:length], named[length:]
        module = group[0][1] if form is None else form
        if in_place:
            module = _overwriting(module, planned[-1].module if planned else None)
        planned.append(Call(tuple(name for name, _ in group), module))
    return planned


def replacements(chain: nn.Sequential, all_calls: list[Call]) -> list[Call]:
    """The calls whose module is not the layer itself."""
    return [call for call in all_calls if call.module is not chain._modules[call.names[0]]]


def dependencies(chain: nn.Sequential) -> list[object]:
    """All that `calls` depends on, to be compared by identity: names, layers, their settings and their hooks."""
    objects: list[object] = list(chain._modules)
    for layer in chain._modules.values():
        objects += (layer, type(layer))
        if isinstance(layer, KNOWN):
            state = vars(layer)
            objects += state.values()
            # Each hook by the number that it got when it was registered.
            objects += itertools.chain.from_iterable(_all_hooks(state))
    return objects
