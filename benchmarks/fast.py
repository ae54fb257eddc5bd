"""Seconds a step of each image recipe: plain, `--fast`, and `--fast --precision bf16-mixed`.

    python -m benchmarks.fast --keep           # ten minutes on two idle cores; [RECIPE …] [--rounds 7]

The three take turns, each in a process of its own. A turn has as many steps as it takes for every lazy term to be due
equally often. With --keep, a row for each recipe lands in results/fast.jsonl.
"""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from benchmarks import machine, turns
from gancourse.recipes import REFERENCE, Arithmetic, Recipe, build, recipe, recipes
from gancourse.training import has_bf16

RESULTS = Path(__file__).parent / "results" / "fast.jsonl"
WAYS = {
    "plain": REFERENCE,
    "fast": Arithmetic(fast=True),
    "fast, bf16": Arithmetic(fast=True, precision="bf16-mixed"),
}


def names() -> list[str]:
    """The recipes for images."""
    return [name for name, chosen in recipes.items() if chosen.signature().is_image]


def packaged(name: str) -> Recipe:
    """A recipe with the package's images."""
    return recipe(name).changed(full=False)


def loop(name: str, way: str) -> Iterator[Any]:
    """A recipe's training, computed in one way."""
    return build(packaged(name), arithmetic=WAYS[way]).trainer.steps(10**9)


def period(name: str) -> int:
    """After how many steps every lazy term has been due equally often."""
    terms = getattr(recipe(name).play, "terms", ())
    return math.lcm(*(term.every for term in terms))


def measure(name: str, rounds: int, steps: int) -> dict[str, Any]:
    """Seconds a step of each way, how many times as fast as the plain one, and by which techniques."""
    ways = [way for way in WAYS if "bf16" not in way or has_bf16(torch.device("cpu"))]
    n = math.ceil(steps / period(name)) * period(name)
    seconds = turns.alternate({way: (loop, (name, way)) for way in ways}, rounds, n)
    rows: dict[str, Any] = {}
    for way, values in seconds.items():
        low, middle, high = turns.ratios(seconds["plain"], values)
        techniques = build(packaged(name), arithmetic=WAYS[way]).techniques
        rows[way] = {"seconds": statistics.median(values), "ratio": middle, "quartiles": [low, high]}
        rows[way] |= {"techniques": list(techniques)}
    return {"recipe": name, "rounds": rounds, "steps": n, "ways": rows}


def main() -> None:
    """Measure what was asked for, print it and keep the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipes", nargs="*", default=names(), help=", ".join(names()))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=4, help="steps a turn, at least")
    parser.add_argument("--keep", action="store_true", help="append the rows to results/fast.jsonl")
    chosen = parser.parse_args()
    if strange := set(chosen.recipes) - set(names()):
        parser.error(f"{', '.join(sorted(strange))}: expected some of {', '.join(names())}")
    for name in chosen.recipes:
        row = measure(name, chosen.rounds, chosen.steps)
        for way, numbers in row["ways"].items():
            low, high = numbers["quartiles"]
            times = f"{numbers['ratio']:.2f} × ({low:.2f} to {high:.2f})"
            said = ", ".join(numbers["techniques"])
            print(f"{name:20} {way:12} {1e3 * numbers['seconds']:8.1f} ms  {times}  {said}", flush=True)
        if chosen.keep:
            machine.append(RESULTS, row)


if __name__ == "__main__":
    main()
