"""A finite set of faces as a data source; each is drawn when it is first used."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from gancourse.batch import Batch
from gancourse.data.faces.description import FACTORS, NAMES, changed, labels, random_factors, values
from gancourse.data.faces.painting import draw
from gancourse.data.faces.pose import SIZE
from gancourse.data.faces.visibility import visible
from gancourse.data.faces.wording import LENGTH, N_WORDINGS, VOCABULARY, caption, encode
from gancourse.data.images import to_floats
from gancourse.names import lookup
from gancourse.rng import Noise, generator
from gancourse.signature import Classes, Condition, Factors, Picture, Signature, Tokens

READABLE = Factors(NAMES, tuple(len(factor.classes) for factor in FACTORS.values()), visible)
N_FACES = {"train": 50_000, "test": 10_000}


def table(split: str, correlation: float = 0.0) -> Tensor:
    """Factors of all faces of a split, [n, factors]: rows of one table, so that no face is in two splits.

    Args:
        split: "train" or "test".
        correlation: of having glasses with having long hair (the last four of the hair styles), from −1 to 1.

    Raises:
        ValueError: the split is unknown, or the correlation is out of range.
    """
    if split not in N_FACES:
        raise ValueError(f"split {split!r} is unknown; pass 'train' or 'test'")
    if not -1 <= correlation <= 1:
        raise ValueError(f"correlation is {correlation}; pass a number from −1 to 1")
    factors = random_factors(sum(N_FACES.values()), generator("faces"))
    # A share of the faces wear glasses if, and only if, their hair is long (short, where the correlation is negative).
    follows = random_factors(len(factors), generator("faces", "correlation"))[:, 0] < abs(correlation)
    has_glasses = (values(factors, "hair style") >= 0.5) == (correlation > 0)
    glasses = torch.where(has_glasses, 0.75, 0.25)
    factors = changed(factors, glasses=torch.where(follows, glasses, values(factors, "glasses")))
    n_train = N_FACES["train"]
    return (factors[:n_train] if split == "train" else factors[n_train:]).clone()


class Album:
    """Images of a table of factors, each drawn when it is first looked at, and stored as bytes.

    Args:
        factors: one row a face, [n, factors].
        style: of drawing.
    """

    def __init__(self, factors: Tensor, style: str) -> None:
        self._factors, self._style = factors, style
        self.shape = tuple(draw(factors[:1], style).shape[1:])
        # Memory is taken as it is written to.
        self._images = torch.empty(len(factors), *self.shape, dtype=torch.uint8)
        self._is_drawn = torch.zeros(len(factors), dtype=torch.bool)

    def __getitem__(self, rows: Tensor) -> Tensor:
        """Images of these rows [n], uint8 [n, channels, height, width]."""
        missing = rows[~self._is_drawn[rows]].unique()
        if len(missing):
            self._images[missing] = draw(self._factors[missing], self._style)
            self._is_drawn[missing] = True
        return self._images[rows]

    def __reduce__(self) -> tuple[type[Album], tuple[Tensor, str]]:
        """Another process gets the factors alone, and draws by itself."""
        return Album, (self._factors, self._style)


class Conditioning(NamedTuple):
    """How faces are conditioned.

    Args:
        kind: of condition.
        of_rows: maps rows of the table [n], and a wording of each, to conditions.
    """

    kind: Condition
    of_rows: Callable[[Tensor, Tensor], Tensor]


def _factors(factors: Tensor, rows: Tensor, wording: Tensor) -> Tensor:
    return factors[rows]


def _labels(factors: Tensor, name: str, rows: Tensor, wording: Tensor) -> Tensor:
    return labels(factors[rows], name)


def _captions(factors: Tensor, rows: Tensor, wording: Tensor) -> Tensor:
    return encode(caption(factors[rows], wording))


def _edges(album: Album, rows: Tensor, wording: Tensor) -> Tensor:
    return to_floats(album[rows])


def _conditioning(name: str, factors: Tensor) -> Conditioning:
    """The conditioning of that name, for a table of factors."""
    by_name: dict[str, Callable[[], Conditioning]] = {
        "factors": lambda: Conditioning(READABLE, partial(_factors, factors)),
        "captions": lambda: Conditioning(Tokens(VOCABULARY, LENGTH), partial(_captions, factors)),
        "edges": lambda: Conditioning(Picture((1, SIZE, SIZE)), partial(_edges, Album(factors, "edges"))),
    }
    for factor in FACTORS.values():
        if factor.classes:
            by_name[factor.name] = partial(
                Conditioning, Classes(factor.classes), partial(_labels, factors, factor.name)
            )
    return lookup(by_name, name, "condition")()


class Faces:
    """Cartoon faces drawn from known, independent factors: 50,000 to train with and 10,000 to test.

    A face is drawn on the CPU when it is first used, with the same bits on every processor, and then stored as bytes:
    up to 154 MB (and 51 MB for edges).

    Args:
        split: "train" or "test".
        style: "colour", "sketch" (pencil and a thin wash on paper) or "edges" (boundaries of the parts, one channel).
        condition: what y is: "factors", "captions" (a random wording each), "edges" (boundaries of the parts), or the
            name of a categorical factor, such as "hair style", for its classes.
        correlation: of having glasses with having long hair (bob, long, bun, pigtails), from −1 to 1.

    Raises:
        ValueError: the split, style or condition is unknown, or the correlation is out of range.

    >>> batch = Faces("test", condition="hair style")(Noise((0,), n=3))
    >>> batch.x.shape, batch.y.dtype
    (torch.Size([3, 3, 32, 32]), torch.int64)
    """

    def __init__(
        self, split: str = "train", style: str = "colour", condition: str = "factors", correlation: float = 0.0
    ) -> None:
        self._table = table(split, correlation)
        self._conditioning = _conditioning(condition, self._table)
        self._album = Album(self._table, style)
        self._rows = torch.arange(len(self._table))

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def factors(self) -> Tensor:
        """Factors of all faces, [n, factors], in their order."""
        return self._table[self._rows]

    @property
    def signature(self) -> Signature:
        """Shape of an image, and the kind of y."""
        return Signature(self._album.shape, self._conditioning.kind)

    @property
    def n_samples(self) -> int:
        """Number of faces."""
        return len(self)

    def __call__(self, noise: Noise) -> Batch:
        """Faces drawn with replacement, float [n, 3, 32, 32] in [−1, 1], and the y of each."""
        index, wording = noise.integers("index", len(self)), noise.integers("wording", N_WORDINGS)
        return self._batch(self._rows[index.cpu()], wording.cpu(), noise.device)

    def report(self) -> str:
        """An empty line: no face is left out."""
        return ""

    def first(self, n: int) -> Batch:
        """The first n faces and the y of each, on the CPU; captions take turns with the wordings.

        Raises:
            ValueError: n is below one, or there are fewer.
        """
        if not 0 < n <= len(self):
            raise ValueError(f"asked for {n} of {len(self)} faces; pass 1 to {len(self)}")
        return self._batch(self._rows[:n], torch.arange(n) % N_WORDINGS, torch.device("cpu"))

    def subset(self, index: Tensor) -> Faces:
        """Some of the faces, for groups of unequal size and for combinations that training shall not see.

        Args:
            index: numbers of faces, which may repeat; or whether to take each face, bool [n].

        Raises:
            ValueError: no face is taken, or the index doesn't fit.

        >>> faces = Faces("test")
        >>> with_glasses = faces.subset(labels(faces.factors, "glasses") == 1)
        >>> labels(with_glasses.factors, "glasses").unique()
        tensor([1])
        """
        if index.ndim != 1 or index.is_floating_point() or (index.dtype == torch.bool and len(index) != len(self)):
            raise ValueError(
                f"index is {index.dtype} {tuple(index.shape)}; pass integers [n], or one bool for each of the "
                f"{len(self)} faces"
            )
        if index.dtype != torch.bool and len(index) and not 0 <= int(index.min()) <= int(index.max()) < len(self):
            raise ValueError(
                f"index runs from {int(index.min())} to {int(index.max())}, but faces from 0 to {len(self) - 1}"
            )
        part = copy.copy(self)
        part._rows = self._rows[index.cpu()]
        if not len(part):
            raise ValueError("the index takes no face; pass one that takes at least one")
        return part

    def to(self, device: torch.device) -> Faces:
        """The same set: faces stay where they are drawn, on the CPU, and a batch is moved."""
        return self

    def _batch(self, rows: Tensor, wording: Tensor, device: torch.device) -> Batch:
        y = self._conditioning.of_rows(rows, wording)
        return Batch(to_floats(self._album[rows]).to(device), y.to(device))
