"""What a recipe says. Every field can be overridden on the command line."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal, get_args, get_origin, get_type_hints

from gancourse.models.dcgan import Guidelines

Data = Literal["ring", "grid", "digits", "fashion", "stacked-digits"]
Penalty = Literal[
    "none",
    "r1",
    "r2",
    "r1-r2",
    "gradient-penalty",
    "one-sided-gradient-penalty",
    "zero-centred-gradient-penalty",
    "drift",
]
Decay = Literal["constant", "linear", "cosine"]


COUNTS = ("latent_size", "width", "penalty_every", "n_critic", "steps", "batch_size")
NUMBERS = ("penalty_weight", "learning_rate", "beta1", "beta2", "average_kimg", "std", "beta")


def _check(recipe: Recipe) -> None:
    """Complain about a field that no training could use.

    Raises:
        ValueError: names the field, what it holds and what it may hold.
    """
    for name, kind in get_type_hints(type(recipe)).items():
        value = getattr(recipe, name)
        choices = get_args(kind) if get_origin(kind) is Literal else ()
        if choices and value not in choices:
            raise ValueError(f"{name} is {value!r}; pass one of {', '.join(choices)}")
        if not choices and not isinstance(value, (int, float) if kind is float else kind):
            raise ValueError(f"{name} is {value!r}; expected {kind.__name__}")
        if name in COUNTS and value < 1:
            raise ValueError(f"{name} is {value}; expected at least 1")
        if name in NUMBERS and not 0 <= value < float("inf"):
            raise ValueError(f"{name} is {value}; expected a finite number ≥ 0")


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
        discriminator_norm: what a dcgan's discriminator has instead of the guidelines' BatchNorm, which ties the
            samples of a batch together, so that a penalty on slopes doesn't fit; "guidelines" to keep it.
        steps: length of the training.
        batch_size: samples per update.
        learning_rate: Adam's rate at the start.
        beta1: Adam's decay of the first moment.
        beta2: Adam's decay of the second moment.
        decay: how the rate falls to zero.
        average_kimg: half-life, in thousand images, of the averaged generator; 0 for none.
        seed: all randomness is derived from it.

    Raises:
        ValueError: a field holds what no training could use.
    """

    name: str
    about: str
    data: Data
    full: bool = False
    family: Literal["mlp", "dcgan"] = "dcgan"
    latent_size: int = 64
    width: int = 32
    objective: str = "non-saturating"
    penalty: Penalty = "none"
    penalty_weight: float = 1.0
    penalty_every: int = 1
    n_critic: int = 1
    guidelines: Guidelines = field(default_factory=Guidelines)
    discriminator_norm: Literal["guidelines", "none", "spectral"] = "guidelines"
    steps: int = 1000
    batch_size: int = 64
    learning_rate: float = 2e-4
    beta1: float = 0.5
    beta2: float = 0.999
    decay: Decay = "constant"
    average_kimg: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        _check(self)


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

    Raises:
        ValueError: a field holds what no training could use.
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

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True)
class VAERecipe:
    """A variational autoencoder of images, whose decoder is the generator of a dcgan of the same width.

    Args:
        name: its one name.
        about: one line on what it is for.
        data: the data set.
        full: use the full image set instead of the part in the package.
        latent_size: numbers in a latent.
        width: channels at 14 × 14.
        std: standard deviation of the decoder's density, where pixels go from −1 to 1; at 1 the reconstruction term is
            half the squared error, up to a constant.
        beta: what the KL term is multiplied by.
        steps: length of the training.
        batch_size: samples per update.
        learning_rate: Adam's rate at the start.
        decay: how the rate falls to zero.
        seed: all randomness is derived from it.

    Raises:
        ValueError: a field holds what no training could use.
    """

    name: str
    about: str
    data: Literal["digits", "fashion"]
    full: bool = False
    latent_size: int = 64
    width: int = 32
    std: float = 1.0
    beta: float = 1.0
    steps: int = 700
    batch_size: int = 64
    learning_rate: float = 1e-3
    decay: Decay = "cosine"
    seed: int = 0

    def __post_init__(self) -> None:
        _check(self)


Recipe = GANRecipe | ClassifierRecipe | VAERecipe
KINDS: dict[str, type[Recipe]] = {"gan": GANRecipe, "classifier": ClassifierRecipe, "vae": VAERecipe}


def to_json(recipe: Recipe) -> dict[str, Any]:
    """A recipe as plain values, with its kind."""
    kind = next(name for name, cls in KINDS.items() if isinstance(recipe, cls))
    return {"kind": kind} | dataclasses.asdict(recipe)


def from_json(values: dict[str, Any]) -> Recipe:
    """The recipe that `to_json` wrote.

    Raises:
        ValueError: the kind is unknown or a field is missing, unknown or wrong.
    """
    if not isinstance(values, dict):
        raise ValueError(f"not a recipe: it is a {type(values).__name__}, not names and values")
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
