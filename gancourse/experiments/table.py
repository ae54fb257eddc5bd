"""Experiments: what is compared, how it is run, where its rows are kept."""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch

import gancourse
from gancourse import zoo
from gancourse.errors import NotFiniteError
from gancourse.models.dcgan import Guidelines
from gancourse.names import lookup
from gancourse.recipes import GANRecipe, Recipe, build

FOLDER = Path(gancourse.__file__).parent / "results"


@dataclass(frozen=True)
class Experiment:
    """A comparison of methods.

    Args:
        name: its one name.
        about: the question it answers.
        methods: the recipe of each method; its seed is replaced.
        seeds: every method runs once with each.
        n_samples: how many samples a run is judged by.
    """

    name: str
    about: str
    methods: dict[str, Recipe]
    seeds: Sequence[int]
    n_samples: int


_DCGAN = GANRecipe("guidelines", "", "digits", width=16, steps=800, decay="linear", average_kimg=5.0)


def _broken(**guidelines: Any) -> GANRecipe:
    return dataclasses.replace(_DCGAN, guidelines=Guidelines(**guidelines))


experiments: dict[str, Experiment] = {
    "dcgan-guidelines": Experiment(
        "dcgan-guidelines",
        "what each guideline of the DCGAN is worth on digits, at equal steps",
        {
            "all guidelines": _DCGAN,
            "pooling and upsampling": _broken(strided=False),
            "no BatchNorm": _broken(batch_norm="nowhere"),
            "BatchNorm everywhere": _broken(batch_norm="everywhere"),
            "hidden dense layers": _broken(convolutional=False),
            "tanh activations": _broken(activations=False),
            "Adam with β₁ = 0.9": dataclasses.replace(_DCGAN, beta1=0.9),
        },
        seeds=range(5),
        n_samples=5000,
    )
}


def experiment(name: str) -> Experiment:
    """Experiment of that name.

    Raises:
        ValueError: there is none; the message suggests the nearest.

    >>> len(experiment("dcgan-guidelines").methods)
    7
    """
    return lookup(experiments, name, "experiment")


def rows(name: str, folder: Path = FOLDER) -> list[dict[str, Any]]:
    """The rows of an experiment that have been run, sorted by method and seed.

    Raises:
        ValueError: a line is no row.
    """
    path = Path(folder) / f"{name}.jsonl"
    if not path.is_file():
        return []
    found = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        try:
            row = json.loads(line)
            found.append((row["method"], row["seed"], number, row))
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{path}:{number} is not a row; delete the line and run the experiment again") from None
    return [row for *_, row in sorted(found, key=lambda entry: entry[:3])]


def play(method: str, recipe: Recipe, n_samples: int) -> dict[str, Any]:
    """Train one method with one seed and measure it; a loss that is not finite ends it and is told in the row."""
    began = time.monotonic()
    built = build(recipe)
    row: dict[str, Any] = {"method": method, "seed": recipe.seed, "steps": recipe.steps}
    try:
        for _ in built.trainer.steps(recipe.steps):
            pass
        row["metrics"] = zoo.evaluate(built.result.eval(), recipe, n_samples)
    except NotFiniteError as error:  # in a loss, a gradient, or at last in the samples
        row |= {"metrics": {}, "diverged": str(error)}
    versions = {"torch": torch.__version__.split("+")[0], "gancourse": gancourse.__version__}
    return row | {"seconds": round(time.monotonic() - began, 1), "versions": versions}


def _worker(method: str, recipe: Recipe, n_samples: int) -> dict[str, Any]:
    torch.set_num_threads(1)
    return play(method, recipe, n_samples)


def run(chosen: Experiment, workers: int = 0, folder: Path = FOLDER) -> Iterator[dict[str, Any]]:
    """Run what is missing of an experiment, one thread a run, yielding each row once it is on disk.

    Args:
        chosen: the experiment.
        workers: how many runs side by side; 0 for one a core.
        folder: where the rows are kept.

    Raises:
        OSError: the folder can't be written.
    """
    Path(folder).mkdir(parents=True, exist_ok=True)
    have = {(row["method"], row["seed"]) for row in rows(chosen.name, folder)}
    missing = [
        (method, dataclasses.replace(recipe, seed=seed), chosen.n_samples)
        for seed in chosen.seeds
        for method, recipe in chosen.methods.items()
        if (method, seed) not in have
    ]
    # Spawned, not forked: a forked torch may hang in its thread pool.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers or os.cpu_count(), mp_context=context) as pool:
        futures = [pool.submit(_worker, *task) for task in missing]
        for future in as_completed(futures):
            row = future.result()
            with (Path(folder) / f"{chosen.name}.jsonl").open("a") as file:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
            yield row


class Summary(NamedTuple):
    """Mean over seeds, its standard error, the number of seeds, and how many of them diverged."""

    mean: float
    standard_error: float
    n: int
    diverged: int


def summary(found: list[dict[str, Any]], metric: str) -> dict[str, Summary]:
    """Mean ± standard error of a metric by method, over the seeds that didn't diverge.

    >>> table = [{"method": "a", "seed": s, "metrics": {"fid": v}} for s, v in ((0, 1.0), (1, 3.0))]
    >>> summary(table, "fid")
    {'a': Summary(mean=2.0, standard_error=1.0, n=2, diverged=0)}
    """
    made = {}
    for method in dict.fromkeys(row["method"] for row in found):
        mine = [row for row in found if row["method"] == method]
        values = [row["metrics"][metric] for row in mine if metric in row["metrics"]]
        mean = statistics.fmean(values) if values else float("nan")
        error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else float("nan")
        made[method] = Summary(mean, error, len(values), len(mine) - len(values))
    return made
