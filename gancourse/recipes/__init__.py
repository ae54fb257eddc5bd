"""Named trainings: what to build, on which data, for how long."""

from gancourse.recipes.build import Built, build, load_data
from gancourse.recipes.catalogue import recipe, recipes
from gancourse.recipes.recipe import ClassifierRecipe, GANRecipe, Recipe, VAERecipe, from_json, to_json
from gancourse.recipes.run import Stopped, read_recipe, resume, train

__all__ = [
    "Built",
    "ClassifierRecipe",
    "GANRecipe",
    "Recipe",
    "Stopped",
    "VAERecipe",
    "build",
    "from_json",
    "load_data",
    "read_recipe",
    "recipe",
    "recipes",
    "resume",
    "to_json",
    "train",
]
