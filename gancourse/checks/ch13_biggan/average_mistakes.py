"""Right and wrong rules for averaging a network, tensor by tensor."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Entry(NamedTuple):
    """A tensor of the average and the same one of the network in training.

    Args:
        name: in the network.
        averaged: the average's.
        live: the network's.
        is_parameter: whether it is one, not a buffer.
        is_saved: whether it is in state_dict().
        is_frozen: whether it is a parameter that wants no gradient.
        n_names: how many layers share it.
    """

    name: str
    averaged: Tensor
    live: Tensor
    is_parameter: bool
    is_saved: bool
    is_frozen: bool
    n_names: int


Rule = Callable[[Entry, float], Tensor | None]
"""What the average's tensor becomes; None leaves it."""


class Mistake(NamedTuple):
    """What somebody does to each tensor, and what to say of it."""

    rule: Rule
    message: str


def _entries(averaged: nn.Module, live: nn.Module) -> list[Entry]:
    saved = set(live.state_dict())
    of_live = dict(live.named_parameters()) | dict(live.named_buffers())
    all_names = list(live.named_parameters(remove_duplicate=False))
    parameters = {name for name, _ in live.named_parameters()}
    return [
        Entry(
            name,
            tensor.detach(),
            of_live[name].detach(),
            name in parameters,
            name in saved,
            name in parameters and not tensor.requires_grad,
            max(sum(other is of_live[name] for _, other in all_names), 1),
        )
        for name, tensor in (*averaged.named_parameters(), *averaged.named_buffers())
    ]


@torch.no_grad()
def average_by(rule: Rule, averaged: nn.Module, live: nn.Module, decay: float) -> None:
    """One update by a rule, in place."""
    for entry in _entries(averaged, live):
        value = rule(entry, decay)
        if value is not None:
            entry.averaged.copy_(value)


def _mean(entry: Entry, decay: float) -> Tensor:
    return entry.averaged + (1 - decay) * (entry.live - entry.averaged)


def right_rule(entry: Entry, decay: float) -> Tensor:
    """The right answer."""
    return _mean(entry, decay) if entry.is_parameter else entry.live


def _is_float(entry: Entry) -> bool:
    return entry.averaged.is_floating_point()


def _is_vector(entry: Entry) -> bool:
    return entry.name.endswith(("._u", "._v"))


def _of_batch_norm(entry: Entry) -> bool:
    return entry.name.endswith(("running_mean", "running_var", "num_batches_tracked"))


def _blend(entry: Entry, decay: float) -> Tensor:
    """A mean of any type; of whole numbers, and of true and false, cut off as copy_ does."""
    numbers = decay * entry.averaged.double() + (1 - decay) * entry.live.double()
    return numbers.to(entry.averaged.dtype)


def _buffers(rule: Rule) -> Rule:
    """The right rule for parameters, another one for buffers."""
    return lambda entry, decay: _mean(entry, decay) if entry.is_parameter else rule(entry, decay)


def _parameters(rule: Rule) -> Rule:
    """The right rule for buffers, another one for parameters."""
    return lambda entry, decay: rule(entry, decay) if entry.is_parameter else entry.live


def _twice(entry: Entry, decay: float) -> Tensor:
    """As often as the tensor has names."""
    value = entry.averaged
    for _ in range(entry.n_names):
        value = value + (1 - decay) * (entry.live - value)
    return value


def _unit(vector: Tensor) -> Tensor:
    return vector / vector.norm()


VECTORS = (
    "The vectors u and v of spectral norm are averaged: the mean of two vectors of length 1 is shorter, and then the "
    "norm that is divided by is too small."
)
STATISTICS = (
    "Buffers are averaged as parameters are; they aren't trained. Copy them: of BatchNorm the statistics, which are "
    "averages already, and of spectral norm the vectors, whose mean is shorter than 1."
)
SWAPPED = "The decay is on the wrong side: it multiplies `averaged`, and 1 − decay multiplies `live`."
FORGOTTEN = "The buffers stay as they were: BatchNorm's statistics belong to other weights then. Copy them from `live`."
MISTAKES = [
    Mistake(
        lambda e, d: None,
        "Nothing has changed. An operation such as a.mul(d) returns a new tensor; a.mul_(d) writes to a.",
    ),
    Mistake(_parameters(lambda e, d: _mean(e, 1 - d)), SWAPPED),
    Mistake(
        lambda e, d: _mean(e, 1 - d) if e.is_parameter else None,
        f"{SWAPPED} And the buffers should be copied from `live`.",
    ),
    Mistake(
        lambda e, d: _mean(e, 1 - d) if _is_float(e) else e.live,
        f"{SWAPPED} And buffers aren't averaged; copy them.",
    ),
    Mistake(_buffers(lambda e, d: None), FORGOTTEN),
    Mistake(
        _buffers(lambda e, d: _mean(e, d) if _is_float(e) else e.live),
        f"{STATISTICS} (Whole numbers are copied already.)",
    ),
    Mistake(_buffers(lambda e, d: _mean(e, d) if _is_float(e) else None), f"{STATISTICS} Whole numbers too."),
    Mistake(
        _buffers(_blend), f"{STATISTICS} A mean of whole numbers is cut off, and one of true and false means nothing."
    ),
    Mistake(
        _buffers(lambda e, d: None if not e.is_saved else _mean(e, d) if _is_float(e) else e.live),
        f"{STATISTICS} And buffers that state_dict() leaves out are missing.",
    ),
    Mistake(
        _buffers(lambda e, d: None if not e.is_saved else _mean(e, d) if _is_float(e) else None),
        f"{STATISTICS} Whole numbers too, and buffers that state_dict() leaves out.",
    ),
    Mistake(
        _buffers(lambda e, d: None if not e.is_saved else _blend(e, d)),
        f"{STATISTICS} A mean of whole numbers is cut off; and state_dict() leaves some buffers out.",
    ),
    Mistake(_buffers(lambda e, d: _mean(e, d) if _is_vector(e) else e.live), VECTORS),
    Mistake(
        _buffers(lambda e, d: _unit(_mean(e, d)) if _is_vector(e) else e.live),
        "The vectors u and v are averaged and normalised again; the exercise copies them.",
    ),
    Mistake(
        _buffers(lambda e, d: _mean(e, d) if _is_vector(e) else None),
        "The vectors u and v of spectral norm are averaged, and other buffers stay as they were; copy all of them.",
    ),
    Mistake(
        _buffers(lambda e, d: e.live if _of_batch_norm(e) else None),
        "BatchNorm's buffers are copied and no others: spectral norm's vectors are buffers too. Take buffers().",
    ),
    Mistake(
        _buffers(lambda e, d: e.live if _of_batch_norm(e) else _mean(e, d) if _is_float(e) else None),
        f"{VECTORS} Only BatchNorm's buffers are copied; copy all.",
    ),
    Mistake(
        _buffers(lambda e, d: e.live if e.name.endswith(("running_mean", "running_var")) else None),
        "Running means and variances are copied, and no other buffers: spectral norm has some too. Take buffers().",
    ),
    Mistake(
        _buffers(lambda e, d: e.live if _is_vector(e) else None),
        "The vectors of spectral norm are copied and no other buffers: BatchNorm's statistics are buffers too.",
    ),
    Mistake(
        _buffers(lambda e, d: e.live if _is_float(e) else None),
        "Buffers of whole numbers stay as they were, such as num_batches_tracked; copy them as well.",
    ),
    Mistake(
        _buffers(lambda e, d: e.live if not _is_float(e) else None),
        "Only buffers of whole numbers are copied; copy those of floats too.",
    ),
    Mistake(
        _buffers(lambda e, d: e.live if e.is_saved else None),
        "Buffers that state_dict() leaves out stay as they were (persistent=False). Take buffers().",
    ),
    Mistake(
        _buffers(lambda e, d: _mean(e, 1 - d) if _is_float(e) else e.live),
        "The buffers are averaged, with 1 − decay; copy them.",
    ),
    Mistake(
        _buffers(lambda e, d: e.averaged + e.live if _is_float(e) else e.live), "The buffers are added up; copy them."
    ),
    Mistake(
        _parameters(_twice),
        "A weight that two layers share is averaged twice: it has two names in state_dict(). Take parameters(), which "
        "holds it once.",
    ),
    Mistake(
        lambda e, d: _twice(e, d) if e.is_parameter else (e.live if e.is_saved else None),
        "A weight that two layers share is averaged twice, since state_dict() has it under two names; and buffers that "
        "it leaves out stay. Take parameters() and buffers().",
    ),
    Mistake(
        _parameters(lambda e, d: e.live),
        "All is copied: the average is the network of this step. Parameters: decay · averaged + (1 − decay) · live.",
    ),
    Mistake(_parameters(lambda e, d: None), "The parameters stay as they were; only the buffers are copied."),
    Mistake(
        _parameters(lambda e, d: _mean(e, d) if not e.is_frozen else None),
        "Parameters that want no gradient stay as they were; an average has them too.",
    ),
    Mistake(
        _parameters(lambda e, d: _mean(e, d) if not e.is_frozen else e.live),
        "Parameters that want no gradient are copied; average them, too.",
    ),
    Mistake(
        _parameters(lambda e, d: e.averaged + (1 - d) * e.live),
        "The old average isn't multiplied by the decay: it grows at each update.",
    ),
    Mistake(
        _parameters(lambda e, d: d * e.averaged + e.live),
        "live isn't multiplied by 1 − decay: the average grows to 1/(1 − decay) times the weights.",
    ),
    Mistake(
        _parameters(lambda e, d: d * e.averaged),
        "The average shrinks by the decay at each update, and `live` isn't in it.",
    ),
    Mistake(_parameters(lambda e, d: (1 - d) * e.live), "The old average isn't in it: that is (1 − decay) · live."),
    Mistake(
        _parameters(lambda e, d: d * e.averaged + (1 - d) * (e.live - e.averaged)),
        "Two forms are mixed: decay · averaged + (1 − decay) · live, or averaged + (1 − decay) · (live − averaged).",
    ),
    Mistake(
        _parameters(lambda e, d: e.averaged - (1 - d) * (e.live - e.averaged)),
        "The average moves away from `live`: the sign of (live − averaged) is turned.",
    ),
    Mistake(
        _parameters(lambda e, d: (e.averaged + e.live) / 2), "That is the plain mean of both; weigh them by the decay."
    ),
    Mistake(
        _parameters(lambda e, d: _mean(e, d) if "weight" in e.name else None),
        "Only weights are averaged; biases and other parameters stay as they were. Take parameters().",
    ),
    Mistake(
        _parameters(lambda e, d: _mean(e, d) if e.averaged.ndim > 1 else e.live),
        "Parameters of one axis, such as biases, are copied; average all.",
    ),
    Mistake(
        _parameters(lambda e, d: _mean(e, d) if e.averaged.ndim > 1 else None),
        "Parameters of one axis, such as biases, stay as they were; average all.",
    ),
]
