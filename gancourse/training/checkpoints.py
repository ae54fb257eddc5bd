"""Checkpoints that survive a crash at any moment and refuse to load when a single bit has changed.

The format is safetensors: tensors and text, nothing that could run. The header carries the SHA-256 of the whole file,
computed with the place of the digest filled with zeros.
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
"""What a trainer must share with the one that was saved to go on as it would have; with the value of older files."""
HEAD = {"turn", "turns", "numbers", "about", *SAME}
"""What else a head holds; older files have the game's settings beside these, newer ones in a place of their own."""


class CheckpointError(ValueError):
    """A file is no checkpoint, is damaged, or belongs to another game."""


def write_tensors(path: Path, tensors: dict[str, Tensor], about: dict[str, Any]) -> str:
    """Write tensors and a description to one file, atomically: a reader sees the old file or the whole new one.

    Returns:
        The SHA-256 of the file, as it stands in its header, in hexadecimal.

    Raises:
        OSError: the disk is full or the folder can't be written; the old file is untouched.
    """
    tensors = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    data = save(tensors, metadata={"about": json.dumps(about), "sha256": _EMPTY.decode()})
    digest = hashlib.sha256(data).hexdigest()
    at = data.index(_FIELD + _EMPTY) + len(_FIELD)
    _replace(Path(path), data[:at] + digest.encode() + data[at + 64 :])
    return digest


def _replace(path: Path, data: bytes) -> None:
    """Put data in place of a file: temporary file, fsync, rename, fsync of the folder."""
    # One fixed name: what a killed writer leaves is overwritten by the next, so nothing piles up.
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
        CheckpointError: the file is damaged, cut off, or something else.
    """
    data = Path(path).read_bytes()
    at = data.find(_FIELD) + len(_FIELD)
    if at < len(_FIELD) or len(data) < at + 64:
        raise CheckpointError(f"{path} is not a checkpoint of gancourse, or its header is damaged")
    found = data[at : at + 64]
    if hashlib.sha256(data[:at] + _EMPTY + data[at + 64 :]).hexdigest().encode() != found:
        raise CheckpointError(
            f"{path} is damaged: its SHA-256 does not match; copy it again from where it came from, or train anew"
        )
    try:
        length = int.from_bytes(data[:8], "little")
        about = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["about"])
        return load(data), about
    except (SafetensorError, ValueError, KeyError) as error:
        raise CheckpointError(f"{path} is not a checkpoint of gancourse: {error}") from None


def save_checkpoint(path: Path, trainer: Trainer, about: dict[str, Any] | None = None) -> None:
    """Write everything that a trainer's future depends on: networks, averages, optimisers, the turn, the last losses.

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
    """Who moves in which order within a step."""
    return [player.name for player in trainer.turns]


def _settings(trainer: Trainer) -> dict[str, Any]:
    """How the game says that it is played, if it does."""
    return dict(getattr(trainer.game, "settings", {}))


def _check_play(path: Path, head: dict[str, Any], trainer: Trainer) -> None:
    """Complain about a checkpoint of a game that is played in another order, or with other settings."""
    if "turns" not in head:
        return  # the oldest files don't say
    if head["turns"] != _turns(trainer):
        raise CheckpointError(f"{path} was saved with turns={head['turns']}, not {_turns(trainer)}")
    ours = _settings(trainer)
    theirs = head.get("settings", {name: value for name, value in head.items() if name not in HEAD})
    for name in sorted(ours.keys() | theirs.keys()):
        # A game that doesn't have a setting plays as one in which it is off.
        saved, mine = theirs.get(name, False), ours.get(name, False)
        if saved != mine:
            raise CheckpointError(f"{path} was saved with {name}={saved}, not {mine}")


def _networks(trainer: Trainer) -> dict[str, Tensor]:
    """Weights and buffers of the players' networks, memories and averages, named as in a checkpoint."""
    networks = {f"network/{name}": player.network for name, player in trainer.players.items()}
    networks |= {f"memory/{name}": p.memory for name, p in trainer.players.items() if p.memory is not None}
    networks |= {f"average/{name}": average.network for name, average in trainer.averages.items()}
    return {
        f"{place}/{key}": value for place, network in networks.items() for key, value in network.state_dict().items()
    }


def load_checkpoint(path: Path, trainer: Trainer, *, to_go_on: bool = True) -> dict[str, Any]:
    """Put a trainer, built as the one that was saved, into the saved state; returns what was said `about` it.

    Args:
        path: the file.
        trainer: what to change.
        to_go_on: whether the training is to be continued, and so must be set up to give the same bits; otherwise only
            the game must be the same, to look at its networks.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: the file is damaged, or was saved by another game, order of turns, setting of the game, seed,
            batch size or precision.
    """
    tensors, head = read_tensors(path)
    parts: dict[tuple[str, str], dict[str, Any]] = {}
    for place, value in (tensors | head.get("numbers", {})).items():
        kind, name, key = place.split("/", 2)
        parts.setdefault((kind, name), {})[key] = value
    for what, formerly in SAME.items():
        if to_go_on and head.get(what, formerly) != getattr(trainer, what):
            saved_with = head.get(what, formerly)
            raise CheckpointError(f"{path} was saved with {what}={saved_with}, not {getattr(trainer, what)}")
    if to_go_on:
        _check_play(path, head, trainer)
    wanted = _networks(trainer)
    saved = {name: value for name, value in tensors.items() if name.startswith(("network/", "memory/", "average/"))}
    # Compared before anything is changed, so that a refused checkpoint leaves the trainer as it was.
    for name in sorted(wanted.keys() | saved.keys()):
        theirs, ours = (tuple(side[name].shape) if name in side else "nothing" for side in (saved, wanted))
        if theirs != ours:
            raise CheckpointError(f"{path} was saved by another game: {name} is {theirs} there and {ours} here")
    for name, player in trainer.players.items():
        player.network.load_state_dict(parts.get(("network", name), {}))
        if player.memory is not None:
            player.memory.load_state_dict(parts.get(("memory", name), {}))
        _restore(trainer.optimisers[name], parts.get(("optimiser", name), {}))
    for name, average in trainer.averages.items():
        average.network.load_state_dict(parts.get(("average", name), {}))
    trainer.turn = head["turn"]
    trainer.losses = {name: terms for (kind, name), terms in parts.items() if kind == "loss"}
    return head["about"]


def _restore(optimiser: torch.optim.Optimizer, saved: dict[str, Any]) -> None:
    """Put saved values, named index/key, into an optimiser."""
    state: dict[int, dict[str, Any]] = {}
    weights = [weight for group in optimiser.param_groups for weight in group["params"]]
    for place, value in saved.items():
        index, key = place.split("/")
        if isinstance(value, Tensor) and value.shape == (weight := weights[int(index)]).shape:
            # In the weight's memory format: a fused kernel walks through both as they lie in memory.
            value = torch.empty_like(weight, dtype=value.dtype).copy_(value)
        state.setdefault(int(index), {})[key] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
