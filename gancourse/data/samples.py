"""Your own tensors, arrays and datasets as a source."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any, Self

import torch
from torch import Tensor

from gancourse.batch import Batch
from gancourse.data.arrays import as_tensor
from gancourse.data.images import to_floats
from gancourse.data.items import are_items, read_items
from gancourse.rng import Noise
from gancourse.signature import Classes, Condition, Factors, Picture, Signature, Tokens

MOST_CLASSES = 10_000  # without names: larger labels are probably identities or years, not classes
ROUNDING = 1e-4  # largest distance of a float image from its range, as a share of the range


class Samples:
    """Samples held in memory and drawn with replacement: tensors, NumPy arrays, or a Dataset that is read once.

    Networks take images as floats in [−1, 1], channels first. Bytes are stored as bytes, and converted to such floats
    when they are drawn. Float images are used as they are, and refused if they don't seem to be in [−1, 1];
    `value_range` converts them. The arguments are copied, so changing them later has no effect; floats are converted to
    torch's default type. A draw depends on the noise alone.

    Args:
        x: one of
            - images as bytes 0 … 255, uint8 [n, channels, height, width], or [n, height, width] for one channel;
            - images as floats of the same shapes, in [−1, 1] or in `value_range`;
            - points as floats of any range, [n, dimensions];
            - a map-style torch Dataset, or a list, whose items are x or (x, y): tensors, arrays or PIL images of one
              size. It is read once, into at most `limit_gib`; random items are refused.
        y: label or condition of each sample, one of
            - labels from 0, integers [n];
            - factors, floats [n, factors] from 0 to 1;
            - images, as bytes or floats as above;
            - sentences, integers [n, length] that number words of `vocabulary`.
        classes: name of each class; None for "0", "1", … up to the largest label.
        factors: name of each factor; None for "0", "1", ….
        vocabulary: the words of the sentences; word 0 pads short sentences.
        value_range: (low, high) of float images, which is mapped to (−1, 1).
        limit_gib: largest size of a Dataset in memory, in GiB; arrays have no limit.

    Raises:
        ValueError: x or y is none of these, has NaN or infinity, or is empty, or x and y don't fit.

    >>> import numpy as np
    >>> batch = Samples(np.zeros((5, 28, 28), np.uint8), y=np.arange(5) % 2, classes=("cat", "dog"))(Noise((0,), n=3))
    >>> batch.x.shape, batch.x.max().item(), batch.y.dtype
    (torch.Size([3, 1, 28, 28]), -1.0, torch.int64)
    >>> print(Samples(np.zeros((5, 2))).signature)
    points of 2 numbers
    """

    def __init__(
        self,
        x: Any,
        y: Any = None,
        classes: Sequence[str] | None = None,
        *,
        factors: Sequence[str] | None = None,
        vocabulary: Sequence[str] | None = None,
        value_range: tuple[float, float] | None = None,
        limit_gib: float = 4.0,
    ) -> None:
        # Read the arguments into tensors.
        self.x, self.y = _read(x, y, limit_gib)
        _check_lengths(self.x, self.y)
        # Convert them, and find out what kind of data they are.
        self.x = _checked_x(self.x, value_range)
        names = {"classes": classes, "factors": factors, "vocabulary": vocabulary}
        condition = None
        if self.y is not None:
            self.y, condition = _condition(self.y, names, value_range)
        _check_settings(self.x, self.y, condition, names, value_range)
        self._signature = Signature(tuple(self.x.shape[1:]), condition)

    def __len__(self) -> int:
        return len(self.x)

    @property
    def signature(self) -> Signature:
        """Shape of a sample, and the kind of its y."""
        return self._signature

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return len(self.x)

    def __call__(self, noise: Noise) -> Batch:
        """Samples drawn with replacement, as floats [n, ...], and the y of each."""
        index = noise.integers("index", len(self)).to(self.x.device)
        return self._batch(index, noise.device)

    def report(self) -> str:
        """An empty line: no sample is left out."""
        return ""

    def first(self, n: int) -> Batch:
        """The first n samples, in their order, on the CPU.

        Raises:
            ValueError: n is below one, or there are fewer.
        """
        if not 0 < n <= len(self):
            raise ValueError(f"asked for {n} of {len(self)} samples; pass 1 to {len(self)}")
        return self._batch(slice(n), torch.device("cpu"))

    def to(self, device: torch.device) -> Self:
        """The same set held on another device."""
        moved = copy.copy(self)
        moved.x, moved.y = self.x.to(device), None if self.y is None else self.y.to(device)
        return moved

    def _batch(self, index: Tensor | slice, device: torch.device) -> Batch:
        y = None
        if self.y is not None:
            y = self.y[index]
            y = (to_floats(y) if y.dtype == torch.uint8 else y).to(device)
        x = self.x[index]
        return Batch((to_floats(x) if x.dtype == torch.uint8 else x).to(device), y)


def _read(x: Any, y: Any, limit_gib: float) -> tuple[Tensor, Tensor | None]:
    """Tensors x and y from the arguments."""
    columns = read_items(x, "x", limit_gib) if are_items(x, "x") else (as_tensor(x, "x"),)
    if y is None:
        return (*columns, None)[:2]
    if len(columns) == 2:
        raise ValueError("x's items are pairs (x, y), and y was passed too; leave out one of them")
    if not are_items(y, "y"):
        return columns[0], as_tensor(y, "y")
    return columns[0], read_items(y, "y", limit_gib)[0]


def _shape(x: Tensor) -> str:
    return f"{x.dtype} {tuple(x.shape)}".removeprefix("torch.")


def _check_lengths(x: Tensor, y: Tensor | None) -> None:
    """Check that x and y are not empty, of equal lengths and finite."""
    if x.ndim == 0 or (y is not None and y.ndim == 0):
        raise ValueError("x or y is a single number; pass an array whose first axis counts the samples")
    if not x.numel():
        raise ValueError(f"x holds no samples: it is {_shape(x)}")
    if y is not None and y.ndim > 1 and not y[:1].numel():
        raise ValueError(f"y is empty: it is {_shape(y)}")
    if y is not None and len(x) != len(y):
        raise ValueError(f"x has {len(x)} samples, but y has {len(y)}; pass one y per sample")
    for values, name in ((x, "x"), (y, "y")):
        if values is not None and values.is_floating_point() and not (finite := values.isfinite()).all():
            rows = (~finite.flatten(1).all(1) if values.ndim > 1 else ~finite).nonzero()[:, 0]
            raise ValueError(
                f"{name} has NaN or infinity in {len(rows)} of {len(values)} samples, the first at index "
                f"{int(rows[0])}; repair or leave out these samples"
            )


def _checked_x(x: Tensor, value_range: tuple[float, float] | None) -> Tensor:
    """Points as they are, images with a channel axis and in their range."""
    if x.ndim in (3, 4) and (x.dtype == torch.uint8 or x.is_floating_point()):
        return _images(x, "x", value_range)
    if x.ndim == 2 and x.is_floating_point():
        return x
    advice = "pass bytes (uint8) or floats in [−1, 1] for images, floats for points"
    if x.ndim == 1:
        advice = "pass x[:, None] for points on a line" if x.is_floating_point() else advice
    elif x.ndim == 2 and x.dtype == torch.uint8:
        advice = "reshape it to [n, channels, height, width] for images, or pass floats for points"
    raise ValueError(
        f"x is {_shape(x)}; expected images [n, channels, height, width] or [n, height, width], or points "
        f"[n, dimensions]: {advice}"
    )


def _images(images: Tensor, name: str, value_range: tuple[float, float] | None) -> Tensor:
    """Images with a channel axis: bytes as they are, floats in [−1, 1].

    Raises:
        ValueError: channels seem to come last, or floats leave their range.
    """
    images = images[:, None] if images.ndim == 3 else images
    if images.shape[3] in (1, 3, 4) and images.shape[1] > 4:
        raise ValueError(
            f"{name} is {_shape(images)}, whose channels seem to come last; pass numpy.moveaxis({name}, -1, 1)"
        )
    if images.dtype == torch.uint8:
        return images
    low, high = value_range or (-1.0, 1.0)
    if not (-math.inf < low < high < math.inf):
        raise ValueError(f"value_range is {value_range}; expected (low, high) with low < high")
    least, most = images.min().item(), images.max().item()
    slack = ROUNDING * (high - low)
    if least < low - slack or most > high + slack or (value_range is None and least >= 0 and most > least):
        raise ValueError(
            f"float images {name} run from {least:.4g} to {most:.4g}; expected {low:g} to {high:g}: "
            f"{_range_advice(least, most)}"
        )
    return images if (low, high) == (-1, 1) else (images - low) * (2 / (high - low)) - 1


def _range_advice(least: float, most: float) -> str:
    if least >= 0 and most <= 1 + ROUNDING:
        return "pass value_range=(0, 1), or value_range=(-1, 1) if they really have no dark pixel"
    if least >= 0 and most <= 255:
        return "pass value_range=(0, 255), or bytes (uint8)"
    return "if a transform has subtracted a mean and divided by a deviation, remove it; else pass value_range"


def _condition(
    y: Tensor, names: dict[str, Sequence[str] | None], value_range: tuple[float, float] | None
) -> tuple[Tensor, Condition]:
    """The stored y, and its kind."""
    is_integer = not y.is_floating_point()
    if y.ndim in (3, 4) and (y.dtype == torch.uint8 or not is_integer):
        y = _images(y, "y", value_range)
        return y, Picture(tuple(y.shape[1:]))
    if y.ndim == 1 and is_integer:
        return y.long(), Classes(_class_names(y, names["classes"]))
    if y.ndim == 2 and not is_integer:
        if y.min() < 0 or y.max() > 1:
            raise ValueError(
                f"factors y run from {y.min().item():.4g} to {y.max().item():.4g}; expected 0 to 1: scale each column"
            )
        return y, Factors(_names(names["factors"], y.shape[1], "factors"))
    if y.ndim == 2 and names["vocabulary"] is not None:
        words = _names(names["vocabulary"], None, "vocabulary")
        if not 0 <= int(y.min()) <= int(y.max()) < len(words):
            raise ValueError(
                f"sentences y run from {int(y.min())} to {int(y.max())}, but the words of the vocabulary from 0 to "
                f"{len(words) - 1}"
            )
        return y.long(), Tokens(words, y.shape[1])
    advice = {
        (1, False): "pass y.long() for labels, or y[:, None] for one factor",
        (2, True): "pass vocabulary=… for sentences, y.argmax(1) for one-hot labels, y[:, 0] for a column of labels",
    }.get((y.ndim, is_integer), "pass bytes (uint8) or floats in [−1, 1] for images")
    raise ValueError(
        f"y is {_shape(y)}; expected integer labels [n], float factors [n, factors], images, or sentences: {advice}"
    )


def _names(names: Sequence[str] | None, n: int | None, what: str) -> tuple[str, ...]:
    """The names as a tuple; numbers if names is None.

    Raises:
        ValueError: there are not n names (unless n is None), one isn't a string, or two are equal.
    """
    if names is None:
        return tuple(map(str, range(n)))
    try:
        result = tuple(names)
    except TypeError:
        raise ValueError(f"{what} is {names!r}; pass a list of names") from None
    if n is not None and len(result) != n:
        raise ValueError(f"{what} has {len(result)} names; pass {n}")
    if not all(isinstance(name, str) for name in result) or len(set(result)) < len(result):
        raise ValueError(f"{what} is {names!r:.200}; pass different strings")
    return result


def _class_names(labels: Tensor, classes: Sequence[str] | None) -> tuple[str, ...]:
    """Names of the classes of labels [n]."""
    low, high = int(labels.min()), int(labels.max())
    class_names = () if classes is None else _names(classes, None, "classes")
    if (
        low < 0
        or (class_names and high >= len(class_names))
        or (not class_names and high >= max(MOST_CLASSES, len(labels)))
    ):
        limit = f", but there are {len(class_names)} classes" if class_names and low >= 0 else ""
        raise ValueError(
            f"labels y run from {low} to {high}{limit}; number the classes from 0, e.g. by "
            "numpy.unique(y, return_inverse=True)[1]"
        )
    return class_names or _names(None, high + 1, "classes")


def _check_settings(
    x: Tensor,
    y: Tensor | None,
    condition: Condition | None,
    names: dict[str, Sequence[str] | None],
    value_range: tuple[float, float] | None,
) -> None:
    """Check that no setting would be ignored."""
    kinds = {"classes": Classes, "factors": Factors, "vocabulary": Tokens}
    for name, kind in kinds.items():
        if names[name] is not None and not isinstance(condition, kind):
            what = "there is no y" if condition is None else f"y is {type(condition).__name__.lower()}"
            raise ValueError(f"{name} was passed, but {what}; leave it out, or pass the y that it names")
    has_floats = any(part is not None and part.ndim == 4 and part.is_floating_point() for part in (x, y))
    if value_range is not None and not has_floats:
        raise ValueError("value_range was passed, but there are no float images (bytes always run from 0 to 255)")
