"""Running a recipe in a folder: checkpoints, a log, and a clean way out."""

from __future__ import annotations

import dataclasses
import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch

from gancourse import processes
from gancourse.recipes.build import REFERENCE, Arithmetic, Built, build
from gancourse.recipes.recipe import Recipe, from_json, to_json
from gancourse.rng import CPU
from gancourse.training import CheckpointError, Step, load_checkpoint, save_checkpoint

RECIPE, ARITHMETIC, CHECKPOINT, LOG = "recipe.json", "arithmetic.json", "checkpoint.safetensors", "log.jsonl"


class Stopped(KeyboardInterrupt):
    """A signal asked the run to stop; its checkpoint is written."""


@contextmanager
def _until_signalled() -> Iterator[threading.Event]:
    """An event that Ctrl-C or SIGTERM sets; a second signal acts as it usually does."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked  # only the main thread may receive signals
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, frame: Any) -> None:
        asked.set()
        signal.signal(number, before[number])

    for number in before:
        signal.signal(number, ask)
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def read_recipe(folder: Path) -> Recipe:
    """The recipe that a run's folder was made with.

    Raises:
        FileNotFoundError: the folder holds no run.
        CheckpointError: its description is damaged.
    """
    path = Path(folder) / RECIPE
    if not path.is_file():
        raise FileNotFoundError(f"{folder} holds no run: {RECIPE} is missing; start one with `gancourse train NAME`")
    try:
        return from_json(json.loads(path.read_text()))
    except ValueError as error:
        raise CheckpointError(f"{path} is damaged: {error}") from None


def read_arithmetic(folder: Path) -> Arithmetic:
    """How a run computes; the reference where the folder doesn't say.

    Raises:
        CheckpointError: its description is damaged.
    """
    path = Path(folder) / ARITHMETIC
    try:
        return Arithmetic(**json.loads(path.read_text())) if path.is_file() else REFERENCE
    except (ValueError, TypeError) as error:
        raise CheckpointError(f"{path} is damaged: {error}") from None


def train(
    recipe: Recipe,
    folder: Path,
    *,
    device: torch.device = CPU,
    save_every_s: float = 60.0,
    download: bool = False,
    arithmetic: Arithmetic = REFERENCE,
) -> Iterator[tuple[Built, Step]]:
    """Train a recipe in a new folder, yielding after each step.

    Where several processes train together, each must call this; the first one alone writes.

    Args:
        recipe: what to train.
        folder: where recipe, arithmetic, checkpoint and log go.
        device: where to compute.
        save_every_s: seconds between checkpoints.
        download: fetch the data set if it is missing.
        arithmetic: how to compute; a resumed run goes on in the same way.

    Raises:
        FileExistsError: the folder holds a run already.
        OSError: it can't be written.
        Stopped: Ctrl-C or SIGTERM; a checkpoint of the exact update is written.
    """
    folder, is_first = Path(folder), processes.mine().index == 0
    if is_first and (folder / RECIPE).exists():
        raise FileExistsError(
            f"{folder} holds a run already; resume it with `gancourse resume {folder}` or name another"
        )
    built = build(recipe, device, download, arithmetic)
    if is_first:
        folder.mkdir(parents=True, exist_ok=True)
        save_checkpoint(folder / CHECKPOINT, built.trainer)
        if arithmetic != REFERENCE:
            (folder / ARITHMETIC).write_text(json.dumps(dataclasses.asdict(arithmetic), indent=2) + "\n")
        (folder / RECIPE).write_text(json.dumps(to_json(recipe), indent=2) + "\n")
    yield from _play(built, folder, save_every_s, 0.0)


def resume(
    folder: Path, *, device: torch.device = CPU, save_every_s: float = 60.0, download: bool = False
) -> Iterator[tuple[Built, Step]]:
    """Go on with the run in a folder, as if it had never stopped; other arguments and errors as for `train`.

    Raises:
        FileNotFoundError: the folder holds no run.
        CheckpointError: its checkpoint is damaged.
    """
    folder = Path(folder)
    built = build(read_recipe(folder), device, download, read_arithmetic(folder))
    about = load_checkpoint(folder / CHECKPOINT, built.trainer)
    yield from _play(built, folder, save_every_s, about.get("seconds", 0.0))


def _play(built: Built, folder: Path, save_every_s: float, seconds_before: float) -> Iterator[tuple[Built, Step]]:
    trainer, began = built.trainer, time.monotonic()
    is_first = processes.mine().index == 0

    def save() -> None:
        if is_first:
            save_checkpoint(folder / CHECKPOINT, trainer, {"seconds": seconds_before + time.monotonic() - began})

    with _until_signalled() as asked, (folder / LOG).open("a") if is_first else nullcontext() as log:
        saved = time.monotonic()
        while trainer.step < built.recipe.steps:
            trainer.update()
            if processes.anyone(asked.is_set()):
                save()
                raise Stopped(f"stopped at step {trainer.step}; go on with `gancourse resume {folder}`")
            if time.monotonic() - saved > save_every_s:
                save()
                saved = time.monotonic()
            if trainer.turn % len(trainer.turns) == 0:
                step = Step(trainer.step - 1, dict(trainer.losses))
                if log and (trainer.step % 100 == 0 or trainer.step == built.recipe.steps):
                    log.write(json.dumps({"step": trainer.step, "losses": step.losses}) + "\n")
                    log.flush()
                yield built, step
        save()
