"""Time to quality: the first five epochs of the textbook DCGAN on the full digits against a recipe of the course.

    python -m benchmarks.quality textbook --fast-kernels --keep               # half an hour on two cores
    python -m benchmarks.quality relativistic-digits --every 100 --keep       # a quarter of an hour
    python -m benchmarks.quality rate --keep                                  # a minute

With --keep, rows are appended to benchmarks/results/quality.jsonl: one trace for each seed, of steps, seconds (without
evaluation) and Fréchet distances; and the seconds a step of both sides, which run alternately on an otherwise idle
machine and convert steps to seconds. The runs need the full digits (`gancourse train dcgan-digits --download --steps 1`
downloads them), in the folder that GANCOURSE_DATA names or ~/.cache/gancourse.
"""

from __future__ import annotations

import argparse
import itertools
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmarks import machine, textbook, turns
from gancourse import data, metrics, recipes, zoo
from gancourse.models import folded

N = 10_000
RESULTS = Path(__file__).parent / "results" / "quality.jsonl"
RECIPE = "relativistic-digits"
EPOCHS, BATCH_SIZE = 5, 128
EVERY = 156  # steps between evaluations of the textbook's run: a third of an epoch


def fid(generator: nn.Module, real: torch.Tensor) -> float:
    """Fréchet distance of 10,000 samples from the first 10,000 training images, by digits-classifier."""
    return metrics.frechet_distance(real, zoo.features("digits", zoo.samples(generator, N)))


def textbook_run(seed: int, fast_kernels: bool = False) -> tuple[Iterator[int], nn.Module]:
    """The textbook's loop on torchvision's full MNIST with its transforms, and its generator.

    Args:
        seed: of torch's global generator, which the loop draws from.
        fast_kernels: compute the same networks folded and channels last. Their samples at each step are as good, but
            their seconds are not the textbook's; those are measured by `rate`.
    """
    from torchvision import datasets, transforms

    torch.manual_seed(seed)
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize([0.5], [0.5])])
    root = Path(os.environ.get("GANCOURSE_DATA", Path.home() / ".cache" / "gancourse"))
    images = datasets.MNIST(root, train=True, transform=transform)
    generator, discriminator = textbook.Generator(), textbook.Discriminator()
    if fast_kernels:
        folded(generator)
        folded(discriminator)
        generator.to(memory_format=torch.channels_last)
        discriminator.to(memory_format=torch.channels_last)
    batches = textbook.epochs(textbook.loader(images, BATCH_SIZE), torch.device("cpu"))
    last = EPOCHS * (len(images) // BATCH_SIZE)
    return itertools.islice(textbook.steps(generator, discriminator, batches), last), generator


def trace(steps: Iterator[Any], generator: nn.Module, every: int) -> Iterator[dict[str, float]]:
    """Run a training, and measure its generator every `every` steps and at the end."""
    real = zoo.features("digits", data.digits().first(N).x)
    seconds, n, measured = 0.0, 0, 0
    began = time.perf_counter()
    for _ in steps:
        n += 1
        if n % every == 0:
            seconds += time.perf_counter() - began
            measured = n
            yield {"steps": n, "seconds": round(seconds, 1), "fid": fid(generator, real)}
            began = time.perf_counter()
    if n > measured:
        yield {"steps": n, "seconds": round(seconds + time.perf_counter() - began, 1), "fid": fid(generator, real)}


FAST = recipes.Arithmetic(channels_last=True, fused=True)


def recipe_run(name: str, seed: int) -> tuple[Iterator[Any], nn.Module]:
    """The course's trainer on a recipe, and its averaged generator."""
    built = recipes.build(recipes.recipe(name).changed(seed=seed), arithmetic=FAST)
    return built.trainer.steps(built.recipe.steps), built.result


def _loop(name: str) -> Iterator[Any]:
    return textbook_run(0)[0] if name == "textbook" else recipe_run(name, 0)[0]


def rate(name: str, rounds: int, steps: int) -> dict[str, list[float]]:
    """Seconds a step of the textbook's loop and of a recipe, run alternately."""
    every = [term.every for term in recipes.recipe(name).play.terms]
    steps = math.lcm(steps, *every)  # lazy penalties are due as often as over the whole training
    return turns.alternate({side: (_loop, (side,)) for side in ("textbook", name)}, rounds, steps)


def main() -> None:
    """Run the training of the command line for each seed, or measure the rate."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", help="textbook, the name of a recipe for digits, or rate")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--every", type=int, default=EVERY, help="steps between evaluations")
    parser.add_argument("--fast-kernels", action="store_true", help="compute the textbook's networks faster")
    parser.add_argument("--keep", action="store_true", help="append the rows to results/quality.jsonl")
    parser.add_argument("--rounds", type=int, default=11)
    options = parser.parse_args()
    if options.run == "rate":
        seconds = rate(RECIPE, options.rounds, steps=4)
        for name, values in seconds.items():
            print(name, [round(1e3 * v, 1) for v in turns.quartiles(values)], "ms a step")
        if options.keep:
            machine.append(RESULTS, {"run": "rate", "seconds": seconds})
        return
    for seed in options.seeds:
        if options.run == "textbook":
            steps, generator = textbook_run(seed, options.fast_kernels)
        else:
            steps, generator = recipe_run(options.run, seed)
        measurements = []
        for row in trace(steps, generator, options.every):
            measurements.append(row)
            print(options.run, seed, row, flush=True)
        row = {"run": options.run, "seed": seed, "fast_kernels": options.fast_kernels, "trace": measurements}
        if options.keep:
            machine.append(RESULTS, row)


if __name__ == "__main__":
    main()
