"""What a recipe says: which data, which play, how long. Every field can be overridden on the command line."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal

from gancourse import data
from gancourse.recipes.plays.play import Play
from gancourse.signature import Signature
from gancourse.spelling import difference
from gancourse.training import constant, cosine, linear
from gancourse.training.schedules import Schedule
from gancourse.values import Count, Decay, NonNegative, Value


@dataclass(frozen=True)
class Data(Value):
    """Which data.

    Args:
        name: a data set of the catalogue, or folder:PATH for your own images.
        full: use the full set instead of the part in the package.

    Raises:
        ValueError: there is no such data set, or no full one of it.
    """

    name: str = field(metadata={"option": "data"})
    full: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        entry, _ = data.entry(self.name)
        if self.full and not entry.has_full_set:
            raise ValueError(f"{self.name} has no full set; pass full=False (--no-full)")

    def load(self, split: str = "train", *, download: bool = False, size: int | None = None) -> data.Source:
        """The source; arguments and errors as for `gancourse.data.load`."""
        return data.load(self.name, split, self.full, download, size)

    def in_package(self, split: str = "train", size: int | None = None) -> data.Source:
        """The part of it that needs no full set: what samples are compared with."""
        return data.load(self.name, split, size=size)

    def domain(self, index: int) -> Data:
        """One of the data sets that this one is made of, its part in the package: 0 for a batch's x, 1 for its other.

        Raises:
            ValueError: it has no such domain.
        """
        names = data.domains(self.name)
        if index >= len(names):
            raise ValueError(
                f"data {self.name!r} has {len(names)} domain{'s' if len(names) > 1 else ''}, but number {index + 1} is "
                "asked for; pass two data sets, such as unpaired:ring,grid (--data)"
            )
        return Data(names[index])


SCHEDULES = {"constant": lambda steps: constant, "linear": linear, "cosine": cosine}


@dataclass(frozen=True)
class Training(Value):
    """How long and how fast.

    Args:
        steps: length of the training.
        batch_size: samples per update.
        learning_rate: Adam's rate at the start.
        beta1: Adam's decay of the first moment.
        beta2: Adam's decay of the second moment.
        decay: how the rate falls to zero.
        average_kimg: half-life, in thousand samples, of the averaged weights that are kept; 0 for the last ones.
        seed: all randomness is derived from it.
    """

    steps: Count = 1000
    batch_size: Count = 64
    learning_rate: NonNegative = 2e-4
    beta1: Decay = 0.5
    beta2: Decay = 0.999
    decay: Literal["constant", "linear", "cosine"] = "constant"
    average_kimg: NonNegative = 0.0
    seed: int = 0

    def schedule(self) -> Schedule:
        """Factor on the learning rate by step."""
        return SCHEDULES[self.decay](self.steps)


@dataclass(frozen=True)
class Recipe(Value):
    """A training with a name.

    Args:
        name: its one name.
        about: one line on what it is for.
        data: what is to be learned.
        play: which game is played with which networks.
        training: how long and how fast.
    """

    name: str = field(metadata={"fixed": True})
    about: str = field(metadata={"fixed": True})
    data: Data
    play: Play
    training: Training

    def changed(self, **changes: Any) -> Recipe:
        """The same recipe with some options changed; on data that has no full set, it is not asked for any longer."""
        name = changes.get("data")
        if isinstance(name, str) and "full" not in changes and not data.entry(name)[0].has_full_set:
            changes = {"full": False} | changes
        return super().changed(**changes)

    @property
    def seed(self) -> int:
        """All randomness is derived from it."""
        return self.training.seed

    @property
    def steps(self) -> int:
        """Length of the training."""
        return self.training.steps

    def source(self, split: str = "train") -> data.Source:
        """The data that needs no full set, at the size that the play's networks want."""
        return self.data.in_package(split, self.play.image_size)

    def target(self) -> Data:
        """The data that samples should be like."""
        return self.play.target(self.data)

    def real(self, split: str = "train") -> data.Source:
        """What samples are compared with: that data, at the size that the play's networks want."""
        return self.target().in_package(split, self.play.image_size)

    def signature(self) -> Signature:
        """What the networks must fit."""
        return self.source().signature


def unlike(other: Recipe, recipe: Recipe, steps: int) -> list[str]:
    """How the first steps of another training differ from those of this one, as options of the other one.

    The same are trainings whose recipes differ in their names, in what begins later, and, where the learning rate is
    constant, in their length.

    Raises:
        ValueError: they differ in more than options can say.
    """
    first, second = (r.changed(play=r.play.begun(steps)) for r in (other, recipe))
    if recipe.training.decay == other.training.decay == "constant":
        first = first.changed(steps=recipe.steps)
    return difference(dataclasses.replace(first, name=recipe.name, about=recipe.about), second)
