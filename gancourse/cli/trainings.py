"""Training in one process or several."""

from __future__ import annotations

import dataclasses
import importlib.util
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

import torch

from gancourse import device as devices
from gancourse import memory, recipes
from gancourse.cli.options import Flat, Folder, read
from gancourse.cli.progress import follow, say_end
from gancourse.processes import LostProcessError
from gancourse.recipes import REFERENCE
from gancourse.training import join, launch
from gancourse.training.workers import end_with_parent, is_worker
from gancourse.values import Count, Positive, Value
from gancourse.zoo.watching import Watcher


@dataclass(frozen=True)
class Together(Value):
    """How many processes train together.

    Args:
        devices: processes on this machine, one for each GPU; on a CPU, any number.
        nodes: machines; set NODE_RANK, MASTER_ADDR and MASTER_PORT on each and run the same command there. They share
            the run's folder.
        timeout_s: seconds until a process that doesn't answer counts as lost.
    """

    devices: Count = 1
    nodes: Count = 1
    timeout_s: Positive = 60.0

    @property
    def count(self) -> int:
        """Processes on all machines."""
        return self.devices * self.nodes


ALONE = Together()


@dataclass(frozen=True)
class Run(Value):
    """How to run a recipe.

    Args:
        out: the run's folder.
        device: auto, cpu or cuda.
        download: fetch the data set if it is missing.
        watch: at each tenth and at the end, keep a picture, the losses and quick metrics in the run's folder.
        start_from: a run's folder, whose steps so far are the first ones of this training: a longer one, or one with
            terms that begin later.
    """

    out: Path
    device: str = "auto"
    download: bool = False
    watch: bool = True
    start_from: Path | None = None


def _started(arguments: list[str], together: Together, folder: Path) -> bool:
    """Start the processes of a training, if there are several and this isn't one of them; whether that was done.

    Raises:
        LostProcessError: one was lost; says which, and what is left.
    """
    if together.count == 1 or is_worker():
        return False
    if importlib.util.find_spec("lightning") is None:
        raise ValueError("several processes need Lightning: pip install 'gancourse[distributed]'")
    warned = [f"-W{option}" for option in sys.warnoptions]
    command = [sys.executable, *warned, "-m", "gancourse", *arguments]
    code, lost = launch(command, together.devices, together.nodes)
    if lost:
        raise LostProcessError(f"{lost}; {_left(folder)}")
    if code:
        sys.exit(code)
    return True


def _left(folder: Path) -> str:
    """What is left of a run that has ended too soon."""
    try:
        step = recipes.read_saved(folder).steps
    except FileNotFoundError:
        return "no checkpoint had been written yet"
    return f"the checkpoint of step {step} is whole: continue with `gancourse resume {shlex.quote(str(folder))}`"


def _place(device: str, together: Together) -> torch.device:
    """Where this process computes, once it has joined the others."""
    own_device = devices.device(device)
    if together.count == 1:
        return own_device
    end_with_parent()
    return join(own_device, together.devices, together.nodes, together.timeout_s)


def list_recipes() -> None:
    """List the recipes."""
    for name, recipe in recipes.recipes.items():
        print(f"{name:20} {recipe.about} ({recipe.steps} steps)")


def train(arguments: list[str]) -> None:
    """Train NAME: every option of the recipe is one of the command."""
    if not arguments or arguments[0].startswith("-"):
        print("usage: gancourse train NAME [--steps N] [--out FOLDER] […]; `gancourse train NAME --help` lists all\n")
        list_recipes()
        if arguments[:1] not in (["-h"], ["--help"]):
            raise ValueError("which recipe? pass a name of the list above")
        return
    named = recipes.recipe(arguments[0])
    values = {"run": Run(Path("runs") / named.name), "together": ALONE, "arithmetic": REFERENCE, "recipe": named}
    parsed = read(values, arguments[1:], f"gancourse train {named.name}", f"Train {named.name}: {named.about}.")
    run, together, recipe = parsed["run"], parsed["together"], parsed["recipe"]
    if _started(["train", *arguments], together, run.out):
        return
    memory.keep()
    steps = recipes.train(
        recipe,
        run.out,
        device=_place(run.device, together),
        download=run.download,
        arithmetic=parsed["arithmetic"],
        start_from=run.start_from,
    )
    end = follow(steps, recipe.name, Watcher(run.out) if run.watch else None)
    say_end(end, run.out, run.watch)


def resume(
    folder: Folder, device: str = "auto", download: bool = False, watch: bool = True, together: Flat[Together] = ALONE
) -> None:
    """Continue a run as if it had never stopped; the number of processes may be another.

    Args:
        folder: the run's folder.
        device: auto, cpu or cuda.
        download: fetch the data set if it is missing.
        watch: keep pictures, losses and quick metrics in the run's folder.
        together: how many processes train.
    """
    name = recipes.read_recipe(folder).name
    switches = [f"--{'' if is_on else 'no-'}{what}" for what, is_on in (("download", download), ("watch", watch))]
    words = ["--device", device, *switches]
    for option, value in dataclasses.asdict(together).items():
        words += [f"--{option.replace('_', '-')}", str(value)]
    if _started(["resume", str(folder), *words], together, folder):
        return
    memory.keep()
    steps = recipes.resume(folder, device=_place(device, together), download=download)
    say_end(follow(steps, name, Watcher(folder) if watch else None), folder, watch)
