"""Handwritten digits and pieces of clothing: a part is in the package, the full sets are read by torchvision."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gancourse.batch import Batch
from gancourse.rng import Noise
from gancourse.signature import Classes, Signature

EMBEDDED = files("gancourse.data") / "embedded"


class MissingDataError(FileNotFoundError):
    """A data set is not on this machine; the message says how to download it."""


class Images:
    """A set of images held in memory as bytes and sampled with replacement.

    Args:
        images: pixels 0 … 255, uint8 [n, channels, height, width].
        labels: class of each image, int64 [n].
        classes: name of each class.

    Raises:
        ValueError: a shape or type is wrong, or a label has no class.

    >>> batch = digits("test")(Noise((0,), n=3))
    >>> batch.x.shape, batch.x.min().item(), batch.y.dtype
    (torch.Size([3, 1, 28, 28]), -1.0, torch.int64)
    """

    def __init__(self, images: Tensor, labels: Tensor, classes: Sequence[str]) -> None:
        if images.ndim != 4 or images.dtype != torch.uint8:
            raise ValueError(
                f"images are {images.dtype} {tuple(images.shape)}; expected uint8 [n, channels, height, width]"
            )
        if labels.shape != (len(images),) or labels.is_floating_point():
            raise ValueError(
                f"{len(images)} images but labels are {labels.dtype} {tuple(labels.shape)}; pass one integer an image"
            )
        if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < len(classes):
            raise ValueError(
                f"labels run from {int(labels.min())} to {int(labels.max())}, but there are {len(classes)} classes; "
                f"labels count from 0 to {len(classes) - 1}"
            )
        self.images, self.labels, self.classes = images, labels.long(), tuple(classes)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def signature(self) -> Signature:
        """Shape of an image, and the classes."""
        return Signature(tuple(self.images.shape[1:]), Classes(self.classes))

    @property
    def n_samples(self) -> int:
        """Number of images."""
        return len(self.images)

    def __call__(self, noise: Noise) -> Batch:
        """Images drawn with replacement, float [n, channels, height, width] in [−1, 1], and their labels [n]."""
        if not len(self):
            raise ValueError("the set holds no images; pass a set with images")
        index = noise.integers("index", len(self)).to(self.images.device)
        return Batch(to_floats(self.images[index]).to(noise.device), self.labels[index].to(noise.device))

    def report(self) -> str:
        """An empty line: no image is left out."""
        return ""

    def first(self, n: int) -> Batch:
        """The first n images and labels, in the set's order, on the CPU.

        Raises:
            ValueError: the set holds fewer than n.
        """
        if not 0 < n <= len(self):
            raise ValueError(f"asked for {n} of {len(self)} images; pass 1 to {len(self)}")
        return Batch(to_floats(self.images[:n].cpu()), self.labels[:n].cpu())

    def of_class(self, label: int) -> Images:
        """The images of one class, as a set with the same class names."""
        if label not in range(len(self.classes)):
            raise ValueError(f"label {label} is not one of 0 … {len(self.classes) - 1}")
        has_label = self.labels == label
        return Images(self.images[has_label], self.labels[has_label], self.classes)

    def padded(self, size: int) -> Images:
        """The same images with a black border.

        Raises:
            ValueError: the images are larger than size, or the border would not be equal on all sides.

        >>> digits("test").padded(32).signature.shape
        (1, 32, 32)
        """
        borders = [size - n for n in self.images.shape[2:]]
        if any(b < 0 or b % 2 for b in borders):
            raise ValueError(
                f"images {tuple(self.images.shape[2:])} can't be padded to {size} evenly; pass another size"
            )
        tall, wide = (b // 2 for b in borders)
        return Images(torch.nn.functional.pad(self.images, (wide, wide, tall, tall)), self.labels, self.classes)

    def to(self, device: torch.device) -> Images:
        """The same set with its images on another device."""
        return Images(self.images.to(device), self.labels.to(device), self.classes)


def to_floats(images: Tensor) -> Tensor:
    """Bytes 0 … 255 as floats in [−1, 1], of the same shape.

    >>> to_floats(torch.tensor([0, 255], dtype=torch.uint8))
    tensor([-1.,  1.])
    """
    return images.float() / 127.5 - 1


def _embedded(name: str, split: str) -> tuple[Tensor, Tensor]:
    """Images and labels in the package, after checking their SHA-256."""
    expected = json.loads((EMBEDDED / "sha256.json").read_text())[f"{name}-{split}.npz"]
    data = (EMBEDDED / f"{name}-{split}.npz").read_bytes()
    if hashlib.sha256(data).hexdigest() != expected:
        raise MissingDataError(f"{name}-{split}.npz in the package is damaged; reinstall gancourse")
    with np.load(BytesIO(data), allow_pickle=False) as arrays:
        return torch.from_numpy(arrays["images"])[:, None], torch.from_numpy(arrays["labels"])


def check_split(split: str) -> None:
    """Complain about a split that no set has.

    Raises:
        ValueError: it is neither "train" nor "test".
    """
    if split not in ("train", "test"):
        raise ValueError(f"split {split!r} is unknown; pass 'train' or 'test'")


def read_by_torchvision(name: str, split: str, download: bool, otherwise: str) -> Any:
    """One of torchvision's data sets, from $GANCOURSE_DATA or ~/.cache/gancourse.

    Args:
        name: of the class.
        split: "train" or "test".
        download: whether to download it if it is missing.
        otherwise: what else to do without it, for the message.

    Raises:
        MissingDataError: it is not there, or damaged, or the download failed.
    """
    from torchvision import datasets

    root = Path(os.environ.get("GANCOURSE_DATA", Path.home() / ".cache" / "gancourse"))
    try:
        return getattr(datasets, name)(root, train=split == "train", download=download)
    except (RuntimeError, OSError) as error:
        raise MissingDataError(
            f"the full {name} is not in {root}: "
            + (f"the download failed ({error}); " if download else "pass download=True (--download), ")
            + f"or set GANCOURSE_DATA to a folder that has it, or {otherwise}"
        ) from None


def _full(torchvision_name: str, split: str, download: bool) -> tuple[Tensor, Tensor]:
    """Images and labels of the full set."""
    otherwise = "use the part in the package (full=False, --no-full)"
    full = read_by_torchvision(torchvision_name, split, download, otherwise)
    return full.data[:, None], full.targets


def _load(name: str, torchvision_name: str, classes: Sequence[str], split: str, full: bool, download: bool) -> Images:
    check_split(split)
    images, labels = _full(torchvision_name, split, download) if full else _embedded(name, split)
    return Images(images, labels, classes)


def digits(split: str = "train", full: bool = False, download: bool = False) -> Images:
    """MNIST: handwritten digits, 28 × 28, one channel, ten classes.

    The package holds the first 10,000 training and the first 2,000 test images; the full set has 60,000 and 10,000.

    Raises:
        ValueError: the split is unknown.
        MissingDataError: the full set is not on this machine, or the embedded one is damaged.

    Source: LeCun, Bottou, Bengio, Haffner 1998.

    >>> len(digits()), len(digits("test"))
    (10000, 2000)
    """
    return _load("digits", "MNIST", "0123456789", split, full, download)


CLOTHES = ("t-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")


def fashion(split: str = "train", full: bool = False, download: bool = False) -> Images:
    """Fashion-MNIST: pieces of clothing, 28 × 28, one channel, ten classes; sizes and errors as for `digits`.

    Source: Xiao, Rasul, Vollgraf 2017.

    >>> fashion("test").classes[9]
    'ankle boot'
    """
    return _load("fashion", "FashionMNIST", CLOTHES, split, full, download)
