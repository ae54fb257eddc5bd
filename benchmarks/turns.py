"""Loops that take turns, each in a process of its own: whatever else the machine does meets all of them alike."""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any

import torch

Maker = tuple[Callable[..., Iterator[Any]], tuple[Any, ...]]
"""A function that can be imported by name, and its arguments; it returns a training that makes a step when asked."""


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _work(pipe: Connection, maker: Maker) -> None:
    """A process that holds one loop: makes as many steps as it is told and answers with the seconds they took."""
    function, arguments = maker
    loop = function(*arguments)
    while n := pipe.recv():
        next(loop)  # untimed: others have had the caches, and perhaps the memory, in the meantime
        _wait()
        began = time.perf_counter()
        for _ in range(n):
            next(loop)
        _wait()
        pipe.send(time.perf_counter() - began)


def alternate(makers: dict[str, Maker], rounds: int, steps: int) -> dict[str, list[float]]:
    """Seconds a step by name and round.

    In each round every loop makes a step to warm up and so many that are timed, while the others wait. Each round
    begins with another one.
    """
    context = multiprocessing.get_context("spawn")
    pipes: dict[str, Connection] = {}
    processes = []
    for name, maker in makers.items():
        pipes[name], theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, maker), daemon=True)
        process.start()
        theirs.close()
        processes.append(process)
    seconds: dict[str, list[float]] = {name: [] for name in pipes}
    names = list(pipes)
    for turn in range(rounds + 1):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            pipe = pipes[name]
            pipe.send(steps)
            took = pipe.recv() / steps
            if turn:  # the first steps allocate memory and choose kernels
                seconds[name].append(took)
    for pipe, process in zip(pipes.values(), processes, strict=True):
        pipe.send(0)
        process.join()
    return seconds


def quartiles(values: list[float]) -> tuple[float, float, float]:
    """Lower quartile, median and upper quartile; three times the same of a single value."""
    low, middle, high = statistics.quantiles(values, n=4) if len(values) > 1 else values * 3
    return low, middle, high


def ratios(slow: list[float], fast: list[float]) -> tuple[float, float, float]:
    """Quartiles of how many times faster a loop is, round by round."""
    return quartiles([a / b for a, b in zip(slow, fast, strict=True)])
