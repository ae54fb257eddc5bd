"""Running a recipe in a folder: checkpoints, a log, and a clean way out."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import torch

from gancourse import processes
from gancourse.errors import NotFiniteError
from gancourse.recipes.building import REFERENCE, Arithmetic, Built, build
from gancourse.recipes.older import modern
from gancourse.recipes.schema import Recipe, unlike
from gancourse.rng import CPU
from gancourse.spelling import difference
from gancourse.training import CheckpointError, Step, load_checkpoint, read_tensors, save_checkpoint
from gancourse.values import from_json, to_json

RECIPE, ARITHMETIC, CHECKPOINT, LOG = "recipe.json", "arithmetic.json", "checkpoint.safetensors", "log.jsonl"


class Stopped(KeyboardInterrupt):
    """A signal asked the run to stop; its checkpoint is written."""


class Progress(NamedTuple):
    """Where a run is.

    Args:
        built: the recipe with its trainer.
        step: what the last step did.
        seconds: of training so far, in all the run's processes one after the other; pauses for `yield` left out.
    """

    built: Built
    step: Step
    seconds: float

    @property
    def done(self) -> int:
        """Steps made."""
        return self.step.index + 1

    def ends_one_of(self, n: int) -> bool:
        """Whether this step ends one of n equal parts of the training, such as a tenth; the last step does."""
        total = self.built.recipe.steps
        return self.done * n // total > (self.done - 1) * n // total


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


def _read(path: Path, kind: type) -> Any:
    """The value of a kind that a file describes.

    Raises:
        CheckpointError: it is damaged.
    """
    try:
        value = from_json(modern(json.loads(path.read_text())))
        if not isinstance(value, kind):
            raise ValueError(f"it describes no {kind.__name__}")
        return value
    except (ValueError, TypeError) as error:
        raise CheckpointError(f"{path} is damaged: {error}") from None


def read_recipe(folder: Path) -> Recipe:
    """The recipe that a run's folder was made with.

    Raises:
        FileNotFoundError: the folder holds no run.
        CheckpointError: its description is damaged.
    """
    path = Path(folder) / RECIPE
    if not path.is_file():
        raise FileNotFoundError(f"{folder} holds no run: {RECIPE} is missing; start one with `gancourse train NAME`")
    return _read(path, Recipe)


def read_arithmetic(folder: Path) -> Arithmetic:
    """How a run computes; the reference where the folder doesn't say.

    Raises:
        CheckpointError: its description is damaged.
    """
    path = Path(folder) / ARITHMETIC
    return _read(path, Arithmetic) if path.is_file() else REFERENCE


class Saved(NamedTuple):
    """What the checkpoint of a run says of it.

    Args:
        steps: made so far; None if the file is too old to say.
        seconds: of training so far.
        techniques: what made it faster than the reference, in words.
    """

    steps: int | None
    seconds: float
    techniques: tuple[str, ...]


def read_saved(folder: Path) -> Saved:
    """How far a run's checkpoint is.

    Raises:
        FileNotFoundError: there is none.
        CheckpointError: it is damaged.
    """
    path = Path(folder) / CHECKPOINT
    if not path.is_file():
        raise FileNotFoundError(f"{folder} holds no checkpoint: {CHECKPOINT} is missing")
    _, head = read_tensors(path)
    about, turns = head.get("about", {}), head.get("turns")
    steps = head["turn"] // len(turns) if turns else None
    return Saved(steps, about.get("seconds", 0.0), tuple(about.get("techniques", ())))


def train(
    recipe: Recipe,
    folder: Path,
    *,
    device: torch.device = CPU,
    save_every_s: float = 60.0,
    download: bool = False,
    arithmetic: Arithmetic = REFERENCE,
    start_from: Path | None = None,
) -> Generator[Progress, None, None]:
    """Train a recipe in a new folder, yielding after each step.

    Where several processes train together, each must call this; the first one alone writes.

    Args:
        recipe: what to train.
        folder: where recipe, arithmetic, checkpoint and log go.
        device: where to compute.
        save_every_s: seconds between checkpoints.
        download: fetch the data set if it is missing.
        arithmetic: how to compute; a resumed run computes in the same way.
        start_from: folder of a run whose steps so far are this training's first steps.

    Raises:
        FileExistsError: the folder holds a run already.
        ValueError: as for `build`, a part of the arithmetic would do nothing for this data, or the first step is
            refused, which leaves no files.
        OSError: it can't be written.
        Stopped: Ctrl-C or SIGTERM; a checkpoint of the last whole step is written.
    """
    folder, is_first = Path(folder), processes.mine().index == 0
    if is_first and (folder / RECIPE).exists():
        raise FileExistsError(
            f"{folder} holds a run already; resume it with `gancourse resume {folder}` or name another"
        )
    built = build(recipe, device, download, arithmetic)
    arithmetic.check(built.source.signature)
    seconds = 0.0 if start_from is None else _begin(built, arithmetic, Path(start_from))
    new_folders = [path for path in (folder, *folder.parents) if not path.exists()]
    if is_first:
        folder.mkdir(parents=True, exist_ok=True)
        save_checkpoint(folder / CHECKPOINT, built.trainer)
        if arithmetic != REFERENCE:
            (folder / ARITHMETIC).write_text(json.dumps(to_json(arithmetic), indent=2) + "\n")
        (folder / RECIPE).write_text(json.dumps(to_json(recipe), indent=2) + "\n")
    try:
        yield from _play(built, folder, save_every_s, seconds)
    except NotFiniteError:
        raise  # a run that diverges at once is one to look at
    except ValueError:
        # Some mistakes show in the first step, such as a batch that groups of 4 don't divide; then there is no run.
        if is_first and built.trainer.step == 0:
            _remove(folder, new_folders)
        raise


def _begin(built: Built, arithmetic: Arithmetic, folder: Path) -> float:
    """Load the state of a run whose steps so far are the first ones of this training; returns its seconds.

    Raises:
        FileNotFoundError: the folder holds no run, or no checkpoint.
        ValueError: it was another training.
        CheckpointError: its checkpoint is damaged.
    """
    recipe, theirs, steps = built.recipe, read_recipe(folder), read_saved(folder).steps or 0
    if steps >= recipe.steps:
        raise ValueError(
            f"{folder} is at step {steps} already, and the training ends at {recipe.steps}; pass more steps"
        )
    other = unlike(theirs, recipe, steps) or difference(read_arithmetic(folder), arithmetic)
    if other:
        raise ValueError(
            f"{folder} is no beginning of this training: it has {' '.join(other)}; pass the same options, and terms "
            f"that begin at step {steps} or later"
        )
    return load_checkpoint(folder / CHECKPOINT, built.trainer, new_memory=True).get("seconds", 0.0)


def _remove(folder: Path, new_folders: list[Path]) -> None:
    """Take away the files of a run, and the empty ones of the folders that were made for it, innermost first."""
    for name in (RECIPE, ARITHMETIC, CHECKPOINT, LOG):
        (folder / name).unlink(missing_ok=True)
    for path in new_folders:
        if not any(path.iterdir()):
            path.rmdir()


def resume(
    folder: Path, *, device: torch.device = CPU, save_every_s: float = 60.0, download: bool = False
) -> Generator[Progress, None, None]:
    """Continue the run in a folder, as if it had never stopped; other arguments and errors as for `train`.

    Raises:
        FileNotFoundError: the folder holds no run.
        CheckpointError: its checkpoint is damaged.
    """
    folder = Path(folder)
    built = build(read_recipe(folder), device, download, read_arithmetic(folder))
    about = load_checkpoint(folder / CHECKPOINT, built.trainer)
    yield from _play(built, folder, save_every_s, about.get("seconds", 0.0))


def _play(built: Built, folder: Path, save_every_s: float, seconds: float) -> Generator[Progress, None, None]:
    """Play whole steps to the end; a stop falls between two of them, where no game has samples under way."""
    trainer, steps = built.trainer, built.recipe.steps
    is_first = processes.mine().index == 0

    def save() -> None:
        if is_first:
            about = {"seconds": seconds, "techniques": list(built.techniques)}
            save_checkpoint(folder / CHECKPOINT, trainer, about)

    with _until_signalled() as asked, (folder / LOG).open("a") if is_first else nullcontext() as log:
        saved = began = time.monotonic()
        for step in trainer.until(steps):
            seconds += time.monotonic() - began
            if log and (trainer.step % 100 == 0 or trainer.step == steps):
                log.write(json.dumps({"step": trainer.step, "losses": step.losses}) + "\n")
                log.flush()
            if processes.anyone(asked.is_set()):
                save()
                raise Stopped(f"stopped at step {trainer.step}; continue with `gancourse resume {folder}`")
            if time.monotonic() - saved > save_every_s:
                save()
                saved = time.monotonic()
            yield Progress(built, step, seconds)
            began = time.monotonic()
        save()
