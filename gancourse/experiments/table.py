"""Experiments: what is compared, how it is run, where its rows are kept."""

from __future__ import annotations

import json
import multiprocessing
import multiprocessing.connection
import os
import signal
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch

import gancourse
from gancourse import memory
from gancourse.errors import NotFiniteError
from gancourse.processes import LostProcessError
from gancourse.values import Value

FOLDER = Path(gancourse.__file__).parent / "results"


Play = Callable[[str, Any, int], dict[str, Any]]


@dataclass(frozen=True)
class Experiment:
    """A comparison of methods.

    Args:
        name: its one name.
        about: the question it answers.
        methods: the settings of each method: values, e.g. trials, whose option `seed` is replaced.
        seeds: every method runs once with each, but for those of `n_seeds`.
        n_samples: how many samples a run is judged by.
        play: runs one method: maps (method, settings, n_samples) to a row's "metrics", numbers by name, and whatever
            else the row should tell. It must be importable by name, since it runs in another process.
        n_seeds: how many of the seeds a method runs with, the first ones, where that isn't all of them.
    """

    name: str
    about: str
    methods: dict[str, Value]
    seeds: Sequence[int]
    n_samples: int
    play: Play
    n_seeds: Mapping[str, int] = field(default_factory=dict)

    @property
    def runs(self) -> list[tuple[str, int]]:
        """Method and seed of every run, in the order of the seeds."""
        return [
            (method, seed)
            for index, seed in enumerate(self.seeds)
            for method in self.methods
            if index < self.n_seeds.get(method, len(self.seeds))
        ]


def rows(name: str, folder: Path = FOLDER) -> list[dict[str, Any]]:
    """The rows of an experiment that have been run, sorted by method and seed.

    Raises:
        ValueError: a line is no row.
    """
    path = Path(folder) / f"{name}.jsonl"
    if not path.is_file():
        return []
    entries = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        try:
            row = json.loads(line)
            entries.append((row["method"], row["seed"], number, row))
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{path}:{number} is not a row; delete the line and run the experiment again") from None
    return [row for *_, row in sorted(entries, key=lambda entry: entry[:3])]


def play(experiment: Experiment, method: str, seed: int) -> dict[str, Any]:
    """Run one method of an experiment with one seed; the row says what it is, what it took and what it gave.

    A loss or sample that is not finite ends the run and is recorded in the row as "diverged".
    """
    settings = experiment.methods[method].changed(seed=seed)
    began, cpu = time.monotonic(), time.process_time()
    row: dict[str, Any] = {"method": method, "seed": seed}
    try:
        row |= experiment.play(method, settings, experiment.n_samples)
    except NotFiniteError as error:
        row |= {"metrics": {}, "diverged": str(error)}
    versions = {"torch": torch.__version__.split("+")[0], "gancourse": gancourse.__version__}
    seconds, cpu_seconds = round(time.monotonic() - began, 1), round(time.process_time() - cpu, 1)
    return row | {"seconds": seconds, "cpu_seconds": cpu_seconds, "versions": versions}


def _worker(experiment: Experiment, method: str, seed: int) -> dict[str, Any]:
    torch.set_num_threads(1)
    memory.keep()
    return play(experiment, method, seed)


def run(experiment: Experiment, workers: int = 0, folder: Path = FOLDER) -> Iterator[dict[str, Any]]:
    """Run what is missing of an experiment, one thread a run, yielding each row once it is on disk.

    Args:
        experiment: the experiment.
        workers: how many runs side by side; 0 for one a core.
        folder: where the rows are kept.

    Raises:
        ValueError: workers is negative.
        OSError: the folder can't be written.
        LostProcessError: a worker was killed; the rows so far are kept.
    """
    if workers < 0:
        raise ValueError(f"workers is {workers}; pass at least 1, or 0 for one a core")
    Path(folder).mkdir(parents=True, exist_ok=True)
    have = {(row["method"], row["seed"]) for row in rows(experiment.name, folder)}
    missing = [each for each in experiment.runs if each not in have]
    # Spawned, not forked: a forked torch may hang in its thread pool.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers or os.cpu_count(), mp_context=context, initializer=_end_with_parent) as pool:
        futures = [pool.submit(_worker, experiment, *task) for task in missing]
        try:
            for future in as_completed(futures):
                row = future.result()
                with (Path(folder) / f"{experiment.name}.jsonl").open("a") as file:
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
                yield row
        except BrokenProcessPool:
            raise LostProcessError(
                "a run was killed, probably because memory ran out; finished rows are saved: run the same command "
                "again to continue"
            ) from None
        finally:  # Ctrl-C, too, must not wait for runs of hours
            if not all(future.done() for future in futures):
                for worker in list(pool._processes.values()):
                    worker.terminate()


def _end_with_parent() -> None:
    """Have this worker end as soon as the process that started it is gone, however that ended, and not before."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches both; the other one says what happens
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)  # there is nobody left to tell

    threading.Thread(target=wait, daemon=True).start()


class Summary(NamedTuple):
    """Mean over seeds, its standard error, the number of seeds, and how many of them diverged."""

    mean: float
    standard_error: float
    n: int
    diverged: int


def summary(table_rows: list[dict[str, Any]], metric: str) -> dict[str, Summary]:
    """Mean ± standard error of a metric by method, over the seeds that didn't diverge.

    >>> table = [{"method": "a", "seed": s, "metrics": {"fid": v}} for s, v in ((0, 1.0), (1, 3.0))]
    >>> summary(table, "fid")
    {'a': Summary(mean=2.0, standard_error=1.0, n=2, diverged=0)}
    """
    summaries = {}
    for method in dict.fromkeys(row["method"] for row in table_rows):
        mine = [row for row in table_rows if row["method"] == method]
        values = [row["metrics"][metric] for row in mine if metric in row["metrics"]]
        mean = statistics.fmean(values) if values else float("nan")
        error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else float("nan")
        summaries[method] = Summary(mean, error, len(values), len(mine) - len(values))
    return summaries
