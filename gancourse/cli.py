"""The command line: gancourse train | resume | sample | evaluate | experiment | check | zoo."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import functools
import importlib.util
import io
import itertools
import logging
import os
import re
import shlex
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import torch
import tyro
from torch import nn
from tqdm import tqdm

from gancourse import device as devices
from gancourse import experiments, memory, processes, recipes, zoo
from gancourse.data import Images, StackedDigits
from gancourse.errors import NotFiniteError
from gancourse.metrics import CollapseDetector
from gancourse.names import lookup
from gancourse.processes import LostProcessError
from gancourse.recipes import Arithmetic, Built, ClassifierRecipe, Recipe, Stopped
from gancourse.rng import Noise
from gancourse.training import CheckpointError, Step, join, launch, load_checkpoint, read_tensors
from gancourse.training.workers import LOST, end_with_parent, is_worker

Name = Annotated[str, tyro.conf.Positional]
Folder = Annotated[Path, tyro.conf.Positional]
FAILED, WRONG_INPUT, INTERRUPTED = 1, 2, 130
N_WATCHED = 4000  # real samples that the collapse detector compares with
ADVICE = {
    errno.ENOSPC: "free some space; a checkpoint that was there is whole, and `gancourse resume` goes on from it",
    errno.EDQUOT: "free some space; a checkpoint that was there is whole, and `gancourse resume` goes on from it",
}
NO_MEMORY = re.compile("can't allocate memory|not enough memory|out of memory", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Together:
    """How many processes train together.

    Args:
        devices: processes on this machine, one for each GPU; on a CPU, any number.
        nodes: machines; set NODE_RANK, MASTER_ADDR and MASTER_PORT on each and run the same command there. They share
            the run's folder.
        timeout_s: seconds until a process that doesn't answer counts as lost.
    """

    devices: int = 1
    nodes: int = 1
    timeout_s: float = 60.0

    @property
    def count(self) -> int:
        """Processes on all machines."""
        return self.devices * self.nodes


Shared = tyro.conf.OmitArgPrefixes[Together]
ALONE = Together()


def _started(arguments: list[str], together: Together, folder: Path) -> bool:
    """Start the processes of a training, if there are several and this isn't one of them; whether that was done.

    Raises:
        LostProcessError: one was lost; says which, and what is left.
    """
    if min(together.devices, together.nodes) < 1 or not together.timeout_s > 0:
        raise ValueError(
            f"{together.devices} devices, {together.nodes} nodes, {together.timeout_s} s; pass at least 1 each, and a "
            "positive time"
        )
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
    path = folder / "checkpoint.safetensors"
    if not path.is_file():
        return "no checkpoint had been written yet"
    _, head = read_tensors(path)
    step = head["turn"] // len(head["turns"]) if "turns" in head else "before"
    return f"the checkpoint of step {step} is whole: go on with `gancourse resume {shlex.quote(str(folder))}`"


def _place(device: str, together: Together) -> torch.device:
    """Where this process computes, once it has joined the others."""
    chosen = devices.device(device)
    if together.count == 1:
        return chosen
    end_with_parent()
    return join(chosen, together.devices, together.nodes, together.timeout_s)


def _follow(steps: Iterable[tuple[Built, Step]], what: str) -> tuple[Built, Step] | None:
    """Run a training with a bar on a terminal, and a line at every tenth elsewhere; returns where it ended.

    Of several processes, only the first says anything.
    """
    if processes.mine().index:
        last = deque(steps, maxlen=1)
        return last.pop() if last else None
    last, began, start, variety = None, 0.0, 0, _Variety()
    with contextlib.ExitStack() as stack:
        bar = None
        for last in steps:
            built, step = last
            total, done = built.recipe.steps, step.index + 1
            if not start:  # the clock begins after the first step, which waits for data and kernels
                start, began = done, time.monotonic()
            if sys.stderr.isatty():
                bar = bar or stack.enter_context(tqdm(desc=what, total=total, initial=start - 1, unit="step"))
                bar.update()
                if done % max(total // 20, 1) == 0:
                    variety.measure(built)
                if done % 50 == 0:
                    bar.set_postfix_str(_losses(step) + variety.said)
            elif done % max(total // 10, 1) == 0 or done == total:
                rate = (done - start) / max(time.monotonic() - began, 1e-9)
                pace = f", {rate:.1f} steps/s, {(total - done) / rate:.0f} s left" if done > start else ""
                print(f"{what}: step {done}/{total}{pace}, {_losses(step)}{variety.measure(built)}", flush=True)
    return last


def _losses(step: Step) -> str:
    return ", ".join(f"{player} {sum(terms.values()):.3f}" for player, terms in step.losses.items())


class _Variety:
    """The collapse detector's word on a generator in training; nothing where there is none."""

    def __init__(self) -> None:
        self.detector: CollapseDetector | None = None
        self.said = ""

    def measure(self, built: Built) -> str:
        """What the generator has lost of the data, to be appended to a line of progress."""
        if not hasattr(built.result, "latent_size"):
            return ""
        if self.detector is None:
            source = built.data
            is_images = isinstance(source, Images | StackedDigits)
            real = source.first(min(N_WATCHED, len(source))) if is_images else source(Noise((0, "watch"), N_WATCHED))
            self.detector = CollapseDetector(real.x)
        found = self.detector(zoo.samples(built.result, 1000))
        reached = f"{found.cells - found.starved}/{found.cells} cells reached"
        self.said = f", {reached}" + (f", COLLAPSE: {found.lost:.0%} of the data lost" if found.collapsed else "")
        return self.said


def _finish(end: tuple[Built, Step] | None, folder: Path) -> None:
    if end is None:
        print(f"{folder} is trained to its last step already")
        return
    name = shlex.quote(str(folder))
    print(f"done: {folder}; look at it with `gancourse sample {name}`, measure it with `gancourse evaluate {name}`")


def train(recipe: Recipe, run: Run, arithmetic: Arithmetic, together: Together, arguments: list[str]) -> None:
    """Train a recipe in a new folder; arguments are those of the command line, for other processes."""
    out = run.out
    if _started(["train", *arguments], together, out):
        return
    memory.keep()
    device = _place(run.device, together)
    steps = recipes.train(recipe, out, device=device, download=run.download, arithmetic=arithmetic)
    _finish(_follow(steps, recipe.name), out)


def resume(
    folder: Folder,
    device: str = "auto",
    download: bool = False,
    together: Shared = ALONE,
) -> None:
    """Go on with a run as if it had never stopped; the number of processes may be another.

    Args:
        folder: the run's folder.
        device: auto, cpu or cuda.
        download: fetch the data set if it is missing.
        together: how many processes train.
    """
    name = recipes.read_recipe(folder).name
    options = ["--device", device, "--download" if download else "--no-download"]
    for option, value in dataclasses.asdict(together).items():
        options += [f"--{option.replace('_', '-')}", str(value)]
    if _started(["resume", str(folder), *options], together, folder):
        return
    memory.keep()
    steps = recipes.resume(folder, device=_place(device, together), download=download)
    _finish(_follow(steps, name), folder)


def _trained(what: str) -> tuple[nn.Module, Recipe]:
    """Network and recipe of a zoo name or a run's folder."""
    if not Path(what).is_dir():
        if os.sep in what:
            raise ValueError(f"there is no folder {what}; pass that of a run, or a name of the zoo")
        return zoo.load(what), zoo.card(what).recipe
    built = recipes.build(recipes.read_recipe(Path(what)))
    load_checkpoint(Path(what) / "checkpoint.safetensors", built.trainer, to_go_on=False)
    return built.result.eval(), built.recipe


def sample(what: Name, n: int = 64, seed: int = 0, out: Path = Path("samples.png")) -> None:
    """Draw a picture of generated data.

    Args:
        what: a name of the zoo or a run's folder.
        n: how many samples.
        seed: which latents.
        out: where the picture goes.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    from gancourse import plots

    if n < 1:
        raise ValueError(f"n is {n}; ask for at least 1 sample")
    if out.is_dir():
        raise ValueError(f"{out} is a folder; pass a file, such as {out / 'samples.png'}")
    out = out if out.suffix else out.with_suffix(".png")
    network, recipe = _trained(what)
    if isinstance(recipe, ClassifierRecipe):
        raise ValueError(f"{what} is a classifier and makes no samples; try `gancourse evaluate {what}`")
    made, source = zoo.samples(network, n, seed), recipes.load_data(recipe.data)
    figure, ax = plt.subplots(figsize=(6, 6), layout="constrained")
    if isinstance(source, Images | StackedDigits):
        plots.images(made, max(1, round(n**0.5)), ax)
    else:
        plots.points(source.means, made, ax)
    figure.savefig(out, dpi=150)
    print(f"{n} samples of {recipe.name}: {out}")


def evaluate(what: Name, n: int = 10_000, seed: int = 0) -> None:
    """Print a network's metrics.

    Args:
        what: a name of the zoo or a run's folder.
        n: how many samples to judge a generator by.
        seed: which latents.
    """
    network, recipe = _trained(what)
    for name, value in zoo.evaluate(network, recipe, n, seed).items():
        print(f"{name} = {value:.4g}")


def list_zoo() -> None:
    """List the trained networks that lie in the package."""
    for name, card in zoo.cards().items():
        measured = ", ".join(f"{k} = {v:.4g}" for k, v in card.metrics.items())
        print(f"{name:20} {card.parameters:>9,} parameters  {measured}  ({card.command}, {card.seconds} s)")


def add_to_zoo(folder: Folder, zoo_folder: Path = zoo.FOLDER) -> None:
    """Measure a finished run and put its network into the zoo.

    Args:
        folder: the run's folder.
        zoo_folder: where weights and card go.
    """
    network, recipe = _trained(str(folder))
    _, head = read_tensors(folder / "checkpoint.safetensors")
    seconds = head["about"].get("seconds", 0.0)
    card = zoo.add(network, recipe, zoo.evaluate(network, recipe), seconds, zoo_folder, recipes.read_arithmetic(folder))
    print(f"{card.name}: {card.metrics} after {card.seconds} s")


def check(folder: Folder = Path("exercises")) -> None:
    """Run every check of the exercises in a folder and print a table.

    Args:
        folder: holds the notebooks that you filled in.
    """
    from gancourse import checks

    rows = checks.report(folder)
    print(checks.table(rows))
    if not all(row.passed for row in rows) or not any(row.exercise for row in rows):
        sys.exit(FAILED)


def list_recipes() -> None:
    """List the recipes."""
    for name, recipe in recipes.recipes.items():
        print(f"{name:20} {recipe.about} ({recipe.steps} steps)")


def experiment(name: Name, workers: int = 0, folder: Path = experiments.FOLDER) -> None:
    """Run what is missing of a table of methods × seeds and print its summary.

    Args:
        name: the experiment.
        workers: how many runs side by side; 0 for one a core.
        folder: where its rows are kept, as JSON lines.
    """
    chosen = experiments.experiment(name)
    total = len(chosen.methods) * len(chosen.seeds)
    done = len(experiments.rows(name, folder))
    runs = experiments.run(chosen, workers, folder)
    for row in tqdm(runs, name, total, initial=done, unit="run", disable=not sys.stderr.isatty()):
        if not sys.stderr.isatty():
            print(f"{row['method']}, seed {row['seed']}: {row['metrics']} in {row['seconds']} s", flush=True)
    found = experiments.rows(name, folder)
    for metric in dict.fromkeys(key for row in found for key in row["metrics"]):
        print(metric)
        for method, (mean, error, n, diverged) in experiments.summary(found, metric).items():
            print(f"  {method:30} {mean:8.3g} ± {error:.2g} (n = {n}, diverged {diverged})")


COMMANDS = {
    "resume": resume,
    "sample": sample,
    "evaluate": evaluate,
    "experiment": experiment,
    "check": check,
    "zoo": list_zoo,
    "zoo-add": add_to_zoo,
    "recipes": list_recipes,
}


@dataclasses.dataclass(frozen=True)
class Run:
    """How to run a recipe.

    Args:
        out: the run's folder.
        device: auto, cpu or cuda.
        download: fetch the data set if it is missing.
    """

    out: Path
    device: str = "auto"
    download: bool = False


def _train(arguments: list[str]) -> None:
    """Train NAME: every field of the recipe is an option."""
    if not arguments or arguments[0].startswith("-"):
        print("usage: gancourse train NAME [--steps N] [--out FOLDER] […]; `gancourse train NAME --help` lists all\n")
        list_recipes()
        if arguments[:1] not in (["-h"], ["--help"]):
            raise ValueError("which recipe? pass a name of the list above")
        return
    named = recipes.recipe(arguments[0])
    fields = [("run", Run), ("together", Together), ("arithmetic", Arithmetic), ("recipe", type(named))]
    options = dataclasses.make_dataclass("Options", fields)
    chosen = _parse(
        tyro.conf.OmitArgPrefixes[options],
        arguments[1:],
        f"gancourse train {named.name}",
        default=options(Run(Path("runs") / named.name), ALONE, Arithmetic(), named),
    )
    train(chosen.recipe, chosen.run, chosen.arithmetic, chosen.together, arguments)


def _parse(what: Any, arguments: list[str], prog: str, **settings: Any) -> Any:
    """Tyro's parser, its boxed errors turned into one line."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.cli(what, args=arguments, prog=prog, **settings)
    except SystemExit as stop:
        if not stop.code:
            raise
        # A title, the message, and help, parted by lines that are blank but for the box.
        title, *lines = [line.strip(" │╭╮╰╯─") for line in said.getvalue().strip().splitlines()] or [""]
        message = itertools.takewhile(bool, itertools.dropwhile(lambda line: not line, lines))
        words = " ".join(message).split()
        raise ValueError(f"{' '.join(words) or title or 'the options are wrong'}; see `{prog} --help`") from None


def _dispatch(arguments: list[str]) -> None:
    if not arguments or arguments[0] in ("-h", "--help"):
        print("usage: gancourse COMMAND …\n\n  train       train a recipe; every field of it is an option")
        for name, function in COMMANDS.items():
            about = function.__doc__.splitlines()[0].rstrip(".")
            print(f"  {name:11} {about[0].lower()}{about[1:]}")
        print("\n`gancourse COMMAND --help` says more.")
        if not arguments:
            sys.exit(WRONG_INPUT)
        return
    command = lookup({"train": _train} | COMMANDS, arguments[0], "command")
    if command is _train:
        _train(arguments[1:])
    else:
        # Tyro only reads the arguments: what the command itself prints or raises must not pass for tyro's.
        @functools.wraps(command)
        def call_later(*values: Any, **named: Any) -> Callable[[], None]:
            return lambda: command(*values, **named)

        _parse(call_later, arguments[1:], f"gancourse {arguments[0]}")()


@contextlib.contextmanager
def _one_line_errors() -> Iterator[None]:
    """Expected errors become one line and an exit code; anything else is a bug and keeps its traceback."""
    try:
        yield
    except Stopped as stop:
        print(f"\n{stop}", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except LostProcessError as error:
        # Of several processes, the one that started them knows which was lost, and says it.
        if is_worker():
            sys.exit(LOST)
        print(f"gancourse: {error}", file=sys.stderr)
        sys.exit(FAILED)
    except NotFiniteError as error:
        print(f"gancourse: {error}; lower the learning rate or look at the data", file=sys.stderr)
        sys.exit(WRONG_INPUT)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has left, e.g. `| head`
        sys.exit(FAILED)
    except OSError as error:
        advice = ADVICE.get(error.errno or 0, "pass another path (--out, --folder)" if error.errno else "")
        message = f"{error.filename}: {error.strerror}; {advice}" if error.errno else str(error)
        print(f"gancourse: {' '.join(message.split())}", file=sys.stderr)
        sys.exit(WRONG_INPUT)
    except (RuntimeError, MemoryError) as error:
        if not isinstance(error, MemoryError) and not NO_MEMORY.search(str(error)):
            raise
        print("gancourse: there isn't enough memory; pass a smaller batch size, width or n", file=sys.stderr)
        sys.exit(FAILED)
    except (CheckpointError, ValueError) as error:
        print(f"gancourse: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(WRONG_INPUT)


def main(arguments: list[str] | None = None) -> None:
    """Entry point; errors in what was asked are one line and exit code 2."""
    logging.captureWarnings(True)
    with _one_line_errors():
        _dispatch(sys.argv[1:] if arguments is None else arguments)
