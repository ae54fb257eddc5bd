"""Looks at a training from time to time, without touching it: pictures, the detector's word, a quick distance."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch import Tensor

from gancourse.metrics import CollapseDetector
from gancourse.plots.pictures import scatter, sheet, write_png
from gancourse.recipes import Built, Progress
from gancourse.zoo.judges import N_QUICK, judge_of

ROWS, PICTURES = "watched.jsonl", "pictures"
N_LOOKS, N_PICTURED, N_REAL = 10, 64, 4000
CELLS = 32


class Watcher:
    """Looks at a run at each tenth of its steps and at its end.

    A look leaves a row in the run's folder (step, seconds, losses, what the collapse detector says, quick metrics) and
    a picture of samples of always the same latents. It draws no randomness of the training's and changes no weight.

    Args:
        folder: of the run; None to measure without keeping anything.
        n_looks: how many, evenly spread.
    """

    def __init__(self, folder: Path | None, n_looks: int = N_LOOKS) -> None:
        self.folder, self.n_looks = folder, n_looks
        self.seconds = 0.0
        """How long all looks have taken so far."""
        self._looker: _Looker | None = None

    def is_due(self, progress: Progress) -> bool:
        """Whether this step ends a tenth of the training (or whatever share `n_looks` says)."""
        return progress.ends_one_of(self.n_looks)

    def look(self, progress: Progress) -> dict[str, Any]:
        """Look now; returns the row, which is in the folder too.

        Raises:
            OSError: the folder can't be written.
        """
        began = time.monotonic()
        built, done = progress.built, progress.done
        row: dict[str, Any] = {"step": done, "seconds": round(progress.seconds, 3), "losses": progress.step.losses}
        if built.recipe.play.makes_samples:
            self._looker = self._looker or _Looker(built)
            samples = built.samples(N_QUICK)
            row |= self._looker.measured(samples)
            if self.folder is not None and (pixels := self._looker.picture(samples)) is not None:
                row["picture"] = f"{PICTURES}/step-{done:07}.png"
                (self.folder / PICTURES).mkdir(exist_ok=True)
                write_png(self.folder / row["picture"], pixels)
        took = time.monotonic() - began
        self.seconds += took
        row["look_s"] = round(took, 3)
        if self.folder is not None:
            with (self.folder / ROWS).open("a") as file:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
        return row


class _Looker:
    """What is prepared once for all looks at a run."""

    def __init__(self, built: Built) -> None:
        target = built.recipe.target()
        source = built.source if target == built.recipe.data else built.recipe.real()
        n = N_REAL if source.n_samples is None else min(N_REAL, source.n_samples)
        self.real = source.first(n).x
        # Ten points a cell are the least that the detector accepts; too few data, and it says nothing.
        n_cells = min(CELLS, n // 10)
        self.detector = CollapseDetector(self.real, n_cells) if n_cells >= 2 else None
        self.quick = judge_of(target.name, source).quick(source)

    def measured(self, samples: Tensor) -> dict[str, Any]:
        """What the detector says, and the quick metrics."""
        said: dict[str, Any] = {"metrics": self.quick(samples)}
        if self.detector is not None:
            variety = self.detector(samples)
            said["variety"] = {
                "cells": variety.cells,
                "starved": variety.starved,
                "lost": round(variety.lost, 4),
                "collapsed": variety.collapsed,
            }
        return said

    def picture(self, samples: Tensor) -> Any:
        """Bytes of a picture; None of data that has none."""
        if samples.ndim == 4:
            return sheet(samples[:N_PICTURED])
        return scatter(self.real[:N_QUICK], samples) if samples.ndim == 2 else None


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The rows of a file of JSON lines in the order of their steps; of several with one step, the last.

    A run that went on from a checkpoint repeats steps; a line that a crash cut off, or that is no row, is left out.
    """
    return [row for _, row in sorted({row["step"]: row for row in _lines(path)}.items())]


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text("utf-8", errors="replace").splitlines() if path.is_file() else ():
        with contextlib.suppress(ValueError):
            row = json.loads(line)
            if isinstance(row, dict) and isinstance(row.get("step"), int) and isinstance(row.get("losses"), dict):
                yield row
