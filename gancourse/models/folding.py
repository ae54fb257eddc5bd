"""Folding networks: their Sequentials compute faster forms of their layers; nothing else about them changes.

A folded Sequential has the same layers under the same names, so checkpoints, optimisers, averages and iteration over
modules work as before. Only its forward pass calls other modules, which refer to these layers. The calls are cached,
and planned again when a layer, its settings or its hooks have changed. `gancourse.models.folds` has the forms,
`gancourse.models.foldable` finds where they can be used.
"""

from __future__ import annotations

import functools
import operator
from collections import Counter
from typing import Any, ClassVar

from torch import Tensor, nn

from gancourse.models import foldable
from gancourse.models.foldable import FORMS, Call


class _Folding(nn.Sequential):
    """A Sequential whose forward pass calls faster forms of its layers; `_folding_class` mixes it into a class."""

    _plain_class: ClassVar[type[nn.Sequential]] = nn.Sequential
    _folds_in_place: bool = False
    _folds: tuple[list[object], list[Call]] | None = None

    def forward(self, input: Tensor) -> Tensor:
        """What the plain Sequential returns, up to rounding."""
        for call in self._current_calls():
            input = call.module(input)
        return input

    def _current_calls(self) -> list[Call]:
        dependencies = foldable.dependencies(self)
        # Dependencies that are equal but not identical cause a new search, which costs time but is correct.
        if self._folds is None or not _are_identical(dependencies, self._folds[0]):
            self._folds = dependencies, foldable.calls(self, self._folds_in_place)
        return self._folds[1]

    def __getitem__(self, index: int | slice) -> nn.Module:
        """A layer; or, for a slice, a plain Sequential."""
        if not isinstance(index, slice):
            return super().__getitem__(index)
        plain = _without_init(self._plain_class)
        vars(plain).update(vars(self))
        return plain[index]

    def extra_repr(self) -> str:
        """Which layers are computed in a faster form."""
        calls = foldable.replacements(self, self._current_calls())
        return "\n".join(f"{' + '.join(call.names)}: by {type(call.module).__name__}" for call in calls)

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        state.pop("_folds", None)  # a copy finds the forms of its own layers
        return state

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        # Pickle finds a class by its name, but this class is created at run time.
        return _folding_without_init, (self._plain_class,), self.__getstate__()


def _are_identical(a: list[object], b: list[object]) -> bool:
    return len(a) == len(b) and not any(map(operator.is_not, a, b))


@functools.cache
def _folding_class(plain: type[nn.Sequential]) -> type[_Folding]:
    return type(f"Folded{plain.__name__}", (_Folding, plain), {"_plain_class": plain})


def _without_init(kind: type[nn.Sequential]) -> nn.Sequential:
    return kind.__new__(kind)


def _folding_without_init(plain: type[nn.Sequential]) -> nn.Sequential:
    return _without_init(_folding_class(plain))


def _is_chain(module: nn.Module) -> bool:
    """Whether this is a Sequential with torch's own forward pass."""
    if not isinstance(module, nn.Sequential) or "forward" in vars(module):
        return False
    kind = type(module)
    return kind.forward is nn.Sequential.forward and kind.__iter__ is nn.Sequential.__iter__


def fold_if_possible(network: nn.Module, in_place: bool = False) -> dict[str, int]:
    """Fold a network as `folded` does; a network that can't be folded stays as it is.

    Args:
        network: changed in place.
        in_place: as for `folded`.

    Returns:
        Number of faster forms of each kind in the network, by name; empty if there are none.

    >>> fold_if_possible(nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.AvgPool2d(2), nn.Conv2d(8, 1, 3, padding=1)))
    {'PooledConvolution': 1, 'ThinConvolution': 1}
    >>> fold_if_possible(nn.Sequential(nn.Linear(2, 2), nn.ReLU()))
    {}
    """
    chains = [module for module in network.modules() if _is_chain(module)]
    changes = [(chain, foldable.replacements(chain, foldable.calls(chain, in_place))) for chain in chains]
    if any(isinstance(call.module, FORMS) for _, calls in changes for call in calls):
        for chain, calls in changes:
            if calls:
                chain.__class__ = _folding_class(type(chain))
                chain._folds_in_place = in_place
    foldings = [module for module in network.modules() if isinstance(module, _Folding)]
    used = [c.module for folding in foldings for c in foldable.replacements(folding, folding._current_calls())]
    return dict(Counter(type(module).__name__ for module in used if isinstance(module, FORMS)))


def folded(network: nn.Module, in_place: bool = False) -> nn.Module:
    """The same network, with consecutive layers of each `nn.Sequential` computed in a faster form where there is one.

    It computes the same function of the same parameters, up to rounding, in less time on CPUs. The network is changed
    in place: its Sequentials get another class, but its layers and their names stay. Checkpoints therefore fit folded
    and plain networks alike, and slices such as `layers[:-2]` are plain. A network may be folded at any time, and
    layers may be replaced afterwards.

    Layers with hooks or a forward pass of their own are called as they are, also if they get these later. The hooks of
    `gancourse.training.MixedPrecision` are an exception: they are called around each form. Global module hooks, such
    as those of torch's FlopCounterMode, see the forms.

    Args:
        network: changed in place; parts that are folded already stay as they are.
        in_place: also compute activations after a convolution, linear layer or normalisation in place, which saves
            memory.

    Raises:
        ValueError: there is nothing to fold; the network is unchanged.

    >>> folded(nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU()))
    FoldedSequential(
      0 + 1: by UpsampledConvolution
      (0): Upsample(scale_factor=2.0, mode='nearest')
      (1): Conv2d(8, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
      (2): ReLU()
    )
    """
    fold_if_possible(network, in_place)
    if not any(isinstance(module, (_Folding, *FORMS)) for module in network.modules()):
        raise ValueError(
            f"{type(network).__name__} has nothing that can be folded; expected, inside a Sequential and without "
            "hooks, upsampling before a convolution, mean pooling after one, flattening before a linear layer, or a "
            "convolution that is transposed or has one input or output channel; use the network as it is"
        )
    return network


def unfolded(network: nn.Module) -> nn.Module:
    """The same network with all its layers called as they are again; a plain network does not change.

    >>> unfolded(folded(nn.Sequential(nn.Conv2d(8, 1, 3, padding=1))))
    Sequential(
      (0): Conv2d(8, 1, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
    )
    """
    for module in network.modules():
        if isinstance(module, _Folding):
            vars(module).pop("_folds", None)
            vars(module).pop("_folds_in_place", None)
            module.__class__ = module._plain_class
    return network
