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
        ValueError: a part is neither int nor str; NumPy integers print differently, so they would give other seeds.

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
    """Networks built inside get initial weights that depend on the key alone; torch's global state does not change.

    >>> with initialised_from(0):
    ...     a = torch.nn.Linear(2, 2)
    >>> with initialised_from(0):
    ...     b = torch.nn.Linear(2, 2)
    >>> bool((a.weight == b.weight).all())
    True
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed_of(*key))  # torch.manual_seed would seed CUDA too, permanently
        yield


@dataclass(frozen=True)
class Noise:
    """Every random number that one update needs, each drawn by name.

    A draw depends on the key and its name only: not on the order of draws, not on the device (numbers are drawn on the
    CPU and moved), and not on earlier draws. A resumed training therefore needs no random state.

    Args:
        key: seed of all draws, e.g. (seed, "discriminator").
        n: number of samples of each draw, in this process.
        update: number of updates that the player has made before; part of the key, and what lazy penalties are due by.
        device: of the drawn tensors.
        part: rows of the draw that this process gets, where processes share a batch; the draw is `part.count` times as
            large.

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
            raise ValueError(f"noise for {self.n} samples; pass n of at least 1")

    def fold_in(self, *name: int | str) -> Noise:
        """The same noise with a name folded into its key, for code that draws under names that are used elsewhere.

        >>> noise = Noise((0, "generator"), n=2)
        >>> bool((noise.normal("z", 3) == noise.fold_in("second").normal("z", 3)).any())
        False
        """
        return replace(self, key=(*self.key, *name))

    def generator(self, name: str) -> torch.Generator:
        """CPU generator of the draw of that name, for a distribution that has no method here.

        Raises:
            ValueError: processes share the batch; all of them would draw the same numbers.
        """
        if self.part.count > 1:
            raise ValueError(f"the draw {name!r} can't be divided between processes; use normal, uniform or integers")
        return self._generator(name)

    def _generator(self, name: str) -> torch.Generator:
        return generator(*self.key, self.update, name)

    def _own_rows(self, draw: Tensor, rows: int | None) -> Tensor:
        """This process's part of the first `rows * part.count` rows of a draw for all processes; None for all rows."""
        if rows is not None:
            draw = draw[: rows * self.part.count]
        return self.part.of(draw).to(self.device)

    @property
    def _n_drawn(self) -> int:
        return self.n * self.part.count

    def normal(self, name: str, *shape: int, rows: int | None = None) -> Tensor:
        """Standard normal numbers, [n, *shape]; or the first `rows` of them, [rows, *shape]."""
        return self._own_rows(torch.randn(self._n_drawn, *shape, generator=self._generator(name)), rows)

    def uniform(self, name: str, *shape: int, rows: int | None = None) -> Tensor:
        """Numbers uniform in [0, 1), [n, *shape]; or the first `rows` of them, [rows, *shape]."""
        return self._own_rows(torch.rand(self._n_drawn, *shape, generator=self._generator(name)), rows)

    def integers(self, name: str, high: int) -> Tensor:
        """Integers uniform in 0 … high − 1, [n]."""
        return self._own_rows(torch.randint(high, (self._n_drawn,), generator=self._generator(name)), None)
