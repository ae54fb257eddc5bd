"""Loops that run alternately, each in a process of its own, so that other load affects all of them equally."""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any

import torch

Maker = tuple[Callable[..., Iterator[Any]], tuple[Any, ...]]
"""A function that can be imported by name, and its arguments; it returns an iterator over training steps."""


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _work(pipe: Connection, maker: Maker) -> None:
    """The process of one loop: receives numbers of steps and sends the seconds that they took."""
    function, arguments = maker
    loop = function(*arguments)
    while n := pipe.recv():
        next(loop)  # untimed: other loops have used the caches, and perhaps the memory, since the last turn
        _wait()
        began = time.perf_counter()
        for _ in range(n):
            next(loop)
        _wait()
        pipe.send(time.perf_counter() - began)


def alternate(makers: dict[str, Maker], rounds: int, steps: int) -> dict[str, list[float]]:
    """Seconds a step by name and round.

    In each round, every loop makes one step as warm-up and then `steps` timed ones, while the others wait. Each round
    starts with another loop.
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
            seconds_a_step = pipe.recv() / steps
            if turn:  # the first steps allocate memory and choose kernels
                seconds[name].append(seconds_a_step)
    for pipe, process in zip(pipes.values(), processes, strict=True):
        pipe.send(0)
        process.join()
    return seconds


def quartiles(values: list[float]) -> tuple[float, float, float]:
    """Lower quartile, median and upper quartile; for a single value, three times that value."""
    low, middle, high = statistics.quantiles(values, n=4) if len(values) > 1 else values * 3
    return low, middle, high


def ratios(slow: list[float], fast: list[float]) -> tuple[float, float, float]:
    """Quartiles over rounds of the ratio of slow to fast seconds."""
    return quartiles([a / b for a, b in zip(slow, fast, strict=True)])
