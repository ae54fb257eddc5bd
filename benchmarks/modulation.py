"""Seconds a step of a StyleGAN2: modulation by scaling channels, against the textbook's grouped convolutions.

    python -m benchmarks.modulation --keep        # [sides] [alone] [last] [--rounds 7] [--batch-size 32]

All of them have the same networks, data, trainer and the paper's losses: non-saturating, R1 every 16 steps, and path
length every 8, for which the generator is differentiated twice. The textbook makes other weights for each sample and
convolves all of them as one batch of one image with as many groups as samples.

- sides: the textbook's form and the course's, plain and with `--fast`, each in a process of its own; both precisions.
- alone: what each technique is worth alone, against the plain trainer with scaled channels; the scaled form itself
  against the grouped one.
- last: what each is worth beside all others, against a trainer that has all but this one.

The two sides of alone and last take turns in one process, whose freed memory stays with it, and one changes by the
technique and nothing else. Real and generated images can't be one batch of a discriminator that compares the samples of
a batch; so for that technique, neither side has its minibatch standard deviation. With --keep, a row for each precision
and for each technique is appended to results/modulation.jsonl.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from benchmarks import machine, techniques, textbook_modulation, turns
from benchmarks.textbook_modulation import RECIPE
from gancourse import memory
from gancourse.recipes import Arithmetic, build, recipe
from gancourse.training import Trainer, has_bf16

RESULTS = Path(__file__).parent / "results" / "modulation.jsonl"
STEPS = 16
"""Of a turn: a multiple of the intervals of all lazy terms."""
SIDES: dict[str, tuple[bool, bool]] = {
    "grouped": (True, False),
    "grouped, fast": (True, True),
    "scaled": (False, False),
    "scaled, fast": (False, True),
}
"""Whether convolutions are grouped, and whether the trainer's techniques are used."""
COMPARISONS = ("sides", "alone", "last")


def trainer(side: str, precision: str, batch_size: int) -> Trainer:
    """The recipe's trainer, on one side of the comparison."""
    is_grouped, is_fast = SIDES[side]
    made = build(
        textbook_modulation.compared().changed(batch_size=batch_size),
        arithmetic=Arithmetic(fast=is_fast, precision=precision),
    ).trainer
    if is_grouped:
        textbook_modulation.as_grouped(made.players["generator"].network)
    return made


def loop(side: str, precision: str, batch_size: int) -> Iterator[Any]:
    """Steps of one side."""
    return trainer(side, precision, batch_size).steps(10**9)


def measure(precision: str, batch_size: int, rounds: int, steps: int) -> dict[str, Any]:
    """Seconds a step of each side, and its speed relative to the textbook's."""
    makers = {side: (loop, (side, precision, batch_size)) for side in SIDES}
    seconds, sides = turns.alternate(makers, rounds, steps), {}
    for side, values in seconds.items():
        low, middle, high = turns.ratios(seconds["grouped"], values)
        sides[side] = {"seconds": statistics.median(values), "ratio": middle, "quartiles": [low, high]}
    return {"precision": precision, "batch_size": batch_size, "rounds": rounds, "steps": steps, "sides": sides}


def main(arguments: list[str] | None = None) -> None:
    """Measure, print the tables and append the rows."""
    parser = argparse.ArgumentParser("python -m benchmarks.modulation", description=__doc__.splitlines()[0])
    parser.add_argument("comparisons", nargs="*", help=f"some of {', '.join(COMPARISONS)}; all if left out")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--steps", type=int, default=STEPS, help=f"of a turn; {STEPS} hold all lazy terms equally often"
    )
    parser.add_argument("--batch-size", type=int, default=recipe(RECIPE).training.batch_size)
    parser.add_argument("--keep", action="store_true", help="append the rows to results/modulation.jsonl")
    options = parser.parse_args(arguments)
    if unknown := set(options.comparisons) - set(COMPARISONS):
        parser.error(f"{', '.join(sorted(unknown))}: expected some of {', '.join(COMPARISONS)}")
    size = options.batch_size, options.rounds, options.steps

    def keep(row: dict[str, Any]) -> None:
        if options.keep:
            machine.append(RESULTS, row)

    for comparison in options.comparisons or COMPARISONS:
        if comparison == "sides":
            for precision in ("32-true", *(("bf16-mixed",) if has_bf16(torch.device("cpu")) else ())):
                row = measure(precision, *size)
                print(f"{RECIPE}, {precision}, batch {options.batch_size}")
                print(side_lines(row), flush=True)
                keep(row)
            continue
        memory.keep()
        print(f"{RECIPE}, batch {options.batch_size}, each technique {comparison}")
        for technique in techniques.here():
            row = techniques.worth(technique, comparison, *size)
            print(techniques.line(row), flush=True)
            keep(row)


def side_lines(row: dict[str, Any]) -> str:
    """A line for each side: milliseconds a step, and how many times faster than the textbook's form."""
    lines = []
    for side, numbers in row["sides"].items():
        low, high = numbers["quartiles"]
        times = f"{numbers['ratio']:.2f} × ({low:.2f} to {high:.2f})"
        lines.append(f"  {side:16} {1e3 * numbers['seconds']:8.1f} ms  {times}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
