"""Recorded trainings and pictures: what they hold, and where they lie."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gancourse.names import lookup

FOLDER = Path(str(files("gancourse.widgets"))) / "recordings"
PICTURES = FOLDER / "pictures"
SCALE = 1000  # coordinates are stored as integers, in thousandths


class Recording(NamedTuple):
    """A training as it went once.

    Args:
        frames: step and generated points [n, 2] of each frame.
        real: data points, [m, 2].
        curves: by name, one number per frame.
        about: seed, settings and versions.
    """

    frames: list[tuple[int, NDArray[np.float64]]]
    real: NDArray[np.float64]
    curves: dict[str, list[float]]
    about: dict[str, object]


def save(recording: Recording, path: Path) -> None:
    """Write a recording: coordinates as integers, in thousandths, all arrays compressed."""
    arrays = {
        "steps": np.array([step for step, _ in recording.frames]),
        "points": _integers(np.stack([points for _, points in recording.frames])),
        "real": _integers(recording.real),
        "about": np.array(json.dumps(recording.about)),
    }
    np.savez_compressed(path, **arrays, **{f"curve {k}": np.array(v) for k, v in recording.curves.items()})


def recording(name: str) -> Recording:
    """A recording that lies in the package.

    Raises:
        ValueError: there is none of that name.

    >>> ring_game = recording("ring")
    >>> ring_game.frames[-1][0], ring_game.about["seed"]
    (1500, 0)
    """
    path = lookup({path.stem: path for path in sorted(FOLDER.glob("*.npz"))}, name, "recording")
    with np.load(path, allow_pickle=False) as stored:
        frames = list(zip(stored["steps"].tolist(), stored["points"] / SCALE, strict=True))
        curves = {k.removeprefix("curve "): stored[k].tolist() for k in stored.files if k.startswith("curve ")}
        return Recording(frames, stored["real"] / SCALE, curves, json.loads(str(stored["about"])))


class Pictures(NamedTuple):
    """Pictures as they were once made.

    Args:
        frames: PNG files by what is said of each.
        about: seed, settings and versions.
    """

    frames: dict[str, bytes]
    about: dict[str, object]


def save_pictures(pictures: Pictures, path: Path) -> None:
    """Write pictures, each as the bytes of its file."""
    arrays = {f"frame {label}": np.frombuffer(png, np.uint8) for label, png in pictures.frames.items()}
    np.savez_compressed(path, about=np.array(json.dumps(pictures.about)), **arrays)


def pictures(name: str) -> Pictures:
    """Pictures that lie in the package.

    Raises:
        ValueError: there are none of that name.

    >>> digits = pictures("digits-by-label")
    >>> len(digits.frames), digits.about["seed"]
    (10, 0)
    """
    path = lookup({path.stem: path for path in sorted(PICTURES.glob("*.npz"))}, name, "set of pictures")
    with np.load(path, allow_pickle=False) as stored:
        frames = {k.removeprefix("frame "): stored[k].tobytes() for k in stored.files if k.startswith("frame ")}
        return Pictures(frames, json.loads(str(stored["about"])))


def _integers(points: NDArray[np.float64]) -> NDArray[np.int16]:
    return np.rint(points * SCALE).clip(-32767, 32767).astype(np.int16)
