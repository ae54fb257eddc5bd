"""What a training says while it runs."""

from __future__ import annotations

import contextlib
import shlex
import sys
import time
from collections import deque
from collections.abc import Generator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from gancourse import processes
from gancourse.recipes import Progress
from gancourse.training import Step
from gancourse.zoo.watching import Watcher


def follow(steps: Generator[Progress], what: str, watcher: Watcher | None) -> Progress | None:
    """Run a training with a bar on a terminal, and a line at every tenth elsewhere; returns where it ended.

    Of several processes, only the first says anything.

    Args:
        steps: the training.
        what: its name.
        watcher: looks at it at every tenth; None to leave that out.
    """
    if processes.mine().index:
        last = deque(steps, maxlen=1)
        return last.pop() if last else None
    last, began, start, said = None, 0.0, 0, ""
    on_terminal = sys.stderr.isatty()
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.closing(steps))  # a look that fails ends the training, too
        bar = None
        for last in steps:
            built, step, _ = last
            if not start and (report := built.source.report()):
                print(report, file=sys.stderr)
            total, done, is_tenth = built.recipe.steps, last.done, last.ends_one_of(10)
            if not start:  # the clock begins after the first step, which waits for data and kernels
                start, began = done, time.monotonic()
            if watcher is not None and watcher.is_due(last):
                said = in_words(watcher.look(last))
            if on_terminal:
                bar = bar or stack.enter_context(tqdm(desc=what, total=total, initial=start - 1, unit="step"))
                bar.update()
                if done % 50 == 0 or is_tenth:
                    bar.set_postfix_str(_losses(step) + said)
            elif is_tenth:
                looked_s = 0.0 if watcher is None else watcher.seconds
                rate = (done - start) / max(time.monotonic() - began - looked_s, 1e-9)
                pace = f", {rate:.1f} steps/s, {(total - done) / rate:.0f} s left" if done > start else ""
                print(f"{what}: step {done}/{total}{pace}, {_losses(step)}{said}", flush=True)
    return last


def in_words(row: dict[str, Any]) -> str:
    """What a look found, to be appended to a line of progress.

    >>> in_words({"metrics": {"modes": 8}, "variety": {"cells": 8, "starved": 2, "lost": 0.25, "collapsed": True}})
    ', modes 8, 6/8 cells reached, COLLAPSE: 25% of the data lost'
    """
    words = [f"{name} {value:.3g}" for name, value in row.get("metrics", {}).items()]
    if variety := row.get("variety"):
        words.append(f"{variety['cells'] - variety['starved']}/{variety['cells']} cells reached")
        if variety["collapsed"]:
            words.append(f"COLLAPSE: {variety['lost']:.0%} of the data lost")
    return "".join(f", {word}" for word in words)


def _losses(step: Step) -> str:
    return ", ".join(f"{player} {sum(terms.values()):.3f}" for player, terms in step.losses.items())


def say_end(end: Progress | None, folder: Path, watched: bool) -> None:
    """Say where a training is, and what can be done with it."""
    if end is None:
        print(f"{folder} is trained to its last step already")
        return
    name = shlex.quote(str(folder))
    offers = [f"measure it with `gancourse evaluate {name}`"]
    if end.built.recipe.play.makes_samples:
        offers.insert(0, f"look at it with `gancourse sample {name}`")
    if watched:
        offers.append(f"see its course with `gancourse report {name}`")
    print(f"done: {folder}; {', '.join(offers)}")
