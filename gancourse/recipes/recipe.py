"""What a recipe says. Every field can be overridden on the command line."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal

from gancourse.models.dcgan import Guidelines

Data = Literal["ring", "grid", "digits", "fashion"]
Decay = Literal["constant", "linear", "cosine"]


@dataclass(frozen=True)
class GANRecipe:
    """A generator and a discriminator, trained against each other.

    Args:
        name: its one name.
        about: one line on what it is for.
        data: the data set.
        full: use the full image set instead of the part in the package.
        family: mlp for points, dcgan for images.
        latent_size: numbers in a latent.
        width: hidden units of an mlp, channels of a dcgan at 14 × 14.
        objective: name of the pair of losses.
        penalty: name of the discriminator's penalty.
        penalty_weight: what the penalty is multiplied by.
        penalty_every: the penalty is computed at every so-many-th discriminator update.
        n_critic: discriminator updates per step.
        guidelines: which of the DCGAN guidelines hold.
        steps: length of the training.
        batch_size: samples per update.
        learning_rate: Adam's rate at the start.
        beta1: Adam's decay of the first moment.
        beta2: Adam's decay of the second moment.
        decay: how the rate falls to zero.
        average_kimg: half-life, in thousand images, of the averaged generator; 0 for none.
        seed: all randomness is derived from it.
    """

    name: str
    about: str
    data: Data
    full: bool = False
    family: Literal["mlp", "dcgan"] = "dcgan"
    latent_size: int = 64
    width: int = 32
    objective: str = "non-saturating"
    penalty: Literal["none", "r1", "gradient-penalty"] = "none"
    penalty_weight: float = 1.0
    penalty_every: int = 1
    n_critic: int = 1
    guidelines: Guidelines = field(default_factory=Guidelines)
    steps: int = 1000
    batch_size: int = 64
    learning_rate: float = 2e-4
    beta1: float = 0.5
    beta2: float = 0.999
    decay: Decay = "constant"
    average_kimg: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class ClassifierRecipe:
    """A classifier, whose features the metrics compare.

    Args:
        name: its one name.
        about: one line on what it is for.
        data: the data set.
        full: use the full image set instead of the part in the package.
        steps: length of the training.
        batch_size: samples per update.
        learning_rate: Adam's rate at the start.
        decay: how the rate falls to zero.
        seed: all randomness is derived from it.
    """

    name: str
    about: str
    data: Data
    full: bool = False
    steps: int = 3000
    batch_size: int = 128
    learning_rate: float = 2e-3
    decay: Decay = "cosine"
    seed: int = 0


Recipe = GANRecipe | ClassifierRecipe
KINDS: dict[str, type[Recipe]] = {"gan": GANRecipe, "classifier": ClassifierRecipe}


def to_json(recipe: Recipe) -> dict[str, Any]:
    """A recipe as plain values, with its kind."""
    kind = next(name for name, cls in KINDS.items() if isinstance(recipe, cls))
    return {"kind": kind} | dataclasses.asdict(recipe)


def from_json(values: dict[str, Any]) -> Recipe:
    """The recipe that `to_json` wrote.

    Raises:
        ValueError: the kind is unknown or a field is missing, unknown or wrong.
    """
    values = dict(values)
    cls = KINDS.get(values.pop("kind", None))
    if cls is None:
        raise ValueError(f"not a recipe: its kind must be one of {', '.join(KINDS)}")
    try:
        if cls is GANRecipe:
            values["guidelines"] = Guidelines(**values["guidelines"])
        return cls(**values)
    except (TypeError, KeyError) as error:
        raise ValueError(f"not a recipe: {error}") from None
