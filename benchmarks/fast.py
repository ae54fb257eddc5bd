"""Seconds a step of each image recipe: plain, `--fast`, and `--fast --precision bf16-mixed`.

    python -m benchmarks.fast --keep           # ten minutes on two idle cores; [RECIPE …] [--rounds 7]

The three run alternately, each in a process of its own. The number of steps of a turn is a multiple of the intervals of
all lazy terms. With --keep, a row for each recipe is appended to results/fast.jsonl.
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
    """Names of the recipes for images that the package has."""
    return [name for name, entry in recipes.items() if entry.is_offline and entry.signature().is_image]


def packaged(name: str) -> Recipe:
    """A recipe that uses the package's images."""
    return recipe(name).offline()


def loop(name: str, way: str) -> Iterator[Any]:
    """A recipe's training with one arithmetic of WAYS."""
    return build(packaged(name), arithmetic=WAYS[way]).trainer.steps(10**9)


def period(name: str) -> int:
    """Least common multiple of the intervals of the recipe's lazy terms."""
    terms = getattr(recipe(name).play, "terms", ())
    return math.lcm(*(term.every for term in terms))


def measure(name: str, rounds: int, steps: int) -> dict[str, Any]:
    """Seconds a step of each arithmetic, its speed relative to the plain one, and its techniques."""
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
    """Measure the recipes of the command line, print the results and append the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipes", nargs="*", default=names(), help=", ".join(names()))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=4, help="steps a turn, at least")
    parser.add_argument("--keep", action="store_true", help="append the rows to results/fast.jsonl")
    options = parser.parse_args()
    if unknown := set(options.recipes) - set(names()):
        parser.error(f"{', '.join(sorted(unknown))}: expected some of {', '.join(names())}")
    for name in options.recipes:
        row = measure(name, options.rounds, options.steps)
        for way, numbers in row["ways"].items():
            low, high = numbers["quartiles"]
            times = f"{numbers['ratio']:.2f} × ({low:.2f} to {high:.2f})"
            techniques = ", ".join(numbers["techniques"])
            print(f"{name:20} {way:12} {1e3 * numbers['seconds']:8.1f} ms  {times}  {techniques}", flush=True)
        if options.keep:
            machine.append(RESULTS, row)


if __name__ == "__main__":
    main()
