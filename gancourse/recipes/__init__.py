"""Named trainings: what to build, on which data, for how long."""

from gancourse.recipes.build import Arithmetic, Built, build, load_data
from gancourse.recipes.catalogue import recipe, recipes
from gancourse.recipes.recipe import ClassifierRecipe, GANRecipe, Recipe, VAERecipe, from_json, to_json
from gancourse.recipes.run import Stopped, read_arithmetic, read_recipe, resume, train

__all__ = [
    "Arithmetic",
    "Built",
    "ClassifierRecipe",
    "GANRecipe",
    "Recipe",
    "Stopped",
    "VAERecipe",
    "build",
    "from_json",
    "load_data",
    "read_arithmetic",
    "read_recipe",
    "recipe",
    "recipes",
    "resume",
    "to_json",
    "train",
]
