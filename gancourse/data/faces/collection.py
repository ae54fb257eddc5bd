"""A finite set of faces as a data source; each is drawn when it is first used."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.batch import Batch
from gancourse.data.faces.description import NAMES, drawn
from gancourse.data.faces.painting import draw
from gancourse.data.images import to_floats
from gancourse.rng import Noise, generator
from gancourse.signature import Factors, Signature

N_FACES = {"train": 50_000, "test": 10_000}


def factors_of(split: str) -> Tensor:
    """Factors of all faces of a split, [n, factors]: rows of one table, so that no face is in two splits.

    Raises:
        ValueError: the split is unknown.
    """
    if split not in N_FACES:
        raise ValueError(f"split {split!r} is unknown; pass 'train' or 'test'")
    table = drawn(sum(N_FACES.values()), generator("faces"))
    return dict(zip(N_FACES, table.split(list(N_FACES.values())), strict=True))[split]


class Album:
    """Images of a table of factors, each drawn when it is first looked at, and stored as bytes.

    Args:
        factors: one row a face, [n, factors].
        draw: maps factors to bytes, uint8 [n, *shape].
    """

    def __init__(self, factors: Tensor, draw: Callable[[Tensor], Tensor]) -> None:
        self.factors, self._draw = factors, draw
        self._images = torch.empty(len(factors), *draw(factors[:1]).shape[1:], dtype=torch.uint8)
        self._is_drawn = torch.zeros(len(factors), dtype=torch.bool)

    def __getitem__(self, index: Tensor) -> Tensor:
        """Images of the rows of that index [n], uint8."""
        missing = index[~self._is_drawn[index]].unique()
        if len(missing):
            self._images[missing] = self._draw(self.factors[missing])
            self._is_drawn[missing] = True
        return self._images[index]


class Faces:
    """Cartoon faces drawn from known factors, which are their condition.

    Args:
        split: "train" or "test".
        style: name of a drawing style.

    Raises:
        ValueError: the split or the style is unknown.

    >>> batch = Faces("test")(Noise((0,), n=3))
    >>> batch.x.shape, batch.y.shape
    (torch.Size([3, 3, 32, 32]), torch.Size([3, 22]))
    """

    def __init__(self, split: str = "train", style: str = "colour") -> None:
        self.factors = factors_of(split)
        self._album = Album(self.factors, lambda rows: draw(rows, style))

    def __len__(self) -> int:
        return len(self.factors)

    @property
    def signature(self) -> Signature:
        """Shape of an image, and the factors."""
        return Signature((3, 32, 32), Factors(NAMES))

    @property
    def n_samples(self) -> int:
        """Number of faces."""
        return len(self)

    def __call__(self, noise: Noise) -> Batch:
        """Faces drawn with replacement, float [n, 3, 32, 32] in [−1, 1], and the factors of each."""
        return self._batch(noise.integers("index", len(self)).cpu(), noise.device)

    def report(self) -> str:
        """An empty line: no face is left out."""
        return ""

    def first(self, n: int) -> Batch:
        """The first n faces and their factors, on the CPU.

        Raises:
            ValueError: the set holds fewer than n.
        """
        if not 0 < n <= len(self):
            raise ValueError(f"asked for {n} of {len(self)} faces; pass 1 to {len(self)}")
        return self._batch(torch.arange(n), torch.device("cpu"))

    def to(self, device: torch.device) -> Faces:
        """The same set: faces are always drawn on the CPU, where each has the same bits, and then moved."""
        return self

    def _batch(self, index: Tensor, device: torch.device) -> Batch:
        return Batch(to_floats(self._album[index]).to(device), self.factors[index].to(device))
