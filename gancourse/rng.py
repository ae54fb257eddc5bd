"""Randomness as an argument: every draw has a name, and one name always gives the same numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from gancourse.processes import ALL, Part

CPU = torch.device("cpu")


def seed_of(*key: int | str) -> int:
    """Non-negative 63-bit seed derived from a key, the same on every machine.

    Raises:
        ValueError: a part is neither int nor str; NumPy's integers print otherwise, so they'd give other numbers.

    >>> seed_of(0, "generator", 7) == seed_of(0, "generator", 7)
    True
    >>> seed_of(0, "1") == seed_of(0, 1)
    False
    """
    if any(type(part) not in (int, str) for part in key):
        raise ValueError(f"key {key!r} has parts that are neither int nor str; convert them, e.g. by int(…)")
    return int.from_bytes(hashlib.sha256(repr(key).encode()).digest()[:8], "big") >> 1


def generator(*key: int | str) -> torch.Generator:
    """CPU generator seeded from a key.

    >>> torch.rand(1, generator=generator(3)) == torch.rand(1, generator=generator(3))
    tensor([True])
    """
    return torch.Generator().manual_seed(seed_of(*key))


@contextmanager
def initialised_from(*key: int | str) -> Iterator[None]:
    """Networks built inside start from weights that depend on the key alone; torch's global state is left as it was.

    >>> with initialised_from(0):
    ...     a = torch.nn.Linear(2, 2)
    >>> with initialised_from(0):
    ...     b = torch.nn.Linear(2, 2)
    >>> bool((a.weight == b.weight).all())
    True
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed_of(*key))  # torch.manual_seed would seed CUDA too, for good
        yield


@dataclass(frozen=True)
class Noise:
    """Every random number that one update needs, each drawn by name.

    A draw depends on the key and its name only: not on the order of draws, not on the device (numbers are drawn on the
    CPU and moved), and not on what ran before. That is why a resumed training needs no random state.

    Args:
        key: what the draws are derived from, e.g. (seed, "discriminator").
        n: how many samples each draw holds here.
        update: how many updates its player has made before; part of the key, and what lazy penalties count.
        device: where the draws end up.
        part: which part of a draw of `part.count` times as many samples this is, where processes share a batch.

    Raises:
        ValueError: n is below one.

    >>> noise = Noise((0, "generator"), n=2)
    >>> noise.normal("z", 3).shape
    torch.Size([2, 3])
    >>> bool((noise.normal("z", 3) == noise.normal("z", 3)).all())
    True
    >>> halves = [Noise((0, "generator"), n=1, part=Part(index, 2)).normal("z", 3) for index in range(2)]
    >>> bool((noise.normal("z", 3) == torch.cat(halves)).all())
    True
    """

    key: tuple[int | str, ...]
    n: int
    update: int = 0
    device: torch.device = field(default=CPU)
    part: Part = ALL

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ValueError(f"noise for {self.n} samples; ask for at least 1")

    def within(self, *name: int | str) -> Noise:
        """The same noise with names of its own: for a part that draws under names which another part uses, too.

        >>> noise = Noise((0, "generator"), n=2)
        >>> bool((noise.normal("z", 3) == noise.within("second").normal("z", 3)).any())
        False
        """
        return replace(self, key=(*self.key, *name))

    def generator(self, name: str) -> torch.Generator:
        """CPU generator behind the draw of that name, for a draw that has no method here.

        Raises:
            ValueError: processes share the batch; they would all draw the same.
        """
        if self.part.count > 1:
            raise ValueError(f"the draw {name!r} can't be divided between processes; use normal, uniform or integers")
        return self._generator(name)

    def _generator(self, name: str) -> torch.Generator:
        return generator(*self.key, self.update, name)

    def _mine(self, drawn: Tensor, rows: int | None) -> Tensor:
        """The first so many rows of what was drawn for all processes; of these, this process's."""
        if rows is not None:
            drawn = drawn[: rows * self.part.count]
        return self.part.of(drawn).to(self.device)

    @property
    def _n_drawn(self) -> int:
        return self.n * self.part.count

    def normal(self, name: str, *shape: int, rows: int | None = None) -> Tensor:
        """Standard normal numbers, [n, *shape]; only the first so many rows, where fewer than n are asked for."""
        return self._mine(torch.randn(self._n_drawn, *shape, generator=self._generator(name)), rows)

    def uniform(self, name: str, *shape: int, rows: int | None = None) -> Tensor:
        """Numbers uniform in [0, 1), [n, *shape], or as many rows as asked for."""
        return self._mine(torch.rand(self._n_drawn, *shape, generator=self._generator(name)), rows)

    def integers(self, name: str, high: int) -> Tensor:
        """Integers uniform in 0 … high − 1, [n]."""
        return self._mine(torch.randint(high, (self._n_drawn,), generator=self._generator(name)), None)
