"""Statistics of reference sets, computed once and kept."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

from gancourse import data
from gancourse.metrics import Moments, Statistics
from gancourse.training import CheckpointError, read_tensors, write_tensors
from gancourse.zoo.extractors import Extractor

KIND = "statistics of features"


def save_statistics(path: Path, statistics: Statistics, about: dict[str, Any]) -> None:
    """Write statistics and where they come from to one safetensors file, atomically and with its SHA-256.

    Args:
        path: the file.
        statistics: what to write.
        about: data, split, extractor, …: anything that JSON can hold.

    Raises:
        OSError: the disk is full or the folder can't be written; an old file is untouched.
    """
    tensors = {"mean": statistics.mean, "covariance": statistics.covariance}
    write_tensors(Path(path), tensors, {"kind": KIND, "n": statistics.n, "about": about})


def load_statistics(path: Path) -> tuple[Statistics, dict[str, Any]]:
    """Statistics from a file of `save_statistics`, and where they come from.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: it is damaged, or holds something else.
    """
    tensors, head = read_tensors(Path(path))
    if head.get("kind") != KIND or set(tensors) != {"mean", "covariance"}:
        raise CheckpointError(f"{path} holds no statistics of features; write them with save_statistics")
    return Statistics(head["n"], tensors["mean"], tensors["covariance"]), head["about"]


def reference(data_name: str, n: int, extractor: Extractor, split: str = "train") -> Statistics:
    """Statistics of the first n images of a data set, from the cache if they lie there.

    The cache is $GANCOURSE_DATA or ~/.cache/gancourse. A file belongs to one data set, split, n and one set of
    weights; a damaged one is made anew, and a folder that can't be written is done without. More images than the
    package holds are taken from the full set, where that is on the machine.

    Args:
        data_name: a set of images of the catalogue, such as "digits".
        n: how many images.
        extractor: what makes the features.
        split: "train" or "test".

    Raises:
        ValueError: the data set is unknown, isn't one of images, may change or holds fewer, or the extractor has no
            digest.
        MissingDataError: the full set is not on this machine.

    >>> reference("ring", 100, Extractor("points", lambda x: x))
    Traceback (most recent call last):
    ValueError: data 'ring' is no set of images; pass another, such as 'digits'
    """
    if data.entry(data_name)[0].argument:
        raise ValueError(f"the files of {data_name!r} may change, so nothing of them is cached; use Statistics.of")
    if not data.load(data_name, split).signature.is_image:
        raise ValueError(f"data {data_name!r} is no set of images; pass another, such as 'digits'")
    if extractor.sha256 is None:
        raise ValueError(f"extractor {extractor.name!r} is a plain function; pass sha256=… to Extractor to cache by")
    about = {"data": data_name, "split": split, "n": n, "extractor": extractor.name, "sha256": extractor.sha256}
    folder = Path(os.environ.get("GANCOURSE_DATA", Path.home() / ".cache" / "gancourse"))
    path = folder / "statistics" / f"{data_name}-{split}-{n}-{extractor.sha256[:16]}.safetensors"
    with contextlib.suppress(OSError, CheckpointError):
        statistics, about_cached = load_statistics(path)
        if about_cached == about:
            return statistics
    statistics = _measured(data_name, n, extractor, split)
    with contextlib.suppress(OSError):
        save_statistics(path, statistics, about)
    return statistics


def _measured(data_name: str, n: int, extractor: Extractor, split: str) -> Statistics:
    source = data.load(data_name, split)
    if source.n_samples is not None and n > source.n_samples:
        source = data.load(data_name, split, full=True)
    images, moments = source.first(n).x, None
    for part in images.split(extractor.batch_size):
        features = extractor(part)
        moments = moments or Moments(features.shape[1])
        moments.update(features)
    assert moments
    return moments.statistics()
