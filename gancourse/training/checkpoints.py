"""Checkpoints that are written atomically, and are not loaded if a single bit has changed.

The format is safetensors: tensors and text, no executable code. The header holds the SHA-256 of the whole file,
computed with zeros in place of the digest.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from gancourse.training.trainer import Trainer

_EMPTY = b"0" * 64
_FIELD = b'"sha256":"'
SAME = {"seed": None, "batch_size": None, "precision": "32-true"}
"""Settings that must equal the saved trainer's to continue with the same bits; with their values in older files."""
HEAD = {"turn", "turns", "numbers", "about", *SAME}
"""Names in a head that are not settings of the game; older files have those beside these, newer ones in "settings"."""


class CheckpointError(ValueError):
    """A file is not a checkpoint, is damaged, or belongs to another game."""


def write_tensors(path: Path, tensors: dict[str, Tensor], about: dict[str, Any]) -> str:
    """Write tensors and a description to one file, atomically: a reader sees the old file or the whole new one.

    Returns:
        The SHA-256 of the file as in its header, in hexadecimal.

    Raises:
        OSError: the disk is full or the folder can't be written; the old file does not change.
    """
    tensors = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    data = save(tensors, metadata={"about": json.dumps(about), "sha256": _EMPTY.decode()})
    digest = hashlib.sha256(data).hexdigest()
    at = data.index(_FIELD + _EMPTY) + len(_FIELD)
    _replace(Path(path), data[:at] + digest.encode() + data[at + 64 :])
    return digest


def _replace(path: Path, data: bytes) -> None:
    """Replace a file by data: temporary file, fsync, rename, fsync of the folder."""
    # One fixed name: the next write overwrites the temporary file of a killed one, so there is never more than one.
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except BaseException as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        if isinstance(error, OSError):
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and description from a file of `write_tensors`.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: the file is damaged, truncated, or of another format.
    """
    data = Path(path).read_bytes()
    at = data.find(_FIELD) + len(_FIELD)
    if at < len(_FIELD) or len(data) < at + 64:
        raise CheckpointError(f"{path} is not a checkpoint of gancourse, or its header is damaged")
    digest = data[at : at + 64]
    if hashlib.sha256(data[:at] + _EMPTY + data[at + 64 :]).hexdigest().encode() != digest:
        raise CheckpointError(
            f"{path} is damaged: its SHA-256 does not match; copy it again from its source, or train again"
        )
    try:
        length = int.from_bytes(data[:8], "little")
        about = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["about"])
        return load(data), about
    except (SafetensorError, ValueError, KeyError) as error:
        raise CheckpointError(f"{path} is not a checkpoint of gancourse: {error}") from None


def save_checkpoint(path: Path, trainer: Trainer, about: dict[str, Any] | None = None) -> None:
    """Write the whole state of a trainer: networks, averages, optimisers, the turn, and the last losses.

    Raises:
        OSError: as for `write_tensors`.
    """
    tensors = _networks(trainer)
    numbers: dict[str, Any] = {}
    for name in trainer.players:
        for index, state in trainer.optimisers[name].state_dict()["state"].items():
            for key, value in state.items():
                place = f"optimiser/{name}/{index}/{key}"
                (tensors if isinstance(value, Tensor) else numbers)[place] = value
    for name, terms in trainer.losses.items():
        tensors |= {f"loss/{name}/{k}": v for k, v in terms.items()}
    head = {"turn": trainer.turn, "numbers": numbers, "about": about or {}}
    head |= {"turns": _turns(trainer), "settings": _settings(trainer)}
    write_tensors(path, tensors, head | {what: getattr(trainer, what) for what in SAME})


def _turns(trainer: Trainer) -> list[str]:
    """Names of the players in the order of their updates within a step."""
    return [player.name for player in trainer.turns]


def _settings(trainer: Trainer) -> dict[str, Any]:
    """The game's settings, if it has any."""
    return dict(getattr(trainer.game, "settings", {}))


def _check_play(path: Path, head: dict[str, Any], trainer: Trainer) -> None:
    """Refuse a checkpoint of a game with another order of turns or other settings."""
    if "turns" not in head:
        return  # the oldest files have no turns
    if head["turns"] != _turns(trainer):
        raise CheckpointError(f"{path} was saved with turns={head['turns']}, not {_turns(trainer)}; pass the same game")
    here = _settings(trainer)
    there = head.get("settings", {name: value for name, value in head.items() if name not in HEAD})
    for name in sorted(here.keys() | there.keys()):
        # A game without a setting is the same as one in which it is off.
        saved, current = there.get(name, False), here.get(name, False)
        if saved != current:
            raise CheckpointError(f"{path} was saved with {name}={saved}, not {current}; pass the same settings")


def _networks(trainer: Trainer) -> dict[str, Tensor]:
    """Weights and buffers of the players' networks, memories and averages, named as in a checkpoint."""
    networks = {f"network/{name}": player.network for name, player in trainer.players.items()}
    networks |= {f"memory/{name}": p.memory for name, p in trainer.players.items() if p.memory is not None}
    networks |= {f"average/{name}": average.network for name, average in trainer.averages.items()}
    return {
        f"{place}/{key}": value for place, network in networks.items() for key, value in network.state_dict().items()
    }


def load_checkpoint(path: Path, trainer: Trainer, *, to_go_on: bool = True, new_memory: bool = False) -> dict[str, Any]:
    """Load a saved state into a trainer of the same game; returns the `about` that was saved with it.

    Args:
        path: the file.
        trainer: changed in place.
        to_go_on: whether the training will be continued, so that all settings must be those of the saved one; if false,
            only the game must be the same, for example to use its networks.
        new_memory: whether the file may lack the game's memories, which then keep their initial values.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: the file is damaged, or was saved with another game, order of turns, setting of the game,
            seed, batch size or precision.
    """
    tensors, head = read_tensors(path)
    parts: dict[tuple[str, str], dict[str, Any]] = {}
    for place, value in (tensors | head.get("numbers", {})).items():
        kind, name, key = place.split("/", 2)
        parts.setdefault((kind, name), {})[key] = value
    for what, default in SAME.items():
        saved_value, value = head.get(what, default), getattr(trainer, what)
        if to_go_on and saved_value != value:
            raise CheckpointError(f"{path} was saved with {what}={saved_value}, not {value}; pass the saved value")
    if to_go_on:
        _check_play(path, head, trainer)
    expected = _networks(trainer)
    saved = {name: value for name, value in tensors.items() if name.startswith(("network/", "memory/", "average/"))}
    if new_memory and not any(name.startswith("memory/") for name in saved):
        expected = {name: value for name, value in expected.items() if not name.startswith("memory/")}
    # Compared before the first change, so that a refused checkpoint leaves the trainer unchanged.
    for name in sorted(expected.keys() | saved.keys()):
        there, here = (tuple(side[name].shape) if name in side else "missing" for side in (saved, expected))
        if there != here:
            raise CheckpointError(
                f"{path} was saved by another game: {name} is {there} in the file and {here} here; pass the same game"
            )
    for name, player in trainer.players.items():
        player.network.load_state_dict(parts.get(("network", name), {}))
        if player.memory is not None and (not new_memory or ("memory", name) in parts):
            player.memory.load_state_dict(parts.get(("memory", name), {}))
        _restore(trainer.optimisers[name], parts.get(("optimiser", name), {}))
    for name, average in trainer.averages.items():
        average.network.load_state_dict(parts.get(("average", name), {}))
    trainer.turn = head["turn"]
    trainer.losses = {name: terms for (kind, name), terms in parts.items() if kind == "loss"}
    return head["about"]


def _restore(optimiser: torch.optim.Optimizer, saved: dict[str, Any]) -> None:
    """Load saved values, named index/key, into an optimiser."""
    state: dict[int, dict[str, Any]] = {}
    weights = [weight for group in optimiser.param_groups for weight in group["params"]]
    for place, value in saved.items():
        index, key = place.split("/")
        if isinstance(value, Tensor) and value.shape == (weight := weights[int(index)]).shape:
            # In the weight's memory format: a fused kernel reads both in the order of memory.
            value = torch.empty_like(weight, dtype=value.dtype).copy_(value)
        state.setdefault(int(index), {})[key] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
