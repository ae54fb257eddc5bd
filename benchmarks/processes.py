"""One process with all cores against several with a share of the cores each: seconds a step, and of waiting.

    python -m benchmarks.processes --keep      # two minutes; [--recipe NAME] [--processes 1 2] [--rounds 7]

The arrangements run alternately; each run starts new processes, makes some steps as warm-up and times the others. The
time in the all-reduces of `gancourse.processes` is communication and waiting for slower processes. With --keep, a row
is appended to results/processes.jsonl.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks import machine, turns
from gancourse import memory, processes, recipes
from gancourse.training import join, launch

RESULTS = Path(__file__).parent / "results" / "processes.jsonl"
WARM_UP = 4


def timed(function: Callable[[Tensor], Tensor], seconds: list[float]) -> Callable[[Tensor], Tensor]:
    """The same function, which appends the seconds of each call to a list."""

    def call(x: Tensor) -> Tensor:
        began = time.perf_counter()
        y = function(x)
        seconds.append(time.perf_counter() - began)
        return y

    return call


def work(recipe: str, n_processes: int, steps: int, out: Path) -> None:
    """One process of an arrangement: it trains, and the first one writes seconds and seconds of waiting per step."""
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // n_processes))
    memory.keep()
    if n_processes > 1:
        join(torch.device("cpu"), n_processes)
    waits: list[float] = []
    processes._all_reduce = timed(processes._all_reduce, waits)
    settings = recipes.recipe(recipe).changed(full=False)  # with the package's images
    trainer = recipes.build(settings, arithmetic=recipes.Arithmetic(channels_last=True)).trainer
    for _ in trainer.steps(WARM_UP):
        pass
    waits.clear()
    began = time.perf_counter()
    for _ in trainer.steps(steps):
        pass
    seconds = time.perf_counter() - began
    if processes.mine().index == 0:
        out.write_text(json.dumps({"seconds": seconds / steps, "waiting": sum(waits) / steps}))


def measure(recipe: str, n_processes: int, steps: int) -> dict[str, float]:
    """Seconds and seconds of waiting per step of one arrangement, in new processes.

    Raises:
        RuntimeError: a process failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "measurement.json"
        command = [sys.executable, "-m", "benchmarks.processes", "--recipe", recipe, "--steps", str(steps)]
        code, lost = launch([*command, "--work", str(n_processes), str(out)], n_processes)
        if code:
            raise RuntimeError(f"{n_processes} processes ended with {code} {lost}")
        return json.loads(out.read_text())


def main() -> None:
    """Run the arrangements alternately, print the results and append the row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", default="relativistic-digits")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--keep", action="store_true", help="append the row to results/processes.jsonl")
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.recipe, int(options.work[0]), options.steps, Path(options.work[1]))
        return
    measurements: dict[int, list[dict[str, float]]] = {n: [] for n in options.processes}
    for turn in range(options.rounds):
        first = turn % len(options.processes)
        for n in options.processes[first:] + options.processes[:first]:
            measurements[n].append(measure(options.recipe, n, options.steps))
    rows: dict[str, dict[str, Any]] = {}
    alone = [row["seconds"] for row in measurements[options.processes[0]]]
    for n, of_rounds in measurements.items():
        seconds = [row["seconds"] for row in of_rounds]
        low, middle, high = turns.ratios(alone, seconds)
        waiting = statistics.median(row["waiting"] / row["seconds"] for row in of_rounds)
        rows[str(n)] = {"seconds": statistics.median(seconds), "ratio": middle, "quartiles": [low, high]}
        rows[str(n)] |= {"threads": max(1, (os.cpu_count() or 1) // n), "waiting": waiting}
        print(
            f"{n} processes: {1e3 * rows[str(n)]['seconds']:.1f} ms, {middle:.2f} × ({low:.2f} to {high:.2f})", end=""
        )
        print(f", {waiting:.1%} waiting")
    if options.keep:
        machine.append(RESULTS, {"recipe": options.recipe, "rounds": options.rounds, "processes": rows})


if __name__ == "__main__":
    main()
