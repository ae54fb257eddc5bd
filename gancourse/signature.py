"""What a data source returns, for networks to fit: shapes and conditions, no data."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import one_hot


class Condition(Protocol):
    """What the y of a batch is. Networks see it through `encoded`, whatever it is."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one y."""

    @property
    def size(self) -> int:
        """How many numbers `encoded` makes of one y."""

    def encoded(self, y: Tensor) -> Tensor:
        """What networks see of y: floats [batch, size]."""


def _check(y: Tensor, shape: tuple[int, ...], what: str) -> None:
    if tuple(y.shape[1:]) != shape:
        raise ValueError(f"{what} have shape {tuple(y.shape)}; expected {['batch', *shape]}".replace("'", ""))


def _check_integers(y: Tensor, n: int, what: str) -> None:
    if y.is_floating_point():
        raise ValueError(f"{what} are {y.dtype}; expected integers")
    if y.numel() and not y.is_meta and not 0 <= int(y.min()) <= int(y.max()) < n:
        raise ValueError(f"{what} run from {int(y.min())} to {int(y.max())}; expected 0 to {n - 1}")


@dataclass(frozen=True)
class Classes:
    """Integer labels, [batch].

    Args:
        names: of each class.

    >>> Classes(("cat", "dog")).encoded(torch.tensor([1, 0]))
    tensor([[0., 1.],
            [1., 0.]])
    """

    names: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """A label is a number alone."""
        return ()

    @property
    def size(self) -> int:
        """How many classes there are."""
        return len(self.names)

    def encoded(self, y: Tensor) -> Tensor:
        """Labels [batch] as one-hot vectors [batch, classes].

        Raises:
            ValueError: the labels aren't integers, or one has no class.
        """
        _check(y, (), "labels")
        _check_integers(y, self.size, "labels")
        return one_hot(y, self.size).to(torch.get_default_dtype())


@dataclass(frozen=True)
class Factors:
    """Several numbers that describe a sample, each from 0 to 1, [batch, factors].

    Args:
        names: of each factor.
        classes: how many classes, equal parts of 0 … 1, each factor has; 0 for a continuous one. All are continuous if
            it is left out.
        visible: maps factors [batch, factors] to which of them each sample shows, bool of the same shape; None if all
            are always to be seen.

    Raises:
        ValueError: there are not as many numbers as names.
    """

    names: tuple[str, ...]
    classes: tuple[int, ...] = ()
    visible: Callable[[Tensor], Tensor] | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.classes and len(self.classes) != len(self.names):
            raise ValueError(f"{len(self.classes)} numbers of classes for {len(self.names)} factors; pass one for each")

    @property
    def n_classes(self) -> tuple[int, ...]:
        """Number of classes of each factor, 0 if it is continuous."""
        return self.classes or (0,) * len(self.names)

    @property
    def shape(self) -> tuple[int, ...]:
        """A row of factors."""
        return (self.size,)

    @property
    def size(self) -> int:
        """How many factors there are."""
        return len(self.names)

    def encoded(self, y: Tensor) -> Tensor:
        """The factors as they are, as floats."""
        _check(y, (self.size,), "factors")
        return y.to(torch.get_default_dtype())


@dataclass(frozen=True)
class Picture:
    """An image, in [−1, 1].

    Args:
        shape: (channels, height, width).
    """

    shape: tuple[int, int, int]

    @property
    def size(self) -> int:
        """How many numbers an image has."""
        return self.shape[0] * self.shape[1] * self.shape[2]

    def encoded(self, y: Tensor) -> Tensor:
        """Images [batch, channels, height, width] in rows; networks that look at images take y itself."""
        _check(y, self.shape, "images")
        return y.flatten(1)


@dataclass(frozen=True)
class Tokens:
    """Words of a sentence as integers, [batch, length].

    Args:
        vocabulary: the words, by their numbers.
        length: of every sentence; shorter ones are filled up with number 0.
    """

    vocabulary: tuple[str, ...]
    length: int

    @property
    def shape(self) -> tuple[int, ...]:
        """A sentence."""
        return (self.length,)

    @property
    def size(self) -> int:
        """How many words there are: a sentence is encoded as how often it has each."""
        return len(self.vocabulary)

    def encoded(self, y: Tensor) -> Tensor:
        """How often each word occurs in each sentence, [batch, vocabulary]; networks that read take y itself.

        Raises:
            ValueError: a sentence has another length, or a number is no word's.
        """
        _check(y, (self.length,), "sentences")
        _check_integers(y, self.size, "words")
        return one_hot(y, self.size).sum(1).to(torch.get_default_dtype())


@dataclass(frozen=True)
class Codes:
    """What nobody labels: a category and some numbers from −1 to 1 that a generator gives a meaning, InfoGAN's codes.

    One y is a row [1 + n_continuous]: the category as a float, 0 where there are none, and then the numbers.

    Args:
        n_categories: values of the category; 0 for none.
        n_continuous: how many numbers.

    Raises:
        ValueError: there is no code, or just one category.

    >>> Codes(3, 1).encoded(torch.tensor([[2.0, -0.5]]))
    tensor([[ 0.0000,  0.0000,  1.0000, -0.5000]])
    """

    n_categories: int
    n_continuous: int

    def __post_init__(self) -> None:
        if self.n_categories < 0 or self.n_continuous < 0 or self.n_categories == 1 or not self.size:
            raise ValueError(
                f"codes of {self.n_categories} categories and {self.n_continuous} numbers; pass at least 2 categories, "
                "or 0 and at least 1 number"
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """A category and the numbers."""
        return (1 + self.n_continuous,)

    @property
    def size(self) -> int:
        """How many categories and numbers there are."""
        return self.n_categories + self.n_continuous

    def encoded(self, y: Tensor) -> Tensor:
        """The category as a one-hot vector, and then the numbers as they are.

        Raises:
            ValueError: a row has another length, or a category is out of range.
        """
        _check(y, self.shape, "codes")
        numbers = y[:, 1:].to(torch.get_default_dtype())
        if not self.n_categories:
            return numbers
        categories = y[:, 0].long()
        _check_integers(categories, self.n_categories, "categories")
        return torch.cat([one_hot(categories, self.n_categories).to(numbers), numbers], 1)


@dataclass(frozen=True)
class States:
    """Noisy samples and the steps that they are at: a row is the sample's numbers and then the step, a whole number.

    Args:
        sample: shape of one sample.
        n_steps: how many steps there are.

    Raises:
        ValueError: there is no step.

    >>> States((2,), 3).encoded(torch.tensor([[0.5, -1.0, 2.0]]))
    tensor([[ 0.5000, -1.0000,  0.0000,  0.0000,  1.0000]])
    """

    sample: tuple[int, ...]
    n_steps: int

    def __post_init__(self) -> None:
        if self.n_steps < 1:
            raise ValueError(f"there are {self.n_steps} steps; pass at least 1")

    @property
    def n_numbers(self) -> int:
        """Numbers of a sample."""
        return math.prod(self.sample)

    @property
    def shape(self) -> tuple[int, ...]:
        """A sample's numbers, and the step."""
        return (self.n_numbers + 1,)

    @property
    def size(self) -> int:
        """How many numbers a sample has, and how many steps there are."""
        return self.n_numbers + self.n_steps

    def encoded(self, y: Tensor) -> Tensor:
        """The sample's numbers, and then the step as a one-hot vector.

        Raises:
            ValueError: a row has another length, or there is no such step.
        """
        _check(y, self.shape, "states")
        steps = y[:, -1].long()
        _check_integers(steps, self.n_steps, "steps")
        return torch.cat([y[:, :-1], one_hot(steps, self.n_steps).to(y)], 1)


@dataclass(frozen=True)
class Packs:
    """Conditions of samples that a discriminator sees m at a time: m of them along their first axis.

    Args:
        each: what the condition of one sample is.
        m: samples in a pack.

    >>> Packs(Classes(("cat", "dog")), 2).encoded(torch.tensor([[1, 0]]))
    tensor([[0., 1., 1., 0.]])
    """

    each: Condition
    m: int

    @property
    def shape(self) -> tuple[int, ...]:
        """That of one, m times as long; m labels are a row."""
        first, *rest = self.each.shape or (1,)
        return (self.m * first, *rest)

    @property
    def size(self) -> int:
        """As many numbers as m conditions have."""
        return self.m * self.each.size

    def encoded(self, y: Tensor) -> Tensor:
        """What networks see of each sample's condition, side by side, [packs, size]; errors as for one."""
        _check(y, self.shape, f"conditions of packs of {self.m}")
        return self.each.encoded(y.reshape(len(y) * self.m, *self.each.shape)).flatten().view(len(y), self.size)


@dataclass(frozen=True)
class Signature:
    """What networks must fit.

    Args:
        shape: of one sample: (2,) for points in the plane, (3, 32, 32) for images, channels first.
        condition: what y is, where the data has one.
        other: shape of a sample of a second domain, where there is one.

    Raises:
        ValueError: a length isn't positive.

    >>> Signature((1, 28, 28)).is_image
    True
    """

    shape: tuple[int, ...]
    condition: Condition | None = None
    other: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        for shape in (self.shape, (1,) if self.other is None else self.other):
            if not shape or any(n < 1 for n in shape):
                raise ValueError(f"a sample's shape is {shape}; expected positive numbers")

    @property
    def is_image(self) -> bool:
        """Whether samples are images rather than points."""
        return len(self.shape) == 3

    def __str__(self) -> str:
        if self.is_image:
            channels, height, width = self.shape
            return f"{height} × {width} images of {channels} channel{'s' if channels > 1 else ''}"
        return f"points of {self.shape[0]} numbers" if len(self.shape) == 1 else f"samples of shape {self.shape}"
