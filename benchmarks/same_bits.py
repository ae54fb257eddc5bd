"""Whether a change of the code keeps every number: networks after a few steps of each recipe, compared bit by bit.

    python -m benchmarks.same_bits save ../before.safetensors --remedies      # a minute; [RECIPE …] [--steps 25]
    python -m benchmarks.same_bits save ../after.safetensors --remedies       # with the changed code
    python -m benchmarks.same_bits compare ../before.safetensors ../after.safetensors

Each recipe but those for GPUs is trained on the package's data, from seed 0, in plain arithmetic and on one thread. A
file holds the weights, buffers, memories and averages of all players. With --remedies, `ring` (or else
`progan-faces-whole`) is also trained with each remedy. Save both files on one machine and with one version of torch:
other processors and versions add in another order.

`compare` exits with 0 if all bits are equal, with 1 and a line for each difference if not, and with 2 if the files
can't be compared.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

import gancourse
from benchmarks import machine
from gancourse.games import Remedy
from gancourse.recipes import Recipe, build, recipe, recipes
from gancourse.spelling import spelt
from gancourse.training import Trainer, read_tensors, write_tensors
from gancourse.values import Value, is_abstract

PACKAGE = Path(gancourse.__file__).parent


class Saved(NamedTuple):
    """Content of a file.

    Args:
        path: the file.
        tensors: by the name of the training, and by their own name.
        steps: number of steps of each training.
        source: digest of the package's code.
        conditions: what else may change bits: processor, its instructions, versions.
    """

    path: Path
    tensors: dict[str, dict[str, Tensor]]
    steps: int
    source: str
    conditions: dict[str, Any]


def usual() -> list[str]:
    """Names of the recipes that a processor trains: those whose data is in the package."""
    return [name for name, each in recipes.items() if each.is_offline]


def packaged(name: str) -> Recipe:
    """A recipe on the package's data, from seed 0."""
    return recipe(name).offline().changed(seed=0)


def with_remedy(kind: type[Remedy]) -> tuple[str, Recipe]:
    """The options that add a remedy to a recipe, and the recipe with it.

    The recipe is `ring`, without its terms if the remedy refuses these; where that takes networks of another kind, it
    is `progan-faces-whole`, whose networks grow.

    Raises:
        ValueError: each of the three refuses the remedy.
    """
    remedies = f"--remedies {spelt(kind)}"
    ring, growing = (packaged(name).changed(remedies=(kind(),)) for name in ("ring", "progan-faces-whole"))
    candidates = {f"ring {remedies}": ring, f"ring {remedies} --terms": ring.changed(terms=())}
    for name, changed in candidates.items():
        try:
            changed.play.game(changed.signature())
        except ValueError:
            continue
        return name, changed
    growing.play.game(growing.signature())
    return f"{growing.name} {remedies}", growing


def trainings(names: list[str], remedies: bool = False) -> dict[str, Recipe]:
    """What is trained, by name: some recipes, and one with each remedy of the package."""
    kinds = [kind for kind in Value.kinds.values() if issubclass(kind, Remedy) and not is_abstract(kind)]
    kinds = [kind for kind in kinds if kind.__module__.startswith("gancourse.")] if remedies else []
    return {name: packaged(name) for name in names} | dict(map(with_remedy, kinds))


def networks(trainer: Trainer) -> dict[str, Tensor]:
    """Weights and buffers of the players' networks, memories and averages."""
    modules = {f"network/{name}": player.network for name, player in trainer.players.items()}
    modules |= {f"memory/{name}": p.memory for name, p in trainer.players.items() if p.memory is not None}
    modules |= {f"average/{name}": average.network for name, average in trainer.averages.items()}
    # Clones: players may share weights, which no safetensors file may.
    return {f"{place}/{key}": x.clone() for place, module in modules.items() for key, x in module.state_dict().items()}


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread inside: the order of sums depends on how many there are."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def source() -> str:
    """Digest of the package's code."""
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def conditions() -> dict[str, str]:
    """What may change bits besides the code."""
    about = machine.description()
    return {key: about[key] for key in ("processor", "capability")} | {"torch": about["versions"]["torch"]}


def save(path: Path, selection: dict[str, Recipe], steps: int) -> None:
    """Train some steps of each recipe, and write the networks to a file.

    Raises:
        OSError: the file can't be written.
    """
    tensors: dict[str, Tensor] = {}
    for name, each in selection.items():
        began = time.perf_counter()
        with one_thread():
            trainer = build(each).trainer
            for _ in trainer.steps(steps):
                pass
        tensors |= {f"{name}/{key}": value for key, value in networks(trainer).items()}
        print(f"{name:45} {time.perf_counter() - began:6.1f} s", flush=True)
    about = {"trainings": list(selection), "steps": steps, "source": source(), "conditions": conditions()}
    write_tensors(path, tensors, about)


def load(path: Path) -> Saved:
    """What `save` has written.

    Raises:
        ValueError: there is no such file, or it is damaged or something else.
    """
    if not path.is_file():
        raise ValueError(f"there is no file {path}; write it with `python -m benchmarks.same_bits save {path}`")
    tensors, about = read_tensors(path)
    if "trainings" not in about:
        raise ValueError(f"{path} was not written by `python -m benchmarks.same_bits save`; pass a file that was")
    parts: dict[str, dict[str, Tensor]] = {name: {} for name in about["trainings"]}
    for name, value in tensors.items():
        training, key = name.split("/", 1)
        parts[training][key] = value
    return Saved(path, parts, about["steps"], about["source"], about["conditions"])


def difference(ours: Tensor, theirs: Tensor) -> str | None:
    """How two tensors differ, in words; None if all their bits are equal.

    >>> difference(torch.tensor([1.0, 0.0]), torch.tensor([1.0, -0.0]))
    '1 of 2 numbers differ, by at most 0'
    """
    if (ours.dtype, ours.shape) != (theirs.dtype, theirs.shape):
        return f"{ours.dtype} {tuple(ours.shape)} and {theirs.dtype} {tuple(theirs.shape)}"
    # As bytes: +0 and −0 are two numbers here, and a NaN equals itself.
    a, b = (x.contiguous().flatten().view(torch.uint8).view(-1, x.element_size()) for x in (ours, theirs))
    n = int((a != b).any(1).sum())
    gap = (ours.double() - theirs.double()).abs().max().item() if n else 0.0
    return f"{n} of {len(a)} numbers differ, by at most {gap:.2g}" if n else None


def differences(ours: Saved, theirs: Saved) -> list[str]:
    """A line for each training or tensor that only one file has, and for each tensor that differs.

    Raises:
        ValueError: they were saved after different numbers of steps.
    """
    if ours.steps != theirs.steps:
        raise ValueError(
            f"{ours.path} was saved after {ours.steps} steps and {theirs.path} after {theirs.steps}; save both with "
            "the same --steps"
        )
    lines = [f"{name}: missing in {file.path}" for name, file in _missing(ours, theirs, ours.tensors, theirs.tensors)]
    for training in [name for name in ours.tensors if name in theirs.tensors]:
        a, b = ours.tensors[training], theirs.tensors[training]
        lines += [f"{training}: {key} is missing in {file.path}" for key, file in _missing(ours, theirs, a, b)]
        pairs = {key: difference(a[key], b[key]) for key in sorted(a) if key in b}
        lines += [f"{training}: {key}: {words}" for key, words in pairs.items() if words]
    return lines


def _missing(ours: Saved, theirs: Saved, a: dict[str, Any], b: dict[str, Any]) -> Iterator[tuple[str, Saved]]:
    """Names that only one of two dictionaries has, with the file that lacks them."""
    yield from ((name, theirs) for name in a if name not in b)
    yield from ((name, ours) for name in b if name not in a)


def notes(ours: Saved, theirs: Saved) -> list[str]:
    """What to know before one believes a comparison."""
    lines = [
        f"note: {key} is {value} and {theirs.conditions[key]}; that alone may change bits"
        for key, value in ours.conditions.items()
        if value != theirs.conditions[key]
    ]
    if ours.source == theirs.source:
        lines.append("note: both files were saved by the same code")
    return lines


def compare(ours: Path, theirs: Path) -> bool:
    """Print how two files differ; whether all their bits are equal.

    Raises:
        ValueError: the files can't be compared.
    """
    a, b = load(ours), load(theirs)
    lines = differences(a, b)
    for line in [*notes(a, b), *lines]:
        print(line)
    n = sum(map(len, a.tensors.values()))
    plural = "" if len(lines) == 1 else "s"
    print(
        f"{len(lines)} difference{plural}" if lines else f"all {n} tensors of {len(a.tensors)} trainings are bit-equal"
    )
    return not lines


def main(arguments: list[str] | None = None) -> None:
    """Save or compare, as the command line says."""
    parser = argparse.ArgumentParser("python -m benchmarks.same_bits", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    saving = commands.add_parser("save", help="train some steps of each recipe, and write the networks to a file")
    saving.add_argument("file", type=Path)
    saving.add_argument(
        "recipes", nargs="*", metavar="RECIPE", help=f"one of {', '.join(recipes)}; if left out, all but those for GPUs"
    )
    saving.add_argument("--steps", type=int, default=25)
    saving.add_argument("--remedies", action="store_true", help="train a recipe with each remedy, too")
    comparing = commands.add_parser("compare", help="say which tensors of two files differ")
    comparing.add_argument("files", nargs=2, type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    try:
        if options.command == "compare":
            raise SystemExit(0 if compare(*options.files) else 1)
        if options.steps < 1:
            raise ValueError(f"--steps is {options.steps}; expected at least 1")
        if options.file.is_dir():
            raise ValueError(f"{options.file} is a folder; pass a file, such as {options.file / 'before.safetensors'}")
        selection = trainings(options.recipes or usual(), options.remedies)
        print(f"{options.steps} steps of each recipe with the code in {PACKAGE}")
        save(options.file, selection, options.steps)
    except (ValueError, OSError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
