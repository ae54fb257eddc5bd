"""Checks of what a trainer is passed, and of a player's first update: later ones cost nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from gancourse.arguments import check_callables, check_counts, check_integers, check_reals
from gancourse.batch import Batch
from gancourse.games import Player


def check_arguments(
    game: Any, batches: Any, batch_size: Any, seed: Any, optimiser: Any, schedule: Any, averages: Any
) -> None:
    """Check the kinds of a trainer's arguments.

    Raises:
        ValueError: one is of another kind; the message has its name and what to pass.
    """
    players = getattr(game, "players", None)
    if not players or not all(isinstance(player, Player) for player in players):
        raise ValueError(f"game is of type {type(game).__name__}; pass a game, an object with players, such as a GAN")
    if not callable(batches):
        raise ValueError(
            f"batches is of type {type(batches).__name__}; pass a data source, a function of noise that returns a "
            "Batch, such as data.ring() or data.Samples(tensor_or_dataset)"
        )
    check_counts(batch_size=batch_size)
    check_integers(seed=seed)
    check_callables(schedule=schedule)
    makers = optimiser if isinstance(optimiser, Mapping) else {"": optimiser}
    for name, make in makers.items():
        what = f"optimiser of {name}" if name else "optimiser"
        if isinstance(make, torch.optim.Optimizer):
            raise ValueError(
                f"{what} is a {type(make).__name__} made already; pass a function of the parameters, such as adam(2e-4)"
            )
        check_callables(**{what: make})
    if averages is not None:
        if not isinstance(averages, Mapping):
            raise ValueError(f"averages is {averages!r:.60}; pass a half-life by player, such as {{'generator': 1.0}}")
        check_reals(**{f"the average's half-life of {name}": half_life for name, half_life in averages.items()})


def check_batch(batch: Any, n: int, player: Player) -> None:
    """Check the data of a player's first update.

    Raises:
        ValueError: it is no `Batch` of n samples in floats of the network's type, or looks like bytes as floats.
    """
    if not isinstance(batch, Batch):
        raise ValueError(f"batches returned {type(batch).__name__}; expected a Batch, such as Batch(x) or Batch(x, y)")
    for name, x in batch._asdict().items():
        if x is None:
            continue
        if not isinstance(x, Tensor) or not x.ndim or len(x) != n:
            shape = tuple(x.shape) if isinstance(x, Tensor) else type(x).__name__
            raise ValueError(f"the batch's {name} is {shape}; expected a tensor of {n} rows, the noise's n")
    x = batch.x
    if not x.is_floating_point():
        raise ValueError(
            f"the batch's x is {x.dtype}; networks take floats: data.Samples converts bytes to floats in [−1, 1]"
        )
    kinds = {w.dtype for w in player.network.parameters() if w.is_floating_point()}
    if kinds and x.dtype not in kinds:
        raise ValueError(
            f"the batch's x is {x.dtype}, but the weights of {player.name} are {', '.join(sorted(map(str, kinds)))}; "
            f"return x.to({next(iter(kinds))}), or convert the networks"
        )
    if x.ndim == 4 and not x.is_meta and x.min() >= 0 and x.max() > 2:
        raise ValueError(
            f"the batch's images run from {x.min().item():.4g} to {x.max().item():.4g}; expected [−1, 1]: pass them to "
            "data.Samples(images, value_range=(0, 255))"
        )


def check_terms(terms: Any, n: int, player: str) -> None:
    """Check the terms of a player's first update.

    Raises:
        ValueError: they aren't tensors of real numbers by name, with one value per sample, or per pack of samples.
    """
    if not isinstance(terms, dict) or not terms:
        raise ValueError(f"{player}'s terms are {terms!r:.60}; expected a dictionary with a tensor [{n}] for each name")
    for name, value in terms.items():
        if not isinstance(value, Tensor) or not value.is_floating_point():
            kind = value.dtype if isinstance(value, Tensor) else type(value).__name__
            raise ValueError(f"{player}'s term {name!r} is {kind}; expected a tensor of floats [{n}]")
        if value.ndim != 1 or not len(value) or n % len(value):
            raise ValueError(
                f"{player}'s term {name!r} has shape {tuple(value.shape)}; expected [{n}], one value per sample: "
                f"{_advice(value, n)}"
            )


def _advice(value: Tensor, n: int) -> str:
    """What to change, for a term of a wrong shape."""
    if not value.ndim:
        return "don't sum or average over the batch (reduction='none'); expand what is one number, by value.expand(n)"
    if value.shape == (n, n):
        return "scores [batch, 1] and [batch] have been combined; let the network return scores [batch], by flatten()"
    if value.shape[0] == n and value[0].numel() == 1:
        return "let the network return scores [batch], by flatten()"
    if value.shape[0] == n:
        return "average the patches of a sample: its scores, or the losses of these, by flatten(1).mean(1)"
    return "neither sum over samples nor add any"


@contextmanager
def explained(batch: Batch, player: Player, players: Mapping[str, Player]) -> Iterator[None]:
    """Inside, an error of torch names the player, the data and the latents.

    Raises:
        ValueError: torch has raised an error, because shapes or types don't fit.
    """
    try:
        yield
    except (RuntimeError, IndexError, TypeError, AttributeError) as error:
        # Subclasses of RuntimeError, such as that memory has run out, say what they mean.
        if isinstance(error, RuntimeError) and type(error) is not RuntimeError:
            raise
        networks = {name: other.network for name, other in players.items()}
        latents = [
            f"{name} gets latents [{len(batch.x)}, {size}] ({type(network).__name__}.latent_size)"
            for name, network in networks.items()
            if isinstance(size := getattr(network, "latent_size", None), int)
        ]
        data = f"the data are {batch.x.dtype} {list(batch.x.shape)}"
        raise ValueError(
            f"{player.name}'s first update failed: {str(error).strip()[:300]}; {'; '.join([data, *latents])}; check "
            "that the networks take and return these shapes"
        ) from error


def parameter_names(network: torch.nn.Module) -> dict[int, str]:
    """Names of a network's parameters, by their identity."""
    return {id(parameter): name for name, parameter in network.named_parameters()}
