"""Cards and weights: NAME.json and NAME.safetensors."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

import gancourse
from gancourse.models.blocks import n_parameters
from gancourse.names import lookup
from gancourse.recipes import REFERENCE, Arithmetic, Recipe
from gancourse.recipes import recipe as recipe_named
from gancourse.rng import initialised_from
from gancourse.spelling import difference
from gancourse.training import CheckpointError, read_tensors, write_tensors
from gancourse.values import from_json, to_json

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Card:
    """What is known of a trained network.

    Args:
        name: the recipe's name.
        recipe: how it was trained.
        command: what reproduces it.
        metrics: measured values; each name carries its protocol.
        parameters: how many numbers it has.
        seconds: how long the training took.
        versions: the software it was trained with.
        sha256: digest of the weights' file.
        techniques: what made the training faster than the reference, in words.
    """

    name: str
    recipe: Recipe
    command: str
    metrics: dict[str, float]
    parameters: int
    seconds: float
    versions: dict[str, str]
    sha256: str
    techniques: tuple[str, ...] = ()


def cards(folder: Path = FOLDER) -> dict[str, Card]:
    """Every card by name."""
    return {path.stem: card(path.stem, folder) for path in sorted(Path(folder).glob("*.json"))}


def card(name: str, folder: Path = FOLDER) -> Card:
    """Card of that name.

    Raises:
        ValueError: there is none; the message suggests the nearest.

    >>> card("digits-classifier").recipe.data.name
    'digits'
    """
    known = {path.stem: path for path in sorted(Path(folder).glob("*.json"))}
    values = json.loads(lookup(known, name, "zoo entry").read_text())
    return Card(**values | {"recipe": from_json(values["recipe"]), "techniques": tuple(values.get("techniques", ()))})


def untrained(recipe: Recipe) -> nn.Module:
    """The network that a recipe trains, with the weights that it starts from."""
    with initialised_from(recipe.seed, "weights"):
        return recipe.play.untrained(recipe.signature())


@cache
def _load(name: str, folder: Path) -> nn.Module:
    about = card(name, folder)
    path = Path(folder) / f"{name}.safetensors"
    if hashlib.sha256(path.read_bytes()).hexdigest() != about.sha256:
        raise CheckpointError(f"the zoo's {path.name} is damaged or not what its card describes; reinstall gancourse")
    network = untrained(about.recipe)
    network.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in read_tensors(path)[0].items()})
    return network.eval().requires_grad_(False)


def load(name: str, folder: Path = FOLDER) -> nn.Module:
    """Trained network of that name, in evaluation mode; don't change it: later calls return the same one.

    Raises:
        ValueError: there is none.
        CheckpointError: its file is damaged.

    >>> load("digits-classifier")(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    """
    return _load(name, Path(folder))


def command_of(recipe: Recipe, arithmetic: Arithmetic = REFERENCE) -> str:
    """The command that reproduces a training: its name, and what differs from the catalogue's recipe of that name.

    Raises:
        ValueError: the catalogue has none, or it differs in more than options.

    >>> from gancourse.recipes import recipe
    >>> command_of(recipe("ring").changed(steps=100), Arithmetic(fast=True))
    'gancourse train ring --steps 100 --fast'
    """
    changes = difference(recipe, recipe_named(recipe.name))
    return " ".join(["gancourse train", recipe.name, *changes, *difference(arithmetic, REFERENCE)])


def add(
    network: nn.Module,
    recipe: Recipe,
    metrics: dict[str, float],
    seconds: float,
    folder: Path = FOLDER,
    arithmetic: Arithmetic = REFERENCE,
    techniques: tuple[str, ...] = (),
) -> Card:
    """Put a trained network into the zoo, in half precision.

    Args:
        network: what to keep.
        recipe: how it was trained.
        metrics: what it is worth, by name.
        seconds: how long training took.
        folder: where weights and card go.
        arithmetic: how the training computed; part of the command on the card.
        techniques: what made it faster than the reference, in words.

    Raises:
        OSError: the folder can't be written.
        ValueError: a weight is too large for half precision, or no command reproduces the training: its recipe is no
            change of one in the catalogue.
    """
    command = command_of(recipe, arithmetic)
    tensors: dict[str, Any] = {}
    for name, value in network.state_dict().items():
        tensors[name] = value.half() if value.is_floating_point() else value
        if value.is_floating_point() and not torch.isfinite(tensors[name]).all():
            raise ValueError(f"{name} holds a value that half precision can't: its largest is {value.abs().max():.4g}")
    path = Path(folder) / f"{recipe.name}.safetensors"
    write_tensors(path, tensors, {"name": recipe.name})
    new_card = Card(
        recipe.name,
        recipe,
        command,
        metrics,
        n_parameters(network) or sum(p.numel() for p in network.parameters()),
        round(seconds),
        {"torch": torch.__version__.split("+")[0], "gancourse": gancourse.__version__},
        hashlib.sha256(path.read_bytes()).hexdigest(),
        techniques,
    )
    values = {field.name: getattr(new_card, field.name) for field in dataclasses.fields(new_card)} | {
        "recipe": to_json(recipe),
        "techniques": list(techniques),
    }
    (Path(folder) / f"{recipe.name}.json").write_text(json.dumps(values, indent=2) + "\n")
    _load.cache_clear()
    return new_card
