"""Every recipe by name: those of all files in `shelf`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

from gancourse.names import lookup
from gancourse.recipes import shelf
from gancourse.recipes.schema import Recipe


def _collected() -> Iterator[Recipe]:
    for module in pkgutil.iter_modules(shelf.__path__):
        yield from importlib.import_module(f"{shelf.__name__}.{module.name}").RECIPES


recipes: dict[str, Recipe] = {}
for _recipe in _collected():
    if _recipe.name in recipes:
        raise ValueError(f"two recipes are named {_recipe.name!r}; rename one")
    recipes[_recipe.name] = _recipe


def recipe(name: str) -> Recipe:
    """Recipe of that name.

    Raises:
        ValueError: there is none; the message suggests the nearest.

    >>> recipe("ring").data.name
    'ring'
    """
    return lookup(recipes, name, "recipe")
