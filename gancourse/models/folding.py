"""Folding networks: their Sequentials compute faster forms of their layers, and nothing else about them changes.

A folded Sequential holds the layers that it held before, under the same names, so that checkpoints, optimisers,
averages and whoever walks through it see no difference. Only its forward pass calls other modules, which refer to these
layers and are looked for again whenever something has changed that they depend on. `gancourse.models.folds` has the
forms themselves, `gancourse.models.foldable` finds where they fit.
"""

from __future__ import annotations

import functools
import operator
from collections import Counter
from typing import Any, ClassVar

from torch import Tensor, nn

from gancourse.models import foldable
from gancourse.models.foldable import FORMS, Step


class _Folding(nn.Sequential):
    """A Sequential whose forward pass calls faster forms of its layers; `_folding_class` mixes it into a class."""

    _plain_class: ClassVar[type[nn.Sequential]] = nn.Sequential
    _folds_in_place: bool = False
    _folds: tuple[list[object], list[Step]] | None = None

    def forward(self, input: Tensor) -> Tensor:
        """What the plain Sequential returns, up to rounding."""
        for step in self._current_steps():
            input = step.module(input)
        return input

    def _current_steps(self) -> list[Step]:
        facts = foldable.facts(self)
        # Facts that are equal but another object cost a new search, which is harmless.
        if self._folds is None or not _are_the_same(facts, self._folds[0]):
            self._folds = facts, foldable.steps(self, self._folds_in_place)
        return self._folds[1]

    def __getitem__(self, index: int | slice) -> nn.Module:
        """A layer; or a part of the chain, which is a plain one."""
        if not isinstance(index, slice):
            return super().__getitem__(index)
        plain = _blank(self._plain_class)
        vars(plain).update(vars(self))
        return plain[index]

    def extra_repr(self) -> str:
        """Which layers are computed as something else."""
        steps = foldable.exchanged(self, self._current_steps())
        return "\n".join(f"{' + '.join(step.names)}: by {type(step.module).__name__}" for step in steps)

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        state.pop("_folds", None)  # a copy finds the forms of its own layers
        return state

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        # Pickle finds a class by its name, and ours is made while the program runs.
        return _blank_folding, (self._plain_class,), self.__getstate__()


def _are_the_same(a: list[object], b: list[object]) -> bool:
    return len(a) == len(b) and not any(map(operator.is_not, a, b))


@functools.cache
def _folding_class(plain: type[nn.Sequential]) -> type[_Folding]:
    return type(f"Folded{plain.__name__}", (_Folding, plain), {"_plain_class": plain})


def _blank(kind: type[nn.Sequential]) -> nn.Sequential:
    return kind.__new__(kind)


def _blank_folding(plain: type[nn.Sequential]) -> nn.Sequential:
    return _blank(_folding_class(plain))


def _is_chain(module: nn.Module) -> bool:
    """Whether this is a Sequential that computes as torch's own does."""
    if not isinstance(module, nn.Sequential) or "forward" in vars(module):
        return False
    kind = type(module)
    return kind.forward is nn.Sequential.forward and kind.__iter__ is nn.Sequential.__iter__


def fold_if_possible(network: nn.Module, in_place: bool = False) -> dict[str, int]:
    """Fold a network as `folded` does, where that helps; where there is nothing to fold, the network stays as it is.

    Args:
        network: what to fold.
        in_place: as for `folded`.

    Returns:
        How many forms of each kind the network uses now, by their names; empty if there is nothing to fold.

    >>> fold_if_possible(nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.AvgPool2d(2), nn.Conv2d(8, 1, 3, padding=1)))
    {'PooledConvolution': 1, 'ThinConvolution': 1}
    >>> fold_if_possible(nn.Sequential(nn.Linear(2, 2), nn.ReLU()))
    {}
    """
    chains = [module for module in network.modules() if _is_chain(module)]
    changes = [(chain, foldable.exchanged(chain, foldable.steps(chain, in_place))) for chain in chains]
    if any(isinstance(step.module, FORMS) for _, steps in changes for step in steps):
        for chain, steps in changes:
            if steps:
                chain.__class__ = _folding_class(type(chain))
                chain._folds_in_place = in_place
    foldings = [module for module in network.modules() if isinstance(module, _Folding)]
    used = [step.module for folding in foldings for step in foldable.exchanged(folding, folding._current_steps())]
    return dict(Counter(type(module).__name__ for module in used if isinstance(module, FORMS)))


def folded(network: nn.Module, in_place: bool = False) -> nn.Module:
    """The same network, with neighbours in each `nn.Sequential` computed in a faster form where there is one.

    It computes the same function of the same parameters, up to rounding, on processors in less time. The network is
    changed, and so are the classes of its Sequentials, but neither its layers nor their names: checkpoints fit folded
    and plain networks alike, and parts, `layers[:-2]`, are plain. It may be folded at any time, and layers may be
    replaced afterwards.

    Layers with hooks or a forward pass of their own are called themselves, also if they get them later. The hooks of
    `gancourse.training.MixedPrecision` are an exception: they are called around each form. Hooks for all modules, such
    as those of torch's counter of operations, see the forms.

    Args:
        network: what to fold; what is folded already stays as it is.
        in_place: let activations behind a convolution, linear layer or normalisation write over their input, too, which
            saves memory.

    Raises:
        ValueError: there is nothing to fold; the network is as it was.

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
            f"{type(network).__name__} has nothing that can be folded: no upsampling before a convolution or mean "
            "pooling behind one, no flattening before a linear layer, no convolution that is transposed or to one "
            "channel, inside of a Sequential and without hooks"
        )
    return network


def unfolded(network: nn.Module) -> nn.Module:
    """The same network with every layer called itself again; a plain one stays as it is.

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
